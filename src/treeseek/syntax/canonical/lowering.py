"""From a language's syntax tree to the canonical one, by array operations: no node is visited one by one.

Every row gets a canonical kind from its table, rules change some, and names move into what they name. Removing rows
and doubling those that are wrapped keeps pre-order; so running counts of what stays give every node's new place and
size, and sizes give depths.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from treeseek.syntax.canonical.kinds import CanonicalKind
from treeseek.syntax.canonical.rules import apply_rules, first_inside, kept_ancestors
from treeseek.syntax.canonical.tables import TRANSPARENT, Comments, Table, table
from treeseek.syntax.canonical.tree import NAMED_KINDS, CanonicalTree
from treeseek.syntax.tree import NAMED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from treeseek.syntax.canonical.rules import Holds, Rows, Wraps
    from treeseek.syntax.tree import SyntaxTree

__all__ = ["Mapped", "kinds_of", "lower", "mapped"]

_BEGINS_WITH_NAME = np.zeros(256, bool)
_BEGINS_WITH_NAME[list(NAMED_KINDS - {CanonicalKind.CALL, CanonicalKind.MEMBER, CanonicalKind.LAMBDA})] = True
_TAKES_NAME = np.zeros(256, bool)
_TAKES_NAME[list(NAMED_KINDS)] = True


def lower(tree: SyntaxTree) -> CanonicalTree:
    """Return the canonical tree of a syntax tree, in any language that has a grammar. Nothing makes it raise."""
    rules = table(tree.language)
    kinds, wraps, holds, naming = _decide(tree, rules)
    names = _take_names(tree, rules, kinds, naming)
    kinds[:1] = np.where(kinds[:1] == TRANSPARENT, CanonicalKind.MODULE, kinds[:1])
    return _assemble(tree, rules, kinds, wraps, _held(tree, rules, kinds, holds), names)


def kinds_of(tree: SyntaxTree) -> NDArray[np.uint8]:
    """Return the canonical kind of every row of a syntax tree (uint8), TRANSPARENT for tokens and wrappers."""
    return _decide(tree, table(tree.language))[0]


@dataclass(frozen=True, slots=True)
class Mapped:
    """How much of a tree has a canonical kind: counts of named nodes, and the grammar kinds of those that have none."""

    named: int
    unknown: int
    kinds: Counter[str]


def mapped(tree: SyntaxTree) -> Mapped:
    """Return how many named nodes there are, and which of them no table knows; errors count as known."""
    named = tree.flags & NAMED > 0
    unknown = named & (kinds_of(tree) == CanonicalKind.UNKNOWN)
    numbers, counts = np.unique(tree.kind[unknown], return_counts=True)
    names = [tree.vocabulary.kinds[number] for number in numbers]
    kinds = Counter(dict(zip(names, counts.tolist(), strict=True)))
    return Mapped(int(named.sum()), int(unknown.sum()), kinds)


def _decide(tree: SyntaxTree, rules: Table) -> tuple[NDArray[np.uint8], Wraps, Holds, Rows]:
    kinds = rules.kinds[tree.kind]
    wraps, holds, naming = apply_rules(tree, rules, kinds)
    _tell_comments(tree, rules.comments, kinds)
    return kinds, wraps, holds, naming


def _tell_comments(tree: SyntaxTree, comments: Comments, kinds: NDArray[np.uint8]) -> None:
    """Tell comments apart by how they begin, and find those that stand right before what they document."""
    source = tree.source
    rows = np.flatnonzero((kinds == CanonicalKind.LINE_COMMENT) | (kinds == CanonicalKind.BLOCK_COMMENT))
    if source is None or not len(rows):
        return
    kinds[rows] = [_kind_of_comment(source, start, comments) for start in tree.start[rows].tolist()]
    if comments.before is not None:
        kinds[_documenting(tree, rows, comments.before)] = CanonicalKind.DOC_COMMENT


def _documenting(tree: SyntaxTree, rows: NDArray[np.intp], before: NDArray[np.bool_]) -> list[int]:
    """Return which comments, at `rows`, stand on the lines right before one of some kinds, alone or in a run."""
    source = tree.source or b""
    after = rows + tree.size[rows]
    follower = np.minimum(after, len(tree) - 1)
    precedes = before[tree.kind[follower]] & (after < len(tree))
    columns = (rows, after, tree.end[rows], tree.start[follower], precedes)
    found: list[int] = []
    documenting = -1
    for row, next_row, end, start, is_before in zip(*(column[::-1].tolist() for column in columns), strict=True):
        if (is_before or next_row == documenting) and source.count(b"\n", end, start) <= 1:
            documenting = row
            found.append(row)
    return found


def _kind_of_comment(source: bytes, start: int, comments: Comments) -> CanonicalKind:
    if comments.doc and source.startswith(comments.doc, start) and not source.startswith(comments.plain, start):
        return CanonicalKind.DOC_COMMENT
    is_block = bool(comments.block) and source.startswith(comments.block, start)
    return CanonicalKind.BLOCK_COMMENT if is_block else CanonicalKind.LINE_COMMENT


def _take_names(tree: SyntaxTree, rules: Table, kinds: NDArray[np.uint8], naming: Rows) -> NDArray[np.int32]:
    """Return the row of the leaf that names each row (int32, -1 for none). Those leaves vanish from `kinds`.

    It is the first in a naming field, or that a rule says names (`naming`); or else, of a declaration, the leaf that
    it begins with.
    """
    leaves = np.flatnonzero(rules.naming[tree.field])
    if len(naming):
        leaves = np.union1d(leaves, naming)
    leaves = leaves[(kinds[leaves] == CanonicalKind.NAME) & (leaves > 0)]
    leaves = leaves[_is_leaf(tree, leaves) | np.isin(leaves, naming)]
    owners = kept_ancestors(tree, kinds, leaves)
    takes = _TAKES_NAME[kinds[owners]] | np.isin(leaves, naming)
    names = np.full(len(tree), -1, np.int32)
    names[owners[takes][::-1]] = leaves[takes][::-1]  # the first of several is written last, and stays

    nameless = np.flatnonzero(_BEGINS_WITH_NAME[kinds] & (names < 0) & (tree.size > 1))
    first = first_inside(tree, kinds, nameless)
    fits = (first >= 0) & (kinds[first] == CanonicalKind.NAME) & _is_leaf(tree, first)
    names[nameless[fits]] = first[fits]

    kinds[names[names >= 0]] = TRANSPARENT
    return names


def _is_leaf(tree: SyntaxTree, rows: Rows) -> NDArray[np.bool_]:
    """Return which rows have nothing inside them, but for a token that is all of it: a keyword used as a name."""
    inside = np.minimum(rows + 1, len(tree) - 1)
    is_token = tree.flags[inside] & NAMED == 0
    is_all = is_token & (tree.start[inside] == tree.start[rows]) & (tree.end[inside] == tree.end[rows])
    result: NDArray[np.bool_] = (tree.size[rows] == 1) | ((tree.size[rows] == 2) & is_all)
    return result


def _held(tree: SyntaxTree, rules: Table, kinds: NDArray[np.uint8], holds: Holds) -> dict[int, int]:
    """Return the rows that hold what follows them among their siblings, and the row before which each ends.

    One that begins inside another ends with it at the latest, so that they nest in a broken text too.
    """
    nested = np.flatnonzero(rules.nested[tree.kind]) if rules.nested.any() else np.zeros(0, np.intp)
    ends = dict.fromkeys(nested.tolist(), -1)
    for rows, until in holds:
        ends.update(zip(rows.tolist(), _next_siblings(tree, rows, until).tolist(), strict=True))
    held: dict[int, int] = {}
    open_: dict[int, list[int]] = {}
    for row in sorted(row for row in ends if row and kinds[row] != TRANSPARENT):
        parent = int(tree.parent[row])
        last = parent + int(tree.size[parent])
        around = open_.setdefault(parent, [last])
        while row >= around[-1]:
            around.pop()
        held[row] = min(ends[row] if ends[row] >= 0 else last, around[-1])
        around.append(held[row])
    return held


def _next_siblings(tree: SyntaxTree, rows: NDArray[np.intp], kinds: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return for each row the first sibling after it that is of some grammar kinds, -1 for none."""
    width = len(tree) + 1
    candidates = np.flatnonzero(kinds[tree.kind])
    keys = np.sort(tree.parent[candidates].astype(np.int64) * width + candidates)
    wanted = tree.parent[rows].astype(np.int64) * width + rows
    following = np.append(keys, -1)[np.searchsorted(keys, wanted, side="right")]
    return np.where(following // width == tree.parent[rows], following % width, -1)


def _assemble(
    tree: SyntaxTree,
    rules: Table,
    kinds: NDArray[np.uint8],
    wraps: Wraps,
    held: Mapping[int, int],
    names: NDArray[np.int32],
) -> CanonicalTree:
    """Return the tree of the rows that stay, wrapped as told."""
    stays = kinds != TRANSPARENT
    copies = stays.astype(np.int32)
    for wrapped, around in wraps:
        copies[wrapped] += len(around)
    place = np.zeros(len(kinds) + 1, np.int32)
    np.cumsum(copies, out=place[1:])
    every = np.arange(len(kinds), dtype=np.int32)
    rows = np.repeat(every, copies) if wraps else every[stays]
    kind, name, end = kinds[rows], names[rows], place[rows + tree.size[rows]]
    wrappers = [np.zeros(0, np.int32)]
    for wrapped, around in wraps:
        for level, wrapper in enumerate(around):
            wrappers.append(place[wrapped] + level)
            kind[wrappers[-1]] = wrapper
    for holder, last in held.items():
        end[place[holder] : place[holder + 1]] = place[last]
    at = np.arange(len(rows), dtype=np.int32)
    ended = np.bincount(end, minlength=len(rows) + 1)[: len(rows)]
    return CanonicalTree(
        tree, rules.operators, kind=kind, node=rows, size=end - at, depth=(at - np.cumsum(ended)).astype(np.int32),
        name=name, wrappers=np.sort(np.concatenate(wrappers)),
    )  # fmt: skip
