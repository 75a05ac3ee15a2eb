"""Which node of one tree became which node of another.

Top-down, after GumTree (Falleri et al. 2014), with the subtree hashes doing most of it: equal subtrees are matched
whole, as runs of rows; below a pair that differs, the children are aligned, and pairs of the same kind are looked into.
What is left over on both sides is searched for equal subtrees: those have moved. So the cost is that of what changed,
and of a few passes of numpy over all rows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from treeseek.syntax.hashes import subtree_hashes
from treeseek.syntax.tree import NAMED, SyntaxTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from treeseek.syntax.hashes import Hashes

__all__ = ["Matching", "longest_increasing", "match"]

MOVED_NODES = 6
"""Subtrees of fewer nodes are too common to say that one moved."""
ALIKE_SHARE = 0.3
"""Two large nodes of one kind and different names are looked into if so much of the smaller is in the other."""
_LARGE = 24
_TRIES = 8
_MANY = 256


@dataclass(frozen=True)
class Matching:
    """Pairs of rows of two trees.

    `old_of` has for each row of the new tree its row in the old one, -1 if it has none. No row is in two pairs, and the
    rows of a pair have the same kind. `equal` tells of each new row whether its whole subtree is the same as its
    partner's. `moved` has the new rows of equal subtrees that have another parent than before or stand in another
    order.
    """

    old_of: NDArray[np.int32]
    equal: NDArray[np.bool_]
    moved: tuple[int, ...]
    old_rows: int

    @cached_property
    def new_of(self) -> NDArray[np.int32]:
        """For each row of the old tree its row in the new one, -1 if it has none."""
        new_of = np.full(self.old_rows, -1, np.int32)
        has = np.flatnonzero(self.old_of >= 0)
        new_of[self.old_of[has]] = has
        return new_of


def match(
    old: SyntaxTree, new: SyntaxTree, old_hashes: Hashes | None = None, new_hashes: Hashes | None = None
) -> Matching:
    """Match the nodes of two trees that have their sources; hashes that are known already needn't be made again.

    Raises:
        TreeError: a tree was loaded without its text.
    """
    before = old_hashes or subtree_hashes(old)
    after = new_hashes or subtree_hashes(new)
    matcher = _Matcher(old, new, before, after)
    matcher.run()
    return matcher.result()


class _Side:
    """One of the trees, with lists and look-ups for what the matcher asks of single rows."""

    __slots__ = ("_hashes", "loose", "name", "size", "tree")

    def __init__(self, tree: SyntaxTree, hashes: Hashes) -> None:
        self.tree = tree
        self.size: list[int] = tree.size.tolist()  # asked for at every child, and a list answers faster
        self._hashes = hashes.subtree
        self.loose: list[int] = []
        self.name = tree.vocabulary.fields.index("name") if "name" in tree.vocabulary.fields else -1

    def kind(self, row: int) -> int:
        return int(self.tree.kind[row])

    def hashes(self, rows: list[int]) -> list[int]:
        found: list[int] = self._hashes[rows].tolist()
        return found

    def children(self, row: int) -> list[int]:
        size = self.size
        at, last = row + 1, row + size[row]
        rows = []
        while at < last:
            rows.append(at)
            at += size[at]
        return rows

    def label(self, row: int) -> tuple[int, int]:
        """Return what a node is called by: its kind, and the hash of its name if it has one."""
        if self.size[row] > 1 and self.name >= 0:
            field, name = self.tree.field, self.name
            for child in self.children(row)[:8]:
                if field[child] == name:
                    return self.kind(row), int(self._hashes[child])
        return self.kind(row), 0


class _Matcher:
    def __init__(self, old: SyntaxTree, new: SyntaxTree, before: Hashes, after: Hashes) -> None:
        self.old, self.new = _Side(old, before), _Side(new, after)
        self.before, self.after = before, after
        self.runs: list[tuple[int, int, int]] = []
        self.pairs: list[tuple[int, int]] = []
        self.moved: list[int] = []

    def run(self) -> None:
        old, new = self.old, self.new
        if not old.size or not new.size:
            return
        if old.hashes([0]) == new.hashes([0]):
            self.runs.append((0, 0, len(new.size)))
            return
        if old.kind(0) != new.kind(0):
            old.loose.append(0)
            new.loose.append(0)
        stack = [(0, 0)] if old.kind(0) == new.kind(0) else []
        while stack:
            pair = stack.pop()
            self.pairs.append(pair)
            stack += self._inside(*pair)
        if old.loose and new.loose:
            self._find_moved()

    def _inside(self, old_row: int, new_row: int) -> list[tuple[int, int]]:
        """Align the children of a pair that differs; return the pairs among them that differ themselves."""
        ours, theirs = self.old.children(old_row), self.new.children(new_row)
        old_hash, new_hash = self.old.hashes(ours), self.new.hashes(theirs)
        shorter = min(len(ours), len(theirs))
        head = 0
        while head < shorter and old_hash[head] == new_hash[head]:
            head += 1
        tail = 0
        while tail < shorter - head and old_hash[-1 - tail] == new_hash[-1 - tail]:
            tail += 1
        if head:
            self._equal_run(ours[0], theirs[0], ours[head - 1], theirs[head - 1])
        if tail:
            self._equal_run(ours[-tail], theirs[-tail], ours[-1], theirs[-1])
        ours, theirs = ours[head : len(ours) - tail], theirs[head : len(theirs) - tail]
        if not ours or not theirs:
            self.old.loose += ours
            self.new.loose += theirs
            return []
        if len(ours) == len(theirs) == 1 and self.old.kind(ours[0]) == self.new.kind(theirs[0]):
            return [(ours[0], theirs[0])]
        return self._align(ours, theirs)

    def _equal_run(self, old_first: int, new_first: int, old_last: int, new_last: int) -> None:
        """Match neighbouring equal subtrees: one run of rows on either side."""
        self.runs.append((old_first, new_first, new_last + self.new.size[new_last] - new_first))

    def _align(self, ours: list[int], theirs: list[int]) -> list[tuple[int, int]]:
        """Match the children that are equal, then those that are called the same, then those of the same kind."""
        ours, theirs = self._match_equal(ours, theirs)
        pairs: list[tuple[int, int]] = []
        if ours and theirs:
            ours, theirs = _claim(ours, theirs, self.old.label, self.new.label, pairs)
        if ours and theirs:
            by_kind = self.old.kind, self.new.kind
            ours, theirs = _claim(ours, theirs, *by_kind, pairs, self._are_alike)
        self.old.loose += ours
        self.new.loose += theirs
        return pairs

    def _are_alike(self, old_row: int, new_row: int) -> bool:
        """Tell whether it is likely that one became the other; of small nodes that is taken for granted."""
        sizes = self.old.size[old_row], self.new.size[new_row]
        if min(sizes) < _LARGE:
            return max(sizes) < 4 * _LARGE
        ours = self.before.own[old_row : old_row + sizes[0]]
        theirs = self.after.own[new_row : new_row + sizes[1]]
        return len(np.intersect1d(ours, theirs)) >= ALIKE_SHARE * min(len(np.unique(ours)), len(np.unique(theirs)))

    def _match_equal(self, ours: list[int], theirs: list[int]) -> tuple[list[int], list[int]]:
        """Match equal children, first come first served, and note which of them left the order; return the rest."""
        waiting: defaultdict[int, list[int]] = defaultdict(list)
        for row, key in zip(reversed(theirs), reversed(self.new.hashes(theirs)), strict=True):
            waiting[key].append(row)
        found: list[tuple[int, int]] = []
        left = []
        for row, key in zip(ours, self.old.hashes(ours), strict=True):
            same = waiting.get(key)
            if same:
                found.append((row, same.pop()))
            else:
                left.append(row)
        if not found:
            return ours, theirs
        taken = {row for _, row in found}
        in_order = longest_increasing([row for _, row in found])
        for old_row, new_row in found:
            self.runs.append((old_row, new_row, self.new.size[new_row]))
            if new_row not in in_order and self.new.size[new_row] >= MOVED_NODES:
                self.moved.append(new_row)
        return left, [row for row in theirs if row not in taken]

    def _find_moved(self) -> None:
        """Match equal subtrees among what has no partner yet, the largest first."""
        old, new = self.old, self.new
        free_old = _spread(old.loose, old.tree.size)
        free_new = _spread(new.loose, new.tree.size)
        large_old = free_old[old.tree.size[free_old] >= MOVED_NODES]
        large_new = free_new[new.tree.size[free_new] >= MOVED_NODES]
        if not len(large_old) or not len(large_new):
            return
        if len(large_new) > _MANY:
            large_new = large_new[np.isin(self.after.subtree[large_new], self.before.subtree[large_old])]
        waiting: defaultdict[int, list[int]] = defaultdict(list)
        candidates = large_old.tolist()
        for row, key in zip(reversed(candidates), reversed(old.hashes(candidates)), strict=True):
            waiting[key].append(row)
        taken = bytearray(len(old.size))
        done = -1
        likely = large_new.tolist()
        for row, key in zip(likely, new.hashes(likely), strict=True):  # what is around comes before what is inside
            if row < done or not new.tree.flags[row] & NAMED:
                continue
            same = waiting.get(key)
            while same:
                at = same.pop()
                if not any(taken[at : at + old.size[at]]):
                    taken[at : at + old.size[at]] = b"\1" * old.size[at]
                    self.runs.append((at, row, new.size[row]))
                    self.moved.append(row)
                    done = row + new.size[row]
                    break

    def result(self) -> Matching:
        old_of = np.full(len(self.new.size), -1, np.int32)
        equal = np.zeros(len(self.new.size), np.bool_)
        for old_row, new_row, length in self.runs:
            old_of[new_row : new_row + length] = np.arange(old_row, old_row + length, dtype=np.int32)
            equal[new_row : new_row + length] = True
        if self.pairs:
            pairs = np.array(self.pairs, np.int32)
            old_of[pairs[:, 1]] = pairs[:, 0]
        self._confirm(old_of, equal)
        return Matching(old_of, equal, tuple(sorted(self.moved)), len(self.old.size))

    def _confirm(self, old_of: NDArray[np.int32], equal: NDArray[np.bool_]) -> None:
        """Compare the tokens of what is said to be equal: two subtrees whose hashes collide aren't equal after all."""
        if not len(self.old.size):
            return
        differing = (equal & (self.before.own[old_of] != self.after.own)).nonzero()[0]
        for row in differing.tolist():
            around = np.arange(row + 1)[self.new.tree.size[: row + 1] > row - np.arange(row + 1)]
            equal[around] = False
            old_of[row] = -1


