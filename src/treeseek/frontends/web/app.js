// The page: what its address says is shown, and what somebody does changes the address.

import { ask, pause } from "./api.js";
import { Changes } from "./changes.js";
import { byId, el, visible } from "./dom.js";
import { Filters } from "./filters.js";
import { phaseOf } from "./failures.js";
import { Health } from "./health.js";
import { Hits } from "./hits.js";
import { listen } from "./keys.js";
import { placePane } from "./place.js";
import { fragment, parsed, turned } from "./state.js";
import { Welcome } from "./welcome.js";

const TYPING = 120;
const WIDE = matchMedia("(min-width: 60rem)");
const LABELS = { search: "Question", symbols: "Name", related: "Like path:line" };
const PLACEHOLDERS = { search: "What does the code do?", symbols: "getUserName, user_name, user", related: "src/file.py:120" };

let state = parsed(location.hash);
let typing = 0;
/** Whether the address of now was made by typing: then typing on replaces it, or each letter would be a step back. */
let isTyped = false;
let wasOpenedHere = false;

const page = {
  state: () => state,

  /** Change the state; `push` makes it a step that the browser's back button undoes. */
  go(changes, { push = true } = {}) {
    const next = { ...state, ...changes };
    const address = fragment(next);
    if (address !== location.hash) history[push ? "pushState" : "replaceState"](null, "", address);
    if (push) isTyped = false;
    state = next;
    show();
  },

  /** Ask again what was asked. */
  async again() {
    current().leave();
    shown = "";
    filterControls.forget();
    await loadRoots();
    show();
  },

  say(text) {
    byId("message").textContent = text;
  },

  /** Say in the header if an index isn't as it should be. */
  phase(roots) {
    const wrong = roots.find((root) => root.phase !== "ready");
    byId("phase").textContent = wrong ? ` · ${phaseOf(wrong)}` : "";
  },

  /** On a narrow screen, show the place instead of the results, or not. */
  opened(isOpen) {
    document.body.classList.toggle("opened", isOpen);
  },

  /** Go into the selected result. */
  enter() {
    const list = current()?.list;
    if (!list?.selected) return;
    if (!WIDE.matches && !document.body.classList.contains("opened")) {
      wasOpenedHere = true;
      page.go({ hit: list.selected });
    } else page.go({ hit: list.selected }, { push: false });
    place.focus();
    if (!WIDE.matches) scrollTo(0, 0);
  },

  /** Go from the place back to the results. */
  leave() {
    if (!WIDE.matches && wasOpenedHere) history.back();
    else if (!WIDE.matches) page.go({ hit: "" }, { push: false });
    wasOpenedHere = false;
    page.opened(false);
    current()?.list?.focus();
  },

  /** Write a question. */
  ask() {
    const field = state.view === "changes" ? byId("old") : byId("query");
    if (state.view === "index") page.go(turned(state, "search"));
    field.focus();
    field.select();
  },
};

const results = byId("results");
const place = placePane(page);
const welcome = new Welcome(results, page);
const hits = new Hits(results, place, page);
const views = { search: hits, symbols: hits, related: hits, changes: new Changes(results, place, page), index: new Health(results, page) };
const filterControls = new Filters(page);
let shown = "";

const isWelcome = () => views[state.view] === hits && !state.q.trim();
const current = () => (isWelcome() ? welcome : views[state.view]);

