// How does one walk through results by keys? A list of links of which one is selected, and only that one takes Tab.

/** Make the links in `container` that have `data-key` a list. `onSelect(key)` is called when another one is chosen by
 *  keys or by a click, `onOpen(key)` when Enter or a click wants in, `onLeave()` when Up is pressed on the first. */
export class List {
  constructor(container, { onSelect, onOpen = () => {}, onLeave = () => {} }) {
    this.container = container;
    this.onSelect = onSelect;
    this.onOpen = onOpen;
    this.onLeave = onLeave;
    this.selected = "";
    container.addEventListener("keydown", (event) => this.#keyed(event));
    container.addEventListener("click", (event) => this.#clicked(event));
  }

  get items() {
    return [...this.container.querySelectorAll("[data-key]")];
  }

  get current() {
    return this.items.find((item) => item.dataset.key === this.selected) ?? null;
  }

  /** Mark the item of a key, or the first, or none; return its key. Nothing is called, no focus moves. */
  mark(key) {
    const { items } = this;
    const chosen = items.find((item) => item.dataset.key === key) ?? items[0];
    for (const item of items) {
      item.tabIndex = item === chosen ? 0 : -1;
      if (item === chosen && key !== null) item.setAttribute("aria-current", "true");
      else item.removeAttribute("aria-current");
    }
    this.selected = chosen && key !== null ? chosen.dataset.key : "";
    return this.selected;
  }

  /** Select the next or previous one; keep the focus where it is unless it is in the list, or `takeFocus`. */
  move(step, { takeFocus = false } = {}) {
    const { items } = this;
    if (!items.length) return;
    const index = items.findIndex((item) => item.dataset.key === this.selected);
    if (step < 0 && index <= 0 && this.container.contains(document.activeElement)) {
      this.onLeave();
      return;
    }
    this.#select(items[Math.min(items.length - 1, Math.max(0, index + step))], takeFocus || this.container.contains(document.activeElement));
  }

  /** Focus the selected item, or the first. Returns whether there is one. */
  focus() {
    const item = this.current ?? this.items[0];
    item?.focus();
    return item !== undefined && item !== null;
  }

  #select(item, takeFocus) {
    this.mark(item.dataset.key);
    if (takeFocus) item.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
    this.onSelect(this.selected);
  }

  #keyed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { items } = this;
    const steps = { ArrowDown: 1, ArrowUp: -1, Home: -items.length, End: items.length, PageDown: 5, PageUp: -5 };
    const item = event.target.closest("[data-key]");
    if (event.key in steps && item) {
      event.preventDefault();
      this.selected = item.dataset.key;
      if (event.key === "Home") this.#select(items[0], true);
      else this.move(steps[event.key], { takeFocus: true });
    }
  }

  #clicked(event) {
    const item = event.target.closest("[data-key]");
    if (!item || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    if (item.dataset.key !== this.selected) this.#select(item, true);
    this.onOpen(this.selected);
  }
}
