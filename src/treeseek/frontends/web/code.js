// How does code look? A small lexer for colours that fits most languages, and the words of the question marked.

import { appendVisible, el } from "./dom.js";

const C_LIKE = "if else for while do switch case default break continue return goto try catch finally throw throws new this super class interface struct enum union extends implements import package public private protected static final abstract const void null true false ";
const SCRIPT = C_LIKE + "function var let async await yield of in typeof instanceof delete export from as undefined type declare readonly namespace keyof";
const NATIVE = C_LIKE + "auto bool char double extern float inline int long register short signed sizeof typedef unsigned volatile template typename using namespace virtual override constexpr noexcept operator nullptr auto explicit friend mutable delete include define ifdef ifndef endif";
const KEYWORDS = {
  python: "and as assert async await break case class continue def del elif else except False finally for from global if import in is lambda match None nonlocal not or pass raise return True try while with yield self",
  ruby: "alias and begin break case class def defined do else elsif end ensure false for if in module next nil not or redo rescue retry return self super then true undef unless until when while yield require require_relative attr_reader attr_writer attr_accessor",
  elixir: "after alias and case catch cond def defp defmodule defmacro defimpl defprotocol defstruct do else end false fn for if import in nil not or quote raise receive require rescue true try unless use when with",
  bash: "case do done elif else esac exit export fi for function if in local read return set shift then until while unset",
  lua: "and break do else elseif end false for function goto if in local nil not or repeat return then true until while",
  haskell: "case class data default deriving do else forall if import in infix infixl infixr instance let module newtype of then type where qualified",
  go: "break case chan const continue default defer else fallthrough for func go goto if import interface map package range return select struct switch type var nil true false",
  rust: "as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod move mut pub ref return self Self static struct super trait true type union unsafe use where while",
  swift: C_LIKE + "func var let guard defer where protocol extension init deinit self Self nil in is as inout some any async await mutating override internal fileprivate open lazy weak throws rethrows",
  kotlin: C_LIKE + "fun val var when object companion data sealed open override internal lateinit suspend is in as by init constructor typealias inline",
  scala: C_LIKE + "def val var object trait with match yield lazy sealed override implicit given using type then end",
  java: C_LIKE + "boolean byte char double float int long short synchronized transient volatile instanceof record sealed permits var yield",
  csharp: C_LIKE + "bool byte char decimal double float int long object string namespace using var async await foreach in out ref get set internal override virtual sealed readonly record where yield is as",
  php: C_LIKE + "function fn use namespace trait echo foreach as elseif array self parent instanceof match readonly global isset unset require require_once include",
  zig: "align and anyerror asm break catch comptime const continue defer else enum errdefer error export extern fn for if inline null or orelse packed pub return struct switch test true false try undefined union unreachable usingnamespace var while",
  javascript: SCRIPT, typescript: SCRIPT, tsx: SCRIPT, c: NATIVE, cpp: NATIVE,
  sql: "select from where insert into values update set delete create table alter drop index view join left right inner outer on and or not null as order by group having limit union distinct case when then else end primary key references begin commit SELECT FROM WHERE INSERT INTO VALUES UPDATE SET DELETE CREATE TABLE ALTER DROP INDEX VIEW JOIN LEFT RIGHT INNER OUTER ON AND OR NOT NULL AS ORDER BY GROUP HAVING LIMIT UNION DISTINCT CASE WHEN THEN ELSE END PRIMARY KEY REFERENCES BEGIN COMMIT",
};
const words = new Map();
const PROSE = new Set(["text", "markdown", "restructuredtext", "asciidoc", "csv", "diff"]);
const ALIKE = { cython: "python", vue: "html", svelte: "html", bazel: "python" };
const HASH = new Set("python ruby elixir bash yaml toml make cmake meson dockerfile perl r nix julia fish powershell graphql terraform ini nim awk tcl".split(" "));
const DASH = new Set("lua haskell sql".split(" "));
const LISP = new Set("lisp clojure assembly".split(" "));
const MARKUP = new Set("html xml".split(" "));
const PERCENT = new Set("tex erlang".split(" "));
/** Where one quote encloses a text; elsewhere it encloses one character, or begins a lifetime. */
const QUOTES = new Set("python ruby elixir bash yaml toml javascript typescript tsx php lua perl sql css dart groovy r json fish powershell julia make cmake meson dockerfile html xml nim awk terraform".split(" "));