function show() {
  const isSearch = views[state.view] === hits;
  const name = isWelcome() ? `welcome ${state.view} ${state.root}` : views[state.view] === hits ? "hits" : `${state.view}`;
  if (name !== shown) {
    for (const view of [welcome, ...new Set(Object.values(views))]) if (view !== current() || shown) view.leave();
    if (!name.startsWith("hits")) place.clear();
    page.opened(false);
    shown = name;
  }
  document.body.dataset.view = isWelcome() ? "welcome" : state.view;
  byId("ask").hidden = !isSearch;
  byId("compare").hidden = state.view !== "changes";
  for (const link of document.querySelectorAll("[data-view]")) {
    link.href = fragment(turned(state, link.dataset.view));
    if (link.dataset.view === state.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = [isSearch && state.q ? visible(state.q) : { changes: "Changes", index: "Index" }[state.view], "treeseek"].filter(Boolean).join(" · ");
  if (isSearch) showQuestion();
  byId("root").value = state.root;
  if (isSearch) filterControls.follow(state);
  current().show(state);
}

function showQuestion() {
  const field = byId("query");
  byId("query-label").textContent = LABELS[state.view];
  field.placeholder = PLACEHOLDERS[state.view];
  if (document.activeElement !== field || field.value.trim() !== state.q) field.value = state.q;
}

function typed(isDone) {
  clearTimeout(typing);
  const text = byId("query").value.trim();
  if (text === state.q) {
    if (isDone) isTyped = false;
    return;
  }
  page.go({ q: text, hit: "", limit: "" }, { push: !isTyped });
  isTyped = !isDone;
}

async function loadRoots() {
  try {
    const { roots } = await ask("/v1/roots");
    const select = byId("root");
    select.replaceChildren(...roots.map((root) => el("option", { value: root.name }, visible(root.name))));
    byId("root-label").hidden = roots.length < 2;
    page.phase(roots);
    if (roots.length > 1 && !state.root) {
      state = { ...state, root: roots[0].name };
      history.replaceState(null, "", fragment(state));
    }
  } catch {
    // the view says what is wrong
  }
}

/** Follow the phases in the header while the page is looked at. */
async function watchRoots() {
  for (;;) {
    await pause(byId("phase").textContent ? 2000 : 30000);
    if (document.hidden || state.view === "index" || document.querySelector(".trouble")) continue;
    const wasReady = byId("phase").textContent === "";
    try {
      const { roots } = await ask("/v1/roots");
      page.phase(roots);
      if (!wasReady && byId("phase").textContent === "") {
        filterControls.forget();
        if (isWelcome()) welcome.show(state);
      }
    } catch {
      // whoever asks something will be told
    }
  }
}

function back(target) {
  if (filterControls.back()) return true;
  if (place.back()) return true;
  if (byId("place").contains(target)) {
    page.leave();
    return true;
  }
  if (results.contains(target)) {
    page.ask();
    return true;
  }
  return false;
}

const step = (by) => () => current()?.list?.move(by);
const view = (name) => () => page.go(turned(state, name));

listen({
  "/": page.ask, "?": () => byId("help").showModal(), j: step(1), k: step(-1), ArrowDown: step(1), ArrowUp: step(-1),
  o: () => place.toggle("outline"), r: () => place.toggle("related"), w: () => state.view === "search" && place.toggle("why"),
  x: async () => {
    await place.expand(-20);
    await place.expand(20);
  },
  c: () => place.copy(), t: () => byId("theme").click(), 1: view("search"), 2: view("symbols"), 3: view("changes"), 4: view("index"),
}, back);

byId("query").addEventListener("input", (event) => {
  clearTimeout(typing);
  if (!event.isComposing) typing = setTimeout(typed, TYPING, false);
});
byId("query").addEventListener("compositionend", () => {
  typing = setTimeout(typed, TYPING, false);
});
byId("query").addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" && current()?.list?.focus()) event.preventDefault();
});
byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  typed(true);
  if (!WIDE.matches) byId("query").blur();
});
byId("help-button").addEventListener("click", () => byId("help").showModal());
byId("skip").addEventListener("click", () => {
  if (!current()?.list?.focus()) results.focus();
});
addEventListener("popstate", () => {
  isTyped = false;
  wasOpenedHere = false;
  state = parsed(location.hash);
  show();
});

await loadRoots();
show();
if (WIDE.matches && isWelcome()) byId("query").focus();
watchRoots();
