"""A whole concrete syntax tree as columns: one row a node, in pre-order, without a Python object for any of them.

A node is its row. The subtree of row `i` is the rows from `i` to `i + size[i]`, so what is inside what is arithmetic,
and most questions are one comparison over a column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from treeseek.errors import TreeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from treeseek.syntax.grammars import Vocabulary

    Rows = NDArray[np.intp]
    Ints = NDArray[np.int32]

__all__ = ["ERROR", "EXTRA", "MISSING", "NAMED", "Node", "SyntaxTree", "subtree_sizes"]

NAMED, MISSING, EXTRA, ERROR = 1, 2, 4, 8
"""The bits of `SyntaxTree.flags`."""


class SyntaxTree:
    """The syntax tree of one text. Read-only, and safe to share between threads.

    Columns, each with one value a node: `kind` (uint16, an index into `vocabulary.kinds`), `field` (uint16, an index
    into `vocabulary.fields`, 0 for none), `flags` (uint8: NAMED, MISSING, EXTRA, ERROR), `start` and `end` (int32,
    bytes), `size` (int32, rows of the subtree with its root). `depth` and `parent` (int32) are derived when first
    asked for. `source` is the text, if it was kept; only `text` needs it.
    """

    def __init__(
        self,
        language: str,
        vocabulary: Vocabulary,
        *,
        kind: NDArray[np.uint16],
        field: NDArray[np.uint16],
        flags: NDArray[np.uint8],
        start: Ints,
        end: Ints,
        size: Ints,
        source: bytes | None = None,
    ) -> None:
        self.language = language
        self.vocabulary = vocabulary
        self.kind = kind
        self.field = field
        self.flags = flags
        self.start = start
        self.end = end
        self.size = size
        self.source = source
        for column in self.columns:
            column.setflags(write=False)

    @property
    def columns(self) -> tuple[NDArray[np.generic], ...]:
        """The columns a tree is made of: kind, field, flags, start, end, size."""
        return self.kind, self.field, self.flags, self.start, self.end, self.size

    @property
    def nbytes(self) -> int:
        """The bytes of memory that the columns take, those derived so far included, without the source."""
        derived = (self.__dict__.get(name) for name in ("depth", "parent"))
        return sum(column.nbytes for column in (*self.columns, *derived) if column is not None)

    def __len__(self) -> int:
        return len(self.kind)

    def __eq__(self, other: object) -> bool:
        """Compare language and every column; the source isn't looked at."""
        if not isinstance(other, SyntaxTree):
            return NotImplemented
        return self.language == other.language and all(
            np.array_equal(mine, theirs) for mine, theirs in zip(self.columns, other.columns, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<SyntaxTree {self.language}, {len(self)} nodes>"

    def with_source(self, source: bytes) -> SyntaxTree:
        """Return the same tree, sharing its columns, with the text it was made from.

        Raises:
            TreeError: the text is shorter than the tree.
        """
        if len(self) and len(source) < int(self.end[0]):
            raise TreeError(f"a tree of {self.end[0]} bytes can't be of a text of {len(source)}")
        kind, field, flags, start, end, size = self.kind, self.field, self.flags, self.start, self.end, self.size
        return SyntaxTree(
            self.language, self.vocabulary, kind=kind, field=field, flags=flags, start=start, end=end, size=size,
            source=source,
        )  # fmt: skip

    # -- derived columns ---------------------------------------------------------------------------------------

    @cached_property
    def depth(self) -> Ints:
        """How many ancestors each node has."""
        rows = len(self)
        closed = np.bincount(np.arange(rows) + self.size, minlength=rows + 1)[:rows]
        opened = np.ones(rows, np.int64)
        depth = (np.cumsum(opened - closed) - 1).astype(np.int32)
        depth.setflags(write=False)
        return depth

    @cached_property
    def parent(self) -> Ints:
        """The row of each node's parent, -1 for the root.

        Sorted by level, siblings are neighbours, and the first of them stands right after their parent.
        """
        rows = len(self)
        levels = self.depth.astype(np.uint16) if rows and int(self.depth.max()) < 65_536 else self.depth
        order = np.argsort(levels, kind="stable")
        is_first = self.depth[order - 1] < self.depth[order]
        first = np.maximum.accumulate(np.where(is_first, np.arange(rows), 0))
        parent = np.empty(rows, np.int32)
        parent[order] = order[first] - 1
        parent[:1] = -1
        parent.setflags(write=False)
        return parent

    @property
    def has_errors(self) -> bool:
        """Whether a node is an error or missing; what was made up for a token that has no node doesn't show."""
        return bool((self.flags & (ERROR | MISSING)).any())

    # -- what is asked of a tree -------------------------------------------------------------------------------

    def kind_name(self, row: int) -> str:
        """Return the grammar's name for what a node is; "ERROR" for what the parser couldn't fit in."""
        return self.vocabulary.kinds[int(self.kind[row])]

    def field_name(self, row: int) -> str:
        """Return the field that a node fills in its parent, "" if none."""
        return self.vocabulary.fields[int(self.field[row])]

    def text(self, row: int) -> bytes:
        """Return the bytes of a node.

        Raises:
            TreeError: the tree was loaded without its text.
        """
        if self.source is None:
            raise TreeError("this tree was loaded without its text; attach it with `with_source`")
        return self.source[int(self.start[row]) : int(self.end[row])]

    def children(self, row: int) -> list[int]:
        """Return the rows of a node's children, in order."""
        size = self.size
        at, last = row + 1, row + int(size[row])
        rows = []
        while at < last:
            rows.append(at)
            at += int(size[at])
        return rows

    def child(self, row: int, field: str) -> int | None:
        """Return the first child that fills `field`, or None."""
        return next((child for child in self.children(row) if self.field_name(child) == field), None)

    def ancestors(self, row: int) -> list[int]:
        """Return the rows that a node is inside of, the innermost first."""
        rows = []
        while (row := int(self.parent[row])) >= 0:
            rows.append(row)
        return rows

    def by_kind(self, *names: str) -> Rows:
        """Return the rows whose kind has one of these names, in order of the text."""
        wanted = [number for number, name in enumerate(self.vocabulary.kinds) if name in names]
        return np.flatnonzero(np.isin(self.kind, wanted))

    def by_field(self, *names: str) -> Rows:
        """Return the rows that fill one of these fields."""
        wanted = [number for number, name in enumerate(self.vocabulary.fields) if number and name in names]
        return np.flatnonzero(np.isin(self.field, wanted))

    def named(self, text: bytes) -> Rows:
        """Return the named leaves that read `text`: everywhere an identifier stands.

        Raises:
            TreeError: the tree was loaded without its text.
        """
        fits = (self.end - self.start == len(text)) & (self.size == 1) & (self.flags & NAMED > 0)
        return np.array([row for row in np.flatnonzero(fits).tolist() if self.text(row) == text], np.intp)

    def within(self, start: int, end: int) -> Rows:
        """Return the rows that lie wholly between two bytes of the text."""
        return np.flatnonzero((self.start >= start) & (self.end <= end))

    def at(self, start: int, end: int | None = None, *, named: bool = False) -> int:
        """Return the smallest node that covers the byte `start`, or all from `start` to `end`; the root if none does.

        `named` leaves out tokens. Where several cover the same bytes, the innermost is meant.
        """
        end = start + 1 if end is None else end
        covers = (self.start <= start) & (self.end >= end)
        if named:
            covers &= self.flags & NAMED > 0
        rows = np.flatnonzero(covers)
        return int(rows[-1]) if len(rows) else 0

    def node(self, row: int = 0) -> Node:
        """Return a view of one node; of the root, if not told."""
        return Node(self, row)


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a tree, for people: a row with names on it. Nothing is copied and nothing is kept."""

    tree: SyntaxTree
    row: int

    @property
    def kind(self) -> str:
        """The grammar's name for what this is."""
        return self.tree.kind_name(self.row)

    @property
    def field(self) -> str:
        """The field that it fills in its parent, "" if none."""
        return self.tree.field_name(self.row)

    @property
    def span(self) -> tuple[int, int]:
        """Its first byte, and the one after its last."""
        return int(self.tree.start[self.row]), int(self.tree.end[self.row])

    @property
    def text(self) -> bytes:
        """Its bytes."""
        return self.tree.text(self.row)

    @property
    def is_named(self) -> bool:
        """Whether it is more than a token."""
        return bool(self.tree.flags[self.row] & NAMED)

    @property
    def parent(self) -> Node | None:
        """What it is a child of; None for the root."""
        row = int(self.tree.parent[self.row])
        return None if row < 0 else Node(self.tree, row)

    @property
    def children(self) -> Sequence[Node]:
        """Its children, in order."""
        return [Node(self.tree, row) for row in self.tree.children(self.row)]

    def child(self, field: str) -> Node | None:
        """Return the first child that fills `field`, or None."""
        row = self.tree.child(self.row, field)
        return None if row is None else Node(self.tree, row)

    def walk(self) -> Iterator[Node]:
        """Yield this node and all inside it, in pre-order."""
        return (Node(self.tree, row) for row in range(self.row, self.row + int(self.tree.size[self.row])))

    def __str__(self) -> str:
        """Return the named nodes, and tokens that are missing, as an S-expression.

        As tree-sitter writes it, but that it calls an ERROR without children by its first character, and also mentions
        missing tokens that have no node.
        """
        tree = self.tree
        parts: list[str] = []
        closing: list[int] = []
        for row in range(self.row, self.row + int(tree.size[self.row])):
            while closing and row >= closing[-1]:
                closing.pop()
                parts.append(")")
            if row != self.row:
                if not tree.flags[row] & (NAMED | MISSING):
                    continue
                field = tree.field_name(row)
                parts.append(f" {field}: " if field else " ")
            parts.append("(" + self._label(row))
            closing.append(row + int(tree.size[row]))
        return "".join(parts) + ")" * len(closing)

    def _label(self, row: int) -> str:
        """Return the name of a kind; quoted, that of a token that says nothing else."""
        flags, name = int(self.tree.flags[row]), self.tree.kind_name(row)
        label = name if flags & NAMED or self.tree.size[row] > 1 else f'"{name}"'
        return f"MISSING {label}" if flags & MISSING else label


def subtree_sizes(depth: NDArray[np.integer]) -> Ints:
    """Return the rows of each node's subtree, from the depths of all nodes in pre-order (the root's is 0).

    Every node with children opens a bracket, and the last leaf inside it closes it. At one level opening and closing
    alternate; so, sorted by level, the first opening belongs to the first closing, and so on: matching brackets takes
    two stable sorts (by counting, where levels fit in 16 bits), and no stack.
    """
    rows = len(depth)
    levels = depth.astype(np.int32)
    after = np.empty(rows, np.int32)
    after[:-1] = levels[1:]
    after[-1:] = 0
    size = np.ones(rows, np.int32)
    opens = np.flatnonzero(after > levels)
    if not len(opens):
        return size
    closes = np.where(after > levels, 0, levels - after)
    total = int(closes.sum())
    at = np.repeat(np.arange(1, rows + 1, dtype=np.int32), closes)
    first = np.repeat(np.cumsum(closes) - closes, closes)
    level = np.repeat(levels - 1, closes) - (np.arange(total) - first)
    width = np.uint16 if int(levels.max()) < 65_536 else np.int32
    by_level = np.argsort(levels[opens].astype(width), kind="stable")
    ends = at[np.argsort(level.astype(width), kind="stable")]
    size[opens[by_level]] = ends - opens[by_level]
    return size
