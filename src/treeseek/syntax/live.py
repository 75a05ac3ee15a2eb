"""Live syntax trees: tree-sitter's own, which can be edited and parsed again at the cost of what changed."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from treeseek.syntax.columns import to_columns
from treeseek.syntax.grammars import load, parse
from treeseek.syntax.parsed import ParsedFile, parsed_file
from treeseek.syntax.splice import spliced
from treeseek.syntax.tree import SyntaxTree

if TYPE_CHECKING:
    from tree_sitter import Tree

__all__ = ["LiveFile", "parse_live", "reparse"]

_NODE_BYTES = 60
"""What a node of a live tree takes, where the allocator can't be asked (about, on 64-bit machines)."""


@dataclass(frozen=True, slots=True)
class LiveFile:
    """A parsed text with tree-sitter's tree and its columns.

    `nbytes` is the memory that parsing it took, with the text, without the columns. After an incremental parse it
    shares most of the tree with the one before, and is charged for its own part.
    """

    language: str
    data: bytes
    tree: Tree
    columns: SyntaxTree
    nbytes: int

    def parsed(self) -> ParsedFile:
        """Return it in the form that is kept."""
        return parsed_file(self.tree, self.columns, self.data)


def parse_live(data: bytes, language: str, *, deadline_seconds: float) -> LiveFile | None:
    """Parse a text in a language whose reader is "syntax"; None if that took longer than allowed."""
    tree, nbytes = _parsed(data, language, deadline_seconds, None)
    return None if tree is None else LiveFile(language, data, tree, to_columns(tree, language, data), nbytes)


def reparse(old: LiveFile, data: bytes, *, deadline_seconds: float) -> LiveFile | None:
    """Parse a new version of a text, taking over what didn't change; None if that took longer than allowed.

    What the two have in common at either end tells where the edit was. The old file stays as it is.
    """
    edited = old.tree.copy()
    start = _common(old.data, data)
    tail = _common(old.data[start:][::-1], data[start:][::-1])
    old_end, new_end = len(old.data) - tail, len(data) - tail
    edited.edit(start, old_end, new_end, _point(old.data, start), _point(old.data, old_end), _point(data, new_end))
    tree, nbytes = _parsed(data, old.language, deadline_seconds, edited)
    if tree is None:
        return None
    columns = spliced(old.columns, edited, tree, data, (start, old_end, new_end))
    return LiveFile(old.language, data, tree, columns, nbytes)


def _parsed(data: bytes, language: str, deadline_seconds: float, old: Tree | None) -> tuple[Tree | None, int]:
    """Return the tree of a text, and the bytes of memory that it took."""
    allocated = _allocator()
    before = allocated()
    tree = parse(load(language), data, deadline_seconds, old)
    if tree is None:
        return None, 0
    grown = allocated() - before
    if grown <= 0:
        grown = tree.root_node.descendant_count * _NODE_BYTES
    return tree, grown + len(data)


def _common(one: bytes, other: bytes) -> int:
    """Return how many bytes two texts begin with in common."""
    length = min(len(one), len(other))
    if one[:length] == other[:length]:
        return length
    differs = np.frombuffer(one, np.uint8, length) != np.frombuffer(other, np.uint8, length)
    return int(differs.argmax())


def _point(data: bytes, byte: int) -> tuple[int, int]:
    """Return row and column of a byte, as tree-sitter counts them: from 0, in bytes."""
    return data.count(b"\n", 0, byte), byte - (data.rfind(b"\n", 0, byte) + 1)


class _Mallinfo2(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
    )]  # fmt: skip


@cache
def _allocator() -> Callable[[], int]:
    """Return what tells how many bytes the C allocator has handed out; always 0 where it can't be asked.

    glibc's answer is right for one thread while it holds the interpreter's lock, which parsing does.
    """
    try:
        mallinfo2 = ctypes.PyDLL(None).mallinfo2
    except (OSError, AttributeError):
        return lambda: 0
    mallinfo2.restype = _Mallinfo2

    def allocated() -> int:
        told = mallinfo2()
        return int(told.uordblks + told.hblkhd)

    return allocated
