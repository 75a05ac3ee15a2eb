"""Which words go with which code in a file? What is documented, named, said in comments and in messages.

Every pair is a text that somebody could ask (`query`), a text that answers it (`text`), and the path where it stands.
What the query was taken from is left out of the text: what is learnt must not be to find a comment by itself.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from treeseek.learning.prose import is_telling, of_documentation, of_markup
from treeseek.model import Declaration, Syntax
from treeseek.syntax import analyse
from treeseek.tokens import split_words

__all__ = ["KINDS", "Pair", "declared", "of_document", "of_file"]

KINDS = ("commit", "doc", "type", "name", "test", "path", "header", "markdown", "message", "note", "mention")
"""Where pairs come from: commits, documentation of functions and of types, names, names of tests, paths, headers of
files, code blocks of documents, messages in code, comments in bodies, what documents say of a name."""

MAX_TEXT_CHARS = 1600
MIN_TEXT_CHARS = 60
CHUNK_CHARS = 900
NAMELESS_SHARE = 0.8
"""In so many texts of a name the name itself is left out; the others show that it matters."""
MAX_OF_FILE = 120
PARSE_SECONDS = 20.0

_TYPES = frozenset({"class", "interface", "struct", "enum", "type", "module", "namespace"})
_MARKS = " \t/*#-!|^{"
_TAIL = ' */-}]\n"'
_TEST = re.compile(
    r"(?:^|/)(?:tests?|specs?|__tests__|testing)(?:/|_)|(?:_|\.)(?:test|spec)\.|(?:^|/)test_|Tests?\.\w+$",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"\"((?:[^\"\\\n]|\\.){16,200})\"|'((?:[^'\\\n]|\\.){16,200})'")
_COMMENT = re.compile(r"^[ \t]*(?://+!?|#+|--+|;+)[ \t]+(.*)$")
_HEADER = re.compile(
    r"\s*((?:[ \t]*(?://|#(?!include|!|define|if|\[)|--|;)[^\n]*\n)+|/\*.*?\*/|\"\"\".*?\"\"\"|\{-.*?-\})", re.DOTALL
)
_IMPORTS = re.compile(r"(?:\s*(?:import|use|using|from|#include|require|package|open|alias)\b[^\n]*\n)+")
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_NOT_CODE = frozenset(
    "diff text txt console sh shell bash json yaml yml toml xml html plain log output ini mermaid markdown md".split()
)


class Pair(NamedTuple):
    """Words and the code they go with; `kind` is one of KINDS."""

    kind: str
    query: str
    text: str
    path: str


def is_test(path: str) -> bool:
    """Whether a path is that of a test."""
    return _TEST.search(path) is not None


def of_file(path: str, data: bytes, language: str, rng: random.Random) -> list[Pair]:
    """Return the pairs of one source file; what is drawn at random depends on `rng` alone."""
    syntax = analyse(data, language, deadline_seconds=PARSE_SECONDS)
    text = data.decode("utf-8", "replace")
    pairs = list(_of_declarations(path, data, syntax, rng))[:MAX_OF_FILE]
    if not is_test(path):
        pairs += _of_whole(path, text, rng)
    return pairs


def declared(path: str, data: bytes, language: str) -> list[tuple[str, Pair]]:
    """Return the last part of each name that a file declares, with the code it stands for and an empty query."""
    syntax = analyse(data, language, deadline_seconds=PARSE_SECONDS)
    return [
        (one.name.rpartition(".")[2], Pair("mention", "", _body(data, one), path))
        for one in syntax.declarations
        if one.end_byte - one.start_byte > MIN_TEXT_CHARS
    ]


def _of_declarations(path: str, data: bytes, syntax: Syntax, rng: random.Random) -> Iterator[Pair]:
    testing = is_test(path)
    for one in syntax.declarations:
        if one.kind in ("constant", "variable"):
            continue
        body = _body(data, one)
        name = one.name.rpartition(".")[2]
        said = of_documentation(one.doc)
        lines = body.count("\n")
        if said and len(body) > 40:
            yield Pair("type" if one.kind in _TYPES else "doc", said, body, path)
        elif one.kind not in _TYPES and lines >= 2 and len(body) >= MIN_TEXT_CHARS and len(split_words(name)) > 1:
            hidden = body.replace(name, " ") if rng.random() < NAMELESS_SHARE else body
            yield Pair("test" if testing else "name", name, hidden, path)
        if not testing and one.kind not in _TYPES and lines >= 3:
            yield from _of_body(path, body)


def _body(data: bytes, one: Declaration) -> str:
    """Return a declaration's text without the lines that document it."""
    text = data[one.start_byte : min(one.end_byte, one.start_byte + 4 * MAX_TEXT_CHARS)].decode("utf-8", "replace")
    if one.doc:
        said = {line.strip(_TAIL) for line in one.doc.splitlines()} - {""}
        text = "\n".join(line for line in text.split("\n") if line.lstrip(_MARKS).strip(_TAIL) not in said)
    return text[:MAX_TEXT_CHARS]


