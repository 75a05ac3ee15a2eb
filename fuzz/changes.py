"""What must hold of two texts in one language: of their hashes, of their difference, and of parsing the second after
the first. Each check raises AssertionError if it doesn't.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from treeseek.syntax.compare import STATUSES, compare
from treeseek.syntax.diff import NodeStatus, TreeDiff, apply, diff
from treeseek.syntax.hashes import subtree_hashes
from treeseek.syntax.parsed import ParsedFile
from treeseek.syntax.tree import SyntaxTree

__all__ = ["declarations_are_told", "diff_is_right", "hashes_mean_equality", "nothing_changed", "spelled"]

_SPELLED = 200
"""Subtrees of more nodes aren't spelled out."""


def spelled(tree: SyntaxTree, row: int) -> tuple[object, ...]:
    """Return everything that makes a subtree what it is, the field that its root fills left out."""
    rows = range(row, row + int(tree.size[row]))
    return tuple(
        (
            int(tree.kind[at]), int(tree.flags[at]), int(tree.size[at]), int(tree.field[at]) if at > row else 0,
            tree.text(at) if tree.size[at] == 1 else b"",
        )
        for at in rows
    )  # fmt: skip


def hashes_mean_equality(*trees: SyntaxTree) -> None:
    """Subtrees have equal hashes if, and only if, they are equal: in one tree and between trees of one language."""
    of: dict[tuple[object, ...], int] = {}
    those: defaultdict[int, set[tuple[object, ...]]] = defaultdict(set)
    for tree in trees:
        hashes = subtree_hashes(tree).subtree.tolist()
        assert hashes == subtree_hashes(tree).subtree.tolist()
        for row in np.flatnonzero(tree.size <= _SPELLED).tolist():
            key = spelled(tree, row)
            assert of.setdefault(key, hashes[row]) == hashes[row], f"row {row}: equal, but another hash"
            those[hashes[row]].add(key)
    assert all(len(keys) == 1 for keys in those.values()), "different, but the same hash"


def nothing_changed(tree: SyntaxTree) -> None:
    """A tree doesn't differ from itself."""
    found = diff(tree, tree)
    assert found.is_empty and found.changes() == [] and found.edits() == []
    assert (found.new_status == NodeStatus.UNCHANGED).all() and (found.old_status == NodeStatus.UNCHANGED).all()


def diff_is_right(old: SyntaxTree, new: SyntaxTree) -> TreeDiff:
    """The old text with the edits is the new text, the old tree with the patch is the new tree; partners fit."""
    found = diff(old, new)
    assert old.source is not None and new.source is not None
    _partners_fit(found)
    text, at = b"", 0
    for edit in found.edits():
        assert at <= edit.old_start <= edit.old_end <= len(old.source)
        text += old.source[at : edit.old_start]
        assert len(text) == edit.new_start
        text += new.source[edit.new_start : edit.new_end]
        at = edit.old_end
    assert text + old.source[at:] == new.source
    patched, texts = apply(old, found.patch())
    for ours, theirs in zip(patched.columns, new.columns, strict=True):
        assert ours is patched.start or ours is patched.end or np.array_equal(ours, theirs)
    assert texts == [new.text(row) for row in np.flatnonzero(new.size == 1).tolist()]
    assert [patched.text(row) for row in np.flatnonzero(new.size == 1).tolist()] == texts
    return found


def _partners_fit(found: TreeDiff) -> None:
    old, new, matching = found.old, found.new, found.matching
    assert (len(matching.old_of), len(matching.new_of)) == (len(new), len(old))
    paired = np.flatnonzero(matching.old_of >= 0)
    partners = matching.old_of[paired]
    assert len(set(partners.tolist())) == len(partners)
    assert np.array_equal(matching.new_of[partners], paired)
    assert int((matching.new_of >= 0).sum()) == len(paired)
    assert np.array_equal(old.kind[partners], new.kind[paired])
    assert (matching.old_of[matching.equal] >= 0).all()
    for row in np.flatnonzero(matching.equal & (new.size <= _SPELLED)).tolist():
        assert spelled(old, int(matching.old_of[row])) == spelled(new, row)
    assert (found.new_status == NodeStatus.ADDED).sum() == (matching.old_of < 0).sum()
    assert (found.old_status == NodeStatus.REMOVED).sum() == (matching.new_of < 0).sum()
    assert all(change.old >= 0 or change.new >= 0 for change in found.changes())


def declarations_are_told(old: ParsedFile, new: ParsedFile) -> None:
    """Every declaration of both versions is told of once, and in two equal versions all are unchanged."""
    changes = compare(old.declarations, new.declarations)
    assert [change.new for change in changes if change.new >= 0] == list(range(len(new.declarations)))
    assert sorted(change.old for change in changes if change.old >= 0) == list(range(len(old.declarations)))
    assert {change.status for change in changes} <= set(STATUSES)
    for one in (old, new):
        assert {change.status for change in compare(one.declarations, one.declarations)} <= {"unchanged"}
