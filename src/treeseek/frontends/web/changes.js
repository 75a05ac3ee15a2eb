// What changed between two revisions? Which declarations, and what of them; not which lines.

import { ask, pause, Turn } from "./api.js";
import { byId, count, el, lineSpan, pathOf, visible } from "./dom.js";
import { Trouble } from "./failures.js";
import { List } from "./list.js";
import { fragment, question } from "./state.js";

const SIGNS = { added: "+", removed: "−", modified: "~", moved: "→", renamed: "→" };
const EXTENTS = { comments: "only comments", layout: "only layout", none: "the same bytes", text: "plain text", binary: "binary" };
const PATIENCE = 250;

/** Shows the difference in `container`, and a changed declaration, as it is now, in `place`. */
export class Changes {
  #turn = new Turn();
  #asked = "";
  #sites = new Map();

  constructor(container, place, page) {
    this.container = container;
    this.place = place;
    this.page = page;
    this.trouble = new Trouble(container);
    this.list = null;
    byId("compare").addEventListener("submit", (event) => {
      event.preventDefault();
      page.go({ old: byId("old").value.trim(), new: byId("new").value.trim(), path: byId("compared-path").value.trim(), hit: "" });
    });
  }

  leave() {
    this.#turn.end();
    this.trouble.clear();
    this.#asked = "";
    this.list = null;
    this.container.setAttribute("aria-busy", "false");
  }

  async show(state) {
    byId("old").value = state.old;
    byId("new").value = state.new;
    byId("compared-path").value = state.path;
    const asked = question(state);
    if (asked === this.#asked) return this.#choose(state);
    this.#asked = asked;
    this.trouble.clear();
    this.place.clear();
    const signal = this.#turn.begin();
    let done = false;
    pause(PATIENCE, signal).then(() => done || this.page.say("Comparing …"), () => {});
    try {
      const found = await ask("/v1/diff", { root: state.root, old: state.old || "HEAD", new: state.new, path: state.path }, { signal });
      if (!signal.aborted) this.#draw(state, found);
    } catch (error) {
      if (error.name === "AbortError") return undefined;
      this.#asked = "";
      this.page.say("");
      this.trouble.show(error, () => this.page.again());
    } finally {
      done = true;
    }
    return undefined;
  }

  #draw(state, found) {
    this.#sites = new Map();
    const left = Object.entries(found.left_out).map(([reason, files]) => `${files} ${reason}`).join(", ");
    const container = el("div", { class: "changes" }, ...found.files.map((file) => this.#file(state, file, found)));
    this.container.replaceChildren(...[
      found.files.length ? container : el("div", { class: "nothing" }, el("h2", {}, "No differences"), el("p", {}, `The files as they are equal ${visible(found.old)}.`)),
      left ? el("p", { class: "quiet" }, `Not compared: ${left}`) : null,
    ].filter(Boolean));
    const total = {};
    for (const { counts } of found.files) for (const [what, amount] of Object.entries(counts)) total[what] = (total[what] ?? 0) + amount;
    const parts = Object.entries(total).filter(([, amount]) => amount).map(([what, amount]) => `${amount} ${what}`);
    this.page.say([count(found.files.length, "file"), ...(parts.length ? [`declarations: ${parts.join(", ")}`] : [])].join(" · "));
    this.list = new List(container, {
      onSelect: (key) => this.page.go({ hit: key }, { push: false }),
      onOpen: () => this.page.enter(),
      onLeave: () => byId("old").focus(),
    });
    this.#choose(state);
  }

  #file(state, file, found) {
    const path = file.new_path || file.old_path;
    const was = file.status === "renamed" ? [" from ", pathOf(file.old_path)] : [];
    const said = [file.status === "modified" ? "" : file.status, EXTENTS[file.extent] ?? "", file.note].filter(Boolean).join(", ");
    const shown = file.declarations.filter((one) => !one.with_parent && !(one.parts.length === 1 && one.parts[0] === "members"));
    const outside = file.outside ? file.outside_lines.map(([start, end]) => ({ start, end })) : [];
    return el("section", { class: "changed" },
      el("h2", {}, pathOf(path), ...was, said ? el("span", { class: "quiet" }, ` ${said}`) : null),
      el("ul", {}, ...shown.map((one) => el("li", {}, this.#declaration(state, one, found))),
        ...outside.map(({ start, end }) => el("li", {}, this.#outside(state, path, start, end, found)))));
  }

  #declaration(state, one, found) {
    const site = one.new ?? one.old;
    const name = one.status === "renamed" && one.old ? `${one.old.name} → ${site.name}` : site.name;
    const from = one.old && one.new && one.old.path !== one.new.path ? ` from ${one.old.path}` : "";
    const canShow = one.new !== null && found.new === "";
    return this.#item(state, canShow ? site : null, [
      el("span", { class: `sign ${one.status}`, "aria-hidden": "true" }, SIGNS[one.status] ?? ""),
      el("span", { class: "hidden" }, `${one.status} `),
      el("span", { class: "kind" }, site.kind), " ", el("bdi", { class: "name" }, visible(name)), " ",
      el("span", { class: "quiet" }, visible(one.parts.join(", ") + from)),
      el("span", { class: "lines" }, lineSpan(site.start_line, site.end_line)),
    ]);
  }

  #outside(state, path, start, end, found) {
    const site = { path, start_line: start, end_line: end, kind: "", name: "", signature: "" };
    return this.#item(state, found.new === "" ? site : null, [
      el("span", { class: "sign modified", "aria-hidden": "true" }, "~"), el("span", { class: "quiet" }, "between declarations"),
      el("span", { class: "lines" }, lineSpan(start, end)),
    ]);
  }

  /** A link to where it is now; what is gone, or is of another revision, can't be opened. */
  #item(state, site, content) {
    if (!site) return el("span", { class: "change" }, ...content);
    const key = `${site.path}:${site.start_line}-${site.end_line}`;
    this.#sites.set(key, site);
    return el("a", { class: "change", href: fragment({ ...state, hit: key }), "data-key": key }, ...content);
  }

  #choose(state) {
    const key = this.list?.mark(state.hit);
    const site = this.#sites.get(key);
    if (!site) {
      this.place.clear();
      return this.page.opened(false);
    }
    if (!this.place.has(site)) this.place.open(site, { root: state.root, path: site.path, line: site.start_line, span: [site.start_line, site.end_line], kind: site.kind, name: site.name, signature: site.signature });
    return this.page.opened(state.hit === key);
  }
}