const STRING = String.raw`"(?:\\[^]|[^"\\\n])*"?`;
const QUOTED = String.raw`'(?:\\[^]|[^'\\\n])*'?`;
const CHARACTER = String.raw`'(?:\\[^'\n]{1,10}|[^'\\\n])'`;
const BACKTICKS = "`(?:\\\\[^]|[^`\\\\])*`?";
const TRIPLE = String.raw`"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)`;

function commentsOf(language) {
  if (HASH.has(language)) return String.raw`(?<![^\s;(\[{])#[^\n]*`;
  if (DASH.has(language)) return String.raw`--\[\[[^]*?(?:\]\]|$)|\{-[^]*?(?:-\}|$)|--[^\n]*|/\*[^]*?(?:\*/|$)`;
  if (LISP.has(language)) return String.raw`;[^\n]*`;
  if (PERCENT.has(language)) return String.raw`%[^\n]*`;
  if (MARKUP.has(language)) return String.raw`<!--[^]*?(?:-->|$)`;
  const php = language === "php" ? String.raw`|#(?!\[)[^\n]*` : "";
  return String.raw`//[^\n]*|/\*[^]*?(?:\*/|$)` + php;
}

/** The regular expression of a language. None of its parts can backtrack over more than a few characters. */
function lexer(language) {
  const strings = [
    ["python", "elixir", "kotlin", "swift", "scala", "java", "toml"].includes(language) ? TRIPLE : null,
    STRING,
    QUOTES.has(language) ? QUOTED : CHARACTER,
    ["javascript", "typescript", "tsx", "go"].includes(language) ? BACKTICKS : null,
  ].filter(Boolean).join("|");
  return new RegExp(
    `(?<comment>${commentsOf(language)})|(?<string>${strings})|(?<number>\\b\\d[\\w.]*)|(?<word>[\\p{L}_$@][\\p{L}\\p{N}_$]*)`, "gu",
  );
}

const lexers = new Map();

function tokens(text, given) {
  const language = ALIKE[given] ?? given;
  if (PROSE.has(language)) return [];
  if (!lexers.has(language)) lexers.set(language, lexer(language));
  if (!words.has(language)) words.set(language, new Set((KEYWORDS[language] ?? C_LIKE + "function def let var in").split(" ")));
  const keywords = words.get(language);
  const found = [];
  for (const match of text.matchAll(lexers.get(language))) {
    const kind = Object.keys(match.groups).find((name) => match.groups[name] !== undefined);
    if (kind === "word" && !keywords.has(match[0])) continue;
    found.push([match.index, match.index + match[0].length, kind === "word" ? "keyword" : kind]);
  }
  return found;
}

const STOP = new Set("a an and any are as at be before by can did do does for from has have how i if in into is it its not of off on one or so that the then there this to up was were what when where which while who why will with would you".split(" "));
const PARTS = /\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+|\p{Lo}+|\p{N}+/gu;
const ENDINGS = /(?:ations?|ings?|ions?|ies|ers?|ed|es|s|e|y)$/;

/** What a word has in common with its other forms. It need not be right, only alike for both sides. */
function stem(word) {
  let rest = word.toLowerCase();
  for (let last = ""; last !== rest; ) {
    last = rest;
    const shorter = rest.replace(ENDINGS, "");
    if (shorter.length >= 3) rest = shorter;
  }
  return rest;
}

