"""What changed between two trees, node by node, in terms of syntax: white space and offsets don't count."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from treeseek.errors import TreeError
from treeseek.syntax.match import Matching, longest_increasing, match
from treeseek.syntax.tree import SyntaxTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from treeseek.syntax.hashes import Hashes

__all__ = ["Edit", "NodeChange", "NodeStatus", "Patch", "TreeDiff", "apply", "diff"]


class NodeStatus(IntEnum):
    """What became of a node. Of a node that has a partner and isn't UNCHANGED, something inside it differs."""

    UNCHANGED = 0
    MODIFIED = 1
    MOVED = 2
    ADDED = 3
    REMOVED = 4


class NodeChange(NamedTuple):
    """The top of a change: a whole subtree that was added, removed or moved, or a leaf whose text differs.

    `old` and `new` are rows, -1 where there is none.
    """

    status: NodeStatus
    old: int
    new: int


class Edit(NamedTuple):
    """A piece of the old text that the new one has something else for; bytes, half-open. Both may be empty."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int


@dataclass(frozen=True)
class TreeDiff:
    """The difference of two trees of one language, both with their sources."""

    old: SyntaxTree
    new: SyntaxTree
    matching: Matching

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs but white space."""
        equal = self.matching.equal
        return bool(len(equal) == len(self.old) and (not len(equal) or equal[0]))

    @cached_property
    def new_status(self) -> NDArray[np.uint8]:
        """A NodeStatus for each row of the new tree."""
        status = np.where(self.matching.old_of < 0, NodeStatus.ADDED, NodeStatus.MODIFIED).astype(np.uint8)
        status[self.matching.equal] = NodeStatus.UNCHANGED
        for row in self.matching.moved:
            status[row : row + self.new.size[row]] = NodeStatus.MOVED
        return status

    @cached_property
    def old_status(self) -> NDArray[np.uint8]:
        """A NodeStatus for each row of the old tree."""
        new_of = self.matching.new_of
        status = np.full(len(self.old), NodeStatus.REMOVED, np.uint8)
        has = np.flatnonzero(new_of >= 0)
        status[has] = self.new_status[new_of[has]]
        return status

    def changes(self) -> list[NodeChange]:
        """Return the tops of all changes, in the order of the new text, removed ones last.

        A subtree in which nothing was kept is one change; where parts of it were, they aren't mentioned.
        """
        status, old_of = self.new_status, self.matching.old_of
        tops = self._tops(self.new, status, (NodeStatus.ADDED, NodeStatus.MOVED))
        found = [NodeChange(NodeStatus(int(status[row])), int(old_of[row]), row) for row in tops]
        leaves = (status == NodeStatus.MODIFIED) & (self.new.size == 1)
        found += [NodeChange(NodeStatus.MODIFIED, int(old_of[row]), int(row)) for row in np.flatnonzero(leaves)]
        found.sort(key=lambda change: change.new)
        gone = self._tops(self.old, self.old_status, (NodeStatus.REMOVED,))
        return found + [NodeChange(NodeStatus.REMOVED, row, -1) for row in gone]

    @staticmethod
    def _tops(tree: SyntaxTree, status: NDArray[np.uint8], wanted: tuple[NodeStatus, ...]) -> list[int]:
        """Return the rows of these statuses whose parent has another."""
        rows = np.flatnonzero(np.isin(status, wanted))
        above = tree.parent[rows]
        return [int(row) for row in rows[(above < 0) | (status[above] != status[rows])]]

    def edits(self) -> list[Edit]:
        """Return what to replace in the old text to get the new one, in order, white space included."""
        ours, theirs = _text(self.old), _text(self.new)
        edits = []
        old_at = new_at = 0
        for old_start, old_end, new_start, new_end in self._kept_spans():
            if ours[old_start:old_end] != theirs[new_start:new_end]:
                continue  # only laid out otherwise: part of what is replaced
            if (old_at, new_at) != (old_start, new_start) and ours[old_at:old_start] != theirs[new_at:new_start]:
                edits.append(Edit(old_at, old_start, new_at, new_start))
            old_at, new_at = old_end, new_end
        if ours[old_at:] != theirs[new_at:]:
            edits.append(Edit(old_at, len(ours), new_at, len(theirs)))
        return edits

    def _kept_spans(self) -> list[tuple[int, int, int, int]]:
        """Return the spans of the largest equal subtrees that stand in the same order in both texts."""
        equal, old_of = self.matching.equal, self.matching.old_of
        above = self.new.parent
        rows = np.flatnonzero(equal)
        tops = rows[(above[rows] < 0) | ~equal[above[rows]]]
        tops = tops[self.new.end[tops] > self.new.start[tops]]
        kept = longest_increasing(old_of[tops].tolist())
        spans = []
        old_at = new_at = 0
        for new_row in tops.tolist():
            old_row = int(old_of[new_row])
            span = (
                int(self.old.start[old_row]), int(self.old.end[old_row]),
                int(self.new.start[new_row]), int(self.new.end[new_row]),
            )  # fmt: skip
            if old_row in kept and span[0] >= old_at and span[2] >= new_at:
                spans.append(span)
                old_at, new_at = span[1], span[3]
        return spans

    def patch(self) -> Patch:
        """Return what makes the new tree of the old one."""
        kept = self.matching.equal
        fresh = np.flatnonzero(~kept)
        leaves = fresh[self.new.size[fresh] == 1]
        return Patch(
            np.where(kept, self.matching.old_of, -1).astype(np.int32), self.new.field, self.new.kind[fresh],
            self.new.flags[fresh], self.new.size[fresh], [self.new.text(row) for row in leaves.tolist()],
        )  # fmt: skip


