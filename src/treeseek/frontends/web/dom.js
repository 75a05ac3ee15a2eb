// How does text become elements? Always as text: what stands in a repository is never read as HTML.

/** Make an element. Attributes that are null or false are left out, true is an empty one; `on…` are listeners. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** What a screen would obey, or show as something that isn't there: controls, directional marks, what takes no room. */
const INVISIBLE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb]|[\u{e0000}-\u{e0fff}]|[\ud800-\udfff]/gu;

const spelled = (character) => `\\u{${character.codePointAt(0).toString(16)}}`;

/** Append text to an element, with what can't be seen spelled out. */
export function appendVisible(element, text) {
  let end = 0;
  for (const match of text.matchAll(INVISIBLE)) {
    element.append(text.slice(end, match.index), el("span", { class: "odd", title: "an invisible character" }, spelled(match[0])));
    end = match.index + match[0].length;
  }
  element.append(text.slice(end));
}

/** The same as a text, in one line. */
export const visible = (text) => text.replace(/\n/g, "\\n").replace(INVISIBLE, spelled);

const number = new Intl.NumberFormat("en");
export const count = (amount, one, many = `${one}s`) => `${number.format(amount)} ${amount === 1 ? one : many}`;
export const figure = (amount) => number.format(amount);

export function bytes(amount) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let step = 0;
  for (; amount >= 1000 && step < units.length - 1; step += 1) amount /= 1000;
  return `${step && amount < 10 ? amount.toFixed(1) : Math.round(amount)} ${units[step]}`;
}

/** A chance between 0 and 1 as a percentage, which is never 0 and only 100 if it is. */
export function percent(chance) {
  if (chance < 0.01) return "<1 %";
  if (chance < 1 && chance > 0.99) return ">99 %";
  return `${Math.round(chance * 100)} %`;
}

/** Seconds since the epoch as a time ago. */
export function ago(seconds) {
  const past = Math.max(0, Date.now() / 1000 - seconds);
  if (past < 60) return "just now";
  if (past < 3600) return `${Math.floor(past / 60)} min ago`;
  if (past < 86400) return `${Math.floor(past / 3600)} h ago`;
  return count(Math.floor(past / 86400), "day") + " ago";
}

/** A path as elements: the directory quiet, the name in front of the eye. */
export function pathOf(path, lines = "") {
  const slash = path.lastIndexOf("/") + 1;
  return el("bdi", { class: "path" },
    slash ? el("span", { class: "directory" }, path.slice(0, slash).split(/(?<=\/)/).flatMap((part) => [visible(part), el("wbr")])) : null,
    el("span", { class: "file" }, visible(path.slice(slash))),
    lines ? el("span", { class: "lines" }, `:${lines}`) : null);
}

export const lineSpan = (start, end) => (start === end ? `${start}` : `${start}–${end}`);

/** Storage that may be absent, or refuse. */
export const memory = {
  get(kind, key) {
    try {
      return window[kind].getItem(key);
    } catch {
      return null;
    }
  },
  set(kind, key, value) {
    try {
      if (value === null) window[kind].removeItem(key);
      else window[kind].setItem(key, value);
    } catch {
      // it holds as long as the page
    }
  },
};

/** Have the screen reader say something, and everybody see it for a moment. */
export function toast(text) {
  const old = document.querySelector(".toast");
  if (old) old.remove();
  const shown = el("div", { class: "toast", role: "status" });
  document.body.append(shown);
  shown.textContent = text;
  setTimeout(() => shown.remove(), 2500);
}

/** Copy a text, also where the page has no right to the clipboard: a server that isn't on this machine. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el("textarea", { class: "hidden", "aria-hidden": "true" });
    const focused = document.activeElement;
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    focused?.focus();
    if (!done) return toast(`This browser doesn't let the page copy. The text: ${text}`);
  }
  return toast(`Copied ${text}`);
}
