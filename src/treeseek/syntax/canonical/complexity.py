"""Cyclomatic complexity: one, and one more for every place where the path through a declaration forks.

T. J. McCabe, "A Complexity Measure", IEEE Transactions on Software Engineering SE-2 (1976): of a structured program it
is the number of its decisions plus one, where a condition made of several counts each, and a choice of n cases n - 1.
So what counts is: an `if`, a loop (and the loops and conditions of a comprehension), a case that isn't the default, a
handler of exceptions, a conditional expression, and each `&&` and `||`. A default or an `else` is what is left.
Functions without a name belong to the declaration they are written in; declarations inside it count for themselves.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from treeseek.syntax.canonical.kinds import CanonicalKind
from treeseek.syntax.canonical.lowering import kinds_of
from treeseek.syntax.canonical.tables import table
from treeseek.syntax.canonical.tree import OPERATOR_FIELDS
from treeseek.syntax.grammars import vocabulary
from treeseek.syntax.tree import NAMED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from treeseek.syntax.tree import SyntaxTree

__all__ = ["complexities", "decisions"]

_FORKS = np.zeros(256, bool)
_FORKS[[
    CanonicalKind.IF, CanonicalKind.FOR, CanonicalKind.WHILE, CanonicalKind.CASE, CanonicalKind.CATCH,
    CanonicalKind.CONDITIONAL,
]] = True  # fmt: skip


def decisions(tree: SyntaxTree) -> NDArray[np.bool_]:
    """Return which rows of a tree are a decision: nodes that fork, and the tokens `&&` and `||` by any name."""
    kinds = kinds_of(tree)
    found = _FORKS[kinds]
    tokens = np.flatnonzero(_logical(tree.language)[tree.kind])
    tokens = np.concatenate((tokens[tokens > 0], _spelled(tree)))
    found[tokens[kinds[tree.parent[tokens]] == CanonicalKind.BINARY]] = True
    return found


def complexities(tree: SyntaxTree, rows: NDArray[np.integer]) -> NDArray[np.int32]:
    """Return the cyclomatic complexity of the declarations at `rows` (int32, in the order they are given).

    What is inside another of the rows counts for that one only. A row that is given twice is the same declaration.
    """
    total = np.zeros(len(tree) + 1, np.int32)
    np.cumsum(decisions(tree), out=total[1:])
    unique, places = np.unique(np.asarray(rows, np.intp), return_inverse=True)
    ends = unique + tree.size[unique]
    counts = total[ends] - total[unique]
    own = counts.copy()
    above = _nearest_above(unique.tolist(), ends.tolist())
    inner = np.flatnonzero(above >= 0)
    np.subtract.at(own, above[inner], counts[inner])
    result: NDArray[np.int32] = own[places] + np.int32(1)
    return result


def _nearest_above(starts: list[int], ends: list[int]) -> NDArray[np.intp]:
    """Return for each of some subtrees, in pre-order, which of them it is directly inside of; -1 for none."""
    above = np.full(len(starts), -1, np.intp)
    open_: list[int] = []
    for at, start in enumerate(starts):
        while open_ and start >= ends[open_[-1]]:
            open_.pop()
        if open_:
            above[at] = open_[-1]
        open_.append(at)
    return above


def _spelled(tree: SyntaxTree) -> NDArray[np.intp]:
    """Return the rows of operators that a grammar doesn't tell apart by their kind, but that read `&&` or `||`."""
    fields = tree.vocabulary.fields
    numbers = [number for number, name in enumerate(fields) if name in OPERATOR_FIELDS]
    rows = np.flatnonzero(np.isin(tree.field, numbers) & (tree.flags & NAMED > 0) & (tree.end - tree.start == 2))
    if tree.source is None or not len(rows):
        return rows[:0]
    spelled: NDArray[np.intp] = rows[[tree.text(row) in {b"&&", b"||"} for row in rows.tolist()]]
    return spelled


@cache
def _logical(language: str) -> NDArray[np.bool_]:
    """Return which kinds of a grammar are tokens for "and" and "or"."""
    grammar = vocabulary(language)
    names = table(language).operators
    return np.array([
        not grammar.named[number] and names.get(name, name) in {"&&", "||"} for number, name in enumerate(grammar.kinds)
    ])  # fmt: skip
