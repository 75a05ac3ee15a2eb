"""From tree-sitter's tree to columns, in one pass of a cursor: the one place that visits every node."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import numpy as np

from treeseek.syntax.grammars import Vocabulary, load, parse, vocabulary
from treeseek.syntax.tree import ERROR, EXTRA, MISSING, NAMED, SyntaxTree, subtree_sizes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tree_sitter import Node, Tree

    Columns = tuple[
        NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint8], NDArray[np.int32], NDArray[np.int32],
        NDArray[np.int32],
    ]  # fmt: skip

__all__ = ["NO_KIND", "parse_tree", "subtree_columns", "to_columns"]

NO_KIND = 65_535
"""How the binding numbers an ERROR node."""


def parse_tree(data: bytes, language: str, *, deadline_seconds: float) -> SyntaxTree | None:
    """Return the syntax tree of a text, which it keeps as its source; None if parsing took longer than allowed.

    `language` is one whose reader is "syntax".
    """
    tree = parse(load(language), data, deadline_seconds)
    return None if tree is None else to_columns(tree, language, data)


def to_columns(tree: Tree, language: str, source: bytes | None) -> SyntaxTree:
    """Return the columns of a parsed tree."""
    names = vocabulary(language)
    kind, field, flags, start, end, size = subtree_columns(tree.root_node, names)
    return SyntaxTree(
        language, names, kind=kind, field=field, flags=flags, start=start, end=end, size=size, source=source
    )  # fmt: skip


def subtree_columns(root: Node, names: Vocabulary) -> Columns:
    """Return kind, field, flags, start, end and size of a node and all inside it; the field of the first is 0.

    About 0.5 µs a node, nearly all of it the calls of the binding; so each thing is asked for once, only extra nodes
    are noted one by one, and a second look for what the parser made up is taken only at trees with errors.
    """
    kinds, fields, starts, ends, depths = array("H"), array("H"), array("I"), array("I"), array("I")
    extras = array("I")
    add_kind, add_field, add_start, add_end = kinds.append, fields.append, starts.append, ends.append
    add_depth = depths.append
    cursor = root.walk()
    to_child, to_sibling, to_parent = cursor.goto_first_child, cursor.goto_next_sibling, cursor.goto_parent
    depth = 0
    is_inside = True
    while is_inside:
        node = cursor.node
        add_kind(node.kind_id)  # type: ignore[union-attr]  # a cursor is always at a node
        add_field(cursor.field_id or 0)
        add_start(node.start_byte)  # type: ignore[union-attr]
        add_end(node.end_byte)  # type: ignore[union-attr]
        add_depth(depth)
        if node.is_extra:  # type: ignore[union-attr]
            extras.append(len(kinds) - 1)
        if to_child():
            depth += 1
            continue
        while not to_sibling():
            if not to_parent():
                is_inside = False
                break
            depth -= 1
    kind = _column(kinds, np.uint16)
    flags = np.frombuffer(names.named, np.uint8)[np.minimum(kind, names.error)] * np.uint8(NAMED)
    flags[_column(extras, np.int32)] |= EXTRA
    if root.has_error:
        _mark_errors(root, names, kind, flags)
    size = subtree_sizes(_column(depths, np.int32))
    return kind, _column(fields, np.uint16), flags, _column(starts, np.int32), _column(ends, np.int32), size


def _column(values: array[int], dtype: Any) -> NDArray[Any]:
    column: NDArray[Any] = np.frombuffer(values, values.typecode).astype(dtype, copy=False)
    return column


def _mark_errors(root: Node, names: Vocabulary, kind: NDArray[np.uint16], flags: NDArray[np.uint8]) -> None:
    """Give error nodes their kind, and mark them and what is missing; only where a subtree has an error is looked."""
    wrong = kind == NO_KIND
    kind[wrong] = names.error
    flags[wrong] |= ERROR
    stack = [(root, 0)]
    while stack:
        node, row = stack.pop()
        if node.is_missing:
            flags[row] |= MISSING
        at = row + 1
        for child in node.children:
            if child.has_error:
                stack.append((child, at))
            at += child.descendant_count
