"""What a table's rules say about the nodes of one tree: array operations over the few rows that rules ask about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from treeseek.syntax.canonical.kinds import CanonicalKind
from treeseek.syntax.canonical.tables import TRANSPARENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from treeseek.syntax.canonical.tables import Path, Rule, Table
    from treeseek.syntax.tree import SyntaxTree

    Rows = NDArray[np.intp]
    Wraps = list[tuple[Rows, tuple[int, ...]]]
    Holds = list[tuple[Rows, NDArray[np.bool_]]]

__all__ = ["apply_rules", "first_inside", "kept_ancestors"]

_NONE = np.zeros(0, np.intp)

_PATIENCE = 64
"""How many wrappers, types and comments are stepped over to find what something begins with."""

_ASIDE = np.zeros(256, bool)
_ASIDE[[
    CanonicalKind.TYPE, CanonicalKind.TYPE_PARAMETERS, CanonicalKind.TYPE_ARGUMENTS, CanonicalKind.MODIFIER,
    CanonicalKind.DECORATOR, CanonicalKind.LINE_COMMENT, CanonicalKind.BLOCK_COMMENT, CanonicalKind.DOC_COMMENT,
]] = True  # fmt: skip

_SCOPES = np.zeros(256, bool)
_SCOPES[[
    CanonicalKind.MODULE, CanonicalKind.FUNCTION, CanonicalKind.METHOD, CanonicalKind.CLASS, CanonicalKind.LAMBDA,
]] = True  # fmt: skip


_BINDS = _SCOPES.copy()
_BINDS[CanonicalKind.PARAMETER] = True


def apply_rules(tree: SyntaxTree, table: Table, kinds: NDArray[np.uint8]) -> tuple[Wraps, Holds, Rows]:
    """Apply a table's rules, in order, to `kinds` (canonical, one a row), which they change.

    Returns which rows are wrapped in which kinds, the outermost first, no row twice; which hold what follows them until
    a sibling of which grammar kinds; and which name what they are in. Rules about text don't hold in a tree that has
    lost its source.
    """
    rows = _Rows(tree, table, kinds)
    wraps: Wraps = []
    holds: Holds = []
    names = [_NONE]
    wrapped = np.zeros(0, np.intp)
    for rule in table.rules:
        found = rows.that(rule)
        if not len(found):
            continue
        if rule.becomes is not None:
            kinds[found] = rule.becomes
        if rule.wrap:
            found = np.setdiff1d(found, wrapped, assume_unique=True)
            wrapped = np.concatenate((wrapped, found))
            wraps.append((found, rule.wrap))
        if rule.until is not None:
            holds.append((found, rule.until))
        if rule.names:
            names.append(found)
    return wraps, holds, np.concatenate(names)


def first_inside(tree: SyntaxTree, kinds: NDArray[np.uint8], rows: Rows) -> Rows:
    """Return for each row the first row inside it that stays, but for types, modifiers and comments; -1 if none."""
    ends = rows + tree.size[rows]
    at = rows + 1
    active = np.flatnonzero(at < ends)
    found = np.full(len(rows), -1, np.intp)
    for _ in range(_PATIENCE):
        if not len(active):
            break
        here = at[active]
        kind = kinds[here]
        aside = _ASIDE[kind]
        stays = ~aside & (kind != TRANSPARENT)
        found[active[stays]] = here[stays]
        at[active] = here + np.where(aside, tree.size[here], 1)
        active = active[~stays & (at[active] < ends[active])]
    return found


def kept_ancestors(tree: SyntaxTree, kinds: NDArray[np.uint8], rows: Rows) -> Rows:
    """Return for each row, which isn't the root, the nearest row above it that stays; the root if none does."""
    above = tree.parent[rows]
    hidden = np.flatnonzero(kinds[above] == TRANSPARENT)
    while len(hidden):
        above[hidden] = np.maximum(tree.parent[above[hidden]], 0)
        hidden = hidden[(kinds[above[hidden]] == TRANSPARENT) & (above[hidden] > 0)]
    return above.astype(np.intp)


