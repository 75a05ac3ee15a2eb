// What else is there to know about a place? The outline of its file, code like it, and why it was found.

import { ask } from "./api.js";
import { count, el, lineSpan, pathOf, percent, visible } from "./dom.js";
import { filters, fragment, turned } from "./state.js";

/** What declares what, most of a file's declarations having dots in their names. */
const shortName = (name) => name.slice(name.lastIndexOf(".") + 1) || name;

/** The outline of a file as links with `data-key` line:end. `line` is where the code shown begins. */
export async function outline(place, signal) {
  const found = await ask("/v1/outline", { path: place.path, root: place.root }, { signal });
  const { declarations } = found;
  if (!declarations.length) {
    return [el("p", { class: "quiet" }, found.fallback ? `It was cut by lines: ${found.fallback}.` : "It declares nothing.")];
  }
  const names = new Set(declarations.map((one) => one.name));
  const items = declarations.map((one) => {
    const depth = Math.min(4, parents(one.name, names));
    const attributes = { class: `symbol depth-${depth}`, href: "#", "data-key": `${one.start_line}:${one.end_line}`, title: one.signature ? visible(one.signature) : null };
    return el("li", {}, el("a", attributes,
      el("span", { class: "kind" }, one.kind), el("bdi", { class: "name" }, visible(depth ? shortName(one.name) : one.name)),
      el("span", { class: "lines" }, lineSpan(one.start_line, one.end_line))));
  });
  const head = el("p", { class: "quiet" }, `${count(declarations.length, "declaration")}${found.fallback ? `; cut by lines: ${found.fallback}` : ""}`);
  return [head, el("ol", { class: "symbols" }, ...items)];
}

function parents(name, names) {
  let depth = 0;
  for (let dot = name.lastIndexOf("."); dot > 0; dot = name.lastIndexOf(".", dot - 1)) depth += names.has(name.slice(0, dot));
  return depth;
}

/** Code like that at a place, as links with `data-key` number, and the hits. */
export async function related(place, state, signal) {
  const found = await ask("/v1/related", { path: place.path, line: place.line, root: place.root, limit: 12 }, { signal });
  const { hits } = found;
  if (!hits.length) return { hits, content: [el("p", { class: "quiet" }, "Nothing is like it.")] };
  const items = hits.map((hit, number) => el("li", {}, el("a", { class: "symbol", href: "#", "data-key": String(number) },
    el("span", { class: "kind" }, hit.kind), el("span", { class: "name" }, el("bdi", {}, visible(hit.name)), " ", pathOf(hit.path, lineSpan(hit.start_line, hit.end_line))),
    el("span", { class: "lines" }, percent(hit.score)))));
  const list = fragment({ ...turned(state, "related"), root: place.root, q: `${place.path}:${place.line}` });
  return { hits, content: [
    el("p", { class: "quiet" }, "Like this code, most alike first. ", el("a", { href: list }, "As a list with filters")),
    el("ol", { class: "symbols" }, ...items),
  ] };
}

const EVIDENCE = {
  best_chunk: "words in its best part", best_three_chunks: "words in its three best parts", whole_file: "words in the whole file",
  whole_file_absolute: "words in the whole file, on their own", first_chunk: "words in its first part", phrase: "the words side by side",
  covered_by_file: "how many of the words the file has", covered_by_chunk: "how many of the words one part has",
  covered_by_stem: "how many of the words are in the file's name", stem_precision: "how much of the file's name is asked for",
  covered_by_parent: "how many of the words are in its folder's name", covered_by_path: "how many of the words are in its path",
  covered_by_names: "how many of the words are in declared names", best_name: "how well one declared name fits",
  spelled: "it has the very name that is asked for", defines_identifier: "it defines the name that is asked for", defines_symbol: "it defines a name in the question",
  defines_phrase: "it defines what the words are together", covered_on_average: "words in its parts on average",
  dense_best: "meaning of its best part", dense_three: "meaning of its three best parts", dense_file: "meaning of the whole file",
  dense_first: "meaning of its first part", rank_whole_file: "place by words of the whole file", rank_best_chunk: "place by words of the best part",
  rank_three_chunks: "place by words of three parts", rank_dense_best: "place by meaning of the best part",
  rank_dense_three: "place by meaning of three parts", rank_dense_file: "place by meaning of the whole file",
  test: "it is a test", example: "it is an example", document: "it is a document", copy: "it is a copy", reexport: "it only passes names on",
  contract: "it only says what others do", mentions: "how many files mention it", chunks: "how long it is",
  declarations: "how much it declares", depth: "how deep it lies",
};
const SHOWN = 12;

/** What speaks for a hit's file in a search, and what against it. */
export async function why(place, state, signal) {
  if (state.view !== "search") return [el("p", { class: "quiet" }, "Only a search weighs evidence; this was found by its name or its likeness.")];
  const found = await ask("/v1/search", { ...filters(state), q: state.q, explain: true }, { signal });
  const hit = found.hits.find((one) => one.id === place.id) ?? found.hits.find((one) => one.path === place.path);
  if (!hit?.reasons) return [el("p", { class: "quiet" }, "The index has changed since; search again.")];
  const all = Object.entries(hit.reasons);
  const largest = Math.max(...all.map(([, amount]) => Math.abs(amount)), 0.001);
  const rows = all.slice(0, SHOWN).map(([name, amount]) => el("tr", {},
    el("th", { scope: "row", title: name }, EVIDENCE[name] ?? name),
    el("td", { class: amount < 0 ? "against" : "for" }, `${amount < 0 ? "−" : "+"}${Math.abs(amount).toFixed(2)}`),
    el("td", {}, el("meter", { class: amount < 0 ? "against" : "for", min: 0, max: 1, value: Math.abs(amount) / largest, "aria-hidden": "true" }))));
  const left = all.length - rows.length;
  return [
    el("p", { class: "quiet" }, `The file answers with a chance of ${percent(hit.score)}. What speaks for it (+) and against it (−), most first:`),
    el("table", { class: "evidence" }, el("tbody", {}, ...rows)),
    left > 0 ? el("p", { class: "quiet" }, `and ${left} that count for less`) : null,
  ].filter(Boolean);
}
