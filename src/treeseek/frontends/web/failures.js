// What is said when something can't be done, and what goes on by itself then?

import { Failure, ask, hasToken, pause, Turn, useToken } from "./api.js";
import { el, figure } from "./dom.js";

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 4000;

/** Shows what went wrong in a container, and has `retry` called when it is worth it: after a token was given, when the
 *  server is back, when the index is made. */
export class Trouble {
  #turn = new Turn();

  constructor(container) {
    this.container = container;
  }

  /** Nothing is wrong any more; what was waited for isn't. */
  clear() {
    this.#turn.end();
  }

  show(failure, retry) {
    const signal = this.#turn.begin();
    const again = () => {
      this.clear();
      retry();
    };
    const shown = { token: tokenForm, offline: offlineNote, "not-indexed": indexingNote }[failure.code] ?? plainNote;
    this.container.replaceChildren(shown(failure, again, signal));
    this.container.querySelector("[autofocus]")?.focus();
  }
}

function note(title, ...content) {
  return el("div", { class: "trouble", role: "alert" }, el("h2", {}, title), ...content);
}

function plainNote(failure, again) {
  const isOurs = failure.status < 500 && failure.code !== "internal";
  return note(
    isOurs ? "That can't be asked" : "The server couldn't answer",
    el("p", {}, failure.message),
    failure.hint ? el("p", { class: "quiet" }, failure.hint) : null,
    isOurs ? null : el("p", {}, el("button", { type: "button", onclick: again }, "Try again")),
  );
}

function tokenForm(failure, again) {
  const field = el("input", { type: "password", id: "token", autocomplete: "off", required: true, autofocus: true });
  const submit = (event) => {
    event.preventDefault();
    useToken(field.value.trim());
    again();
  };
  return note(
    "This server asks for a token",
    el("p", {}, hasToken() ? "The one that was given is not the right one." : "Whoever started it knows it. It is kept until this tab is closed."),
    el("form", { class: "token", onsubmit: submit }, el("label", { for: "token" }, "Token"), field, el("button", {}, "Use it")),
  );
}

function offlineNote(failure, again, signal) {
  const when = el("span", {}, "");
  wait();
  return note(
    "The server doesn't answer",
    el("p", {}, "Is ", el("code", {}, "treeseek serve"), " still running? ", when),
    el("p", {}, el("button", { type: "button", onclick: again }, "Try now")),
  );

  async function wait() {
    for (let time = FIRST_PAUSE; ; time = Math.min(LONGEST_PAUSE, time * 2)) {
      try {
        when.textContent = `It is tried again in ${Math.round(time / 1000)} s.`;
        await pause(time, signal);
        await ask("/healthz", {}, { signal });
        return again();
      } catch (error) {
        if (error.name === "AbortError") return undefined;
        if (error.code !== "offline") return again(); // it is there, and has its own word to say
      }
    }
  }
}

function indexingNote(failure, again, signal) {
  const progress = el("div", {}, el("p", {}, failure.message));
  wait();
  return note("There is no index yet", progress, el("p", { class: "quiet" }, "The answer comes as soon as it is made."));

  async function wait() {
    for (;;) {
      try {
        await pause(FIRST_PAUSE, signal);
        const { roots } = await ask("/v1/roots", {}, { signal });
        if (roots.every((root) => root.has_answers)) return again();
        progress.replaceChildren(...roots.filter((root) => !root.has_answers).map(progressOf));
      } catch (error) {
        if (error.name === "AbortError") return undefined;
        if (error instanceof Failure) return again();
        throw error;
      }
    }
  }
}

const STAGES = { walk: "looking for files", analyse: "reading files", commit: "writing", index: "making it fast to search" };

/** How far the index of a root is, as an element. */
export function progressOf(root) {
  const label = [root.name, phaseOf(root)].join(": ");
  const { progress } = root;
  const bar = progress && progress.files_total
    ? el("progress", { max: progress.files_total, value: progress.files_done, "aria-label": `${root.name}: files read` })
    : root.phase === "indexing" ? el("progress", { "aria-label": `${root.name}: indexing` }) : null;
  return el("div", { class: "progress" }, el("p", {}, label), bar, root.error ? el("p", { class: "bad" }, root.error.message) : null);
}

export function phaseOf(root) {
  const { phase, progress } = root;
  if (phase !== "indexing" || !progress) return { waiting: "waiting", indexing: "beginning", ready: "up to date", failing: "failing", stopped: "stopped" }[phase] ?? phase;
  const files = progress.files_total ? `, ${figure(progress.files_done)} of ${figure(progress.files_total)} files` : progress.files_done ? `, ${figure(progress.files_done)} files` : "";
  return `${STAGES[progress.stage] ?? progress.stage}${files}`;
}
