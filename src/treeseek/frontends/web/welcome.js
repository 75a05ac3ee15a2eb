// What does somebody see who hasn't asked anything yet? What is indexed, and questions that it can answer.

import { ask, Turn } from "./api.js";
import { ago, count, el, figure, visible } from "./dom.js";
import { Trouble, phaseOf, progressOf } from "./failures.js";
import { fragment, turned } from "./state.js";

const SEED = "open read write parse create update";
const FILES = 6;
const EXAMPLES = 6;
const LONGEST = 72;

/** Shows the first page of a view without a question. */
export class Welcome {
  #turn = new Turn();
  #examples = new Map();

  constructor(container, page) {
    this.container = container;
    this.page = page;
    this.trouble = new Trouble(container);
  }

  leave() {
    this.#turn.end();
    this.trouble.clear();
  }

  async show(state) {
    const signal = this.#turn.begin();
    this.page.say("");
    try {
      const { roots } = await ask("/v1/roots", {}, { signal });
      const shown = roots.find((root) => root.name === state.root) ?? roots[0];
      const examples = el("div", { class: "examples" });
      const making = roots.filter((root) => root.phase !== "ready" && root.phase !== "waiting");
      this.container.replaceChildren(el("div", { class: "welcome" },
        el("p", { class: "lead" }, state.view === "symbols" ? "Look up a declaration by its name: spelled so, in another case, as the same words, or as part of one." : "Ask in plain words, or with the names you remember. Results come as you type."),
        ...roots.map(rootLine),
        ...making.map(progressOf),
        examples,
        el("p", { class: "quiet keys-hint" }, el("kbd", {}, "/"), " to write, ", el("kbd", {}, "j"), " ", el("kbd", {}, "k"), " through the results, ", el("kbd", {}, "?"), " for all keys")));
      if (!shown?.has_answers) return;
      const status = await ask("/v1/status", { root: shown.name }, { signal });
      const slot = this.container.querySelector(`[data-root="${CSS.escape(shown.name)}"] .facts`);
      slot?.append(` · ${count(status.files, "file")} · ${languages(status)}`);
      await this.#suggest(state, shown.name, status.index_version, examples, signal);
    } catch (error) {
      if (error.name !== "AbortError") this.trouble.show(error, () => this.page.again());
    }
  }

  async #suggest(state, root, version, container, signal) {
    const key = `${root}@${version}`;
    if (!this.#examples.has(key)) this.#examples.set(key, await examplesOf(root, signal));
    const examples = this.#examples.get(key);
    const chosen = state.view === "symbols" ? examples.names : examples.questions;
    if (!chosen.length) return;
    container.append(el("h2", {}, "For example"), el("ul", {}, ...chosen.map((text) =>
      el("li", {}, el("a", { href: fragment({ ...turned(state, state.view), root: state.root, q: text }) }, visible(text))))));
  }
}

function rootLine(root) {
  const chunks = root.has_answers ? `${count(root.chunks, "chunk")} · ` : "";
  const synced = root.synced_at && root.phase === "ready" ? `${phaseOf(root)}, checked ${ago(root.synced_at)}` : phaseOf(root);
  return el("div", { class: "root-line", "data-root": root.name },
    el("bdi", { class: "name" }, visible(root.name)), " ", el("bdi", { class: "quiet" }, visible(root.root)),
    el("div", { class: "facts quiet" }, chunks, synced));
}

function languages(status) {
  const sorted = Object.entries(status.languages).sort(([, a], [, b]) => b - a);
  return sorted.slice(0, 4).map(([name, files]) => `${name} ${figure(files)}`).join(", ") + (sorted.length > 4 ? ` and ${sorted.length - 4} more` : "");
}

/** Questions and names from the root itself: how its own declarations are documented, and what they are called. */
async function examplesOf(root, signal) {
  const found = await ask("/v1/search", { root, q: SEED, kind: ["function", "method", "class"], limit: 40 }, { signal });
  const paths = [...new Set(found.hits.map((hit) => hit.path))].filter((path) => !/(^|\/|_|\.)(tests?|spec|examples?|vendor)(\/|_|\.|$)/i.test(path)).slice(0, FILES);
  const questions = [];
  const names = [];
  for (const path of paths) { // one after the other: one worker is warm, six would have to be started
    const { declarations } = await ask("/v1/outline", { root, path }, { signal });
    const documented = declarations.map((one) => sentence(one.doc)).filter(Boolean);
    questions.push(...documented.slice(0, 2));
    names.push(...declarations.filter((one) => ["class", "struct", "function", "interface"].includes(one.kind) && one.name.length > 4).slice(0, 1).map((one) => one.name));
  }
  const spoken = [...new Set(found.hits.map((hit) => hit.name))].filter((name) => name.length > 5).map(asWords);
  return { questions: spread(questions.length >= 3 ? questions : spoken), names: [...new Set(names)].slice(0, EXAMPLES) };
}

/** The first sentence of a documentation, if it is one that could be asked. */
function sentence(doc) {
  const text = doc.replace(/\s+/g, " ").trim();
  const first = /^(.*?[^.\s]{2})(?:[.:;](?:\s|$)|$)/.exec(text)?.[1] ?? "";
  return first.length >= 24 && first.length <= LONGEST && /^[\p{L}\p{N} ,'’()-]+$/u.test(first) ? first[0].toLowerCase() + first.slice(1) : "";
}

const asWords = (name) => name.slice(name.lastIndexOf(".") + 1).replace(/([a-z])([A-Z])/g, "$1 $2").replace(/_+/g, " ").trim().toLowerCase();

/** Some of them, from all over. */
function spread(texts) {
  const unique = [...new Set(texts)];
  const step = Math.max(1, unique.length / EXAMPLES);
  return Array.from({ length: Math.min(EXAMPLES, unique.length) }, (_, index) => unique[Math.floor(index * step)]);
}