/** The stems of a question's words, for `marks`. */
export function stems(query) {
  const found = (query.match(PARTS) ?? []).filter((word) => word.length > 1 && !STOP.has(word.toLowerCase()));
  return new Set(found.map(stem));
}

/** Where the question's words stand in a text, in whatever form, also as part of a name. */
function marks(text, asked) {
  if (!asked.size) return [];
  return [...text.matchAll(PARTS)].filter((match) => asked.has(stem(match[0]))).map((match) => [match.index, match.index + match[0].length]);
}

/** Append a text with the question's words marked. */
export function appendMarked(element, text, asked) {
  append(element, text, 0, [], marks(text, asked));
}

/** Append a part of a text that begins at `offset`, with its tokens and marks, which are sorted and don't overlap. */
function append(element, text, offset, kinds, marked) {
  const end = offset + text.length;
  const edges = new Set([offset, end]);
  for (const [from, to] of [...kinds, ...marked]) {
    if (from > offset && from < end) edges.add(from);
    if (to > offset && to < end) edges.add(to);
  }
  const sorted = [...edges].sort((a, b) => a - b);
  let kind = 0;
  let mark = 0;
  for (let i = 0; i + 1 < sorted.length; i += 1) {
    const [from, to] = [sorted[i], sorted[i + 1]];
    while (kind < kinds.length && kinds[kind][1] <= from) kind += 1;
    while (mark < marked.length && marked[mark][1] <= from) mark += 1;
    const name = kind < kinds.length && kinds[kind][0] <= from ? kinds[kind][2] : null;
    const isMarked = mark < marked.length && marked[mark][0] <= from;
    const part = text.slice(from - offset, to - offset);
    if (!name && !isMarked) {
      appendVisible(element, part);
      continue;
    }
    const shown = el(isMarked ? "mark" : "span", name ? { class: name } : {});
    appendVisible(shown, part);
    element.append(shown);
  }
}

/** Return a text's lines as elements. `matched` are line numbers, `span` is what the result is of [first, last] lines. */
export function lines(text, { start, language, asked = new Set(), matched = new Set(), span = null }) {
  const kinds = tokens(text, language);
  const marked = marks(text, asked);
  let offset = 0;
  let [kind, mark] = [0, 0];
  return text.split("\n").map((line, index) => {
    const number = start + index;
    const end = offset + line.length;
    while (kind < kinds.length && kinds[kind][1] <= offset) kind += 1;
    while (mark < marked.length && marked[mark][1] <= offset) mark += 1;
    let [lastKind, lastMark] = [kind, mark];
    while (lastKind < kinds.length && kinds[lastKind][0] < end) lastKind += 1;
    while (lastMark < marked.length && marked[lastMark][0] < end) lastMark += 1;
    const isInside = span !== null && number >= span[0] && number <= span[1];
    const names = ["line", matched.has(number) ? "matched" : "", span !== null && !isInside ? "around" : ""];
    const element = el("span", { class: names.filter(Boolean).join(" "), "data-line": number });
    append(element, line, offset, kinds.slice(kind, lastKind), marked.slice(mark, lastMark));
    element.append("\n");
    offset = end + 1;
    return element;
  });
}

/** Of a hit's lines, the numbers of those that say most about why it was found: at most `most`, in order. */
export function telling(hit, asked, most = 3) {
  const all = hit.text.replace(/\n$/, "").split("\n");
  const matched = new Set(hit.matched_lines);
  const scored = all.map((line, index) => {
    const found = new Set((line.match(PARTS) ?? []).map(stem).filter((one) => asked.has(one)));
    return { number: hit.start_line + index, blank: !/[\p{L}\p{N}]/u.test(line), score: found.size + (matched.has(hit.start_line + index) ? 0.5 : 0) };
  });
  const best = scored.filter((line) => !line.blank).sort((a, b) => b.score - a.score || a.number - b.number).slice(0, most);
  return best.map((line) => line.number).sort((a, b) => a - b);
}
