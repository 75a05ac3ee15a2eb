// What does the selected place look like? Its code, with more lines around it, and panels that tell more.

import { ask, Turn } from "./api.js";
import { lines } from "./code.js";
import { byId, copy, count, el, lineSpan, pathOf, percent, visible } from "./dom.js";
import { List } from "./list.js";
import { outline, related, why } from "./panels.js";

const STEP = 20;
const MOST = 1000;
const LONG = 120;
/** How long the selection rests before its panel is filled: who walks through results doesn't ask for each. */
const REST = 150;

/** The pane beside the results. `page.state()` says what is shown, `page.leave()` is called to go back from it. */
export class Place {
  #codeTurn = new Turn();
  #panelTurn = new Turn();
  #filling = 0;
  #expanding = 0;
  #source = null;
  #base = null;
  #shown = null;
  #panel = "";
  #list = null;
  #hits = [];

  constructor(container, page) {
    this.container = container;
    this.page = page;
    this.head = el("div", { class: "head" });
    this.panel = el("div", { class: "panel", id: "panel", role: "region", hidden: true });
    this.notice = el("div", { class: "notices" });
    this.above = el("button", { type: "button", class: "more", onclick: () => this.expand(-STEP) });
    this.below = el("button", { type: "button", class: "more", onclick: () => this.expand(STEP) });
    this.code = el("pre", { class: "code", tabindex: "0", role: "region", "aria-label": "Code" });
    this.tools = el("div", { class: "tools", role: "group", "aria-label": "About this place" });
    container.append(this.head, this.tools, this.panel, this.notice, el("div", { class: "listing" }, this.above, this.code, this.below));
  }

  get isShown() {
    return this.#shown !== null;
  }

  /** Whether this hit or site is what is selected. */
  has(source) {
    return this.#shown !== null && this.#source === source;
  }

