// What was found? The results of a search, of a look-up of a name, and of a question for related code.

import { ask, pause, Turn } from "./api.js";
import { appendMarked, lines, stems, telling } from "./code.js";
import { count, el, lineSpan, pathOf, percent, visible } from "./dom.js";
import { Trouble } from "./failures.js";
import { List } from "./list.js";
import { filterCount, filters, fragment, placeOf, question, turned } from "./state.js";

const DOUBTFUL = 0.25;
const MORE = { 10: 30, 30: 100, 50: 200, 100: 300 };
/** So long nobody wonders whether anything happens. */
const PATIENCE = 250;

export const keyOf = (hit) => `${hit.path}:${hit.start_line}`;

/** Shows hits in `container` and the selected one in `place`. */
export class Hits {
  #turn = new Turn();
  #asked = "";
  #hits = [];
  #stems = new Set();

  constructor(container, place, page) {
    this.container = container;
    this.place = place;
    this.page = page;
    this.trouble = new Trouble(container);
    this.list = null;
  }

  /** Show the answer to what the state asks; nothing is asked again that is shown already. */
  async show(state) {
    const asked = question(state);
    if (asked === this.#asked) return this.#choose(state);
    this.#asked = asked;
    this.trouble.clear();
    const signal = this.#turn.begin();
    try {
      await this.#ask(state, signal);
    } catch (error) {
      if (error.name === "AbortError") return undefined;
      this.#asked = "";
      this.list = null;
      this.place.clear();
      this.page.say("");
      this.trouble.show(error, () => this.page.again());
    } finally {
      if (!signal.aborted) this.container.setAttribute("aria-busy", "false");
    }
    return undefined;
  }

  leave() {
    this.#turn.end();
    this.trouble.clear();
    this.#asked = "";
    this.list = null;
    this.container.setAttribute("aria-busy", "false");
  }

  async #ask(state, signal) {
    const [path, parameters] = request(state);
    pause(PATIENCE, signal).then(() => {
      if (this.#asked === question(state) && !done) {
        this.container.setAttribute("aria-busy", "true");
        this.page.say("Searching …");
      }
    }, () => {});
    const started = performance.now();
    let done = false;
    const onWait = (seconds, message) => this.page.say(`${message}: asked again in ${seconds} s`);
    try {
      const found = await ask(path, parameters, { signal, onWait });
      if (signal.aborted) return;
      this.#draw(state, found, performance.now() - started);
    } finally {
      done = true;
    }
  }

