// What do keys do? Single ones work unless somebody types, or has switched them off.

import { byId, memory } from "./dom.js";

const STORED = "treeseek-keys";
const TYPED_INTO = "input:not([type=checkbox]), textarea, select, [contenteditable]";

/** Have keys do what `actions` names; `escape` is what Escape does, wherever it is pressed. */
export function listen(actions, escape) {
  const box = byId("keys-on");
  box.checked = memory.get("localStorage", STORED) !== "off";
  box.addEventListener("change", () => memory.set("localStorage", STORED, box.checked ? null : "off"));
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.isComposing || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") {
      if (escape(event.target)) event.preventDefault();
      return;
    }
    if (!box.checked || event.target.matches(TYPED_INTO)) return;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