  /** Show a hit, of the root and the words that were asked for. */
  show(hit, { root, asked, score = "", isLow = false }) {
    const text = hit.text.replace(/\n$/, "").split("\n");
    this.#source = hit;
    this.#base = {
      id: hit.id, root, path: hit.path, language: hit.language, kind: hit.kind, name: hit.name, signature: hit.signature,
      line: hit.start_line, span: [hit.start_line, hit.end_line], first: hit.start_line, text, matched: new Set(hit.matched_lines),
      asked, score, isLow, fresh: hit.fresh, total: null,
    };
    this.#visit(this.#base);
    this.#soon(hit.cut);
  }

  /** Show a site of which only the lines are known. */
  async open(site, place) {
    this.#source = site;
    this.#base = { id: "", kind: "", name: "", signature: "", language: "text", first: place.span[0], text: [], matched: new Set(), asked: new Set(), score: "", isLow: false, fresh: true, total: null, ...place };
    await this.#load(this.#base, true);
    this.#soon(false);
  }

  /** There is nothing to show. */
  clear() {
    this.#codeTurn.end();
    this.#panelTurn.end();
    this.#stopTimers();
    this.#source = this.#base = this.#shown = null;
    this.container.hidden = true;
  }

  focus() {
    this.code.focus({ preventScroll: true });
  }

  /** Copy where the place is. */
  copy() {
    if (this.#shown) copy(`${this.#shown.path}:${this.#shown.line}`);
  }

  /** Go one step back: from a panel, or from where a panel led. Returns whether there was one. */
  back() {
    if (this.#panel && this.panel.contains(document.activeElement)) {
      this.toggle(this.#panel);
      return true;
    }
    if (this.#shown && this.#shown !== this.#base) {
      this.#visit(this.#base);
      return true;
    }
    return false;
  }

  /** Open a panel, `outline`, `related` or `why`, and go into it; or close it if it is open. */
  toggle(name) {
    if (!this.#shown) return;
    clearTimeout(this.#filling);
    const wasInside = this.panel.contains(document.activeElement);
    this.#panel = this.#panel === name ? "" : name;
    this.#drawTools();
    if (this.#panel) this.#fill(true);
    else {
      this.#panelTurn.end();
      this.panel.hidden = true;
      if (wasInside) this.tools.querySelector(`[data-panel=${name}]`)?.focus();
    }
  }

  /** Show more lines, above if `step` is negative. */
  async expand(step) {
    const place = this.#shown;
    if (!place || !place.fresh) return;
    const last = place.first + place.text.length - 1;
    const missing = place.span[1] - last;
    const down = missing > 0 ? Math.min(missing, LONG) : step;
    const [start, end] = step < 0 ? [Math.max(1, place.first + step), place.first - 1] : [last + 1, last + down];
    if (end < start) return;
    const found = await this.#ask(place, start, end);
    if (!found) return;
    const text = found.text.split("\n");
    if (step < 0) {
      place.text = [...text, ...place.text];
      place.first = found.start_line;
    } else place.text = [...place.text, ...text];
    place.total = found.lines;
    this.#drawCode();
    if (document.activeElement === document.body) this.focus();
  }

  /** Ask for lines; null, with a notice, if that fails or isn't wanted any more. */
  async #ask(place, start, end) {
    const signal = this.#codeTurn.begin();
    try {
      return await ask("/v1/lines", { path: place.path, root: place.root, start, end }, { signal });
    } catch (error) {
      if (error.name === "AbortError") return null;
      if (error.status === 400 && start > place.first) {
        place.total = place.first + place.text.length - 1; // it has no more lines
        this.#drawCode();
      } else this.notice.replaceChildren(el("p", { class: "note bad" }, error.message));
      return null;
    }
  }

  #visit(place) {
    this.#codeTurn.end();
    this.#shown = place;
    this.container.hidden = false;
    this.#drawHead();
    this.#drawTools();
    this.#drawCode();
    this.container.scrollTop = 0;
    this.code.scrollLeft = 0;
  }

  /** Load the lines of a place that has none, as the file is now. */
  async #load(place, isBase = false) {
    const start = Math.max(1, place.span[0] - 3);
    const end = Math.min(place.span[1], place.span[0] + LONG) + 3;
    const found = await this.#ask(place, start, end);
    if (!found) return;
    const loaded = { ...place, language: found.language, first: found.start_line, text: found.text.split("\n"), total: found.lines, fresh: true };
    if (isBase) this.#base = loaded;
    this.#visit(loaded);
  }

  async #jump(start, end) {
    const place = this.#shown;
    const isLoaded = start >= place.first && Math.min(end, start + 10) < place.first + place.text.length;
    if (!isLoaded) await this.#load({ ...place, id: "", kind: "", name: "", signature: "", score: "", line: start, span: [start, end] });
    this.#scrollTo(start);
  }

  #scrollTo(line) {
    const element = this.code.querySelector(`[data-line="${line}"]`);
    if (!element) return;
    for (const old of this.code.querySelectorAll(".here")) old.classList.remove("here");
    element.classList.add("here");
    element.scrollIntoView({ block: "center", inline: "nearest" });
  }

  #drawHead() {
    const place = this.#shown;
    const where = `${place.path}:${place.line}`;
    const facts = [place.kind, place.name ? el("code", { class: "name" }, visible(place.name)) : null, place.language === "text" ? null : place.language,
      place.score ? el("span", { class: place.isLow ? "chance low" : "chance" }, place.score) : null].filter(Boolean);
    this.head.replaceChildren(...[
      el("div", { class: "title" },
        el("button", { type: "button", class: "leave", onclick: () => this.page.leave() }, "← Results"),
        el("h2", {}, pathOf(place.path, lineSpan(...place.span))),
        el("button", { type: "button", class: "small", title: `Copy ${visible(where)} (c)`, onclick: () => this.copy() }, "Copy path:line")),
      facts.length ? el("p", { class: "facts" }, ...facts.flatMap((fact, index) => (index ? [" ", fact] : [fact]))) : null,
      place.signature ? el("p", { class: "signature" }, el("code", {}, visible(place.signature))) : null,
      place === this.#base ? null : el("p", {}, el("button", { type: "button", class: "small", onclick: () => this.#visit(this.#base) }, "← Back to the result")),
    ].filter(Boolean));
  }

  #drawTools() {
    const buttons = [["outline", "Outline", "o"], ["related", "Related", "r"], ["why", "Why this", "w"]];
    if (this.tools.childElementCount) {
      for (const button of this.tools.children) button.setAttribute("aria-expanded", String(button.dataset.panel === this.#panel));
    } else {
      this.tools.append(...buttons.map(([name, label, key]) => el("button", {
        type: "button", class: "small", "data-panel": name, "aria-expanded": "false", "aria-controls": "panel", onclick: () => this.toggle(name),
      }, label, " ", el("kbd", {}, key))));
    }
    this.tools.querySelector("[data-panel=why]").hidden = this.page.state().view !== "search";
  }

  #drawCode() {
    const place = this.#shown;
    const last = place.first + place.text.length - 1;
    const missing = place.span[1] - last;
    this.code.replaceChildren(...lines(place.text.join("\n"), { start: place.first, language: place.language, asked: place.asked, matched: place.matched, span: place.span }));
    this.code.style.setProperty("--digits", String(last).length);
    this.above.hidden = !place.fresh || place.first <= 1;
    this.below.hidden = !place.fresh || (place.total !== null && last >= place.total);
    this.above.textContent = `↑ ${count(Math.min(STEP, place.first - 1), "line")} above`;
    this.below.textContent = missing > 0 ? `↓ ${count(Math.min(missing, LONG), "more line")} of it` : `↓ ${place.total === null ? STEP : Math.min(STEP, place.total - last)} lines below`;
    this.notice.replaceChildren(...(place.fresh ? [] : [el("p", { class: "note stale" },
      "The file has changed since it was indexed: this is what it was. ",
      el("button", { type: "button", class: "small", onclick: () => this.#load({ ...place, matched: new Set() }, place === this.#base) }, "Show it as it is now"))]));
  }

  /** Fill the panel, and load the rest of a declaration that came with its first part, if the selection rests. */
  #soon(isCut) {
    this.#stopTimers();
    if (this.#panel) this.#filling = setTimeout(() => this.#fill(this.panel.contains(document.activeElement)), REST);
    if (isCut) this.#expanding = setTimeout(() => this.expand(STEP), REST);
  }

  #stopTimers() {
    clearTimeout(this.#filling);
    clearTimeout(this.#expanding);
  }

  async #fill(takeFocus) {
    const name = this.#panel;
    const signal = this.#panelTurn.begin();
    this.panel.hidden = false;
    this.panel.setAttribute("aria-label", { outline: "Outline", related: "Related code", why: "Why this result" }[name]);
    this.panel.setAttribute("aria-busy", "true");
    try {
      const content = await this.#content(name, signal);
      if (signal.aborted || name !== this.#panel) return;
      this.panel.replaceChildren(...content);
      this.#listen(name, takeFocus);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.panel.replaceChildren(el("p", { class: "bad" }, error.message));
    }
    this.panel.setAttribute("aria-busy", "false");
  }

  async #content(name, signal) {
    const state = this.page.state();
    if (name === "outline") return outline(this.#shown, signal);
    if (name === "why") return why(this.#base, state, signal);
    const found = await related(this.#base, state, signal);
    this.#hits = found.hits;
    return found.content;
  }

  #listen(name, takeFocus) {
    const container = this.panel.querySelector("ol");
    if (!container) {
      this.panel.tabIndex = name === "why" ? 0 : -1;
      if (takeFocus) this.panel.focus();
      return;
    }
    this.panel.tabIndex = -1;
    const open = name === "outline"
      ? (key) => this.#jump(...key.split(":").map(Number))
      : (key) => this.#visit(this.#asPlace(this.#hits[Number(key)]));
    this.#list = new List(container, { onSelect: () => {}, onOpen: open });
    this.#list.mark(name === "outline" ? this.#enclosing(container) : null);
    this.#list.current?.scrollIntoView({ block: "nearest" });
    if (takeFocus) this.#list.focus();
  }

  /** The key of the innermost declaration around the line shown. */
  #enclosing(container) {
    const { line } = this.#shown;
    const spans = [...container.querySelectorAll("[data-key]")].map((item) => item.dataset.key.split(":").map(Number));
    const around = spans.filter(([start, end]) => start <= line && line <= end).sort((a, b) => a[1] - a[0] - (b[1] - b[0]));
    return around.length ? around[0].join(":") : null;
  }

  #asPlace(hit) {
    return {
      ...this.#base, id: hit.id, path: hit.path, language: hit.language, kind: hit.kind, name: hit.name, signature: hit.signature, line: hit.start_line,
      span: [hit.start_line, hit.end_line], first: hit.start_line, text: hit.text.replace(/\n$/, "").split("\n"), matched: new Set(), score: `${percent(hit.score)} alike`, isLow: false, fresh: hit.fresh, total: null,
    };
  }
}

export const placePane = (page) => new Place(byId("place"), page);
