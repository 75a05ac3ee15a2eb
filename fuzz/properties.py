"""What must hold of syntax trees, whatever text they are of. Each check raises AssertionError if it doesn't.

The tests hold trees of real and of damaged files against the same checks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from treeseek.syntax.codec import decode, encode
from treeseek.syntax.grammars import language_of
from treeseek.syntax.tree import ERROR, EXTRA, MISSING, NAMED, SyntaxTree

if TYPE_CHECKING:
    from collections.abc import Iterable

    import tree_sitter

__all__ = [
    "CONTENT",
    "agrees_with_parser",
    "answers_everything",
    "holds_together",
    "naive_rows",
    "sample",
    "stored_and_back",
    "without_missing_fields",
    "written_by_parser",
]

CONTENT = "00112233445566778899aabbccddeeff"
"""A content hash for trees whose text doesn't matter."""
_ROWS = 48
_MISSING = re.compile(r"(?: \w+:)? \(MISSING (?:\"(.+?)\"|(\w+))\)")
_UNEXPECTED = re.compile(r"\(UNEXPECTED (?:'.{1,2}'|-?\d+|INVALID)\)")


def sample(rows: int, most: int = _ROWS) -> Iterable[int]:
    """Return some rows of a tree, spread over all of it: the first and the last are among them."""
    return sorted({*np.linspace(0, rows - 1, min(rows, most), dtype=int).tolist()})


def naive_rows(root: tree_sitter.Node) -> list[tuple[str, str, int, int, int, int, int, int]]:
    """Return kind, field, flags, start, end, size, depth and parent of every node, asked for one by one."""
    rows: list[list[object]] = []
    stack = [(root, "", 0, -1)]
    while stack:
        node, field, depth, parent = stack.pop()
        flags = node.is_named * NAMED | node.is_missing * MISSING | node.is_extra * EXTRA | node.is_error * ERROR
        rows.append([node.type, field, flags, node.start_byte, node.end_byte, 1, depth, parent])
        here = len(rows) - 1
        fields = [node.field_name_for_child(index) or "" for index in range(node.child_count)]
        inside = zip(node.children, fields, strict=True)
        stack += reversed([(child, field, depth + 1, here) for child, field in inside])
    for row in range(len(rows) - 1, 0, -1):
        rows[rows[row][7]][5] += rows[row][5]  # type: ignore[index,operator,call-overload]
    return [tuple(row) for row in rows]  # type: ignore[misc]


def agrees_with_parser(tree: SyntaxTree, parsed: tree_sitter.Tree) -> None:
    """Every column says what tree-sitter says, node by node."""
    expected = naive_rows(parsed.root_node)
    columns = (tree.flags, tree.start, tree.end, tree.size, tree.depth, tree.parent)
    found = list(
        zip(
            (tree.kind_name(row) for row in range(len(tree))),
            (tree.field_name(row) for row in range(len(tree))),
            *(column.tolist() for column in columns),
            strict=True,
        )
    )
    for row, (ours, theirs) in enumerate(zip(found, expected, strict=False)):
        assert ours == theirs, f"row {row}: {ours}, tree-sitter has {theirs}"
    assert len(found) == len(expected)


def written_by_parser(node: tree_sitter.Node, name: str) -> str:
    """Return tree-sitter's S-expression without what no node says.

    That is: which character wasn't expected, and what was made up for tokens that are hidden in the grammar. Fields of
    missing nodes are left out too.
    """
    language = language_of(name)
    visible = {
        language.node_kind_for_id(number)
        for number in range(language.node_kind_count)
        if language.node_kind_is_visible(number)
    }

    def without_hidden(match: re.Match[str]) -> str:
        return match[0] if (match[1] or match[2]) in visible else ""

    written = _MISSING.sub(without_hidden, _UNEXPECTED.sub("(ERROR)", str(node)))
    return without_missing_fields(written)


def without_missing_fields(written: str) -> str:
    """Return an S-expression without the fields of missing nodes, on which tree-sitter doesn't agree with itself."""
    return re.sub(r"\w+: \(MISSING", "(MISSING", written)


def holds_together(tree: SyntaxTree) -> None:
    """The columns describe one tree in pre-order within the text."""
    rows = np.arange(len(tree))
    assert len(tree) and tree.size[0] == len(tree)
    assert (tree.size >= 1).all() and (rows + tree.size <= len(tree)).all()
    inner = rows[1:]
    above = tree.parent[1:]
    assert (above >= 0).all() and (above < inner).all()
    assert (inner + tree.size[1:] <= above + tree.size[above]).all()
    assert (tree.start >= 0).all() and (tree.end >= tree.start).all()
    assert (tree.end <= tree.end[0]).all()


def stored_and_back(tree: SyntaxTree) -> bytes:
    """Storing loses nothing and is deterministic; returns the stored form."""
    stored = encode(tree, CONTENT)
    again = decode(stored, CONTENT)
    assert again == tree
    assert [column.dtype for column in again.columns] == [column.dtype for column in tree.columns]
    assert encode(again, CONTENT) == stored == encode(tree, CONTENT)
    return stored


def answers_everything(tree: SyntaxTree) -> None:
    """No question about a tree raises anything or goes on for ever, however the tree came about."""
    repr(tree)
    assert tree.nbytes > 0 and tree.has_errors in (True, False)
    assert len(tree.depth) == len(tree.parent) == len(tree)
    for row in sample(len(tree)):
        node = tree.node(row)
        kind, field = node.kind, node.field
        children = tree.children(row)
        assert all(row < child < len(tree) for child in children)
        assert [child.row for child in node.children] == children
        assert all(above < row for above in tree.ancestors(row))
        assert (node.parent is None) == (row == 0)
        assert node.child(field) is None or node.child(field).field == field  # type: ignore[union-attr]
        assert row in tree.by_kind(kind)
        assert not field or row in tree.by_field(field)
        start, end = node.span
        assert start > end or row in tree.within(start, end)
        assert 0 <= tree.at(start) < len(tree)
        assert 0 <= tree.at(start, end, named=True) < len(tree)
        assert sum(1 for _ in node.walk()) == tree.size[row]
        if tree.source is not None:
            tree.named(node.text)
    assert str(tree.node())