def _claim(
    ours: list[int],
    theirs: list[int],
    old_key: Callable[[int], object],
    new_key: Callable[[int], object],
    pairs: list[tuple[int, int]],
    likely: Callable[[int, int], bool] | None = None,
) -> tuple[list[int], list[int]]:
    """Pair rows of equal keys in order, if `likely`; return what is left of both."""
    waiting: defaultdict[object, list[int]] = defaultdict(list)
    for row in ours:
        waiting[old_key(row)].append(row)
    taken = set()
    left = []
    for row in theirs:
        candidates = waiting.get(new_key(row), ())
        found = next((at for at in candidates[:_TRIES] if likely is None or likely(at, row)), None)
        if found is None:
            left.append(row)
            continue
        candidates.remove(found)  # type: ignore[union-attr]  # it had one
        taken.add(found)
        pairs.append((found, row))
    return [row for row in ours if row not in taken], left


def longest_increasing(values: list[int]) -> set[int]:
    """Return the values of a longest increasing subsequence (patience sorting, Fredman 1975)."""
    ends: list[int] = []
    at_end: list[int] = []
    before = [-1] * len(values)
    for index, value in enumerate(values):
        pile = bisect_left(ends, value)
        if pile:
            before[index] = at_end[pile - 1]
        ends[pile : pile + 1] = [value]
        at_end[pile : pile + 1] = [index]
    chosen = set()
    index = at_end[-1] if at_end else -1
    while index >= 0:
        chosen.add(values[index])
        index = before[index]
    return chosen


def _spread(roots: list[int], size: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return all rows of some subtrees that don't overlap, in order."""
    first = np.sort(np.array(roots, np.int64))
    count = size[first].astype(np.int64)
    begin = np.repeat(first - (np.cumsum(count) - count), count)
    return begin + np.arange(len(begin))
