"""The columns of an edited tree, made of those before the edit: only what changed is visited.

In pre-order an edit leaves all rows before it as they were, and all rows after it but for their offsets. Only the nodes
around the edit, whose ends and sizes may be others now, and those in it are taken from the new tree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from treeseek.syntax.columns import NO_KIND, subtree_columns, to_columns
from treeseek.syntax.tree import ERROR, EXTRA, MISSING, NAMED, SyntaxTree

if TYPE_CHECKING:
    from tree_sitter import Node, Tree, TreeCursor

    from treeseek.syntax.grammars import Vocabulary

__all__ = ["spliced"]


def spliced(old: SyntaxTree, edited: Tree, new: Tree, data: bytes, edit: tuple[int, int, int]) -> SyntaxTree:
    """Return the columns of `new`, the tree of `data`, from those of the tree before the edit.

    `edited` is tree-sitter's tree before, told of the edit: it was made from byte `edit[0]` on, up to `edit[1]` of the
    old text and `edit[2]` of the new one.
    """
    ranges = edited.changed_ranges(new)
    first = min([edit[0], *(one.start_byte for one in ranges)])
    last = max([edit[2], *(one.end_byte for one in ranges)])
    path = _find(old, new, first, last)
    shift = new.root_node.descendant_count - len(old)
    if not path.fits(old, shift, edit[2] - edit[1]):
        return to_columns(new, old.language, data)
    return path.joined(old, shift, edit[2] - edit[1], data)


class _Row(NamedTuple):
    """What the new tree says of one node."""

    row: int
    kind: int
    field: int
    flags: int
    start: int
    end: int
    size: int


@dataclass(slots=True)
class _Path:
    """The nodes around an edit (`around`), their other children (`before` and `after`), and what is edited itself.

    `edited` are whole subtrees, with the fields they fill; they take the rows from `row` on.
    """

    names: Vocabulary
    around: list[_Row] = field(default_factory=list)
    before: list[_Row] = field(default_factory=list)
    after: list[_Row] = field(default_factory=list)
    edited: list[tuple[Node, int]] = field(default_factory=list)
    row: int = 0

    def fits(self, old: SyntaxTree, shift: int, moved: int) -> bool:
        """Check that what is said to be the same is: the nodes along the path, against the old columns."""
        stop = self.row + sum(node.descendant_count for node, _ in self.edited) - shift
        if not self.row <= stop <= len(old):
            return False
        around = np.array(self.around).reshape(-1, 7).T
        if not (np.array_equal(old.kind[around[0]], around[1]) and np.array_equal(old.start[around[0]], around[4])):
            return False
        return self._same(old, self.before, 0, 0) and self._same(old, self.after, shift, moved)

    @staticmethod
    def _same(old: SyntaxTree, rows: list[_Row], shift: int, moved: int) -> bool:
        if not rows:
            return True
        row, kind, fills, flags, start, end, size = np.array(rows).T
        at = row - shift
        return (
            at.min() >= 0
            and at.max() < len(old)
            and np.array_equal(old.kind[at], kind)
            and np.array_equal(old.field[at], fills)
            and np.array_equal(old.flags[at] & (NAMED | EXTRA), flags & (NAMED | EXTRA))
            and np.array_equal(old.start[at] + moved, start)
            and np.array_equal(old.end[at] + moved, end)
            and np.array_equal(old.size[at], size)
        )

    def joined(self, old: SyntaxTree, shift: int, moved: int, data: bytes) -> SyntaxTree:
        """Return the old rows before, the new ones, and the old ones after; and set right what is around."""
        fresh = [subtree_columns(node, self.names) for node, _ in self.edited]
        for columns, (_, fills) in zip(fresh, self.edited, strict=True):
            columns[1][0] = fills
        stop = self.row + sum(len(columns[0]) for columns in fresh) - shift
        kind, fields, flags, start, end, size = (
            np.concatenate((column[: self.row], *(columns[number] for columns in fresh), column[stop:]))
            for number, column in enumerate(old.columns)
        )
        after = stop + shift
        start[after:] += moved
        end[after:] += moved
        for one in self.around:
            at = one.row
            kind[at], fields[at], flags[at] = one.kind, one.field, one.flags
            start[at], end[at], size[at] = one.start, one.end, one.size
        return SyntaxTree(
            old.language, self.names, kind=kind, field=fields, flags=flags, start=start, end=end, size=size,
            source=data,
        )  # fmt: skip


def _find(old: SyntaxTree, new: Tree, first: int, last: int) -> _Path:
    """Go down from the root as long as one child, which was there before, has the whole edit in it."""
    names = old.vocabulary
    path = _Path(names)
    cursor = new.walk()
    row = fills = 0
    while True:
        path.around.append(_row(cursor, row, names, fills))
        row += 1
        touched: list[tuple[Node, int, int]] = []
        after: list[_Row] = []
        inside = cursor.goto_first_child()
        while inside:
            node = cursor.node
            assert node is not None  # a cursor is always at a node
            if node.end_byte < first and not touched:
                path.before.append(_row(cursor, row, names, cursor.field_id))
            elif node.start_byte > last:
                after.append(_row(cursor, row, names, cursor.field_id))
            else:
                touched.append((node, cursor.field_id or 0, row))
            row += node.descendant_count
            inside = cursor.goto_next_sibling()
        path.after += after
        node, _, at = touched[0] if len(touched) == 1 else (None, 0, 0)
        if node is None or not (node.start_byte <= first and last <= node.end_byte and _was_there(old, node, at)):
            path.edited = [(node, fills) for node, fills, _ in touched]
            path.row = touched[0][2] if touched else after[0].row if after else row
            return path
        _, fills, row = touched[0]
        cursor = node.walk()


def _was_there(old: SyntaxTree, node: Node, row: int) -> bool:
    """Tell whether the old tree has, in the same row, the same kind of node, with children too."""
    return (
        row < len(old)
        and int(old.kind[row]) == node.kind_id
        and int(old.start[row]) == node.start_byte
        and int(old.size[row]) > 1 < node.descendant_count
    )


def _row(cursor: TreeCursor, row: int, names: Vocabulary, fills: int | None) -> _Row:
    node = cursor.node
    assert node is not None
    kind = node.kind_id
    flags = 0
    if kind == NO_KIND:
        kind, flags = names.error, ERROR
    flags |= (NAMED if names.named[kind] else 0) | (EXTRA if node.is_extra else 0) | (MISSING if node.is_missing else 0)
    return _Row(row, kind, fills or 0, flags, node.start_byte, node.end_byte, node.descendant_count)
