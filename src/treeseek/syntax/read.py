"""From the bytes of a file to its declarations and chunks. Total: whatever the bytes, there is an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from treeseek.model import Chunk, Declaration, Syntax
from treeseek.syntax.chunks import MAX_CHUNK_BYTES, MIN_CHUNK_BYTES, Piece, cut
from treeseek.syntax.declarations import SCOPE, Item, collect
from treeseek.syntax.documentation import plain_text
from treeseek.syntax.grammars import load, parse
from treeseek.syntax.guesses import guessed
from treeseek.syntax.headings import sections
from treeseek.syntax.languages import LANGUAGES, Language
from treeseek.syntax.lines import split
from treeseek.syntax.signatures import signature

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["ANALYSIS_VERSION", "Bounds", "analyse"]

ANALYSIS_VERSION = 3
"""Raised whenever the same bytes would give other declarations or chunks."""
_NOT_CODE = frozenset("text csv diff json yaml toml ini xml html css svg tex".split())
"""Languages that declare nothing, whatever words their lines begin with."""
MAX_ERROR_SHARE = 0.3
"""Above this share of bytes that the parser could make nothing of, the tree isn't used."""


_NESTING = np.zeros(256, np.int8)
_NESTING[list(b"([{")] = 1
_NESTING[list(b")]}")] = -1


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large a tree may be, in nodes and in levels of brackets, and how many chunks a file may give."""

    nodes: int = 2_000_000
    depth: int = 1_000
    chunks: int = 10_000


def analyse(
    data: bytes, language: str, *, deadline_seconds: float, documentation: bool = True, bounds: Bounds = Bounds()
) -> Syntax:
    """Return the declarations and chunks of a file. Never raises, whatever the bytes.

    Without `documentation`, `doc` of the declarations is empty, and nothing else differs.

    A file that can't be parsed in `deadline_seconds`, whose tree is mostly errors, or which passes one of the `bounds`,
    is cut by lines, and `fallback` of the result says why: "parse-timeout", "parse-errors", "too-many-nodes",
    "too-deep" or "too-many-chunks". An unknown language is cut by lines. What is
    cut by lines and is code declares what it seems to.
    """
    row = LANGUAGES.get(language)
    reader = row.reader if row is not None else "lines"
    if reader == "headings":
        return Syntax(language, (), _located(data, sections(data, language)))
    if reader == "lines" or not data:
        return _by_lines(data, language)
    grammar = load(language)
    tree = parse(grammar, data, deadline_seconds)
    if tree is None:
        return _by_lines(data, language, "parse-timeout")
    root = tree.root_node
    if passed := _passed(root, data, bounds):
        return _by_lines(data, language, passed)
    if root.has_error and _error_share(root, len(data)) > MAX_ERROR_SHARE:
        return _by_lines(data, language, "parse-errors")
    items = collect(grammar, root, data, documentation)
    declared, places = _declarations(data, items, grammar.language, documentation)
    pieces = cut(data, items, root)
    if len(pieces) > bounds.chunks:
        return _by_lines(data, language, "too-many-chunks")
    return Syntax(language, tuple(declared), _chunks(data, pieces, places, declared, grammar.language))


def _passed(root: Node, data: bytes, bounds: Bounds) -> str:
    """Return which bound a tree passes, "" if none."""
    if root.descendant_count > bounds.nodes:
        return "too-many-nodes"
    # Levels are counted only where so many brackets are open at once, in the text, that there may be enough.
    if _most_open(data, bounds.depth) > bounds.depth and _is_deeper(root, bounds.depth):
        return "too-deep"
    return ""


def _most_open(data: bytes, enough: int) -> int:
    """Return how many brackets are open at most, be they in strings or not; 0 if there are not even `enough`."""
    if sum(map(data.count, (b"(", b"[", b"{"))) <= enough:
        return 0
    open_at = np.cumsum(_NESTING[np.frombuffer(data, np.uint8)], dtype=np.int32)
    return int((open_at - np.minimum.accumulate(np.minimum(open_at, 0))).max())


def _is_deeper(root: Node, depth: int) -> bool:
    """Whether a tree has more than `depth` levels."""
    cursor = root.walk()
    level = 0
    while True:
        if cursor.goto_first_child():
            level += 1
            if level > depth:
                return True
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return False
            level -= 1


def _error_share(root: Node, size: int) -> float:
    """Return the share of bytes under ERROR nodes, without what is well formed there.

    An unclosed brace makes one ERROR of a whole file, whose children are nevertheless declarations and statements;
    names and other single tokens among them don't count as such.
    """
    wrong = 0
    stack = [root]
    while stack:
        node = stack.pop()
        children = node.children
        if node.is_error:
            wrong += node.end_byte - node.start_byte
            wrong -= sum(child.end_byte - child.start_byte for child in children if _is_formed(child))
        stack += [child for child in children if child.has_error]
    return wrong / size


def _is_formed(node: Node) -> bool:
    return node.is_named and not node.is_error and (node.child_count > 0 or node.is_extra)


def _by_lines(data: bytes, language: str, fallback: str = "") -> Syntax:
    spans = split(data, 0, len(data), MAX_CHUNK_BYTES, MIN_CHUNK_BYTES) if data.strip() else []
    declared, places = guessed(data) if language not in _NOT_CODE else ([], [])
    chunks = _located(data, [("text", "", "", start, end) for start, end in spans], places)
    return Syntax(language, tuple(declared), chunks, fallback)


def _located(
    data: bytes, spans: Sequence[tuple[str, str, str, int, int]], inside: Sequence[tuple[int, int]] = ()
) -> tuple[Chunk, ...]:
    """Return chunks of (kind, name, header, start, end), without blank lines around them, with their lines.

    `inside` has the place of each declaration's name and its number, in order.
    """
    chunks = []
    line, counted = 1, 0
    at, last_at = 0, len(inside)
    for kind, name, header, start, end in spans:
        begin = at
        while at < last_at and inside[at][0] < end:
            at += 1
        if at == begin + 1:
            numbers: tuple[int, ...] = (inside[begin][1],)
        else:
            numbers = tuple(sorted([number for _, number in inside[begin:at]])) if at > begin else ()
        start, end = _trimmed(data, start, end)
        line += data.count(b"\n", counted, start)
        last = line + data.count(b"\n", start, end)
        chunks.append(Chunk(kind, name, header, start, end, line, last, numbers))
        line, counted = last, end
    return tuple(chunks)


def _trimmed(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Leave out blank lines before and white space after the text of a span that isn't all blank."""
    text = data[start:end].rstrip()
    end = start + len(text)
    blank = len(text) - len(text.lstrip()) if text[0] <= 32 else 0
    if blank:
        start = data.rfind(b"\n", start, start + blank) + 1 or start
    return start, end


