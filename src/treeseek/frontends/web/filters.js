// Which results are wanted? The root, and the filters of a search.

import { ask, Turn } from "./api.js";
import { byId, el, figure } from "./dom.js";
import { filterCount } from "./state.js";

const KINDS = ["module", "namespace", "class", "interface", "struct", "enum", "type", "function", "method", "constant", "variable", "block", "section", "text"];
const CHANCES = { "": "any", 10: "10 % or more", 25: "25 % or more", 50: "50 % or more", 75: "75 % or more" };
const TYPING = 300;

/** The filters' controls, which change the state, and follow it. */
export class Filters {
  #turn = new Turn();
  #root = null;
  #timer = 0;

  constructor(page) {
    this.page = page;
    this.language = menu("Language");
    this.kind = menu("Kind");
    this.path = this.#field("Path", "path", "src/");
    this.globs = this.#field("Files", "globs", "*.py !tests/**");
    this.min = el("select", { id: "filter-min", onchange: () => page.go({ min: this.min.value, hit: "" }) },
      ...Object.entries(CHANCES).sort(([a], [b]) => a - b).map(([value, label]) => el("option", { value }, label)));
    this.clear = el("button", { type: "button", class: "small", onclick: () => this.#cleared() }, "Clear filters");
    byId("filters").append(this.language.element, this.kind.element, this.path.label, this.globs.label,
      el("label", { for: "filter-min", id: "filter-min-label" }, "Chance ", this.min), this.clear);
    this.#fill(this.kind, "kind", KINDS.map((kind) => [kind, kind]));
    byId("root").addEventListener("change", (event) => page.go({ root: event.target.value, language: [], path: "", hit: "" }));
    const button = byId("filters-button");
    button.addEventListener("click", () => {
      const isOpen = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!isOpen));
      byId("filters").classList.toggle("open", !isOpen);
    });
    for (const { element } of this.#menus) element.addEventListener("toggle", () => element.open && this.#closeMenus(element));
    document.addEventListener("click", (event) => this.#closeMenus(event.target.closest(".menu")));
    document.addEventListener("focusin", (event) => this.#closeMenus(event.target.closest(".menu")));
  }

  get #menus() {
    return [this.language, this.kind];
  }

  #closeMenus(but) {
    for (const { element } of this.#menus) if (element !== but) element.open = false;
  }

  /** Close the menu that is open; whether there was one. */
  back() {
    const open = this.#menus.find(({ element }) => element.open);
    if (!open) return false;
    open.element.open = false;
    open.summary.focus();
    return true;
  }

  /** Show what the state says. */
  follow(state) {
    this.#check(state);
    for (const name of ["path", "globs"]) if (document.activeElement !== this[name].input) this[name].input.value = state[name];
    this.min.value = state.min in CHANCES ? state.min : "";
    byId("filter-min-label").hidden = state.view !== "search";
    this.path.label.hidden = state.view === "related";
    const active = filterCount(state);
    this.clear.hidden = active === 0;
    byId("filters-button").textContent = active ? `Filters (${active})` : "Filters";
    if (state.root !== this.#root) this.#ofRoot(state);
  }

  /** Ask again which languages there are, when there is a new index. */
  forget() {
    this.#root = null;
  }

  #check(state) {
    for (const [name, control] of [["language", this.language], ["kind", this.kind]]) {
      for (const box of control.options.querySelectorAll("input")) box.checked = state[name].includes(box.value);
      control.chosen.textContent = state[name].length > 2 ? `${state[name].length} chosen` : state[name].join(", ") || "any";
    }
  }

  async #ofRoot(state) {
    this.#root = state.root;
    let languages = {};
    try {
      ({ languages } = await ask("/v1/status", { root: state.root }, { signal: this.#turn.begin() }));
    } catch (error) {
      if (error.name === "AbortError") return; // another root is asked about
    }
    const names = Object.entries(languages).sort(([, a], [, b]) => b - a);
    this.#fill(this.language, "language", names.map(([name, files]) => [name, `${name} ${figure(files)}`]));
    this.#check(this.page.state());
  }

  #fill(control, name, options) {
    const change = () => {
      const chosen = [...control.options.querySelectorAll("input:checked")].map((box) => box.value);
      this.page.go({ [name]: chosen.sort(), hit: "" });
    };
    control.options.replaceChildren(...options.map(([value, label]) =>
      el("label", {}, el("input", { type: "checkbox", value, onchange: change }), ` ${label}`)));
    if (!options.length) control.options.append(el("p", { class: "quiet" }, "not known yet"));
  }

  #field(label, name, placeholder) {
    const typed = () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.page.go({ path: this.path.input.value.trim(), globs: this.globs.input.value.trim(), hit: "" }, { push: false }), TYPING);
    };
    const input = el("input", { type: "text", id: `filter-${name}`, placeholder, spellcheck: "false", autocapitalize: "off", oninput: typed });
    return { input, label: el("label", { for: input.id }, `${label} `, input) };
  }

  #cleared() {
    clearTimeout(this.#timer);
    for (const name of ["path", "globs"]) this[name].input.value = "";
    this.page.go({ language: [], kind: [], path: "", globs: "", min: "", hit: "" });
    byId("query").focus();
  }
}

function menu(label) {
  const chosen = el("span", { class: "chosen" }, "any");
  const options = el("div", { class: "options", role: "group", "aria-label": label });
  const summary = el("summary", {}, `${label} `, chosen);
  return { element: el("details", { class: "menu" }, summary, options), summary, options, chosen };
}