class Patch(NamedTuple):
    """What makes one tree of another: for each new row the old one that it is a copy of, or -1; the field that each
    fills; and kind, flags, size and (of leaves) text of those that are no copies.
    """

    copied: NDArray[np.int32]
    field: NDArray[np.uint16]
    kind: NDArray[np.uint16]
    flags: NDArray[np.uint8]
    size: NDArray[np.int32]
    texts: list[bytes]


def apply(old: SyntaxTree, patch: Patch) -> tuple[SyntaxTree, list[bytes]]:
    """Return the tree that a patch makes of another, and the texts of its leaves in order.

    Nothing says how the new text is laid out: the nodes stand as if the leaves followed each other without a gap.

    Raises:
        TreeError: the old tree was loaded without its text, or has fewer nodes than the patch copies.
    """
    fresh = patch.copied < 0
    if len(patch.copied) and int(patch.copied.max()) >= len(old):
        raise TreeError("a patch for another tree")
    source = np.where(fresh, 0, patch.copied)
    kind, flags, size = old.kind[source], old.flags[source], old.size[source]
    kind[fresh], flags[fresh], size[fresh] = patch.kind, patch.flags, patch.size
    added = iter(patch.texts)
    leaves = np.flatnonzero(size == 1)
    texts = [next(added) if fresh[row] else old.text(int(patch.copied[row])) for row in leaves.tolist()]
    length = np.zeros(len(kind), np.int32)
    length[leaves] = [len(text) for text in texts]
    stops = np.cumsum(length, dtype=np.int32)
    end = stops[np.arange(len(kind)) + size - 1] if len(kind) else stops
    tree = SyntaxTree(
        old.language, old.vocabulary, kind=kind, field=patch.field.copy(), flags=flags, start=stops - length, end=end,
        size=size, source=b"".join(texts),
    )  # fmt: skip
    return tree, texts


def diff(
    old: SyntaxTree, new: SyntaxTree, old_hashes: Hashes | None = None, new_hashes: Hashes | None = None
) -> TreeDiff:
    """Return the difference of two trees; hashes that are known already needn't be made again.

    Raises:
        TreeError: a tree was loaded without its text, or they are of two languages.
    """
    if old.language != new.language:
        raise TreeError(f"{old.language} and {new.language} have no common syntax to compare")
    return TreeDiff(old, new, match(old, new, old_hashes, new_hashes))


def _text(tree: SyntaxTree) -> bytes:
    if tree.source is None:
        raise TreeError("this tree was loaded without its text; attach it with `with_source`")
    return tree.source
