// What does the page show? It stands in the address's fragment, which browsers never send to a server.

const VIEWS = ["search", "symbols", "related", "changes", "index"];
const LISTS = ["language", "kind"];
const TEXTS = { root: "", q: "", path: "", globs: "", min: "", limit: "", hit: "", old: "", new: "", skipped: "" };
const CARRIED = ["root", "language", "kind", "path", "globs", "min"];

/** The state that a fragment says: `#search?q=…&language=go`. What it says wrongly is left out. */
export function parsed(fragment) {
  const [view, query = ""] = split(fragment.replace(/^#/, ""));
  const given = new URLSearchParams(query);
  const state = { view: VIEWS.includes(view) ? view : "search" };
  for (const name of Object.keys(TEXTS)) state[name] = given.get(name) ?? TEXTS[name];
  for (const name of LISTS) state[name] = [...new Set(given.getAll(name).filter(Boolean))].sort();
  return state;
}

function split(text) {
  const mark = text.indexOf("?");
  return mark < 0 ? [text] : [text.slice(0, mark), text.slice(mark + 1)];
}

/** The fragment of a state. */
export function fragment(state) {
  const query = new URLSearchParams();
  for (const name of Object.keys(TEXTS)) if (state[name]) query.set(name, state[name]);
  for (const name of LISTS) for (const one of state[name]) query.append(name, one);
  const text = query.toString();
  return `#${state.view}${text ? `?${text}` : ""}`;
}

/** The state of another view, which keeps the root and, between searches, the question and the filters. */
export function turned(state, view) {
  const fresh = { ...parsed(`#${view}`), root: state.root };
  const searches = ["search", "symbols"];
  if (searches.includes(view) && [...searches, "related"].includes(state.view)) {
    for (const name of CARRIED) fresh[name] = state[name];
    if (state.view !== "related") fresh.q = state.q;
  }
  return fresh;
}

/** What the server is asked for; two states with the same one have the same answer. */
export function question(state) {
  const { hit, skipped, ...asked } = state;
  return JSON.stringify(asked);
}

export const filterCount = (state) =>
  state.language.length + state.kind.length + [state.path, state.globs, state.min].filter(Boolean).length;

/** The parameters of the server's routes that stand for a state's filters. */
export function filters(state) {
  const globs = state.globs.split(/\s+/).filter(Boolean);
  return {
    root: state.root,
    language: state.language,
    kind: state.kind,
    path: state.path,
    include: globs.filter((glob) => !glob.startsWith("!")),
    exclude: globs.filter((glob) => glob.startsWith("!")).map((glob) => glob.slice(1)),
    min_score: state.min ? Number(state.min) / 100 || "" : "",
    limit: state.limit,
  };
}

/** `path:line` as its parts; null if it is none. */
export function placeOf(text) {
  const match = /^(.+):(\d+)$/s.exec(text.trim());
  return match ? { path: match[1], line: Number(match[2]) } : null;
}