def _declarations(
    data: bytes, items: Sequence[Item], language: Language, documentation: bool
) -> tuple[list[Declaration], list[tuple[int, int]]]:
    """Number the declarations among the items in order of the file; return them, and where their names stand."""
    declared: list[Declaration] = []
    places: list[tuple[int, int]] = []
    line, counted = 1, 0
    stack = list(reversed(items))
    count = data.count
    while stack:
        item = stack.pop()
        children = item.children
        if children:
            stack += reversed(children)
        if item.kind == SCOPE:
            continue
        start, end = item.start, item.end
        line += count(b"\n", counted, start) if start >= counted else -count(b"\n", start, counted)
        first, last = line, line + count(b"\n", start, end - 1)
        if children or end == start:
            counted = start
        else:
            line, counted = last, end - 1
        item.index = len(declared)
        places.append((item.name_byte, item.index))
        doc = plain_text(data, item.doc) if documentation and item.doc[1] else ""
        declared.append(
            Declaration(item.kind, item.name, signature(data, item, language), doc, start, end, first, last)
        )
    return declared, places


def _chunks(
    data: bytes,
    pieces: Sequence[Piece],
    places: list[tuple[int, int]],
    declared: Sequence[Declaration],
    language: Language,
) -> tuple[Chunk, ...]:
    """Return the pieces as chunks, each with the declarations whose names stand in it."""
    spans = []
    for piece in pieces:
        main = piece.main or piece.owner
        if main is None:
            spans.append(("block", "", "", piece.start, piece.end))
            continue
        kind = "block" if piece.main is None or main.kind == SCOPE else main.kind
        header = declared[main.index].signature if main.index >= 0 else signature(data, main, language)
        spans.append((kind, main.name, header, piece.start, piece.end))
    places.sort()
    return _located(data, spans, places)
