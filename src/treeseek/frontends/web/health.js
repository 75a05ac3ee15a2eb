// How is the index? Of each root how far it is, what it holds and what not; and how the caches do.

import { ask, pause, Turn } from "./api.js";
import { ago, bytes, count, el, figure, visible } from "./dom.js";
import { Trouble, phaseOf, progressOf } from "./failures.js";
import { skipped } from "./skipped.js";

const SOON = 1000;
const LATER = 10000;
const CHECK = "Check now";
const LANGUAGES = 12;
const TIERS = ["hot", "warm", "cold", "frozen"];

/** Shows the state of the index, and keeps it true. */
export class Health {
  #turn = new Turn();
  #known = new Map();
  #open = new Set();
  #metrics = "";

  constructor(container, page) {
    this.container = container;
    this.page = page;
    this.trouble = new Trouble(container);
    this.isShown = false;
  }

  leave() {
    this.#turn.end();
    this.trouble.clear();
    this.isShown = false;
  }

  async show(state) {
    if (this.isShown) return;
    this.isShown = true;
    const signal = this.#turn.begin();
    this.page.say("");
    if (state.skipped && state.root) this.#open.add(state.root);
    this.#known.clear();
    this.container.replaceChildren();
    try {
      for (;;) {
        const [{ roots }, metrics] = await Promise.all([ask("/v1/roots", {}, { signal }), ask("/metrics", {}, { signal }).catch(ignored)]);
        this.#metrics = metrics;
        this.#draw(state, roots, metrics, signal);
        this.page.phase(roots);
        await pause(roots.some((root) => root.phase === "indexing" || root.phase === "waiting") ? SOON : LATER, signal);
        while (document.hidden) await pause(SOON, signal);
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      this.isShown = false;
      this.trouble.show(error, () => this.page.again());
    }
  }

  #draw(state, roots, metrics, signal) {
    if (!this.container.querySelector(".health")) {
      this.container.replaceChildren(el("div", { class: "health" },
        ...roots.map((root) => el("section", { class: "health-root", "data-root": root.name }, el("div", { class: "live" }), el("div", { class: "status" }), this.#skippedOf(state, root, signal))),
        el("section", { class: "caches" })));
    }
    for (const root of roots) {
      const section = this.container.querySelector(`[data-root="${CSS.escape(root.name)}"]`);
      if (!section) continue;
      this.#live(section.querySelector(".live"), root, signal);
      const version = JSON.stringify([root.has_answers, root.synced_at, root.phase, root.chunks]);
      if (this.#known.get(root.name) !== version) {
        this.#known.set(root.name, version);
        this.#status(section.querySelector(".status"), root, signal);
      }
    }
    this.container.querySelector(".caches").replaceChildren(...caches(metrics));
  }

  #live(container, root, signal) {
    const phase = JSON.stringify([root, root.synced_at ? ago(root.synced_at) : ""]);
    if (container.dataset.shown === phase) return;
    container.dataset.shown = phase;
    const hadFocus = container.contains(document.activeElement);
    const refresh = el("button", { type: "button", class: "small", onclick: () => this.#refresh(root, refresh, signal) }, CHECK);
    container.replaceChildren(...[
      el("h2", {}, el("bdi", {}, visible(root.name)), " ", el("span", { class: `phase ${root.phase}` }, phaseOf(root)), refresh),
      el("p", { class: "quiet" }, el("bdi", {}, visible(root.root))),
      root.phase === "indexing" ? progressOf(root) : null,
      root.error ? el("p", { class: "note bad" }, `${visible(root.error.message)} (${root.error.code})`) : null,
      root.notice ? el("p", { class: "note" }, visible(root.notice)) : null,
    ].filter(Boolean));
    if (hadFocus) refresh.focus();
  }

  async #status(container, root, signal) {
    try {
      const status = await ask("/v1/status", { root: root.name }, { signal });
      container.replaceChildren(facts(root, status), languages(status.languages));
    } catch (error) {
      if (error.name !== "AbortError") container.replaceChildren(el("p", { class: "note bad" }, error.message));
    }
  }

  async #refresh(root, button, signal) {
    button.disabled = true;
    button.textContent = "Checking …";
    try {
      const done = await ask("/v1/refresh", { root: root.name }, { signal, method: "POST" });
      const what = [["added", done.added], ["changed", done.changed], ["deleted", done.deleted]].filter(([, files]) => files).map(([name, files]) => `${files} ${name}`);
      const { roots } = await ask("/v1/roots", {}, { signal });
      this.#known.clear();
      this.#draw(this.page.state(), roots, this.#metrics, signal);
      this.page.say(what.length ? `${root.name}: ${what.join(", ")}` : `${root.name}: nothing has changed`);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.page.say(error.message);
    }
    button.disabled = false;
    button.textContent = CHECK;
  }

  #skippedOf(state, root, signal) {
    const list = el("div", { class: "skipped-list", "aria-busy": "true" }, el("p", { class: "quiet" }, "Looking …"));
    const choose = (text) => this.page.go({ root: root.name, skipped: text || "all" }, { push: false });
    const opened = async () => {
      if (!details.open) {
        this.#open.delete(root.name);
        return;
      }
      this.#open.add(root.name);
      const chosen = state.root === root.name && state.skipped !== "all" ? state.skipped : "";
      try {
        await skipped(list, root.name, chosen, choose, signal);
      } catch (error) {
        if (error.name === "AbortError") return;
        list.replaceChildren(el("p", { class: "note bad" }, error.message));
      }
      list.setAttribute("aria-busy", "false");
    };
    const details = el("details", { class: "skipped", open: this.#open.has(root.name), ontoggle: opened }, el("summary", {}, "What was left out, and why"), list);
    return details;
  }
}

function facts(root, status) {
  const { pending } = status;
  const open = pending.new + pending.changed + pending.deleted;
  const rows = [
    ["Version", figure(status.index_version)],
    ["Files", figure(status.files)],
    ["Chunks", figure(status.chunks)],
    ["On disk", bytes(status.bytes_on_disk)],
    ["Pending", open ? `${figure(pending.new)} new, ${figure(pending.changed)} changed, ${figure(pending.deleted)} deleted` : "nothing"],
    ["Last in step", root.synced_at ? el("time", { datetime: new Date(root.synced_at * 1000).toISOString(), title: new Date(root.synced_at * 1000).toLocaleString() }, ago(root.synced_at)) : "not yet"],
    ["Redaction", status.redaction],
  ];
  const long = [["Embedder", status.embedder], ["Directory", visible(status.directory)]];
  const shown = ([name, value], attributes) => el("div", attributes, el("dt", {}, name), el("dd", {}, value));
  return el("dl", { class: "figures" }, ...rows.map((row) => shown(row, {})), ...long.map((row) => shown(row, { class: "long" })));
}

function languages(found) {
  const sorted = Object.entries(found).sort(([, a], [, b]) => b - a);
  if (!sorted.length) return el("p", { class: "quiet" }, "No languages yet.");
  const most = sorted[0][1];
  const rows = sorted.slice(0, LANGUAGES).map(([name, files]) => el("li", {}, el("span", { class: "name" }, name), el("meter", { min: 0, max: most, value: files, "aria-hidden": "true" }), el("span", { class: "lines" }, figure(files))));
  const rest = sorted.slice(LANGUAGES).map(([name, files]) => `${name} ${figure(files)}`).join(", ");
  return el("div", {}, el("h3", {}, `Files by language`), el("ul", { class: "languages" }, ...rows), rest ? el("p", { class: "quiet" }, rest) : "");
}

const ignored = (error) => {
  if (error.name === "AbortError") throw error;
  return "";
};

/** The series of a text in Prometheus' format, as [name, labels, value]. */
export function series(text) {
  const found = [];
  for (const line of text.split("\n")) {
    const match = /^(\w+)(?:\{(.*)\})? (\S+)/.exec(line);
    if (!match) continue;
    const labels = Object.fromEntries([...(match[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [name, value]));
    found.push([match[1], labels, Number(match[3])]);
  }
  return found;
}

const OPTIONAL = ["entries", "bytes", "budget_bytes"];
const COLUMNS = [
  ["Trees", "entries", figure], ["Size", "bytes", bytes], ["Budget", "budget_bytes", bytes], ["Hits", "hits", figure], ["Misses", "misses", figure],
  ["Hit rate", "rate", (_, { hits = 0, misses = 0 }) => (hits + misses ? `${Math.round((100 * hits) / (hits + misses))} %` : "–")],
  ["Evicted", "evictions", figure],
];

function caches(metrics) {
  const tiers = new Map(TIERS.map((tier) => [tier, {}]));
  let parses = 0;
  for (const [name, labels, value] of series(metrics || "")) {
    const what = /^treeseek_cache_(hits|misses|evictions|entries|bytes|budget_bytes)(?:_total)?$/.exec(name)?.[1];
    if (what && tiers.has(labels.tier)) tiers.get(labels.tier)[what] = value;
    if (name === "treeseek_cache_parses_total") parses += value;
  }
  const used = [...tiers].filter(([, tier]) => Object.keys(tier).length);
  const title = el("h2", {}, "Cache of syntax trees");
  if (!used.length) return [title, el("p", { class: "quiet" }, "Not used since the server started. Saved files and comparisons fill it.")];
  const columns = COLUMNS.filter(([, what]) => !OPTIONAL.includes(what) || used.some(([, tier]) => what in tier));
  const rows = used.map(([name, tier]) => el("tr", {}, el("th", { scope: "row" }, name), ...columns.map(([, what, as]) => el("td", {}, as(tier[what] ?? 0, tier)))));
  const head = ["Tier", ...columns.map(([title]) => title)];
  return [title,
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Cache tiers" }, el("table", { class: "numbers" }, el("thead", {}, el("tr", {}, ...head.map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, ...rows))),
    el("p", { class: "quiet" }, `${count(parses, "parse")} since the server started`)];
}