  #draw(state, found, milliseconds) {
    this.#hits = found.hits;
    this.#stems = state.view === "related" ? new Set() : stems(state.q);
    const isDoubtful = found.confidence !== null && found.confidence < DOUBTFUL && found.hits.length > 0;
    this.container.replaceChildren(...[
      isDoubtful ? el("div", { class: "note doubtful" }, el("h2", {}, "Probably no good answer"),
        el("p", {}, `The chance that anything here answers that is ${percent(found.confidence)}. These are the nearest.`)) : null,
      ...found.notes.filter((note) => !isDoubtful || !note.startsWith("nothing here may answer")).map((note) => el("p", { class: "note" }, visible(note))),
      found.hits.length ? this.#listOf(state) : nothing(state),
      this.#more(state),
    ].filter(Boolean));
    const [hits, took] = [count(found.hits.length, "result"), `${Math.max(1, Math.round(milliseconds))} ms`];
    const sure = found.confidence !== null && found.hits.length && !isDoubtful ? ` · ${percent(found.confidence)} sure that the answer is here` : "";
    const like = state.view === "related" ? `Like ${visible(state.q)} · ` : "";
    this.page.say(`${like}${hits} · ${took}${sure}`);
    this.container.scrollTop = 0;
    this.#choose(state);
  }

  #listOf(state) {
    const container = el("ol", { class: "hits" }, ...this.#hits.map((hit) => el("li", {}, this.#item(state, hit))));
    this.list = new List(container, {
      onSelect: (key) => this.page.go({ hit: key }, { push: false }),
      onOpen: () => this.page.enter(),
      onLeave: () => this.page.ask(),
    });
    return container;
  }

  #item(state, hit) {
    const key = keyOf(hit);
    const name = el("bdi", { class: "name" });
    appendMarked(name, hit.name, this.#stems);
    const asScore = scoreOf(state, hit);
    return el("a", { class: "hit", href: fragment({ ...state, hit: key }), "data-key": key },
      el("span", { class: "where" }, pathOf(hit.path, lineSpan(hit.start_line, hit.end_line)), " ",
        asScore ? el("span", { class: isLow(state, hit) ? "chance low" : "chance" }, asScore) : null),
      " ",
      el("span", { class: "facts" }, el("span", { class: "kind" }, hit.kind), " ", hit.name ? name : null, hit.name ? " " : null,
        hit.language === "text" ? null : el("span", { class: "language" }, hit.language), hit.fresh ? null : " ",
        hit.fresh ? null : el("span", { class: "stale" }, "changed since")),
      this.#snippet(hit));
  }

  /** The lines that say most; quiet for screen readers, to which the place beside reads all of them. */
  #snippet(hit) {
    const wanted = new Set(telling(hit, this.#stems));
    const all = lines(hit.text.replace(/\n$/, ""), { start: hit.start_line, language: hit.language, asked: this.#stems, matched: new Set() });
    const shown = all.filter((line) => wanted.has(Number(line.dataset.line)));
    const indent = Math.min(...shown.map((line) => /^\s*/.exec(line.textContent.replace(/\n$/, ""))[0].length));
    for (const line of shown) dedent(line, indent);
    const code = el("code", { class: "snippet", "aria-hidden": "true" }, ...shown);
    code.style.setProperty("--digits", String(hit.end_line).length);
    return code;
  }

  #more(state) {
    const limit = Number(state.limit) || (state.view === "symbols" ? 50 : 10);
    if (this.#hits.length < limit || !MORE[limit]) return null;
    return el("button", { type: "button", class: "more", id: "more-results", onclick: () => this.page.go({ limit: String(MORE[limit]) }, { push: false }) }, `Up to ${MORE[limit]} results`);
  }

  /** Mark the hit that the state names, or the first, and show it. On a narrow screen only a named one is opened. */
  #choose(state) {
    if (!this.#hits.length || !this.list) {
      this.place.clear();
      return this.page.opened(false);
    }
    const key = this.list.mark(state.hit);
    const hit = this.#hits.find((one) => keyOf(one) === key);
    if (!this.place.has(hit)) this.place.show(hit, { root: state.root, asked: this.#stems, score: scoreOf(state, hit, true), isLow: isLow(state, hit) });
    return this.page.opened(state.hit === key);
  }
}

function dedent(line, indent) {
  const first = line.firstChild;
  if (first?.nodeType === Node.TEXT_NODE) first.data = first.data.slice(indent);
}

function request(state) {
  const chosen = filters(state);
  if (state.view === "symbols") return ["/v1/symbols", { ...chosen, name: state.q }];
  if (state.view === "search") return ["/v1/search", { ...chosen, q: state.q }];
  const place = placeOf(state.q) ?? { path: state.q, line: 1 };
  return ["/v1/related", { ...chosen, path: place.path, line: place.line }];
}

function scoreOf(state, hit, isLong = false) {
  if (state.view === "symbols") return "";
  if (state.view === "related") return `${percent(hit.score)}${isLong ? " alike" : ""}`;
  return `${percent(hit.score)}${isLong ? " chance" : ""}`;
}

const isLow = (state, hit) => state.view === "search" && hit.score < DOUBTFUL;

function nothing(state) {
  const count = filterCount(state);
  const unfiltered = fragment({ ...state, language: [], kind: [], path: "", globs: "", min: "", hit: "" });
  const other = state.view === "search" ? "symbols" : "search";
  return el("div", { class: "nothing" },
    el("h2", {}, state.view === "symbols" ? "Nothing of that name is declared here" : "Nothing found"),
    count ? el("p", {}, el("a", { href: unfiltered }, "Ask without the filters")) : null,
    state.view === "related" ? null : el("p", {}, el("a", { href: fragment({ ...turned(state, other), q: state.q }) },
      other === "search" ? "Search for what it means" : "Look for a declaration of that name")));
}
