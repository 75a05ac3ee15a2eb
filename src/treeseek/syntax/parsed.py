"""A file as it is kept: its syntax tree, and what it declares, each declaration with hashes to know it again by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from treeseek.syntax.canonical.complexity import complexities
from treeseek.syntax.columns import to_columns
from treeseek.syntax.declarations import SCOPE, Item, collect
from treeseek.syntax.grammars import load, parse
from treeseek.syntax.hashes import Hashes, subtree_hashes
from treeseek.syntax.signatures import signature
from treeseek.syntax.tree import SyntaxTree

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tree_sitter import Tree

__all__ = ["Declared", "PackedDeclarations", "ParsedFile", "parse_file", "parsed_file", "similarity"]

SKETCH_SIZE = 16
"""Bytes of a sketch."""
_LEVEL = np.uint64(0xA0761D6478BD642F)
_SKETCHED_NODES = 8
_NONE = np.uint32(0x0FFFFFFF)
_CLASS_SHIFT = np.uint32(28)
"""Subtrees up to this size are what a sketch is of."""


class Declared(NamedTuple):
    """A declaration in a tree.

    `start` to `end` are its bytes with its doc comment and attributes, `row` its node, `parent` the number of the
    declaration that it stands in (-1 for none) in the file's list. `complexity` is cyclomatic.

    The hashes are blind to white space and to where things stand. `exact` is of everything in it; `content` leaves out
    comments and its own name; `header` and `body` also what is declared inside it. `sketch` (SKETCH_SIZE
    bytes) tells how similar two declarations are. `exact`, `header` and `body` have 32 bits, `content` has 64.
    """

    kind: str
    name: str
    signature: str
    start: int
    end: int
    row: int
    parent: int
    complexity: int
    exact: int
    content: int
    header: int
    body: int
    sketch: bytes

    @property
    def own_name(self) -> str:
        """The last part of its name."""
        return self.name.rpartition(".")[2]


class ParsedFile:
    """The syntax tree of a file, and its declarations in the order in which they begin.

    Declarations that come out of storage are unpacked when they are first asked for: who only looks at the tree doesn't
    wait for them.
    """

    __slots__ = ("_declarations", "tree")

    def __init__(self, tree: SyntaxTree, declarations: Sequence[Declared] | PackedDeclarations = ()) -> None:
        self.tree = tree
        self._declarations = (
            declarations if isinstance(declarations, PackedDeclarations) else PackedDeclarations(tuple(declarations))
        )

    @property
    def declarations(self) -> tuple[Declared, ...]:
        """What the file declares.

        Raises:
            TreeCorruptError: they were stored, by something that isn't `encode_file`.
        """
        return self._declarations.unpacked()

    @property
    def packed_bytes(self) -> int | None:
        """How many bytes hold the declarations while they are packed; None once they are unpacked."""
        return self._declarations.packed_bytes

    @property
    def language(self) -> str:
        """The language that it was read in."""
        return self.tree.language

    def checked(self) -> ParsedFile:
        """Unpack the declarations now, where what is wrong with them can be told; return the file.

        Raises:
            TreeCorruptError: they don't hold together.
        """
        self._declarations.unpacked()
        return self

    def with_tree(self, tree: SyntaxTree) -> ParsedFile:
        """Return the same declarations with another form of the same tree: with its source, or without."""
        return ParsedFile(tree, self._declarations)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ParsedFile):
            return NotImplemented
        return self.tree == other.tree and self.declarations == other.declarations

    __hash__ = None  # type: ignore[assignment]


class PackedDeclarations:
    """Declarations, or the bytes they are packed in until somebody asks. Threads may share it."""

    __slots__ = ("_found", "_packed", "_unpack")

    def __init__(
        self,
        found: tuple[Declared, ...] | None,
        packed: bytes = b"",
        unpack: Callable[[bytes], tuple[Declared, ...]] = lambda _: (),
    ) -> None:
        self._found, self._packed, self._unpack = found, packed, unpack

    def unpacked(self) -> tuple[Declared, ...]:
        """Return the declarations."""
        if self._found is None:
            self._found = self._unpack(self._packed)
            self._packed = b""
        return self._found

    @property
    def packed_bytes(self) -> int | None:
        """The bytes that hold them, None once they are unpacked."""
        return len(self._packed) if self._found is None else None


def parse_file(data: bytes, language: str, *, deadline_seconds: float) -> ParsedFile | None:
    """Parse a text in a language whose reader is "syntax"; None if that took longer than allowed."""
    tree = parse(load(language), data, deadline_seconds)
    return None if tree is None else parsed_file(tree, to_columns(tree, language, data), data)


def parsed_file(tree: Tree, columns: SyntaxTree, data: bytes) -> ParsedFile:
    """Return what is kept of a text, given its tree in both forms."""
    items = _flat(collect(load(columns.language), tree.root_node, data, docstrings=False))
    if not items:
        return ParsedFile(columns, ())
    rows = np.array([_row(columns, item) for item, _ in items], np.int64)
    measured = complexities(columns, rows)
    return ParsedFile(columns, tuple(_declared(columns, data, items, rows.tolist(), measured.tolist())))


def _flat(items: Sequence[Item]) -> list[tuple[Item, int]]:
    """Return all declarations among nested items, in order, each with the number of the one around it."""
    found: list[tuple[Item, int]] = []
    stack = [(item, -1) for item in reversed(items)]
    while stack:
        item, parent = stack.pop()
        if item.kind != SCOPE:
            found.append((item, parent))
            parent = len(found) - 1
        stack += [(child, parent) for child in reversed(item.children)]
    return found


def _row(tree: SyntaxTree, item: Item) -> int:
    """Return the row of the node that an item was made of."""
    start, end, kind = item.node.start_byte, item.node.end_byte, item.node.kind_id
    first, last = np.searchsorted(tree.start, (start, start + 1))
    here = slice(first, last)
    fits = np.flatnonzero((tree.end[here] == end) & (tree.kind[here] == kind))
    return int(first + fits[0]) if len(fits) else int(first)


def _declared(
    tree: SyntaxTree, data: bytes, items: list[tuple[Item, int]], rows: list[int], measured: list[int]
) -> list[Declared]:
    exact, code = subtree_hashes(tree), subtree_hashes(tree, comments=False)
    language = load(tree.language).language
    runs = _runs(tree, [item for item, _ in items], rows)
    parts = _Parts(tree, code, items, runs)
    names = np.searchsorted(tree.start, [item.name_byte for item, _ in items], side="right") - 1
    sketches = _sketches(tree, code, runs)
    found = []
    for number, ((item, parent), row, name, (first, last)) in enumerate(zip(items, rows, names, runs, strict=True)):
        header, body = parts.hashes(number, row, int(name))
        found.append(
            Declared(
                item.kind, item.name, signature(data, item, language), item.start, item.end, row, parent,
                measured[number], exact.run(first, last) >> 32, code.run(first, last, without=int(name)), header, body,
                sketches[number],
            )
        )  # fmt: skip
    return found


class _Parts:
    """Hashes of the header and the body of declarations, without what is declared inside them."""

    def __init__(
        self, tree: SyntaxTree, code: Hashes, items: list[tuple[Item, int]], runs: list[tuple[int, int]]
    ) -> None:
        self._depth = tree.depth
        self._words = code.shallow
        self._is_code = code.own > 0
        self._runs = runs
        self._inside: dict[int, list[tuple[int, int]]] = {}
        self._bodies = np.searchsorted(tree.start, [item.body for item, _ in items]).tolist()
        for (_, parent), run in zip(items, runs, strict=True):
            self._inside.setdefault(parent, []).append(run)

    def hashes(self, number: int, row: int, name: int) -> tuple[int, int]:
        """Return the hashes of header and body."""
        first, last = self._runs[number]
        body = min(max(self._bodies[number], first), last)
        own = self._is_code[first:last].copy()
        if first <= name < last:
            own[name - first] = False
        for start, end in self._inside.get(number, ()):
            own[max(start - first, 0) : max(end - first, 0)] = False
        levels = (self._depth[first:last] - self._depth[row]).astype(np.uint64)
        words = self._words[first:last] + levels * _LEVEL
        cut = body - first
        return _digest(words[:cut][own[:cut]]), _digest(words[cut:][own[cut:]])


def _digest(words: NDArray[np.uint64]) -> int:
    return int.from_bytes(blake2b(words.tobytes(), digest_size=4).digest(), "little")


def _runs(tree: SyntaxTree, items: list[Item], rows: list[int]) -> list[tuple[int, int]]:
    """Return the rows that each item covers: from its attributes and comments to its end, of all its clauses."""
    firsts = np.searchsorted(tree.start, [item.start for item in items]).tolist()
    lasts = np.searchsorted(tree.start, [item.end for item in items]).tolist()
    runs = []
    for row, first, last in zip(rows, firsts, lasts, strict=True):
        at = first
        while at < row < at + int(tree.size[at]):  # what is around it may begin at the same byte
            at += 1
        runs.append((min(at, row), max(last, row + 1)))
    return runs


def _sketches(tree: SyntaxTree, hashes: Hashes, runs: list[tuple[int, int]]) -> list[bytes]:
    """Return a sketch of each run: of its small subtrees, the least hash in each of 16 classes, a byte of it.

    That is one-permutation hashing (Li, Owen and Zhang 2012), of b-bit values (Li and König 2010). 0 is an empty one.
    """
    wanted = (tree.size <= _SKETCHED_NODES) & (hashes.own > 0)
    words = (hashes.subtree >> np.uint64(32)).astype(np.uint32)
    sketches = []
    for first, last in runs:
        some = words[first:last][wanted[first:last]]
        least = np.full(SKETCH_SIZE, _NONE, np.uint32)
        np.minimum.at(least, some >> _CLASS_SHIFT, some & _NONE)
        sketches.append(np.where(least == _NONE, 0, least % 255 + 1).astype(np.uint8).tobytes())
    return sketches


def similarity(one: bytes, other: bytes) -> float:
    """Estimate from two sketches how much their declarations have in common: 0 to 1 (Jaccard index)."""
    used = [(mine, theirs) for mine, theirs in zip(one, other, strict=True) if mine or theirs]
    return sum(mine == theirs for mine, theirs in used) / len(used) if used else 1.0
