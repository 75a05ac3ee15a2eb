// How is the server asked? It is waited for as it says, and every failure has one shape.

import { memory } from "./dom.js";

const TOKEN = "treeseek-token";
const MAX_WAITS = 8;
let token = memory.get("sessionStorage", TOKEN) ?? "";

/** What went wrong: the code, message and hint of the server's document, or `offline` if there was no answer. */
export class Failure extends Error {
  constructor(code, message, hint = "", status = 0) {
    super(message);
    this.code = code;
    this.hint = hint;
    this.status = status;
  }
}

export function useToken(given) {
  token = given;
  memory.set("sessionStorage", TOKEN, given || null);
}

export const hasToken = () => token !== "";

/** Ask, and return the document, or the text of what is none. `onWait` is told how long the server lets us wait.
 *  Throws Failure, or an AbortError if `signal` ends it. */
export async function ask(path, parameters = {}, { signal, method = "GET", onWait = () => {} } = {}) {
  const url = address(path, parameters);
  for (let waits = 0; ; waits += 1) {
    const response = await sent(url, method, signal);
    const document = await read(response, signal);
    if (response.ok) return document;
    if ((response.status === 429 || response.status === 503) && waits < MAX_WAITS) {
      const seconds = Math.min(60, Math.max(1, Number(response.headers.get("retry-after")) || 1));
      onWait(seconds, document?.error?.message ?? "the server is busy");
      await pause(seconds * 1000, signal);
      continue;
    }
    const error = document?.error ?? { code: "internal", message: `the server answered ${response.status}` };
    throw new Failure(response.status === 401 ? "token" : error.code, error.message, error.hint ?? "", response.status);
  }
}

function address(path, parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== "" && one !== null && one !== undefined && one !== false) query.append(name, one);
    }
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

async function sent(url, method, signal) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  try {
    return await fetch(url, { method, signal, headers, cache: "no-store", credentials: "same-origin" });
  } catch (error) {
    throw error.name === "AbortError" ? error : offline();
  }
}

async function read(response, signal) {
  try {
    const text = await response.text();
    return (response.headers.get("content-type") ?? "").includes("json") ? JSON.parse(text) : text;
  } catch (error) {
    if (error.name === "AbortError" || signal?.aborted) throw error;
    throw error instanceof SyntaxError ? new Failure("internal", "the server's answer was cut off") : offline();
  }
}

const offline = () => new Failure("offline", "the server doesn't answer", "is `treeseek serve` still running?");

/** Wait, or throw an AbortError when that isn't wanted any more. */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(new DOMException("not wanted any more", "AbortError"));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, milliseconds);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}

/** One question at a time: `begin` ends what was asked before and returns the new question's signal. */
export class Turn {
  #controller = null;

  begin() {
    this.end();
    this.#controller = new AbortController();
    return this.#controller.signal;
  }

  end() {
    this.#controller?.abort();
    this.#controller = null;
  }
}
