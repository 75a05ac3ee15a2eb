// What was left out of the index, or cut by lines, and why?

import { ask } from "./api.js";
import { el, figure, visible } from "./dom.js";

const STEP = 200;
const REASONS = {
  ignored: "an ignore rule matches it", vendored: "other people's code", dependencies: "other people's code", lockfile: "a tool's lock file",
  generated: "made by a tool", minified: "minified", binary: "not text", "too-large": "larger than the cap", "too-many": "more files than the cap",
  unreadable: "it can't be read", symlink: "a symbolic link", special: "no regular file", name: "its name is no UTF-8", index: "an index itself",
  "long-line": "cut by lines: a line is too long", "parse-timeout": "cut by lines: parsing took too long", "parse-errors": "cut by lines: its syntax has too many errors",
  "parser-crash": "cut by lines: the parser crashed", "parser-hang": "cut by lines: the parser hung", "parser-memory": "cut by lines: the parser took too much memory",
  "too-deep": "cut by lines: nested too deeply", "too-many-nodes": "cut by lines: its syntax tree is too large", "too-many-chunks": "cut short: it has too many parts",
};

/** Fill `container` with the reasons, how often each holds, and the list. `chosen` is a reason or part of a path. */
export async function skipped(container, root, chosen, onChoose, signal) {
  const found = await ask("/v1/status", { root, skipped: true }, { signal });
  const all = found.skipped;
  if (!all.length) {
    container.replaceChildren(el("p", { class: "quiet" }, "Nothing was left out."));
    return;
  }
  const counts = new Map();
  for (const { reason } of all) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const field = el("input", { type: "search", id: `skipped-${root}`, placeholder: "a path or a reason", spellcheck: "false", autocapitalize: "off", value: chosen });
  const rows = el("tbody");
  const summary = el("p", { class: "quiet", role: "status" });
  const more = el("button", { type: "button", class: "more" });
  let shown = STEP;

  function draw() {
    const wanted = field.value.trim().toLowerCase();
    const kept = all.filter((one) => !wanted || one.reason === wanted || one.path.toLowerCase().includes(wanted) || one.detail.toLowerCase().includes(wanted));
    rows.replaceChildren(...kept.slice(0, shown).map((one) => el("tr", {},
      el("td", {}, el("bdi", { class: "path" }, visible(one.path))), el("td", {}, visible(one.reason)), el("td", {}, visible(one.detail)))));
    summary.textContent = `${figure(kept.length)} of ${figure(all.length)}`;
    more.hidden = kept.length <= shown;
    more.textContent = `${figure(Math.min(STEP * 5, kept.length - shown))} more`;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.value === wanted));
  }

  function choose(text) {
    field.value = text;
    shown = STEP;
    onChoose(text);
    draw();
  }

  const buttons = [...counts].sort(([, a], [, b]) => b - a).map(([reason, amount]) => el("button", {
    type: "button", class: "reason", value: reason, title: REASONS[reason] ?? null, onclick: () => choose(field.value === reason ? "" : reason),
  }, el("span", {}, visible(reason)), " ", el("b", {}, figure(amount))));
  field.addEventListener("input", () => choose(field.value));
  more.addEventListener("click", () => {
    shown += STEP * 5;
    draw();
  });
  draw();
  container.replaceChildren(
    el("div", { class: "reasons", role: "group", "aria-label": "Reasons" }, ...buttons),
    el("p", {}, el("label", { for: field.id }, "Among them "), field), summary,
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "What was left out" },
      el("table", {}, el("thead", {}, el("tr", {}, ...["Path", "Reason", "Detail"].map((title) => el("th", { scope: "col" }, title)))), rows)),
    more);
}