class _Rows:
    """The rows that a table's rules look at, sorted by their kind, so that a kind's are a slice."""

    def __init__(self, tree: SyntaxTree, table: Table, kinds: NDArray[np.uint8]) -> None:
        self._tree = tree
        self._naming = table.naming
        self._kinds = kinds
        rows = np.flatnonzero(table.looked_at[tree.kind])
        kind = tree.kind[rows]
        order = np.argsort(kind, kind="stable")
        rows, kind = rows[order], kind[order]
        ends = [*(np.flatnonzero(kind[1:] != kind[:-1]) + 1).tolist(), len(rows)]
        starts = [0, *ends[:-1]]
        self._by_kind = {int(kind[start]): rows[start:end] for start, end in zip(starts, ends, strict=True) if end}

    def of(self, kinds: frozenset[int]) -> Rows:
        """Return the rows of some grammar kinds, kind by kind."""
        present = kinds & self._by_kind.keys()
        if len(present) == 1:
            return self._by_kind[next(iter(present))]
        return np.concatenate([self._by_kind[number] for number in present]) if present else _NONE

    def that(self, rule: Rule) -> Rows:
        """Return the rows that a rule is about; what is cheap to ask comes first."""
        rows = self.of(rule.of)
        for ask in rule.asks:
            if not len(rows):
                break
            rows = _TESTS[ask](self, rows, rule)
        return rows

    def _by_field(self, rows: Rows, rule: Rule) -> Rows:
        return rows[rule.field[self._tree.field[rows]]]

    def _by_kind_so_far(self, rows: Rows, rule: Rule) -> Rows:
        return rows[rule.being[self._kinds[rows]]]

    def _by_number_of_children(self, rows: Rows, _rule: Rule) -> Rows:
        size = self._tree.size
        rows = rows[size[rows] > 1]
        chosen: Rows = rows[size[rows + 1] + 1 == size[rows]]
        return chosen

    def _by_first_child(self, rows: Rows, rule: Rule) -> Rows:
        rows = rows[self._tree.size[rows] > 1]
        return rows[rule.first[self._tree.kind[rows + 1]]]

    def _by_token_before(self, rows: Rows, rule: Rule) -> Rows:
        parent = self._tree.parent
        rows = rows[rows > 0]
        rows = rows[parent[rows - 1] == parent[rows]]
        return rows[rule.after[self._tree.kind[rows - 1]]]

    def _by_what_follows(self, rows: Rows, rule: Rule) -> Rows:
        tree = self._tree
        following = rows + tree.size[rows]
        inside = following < len(tree)
        rows, following = rows[inside], following[inside]
        chosen: Rows = rows[rule.before[tree.kind[following]] & (tree.parent[following] == tree.parent[rows])]
        return chosen

    def _by_text(self, rows: Rows, rule: Rule) -> Rows:
        tree = self._tree
        if tree.source is None:
            return _NONE
        text = np.frombuffer(tree.source, np.uint8)
        start = tree.start[rows]
        length = tree.end[rows] - start
        fits = np.zeros(len(rows), bool)
        for word in rule.text:
            at = np.flatnonzero(length == len(word))
            for offset, byte in enumerate(word):
                at = at[text[start[at] + offset] == byte]
            fits[at] = True
        return rows[fits]

    def _by_parent_so_far(self, rows: Rows, rule: Rule) -> Rows:
        rows = rows[rows > 0]
        return rows[rule.under[self._kinds[self._tree.parent[rows]]]]

    def _by_parent(self, rows: Rows, rule: Rule) -> Rows:
        kind, parent = self._tree.kind, self._tree.parent
        rows = rows[rows > 0]
        parents = parent[rows]
        nearest = kind[parents]
        fits = np.zeros(len(rows), bool)
        for path in rule.parent:
            reached, above = np.flatnonzero(path[0][nearest]), parents
            for step in path[1:]:
                above = parent[above[reached]] if above is parents else parent[above]
                goes_on = (above >= 0) & step[kind[above]]
                reached, above = reached[goes_on], above[goes_on]
            fits[reached] = True
        return rows[fits]

    def _by_children(self, rows: Rows, rule: Rule) -> Rows:
        tree = self._tree
        for paths in rule.has:
            holds = np.zeros(len(tree), bool)
            for found, path in paths:
                holds[self._holders(found, path)] = True
            rows = rows[holds[rows]]
        return rows

    def _holders(self, found: frozenset[int], path: Path) -> Rows:
        """Return what holds rows of some kinds at the end of a path, once for each of them."""
        tree = self._tree
        holders = tree.parent[self.of(found)]
        for step in path:
            holders = holders[holders >= 0]
            holders = tree.parent[holders[step[tree.kind[holders]]]]
        return holders[holders >= 0].astype(np.intp)

    def _by_likes(self, rows: Rows, rule: Rule) -> Rows:
        holders = np.concatenate([self._holders(found, path) for found, path in rule.several])
        counts: NDArray[np.intp] = np.bincount(holders, minlength=len(self._tree))
        return rows[counts[rows] > 1]

    def _by_match(self, rows: Rows, rule: Rule) -> Rows:
        source = self._tree.source
        if source is None:
            return _NONE
        spans = zip(self._tree.start[rows].tolist(), self._tree.end[rows].tolist(), strict=True)
        chosen: Rows = rows[np.array([rule.match.match(source, *span) is not None for span in spans], bool)]
        return chosen

    def _by_what_precedes(self, rows: Rows, _rule: Rule) -> Rows:
        holders = kept_ancestors(self._tree, self._kinds, rows)
        chosen: Rows = rows[first_inside(self._tree, self._kinds, holders) == rows]
        return chosen

    def _by_novelty(self, rows: Rows, _rule: Rule) -> Rows:
        """Return the rows whose first child reads what no parameter and no such row before, in its scope, begins with.

        Rows are gone through one by one here, but only those of parameters, scopes and what is asked about.
        """
        tree = self._tree
        source = tree.source
        if source is None:
            return _NONE
        matters = _BINDS[self._kinds]
        matters[rows] = True
        places = np.flatnonzero(matters)
        is_scope = _SCOPES[self._kinds[places]]
        asked = np.zeros(len(tree), bool)
        asked[rows] = True
        named = places + (tree.size[places] > 1)
        named[is_scope] = places[is_scope]
        named = self._named(places, named)
        columns = (places, places + tree.size[places], is_scope, asked[places], tree.start[named], tree.end[named])
        scopes: list[tuple[int, set[bytes]]] = []
        found = []
        for row, last, opens, is_asked, start, end in zip(*(column.tolist() for column in columns), strict=True):
            while scopes and row >= scopes[-1][0]:
                scopes.pop()
            if opens or not scopes:
                scopes.append((last, set()))
                continue
            names = scopes[-1][1]
            text = source[start:end]
            if is_asked and text not in names:
                found.append(row)
            names.add(text)
        return np.array(found, np.intp)

    def _named(self, places: Rows, named: Rows) -> Rows:
        """Return `named`, but for a parameter that has a field for its name what fills it: a type may come first."""
        tree = self._tree
        by_field = np.flatnonzero(self._naming[tree.field] & (tree.parent >= 0))
        owners = tree.parent[by_field]
        is_name = self._kinds[owners] == CanonicalKind.PARAMETER
        name_of = np.full(len(tree), -1, np.intp)
        name_of[owners[is_name][::-1]] = by_field[is_name][::-1]
        return np.where(name_of[places] >= 0, name_of[places], named)


_TESTS: dict[str, Callable[[_Rows, Rows, Rule], Rows]] = {
    "field": _Rows._by_field,
    "being": _Rows._by_kind_so_far,
    "lone": _Rows._by_number_of_children,
    "first": _Rows._by_first_child,
    "after": _Rows._by_token_before,
    "before": _Rows._by_what_follows,
    "text": _Rows._by_text,
    "under": _Rows._by_parent_so_far,
    "parent": _Rows._by_parent,
    "has": _Rows._by_children,
    "several": _Rows._by_likes,
    "match": _Rows._by_match,
    "leading": _Rows._by_what_precedes,
    "once": _Rows._by_novelty,
}