def _of_body(path: str, body: str) -> Iterator[Pair]:
    """Yield a body's longest message, and its comments with the lines below them."""
    messages = [match[1] or match[2] for match in _QUOTED.finditer(body)]
    messages = [message for message in messages if message.count(" ") >= 3 and is_telling(message)]
    if messages:
        message = max(messages, key=len)
        yield Pair("message", message, body.replace(message, " "), path)
    lines = body.split("\n")
    at = 1
    while at < len(lines):
        begin, said = at, []
        while at < len(lines) and (comment := _COMMENT.match(lines[at])):
            said.append(comment[1])
            at += 1
        words = " ".join(said)
        if said and len(words) >= 20 and is_telling(words):
            below = "\n".join(lines[at : at + 12]).partition("\n\n")[0]
            if len(below) >= MIN_TEXT_CHARS:
                yield Pair("note", words[:400], below[:MAX_TEXT_CHARS], path)
        at = max(at, begin + 1)


def _of_whole(path: str, text: str, rng: random.Random) -> list[Pair]:
    """Return the pairs of a file as a whole: its header comment and its path, each with some of its pieces."""
    pairs: list[Pair] = []
    said = ""
    for _ in range(2):  # a licence often stands before what matters
        match = _HEADER.match(text)
        if match is None:
            break
        text = text[match.end() :]
        said = of_documentation("\n".join(line.lstrip(_MARKS).strip(_TAIL) for line in match[1].splitlines()))
        if said:
            break
    pieces = [piece for piece in _pieces(text) if len(piece.strip()) > 150 and not _IMPORTS.fullmatch(piece)]
    rng.shuffle(pieces)
    if said:
        pairs += [Pair("header", said, piece, path) for piece in pieces[:3]]
    words = path.rpartition(".")[0] or path
    if len(words) > 6:
        pairs += [Pair("path", "/".join(words.split("/")[-3:]), piece, path) for piece in pieces[:2]]
    return pairs


def _pieces(text: str) -> Sequence[str]:
    pieces: list[str] = []
    current: list[str] = []
    size = 0
    for line in text.splitlines(keepends=True):
        if size + len(line) > CHUNK_CHARS and current:
            pieces.append("".join(current))
            current, size = [], 0
        current.append(line)
        size += len(line)
    return [*pieces, "".join(current)] if current else pieces


def of_document(path: str, text: str) -> Iterator[Pair]:
    """Yield the code blocks of a Markdown document, each with its heading and the paragraph before it."""
    parts = re.split(r"^(#{1,6} [^\n]*)$", text, flags=re.MULTILINE)
    for heading, section in zip(parts[1::2], parts[2::2], strict=False):
        at = 0
        for block in _FENCE.finditer(section):
            above = [part for part in re.split(r"\n\s*\n", section[at : block.start()].strip()) if part.strip()]
            at = block.end()
            query = of_markup(". ".join([heading.lstrip("# ").strip(), *above[-1:]]))
            if block[1].lower() not in _NOT_CODE and len(block[2]) > MIN_TEXT_CHARS and is_telling(query):
                yield Pair("markdown", query, block[2][:MAX_TEXT_CHARS], path)
