"""Where in a tree the patterns of a query can start: all that whole columns tell before any node is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from treeseek.errors import UsageError
from treeseek.syntax.pattern_machine import Entry
from treeseek.syntax.pattern_parser import Parsed
from treeseek.syntax.pattern_predicates import demanded_texts
from treeseek.syntax.pattern_steps import ANY, DONE, NO_STEP, Step
from treeseek.syntax.tree import ERROR, MISSING, NAMED, SyntaxTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.intp]

__all__ = ["Start", "add_entries", "candidates", "find_start", "has_kinds", "has_texts", "in_order"]


@dataclass(frozen=True, slots=True)
class Need:
    """A node without which a pattern can't match: of what kind (ANY for all), and if not empty, with which texts."""

    kind: int
    texts: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Start:
    """An entry with all that must be found for it: at the node itself, and (if it `is_whole`) inside of it.

    With `is_single`, the node is all there is to it, and `candidates` tells all there is to know of it.
    """

    entry: Entry
    first: Step
    is_whole: bool
    is_single: bool
    own: Need
    inside: tuple[Need, ...]


def add_entries(starts: list[tuple[int, int, Entry]], steps: list[Step], pattern: int, first: int) -> None:
    """Add the steps a pattern can start with: its first, and the alternatives of that (`ts_query_new`).

    Where the first is any node but its child isn't, the pattern starts at the child, and the node is looked at later.
    They come sorted by symbol; of one symbol by pattern, and of one pattern the last first, but for any node.

    Raises:
        UsageError: the pattern can do without any node, or its alternatives lead back to its start.
    """
    pending = NO_STEP
    seen: set[int] = set()
    while True:
        step = steps[first]
        if step.depth == DONE:
            raise UsageError(f"not supported: pattern {pattern + 1} of the query can match nothing at all")
        if step.symbol == ANY and step.depth == 0 and not step.field:
            second = steps[first + 1]
            if second.symbol != ANY and second.depth == 1 and not second.immediate:
                pending, first, step = step.alternative, first + 1, second
        entry = Entry(pattern, first, _is_rooted(steps, first))
        if first in seen:  # tree-sitter would go round for ever
            raise UsageError(f"not supported: pattern {pattern + 1} of the query begins with a repetition of any node")
        seen.add(first)
        starts.append((step.symbol, len(starts) if step.symbol == ANY else pattern * 65_536 - len(seen), entry))
        if step.alternative != NO_STEP:
            first = step.alternative
        elif pending != NO_STEP:
            first, pending = pending, NO_STEP
        else:
            return


def _is_rooted(steps: list[Step], first: int) -> bool:
    """Whether all of a pattern that starts with a step lies inside of one node."""
    if steps[first].depth:
        return False
    for step in steps[first + 1 :]:
        if step.dead_end:
            break
        if step.depth == steps[first].depth:
            return False
    return True


def find_start(entry: Entry, parsed: Parsed) -> Start:
    """Return an entry with the nodes it can't do without: the steps that no alternative leads past.

    Nothing is known of one that goes on among siblings: which other match it is part of decides there.
    """
    steps = parsed.steps
    first = steps[entry.step]
    demanded = demanded_texts(parsed.predicates[entry.pattern])
    inside: list[Need] = []
    number, skipped_to, is_whole = entry.step + 1, 0, first.depth == 0
    while steps[number].depth != DONE:
        step = steps[number]
        if step.dead_end and step.depth <= first.depth:
            number = step.alternative
            continue
        is_whole = is_whole and step.depth > first.depth
        skipped_to = max(skipped_to, step.alternative)
        if number >= skipped_to and not step.pass_through and not step.dead_end:
            inside.append(_need(step, parsed.captures, demanded))
        number += 1
    is_single = steps[entry.step + 1].depth == DONE and not (first.depth or first.negated or first.missing)
    own = _need(first, parsed.captures, demanded if is_whole else {})
    return Start(
        entry, first, is_whole, is_single, own, tuple(need for need in inside if need.kind != ANY or need.texts)
    )


def _need(step: Step, captures: list[str], demanded: dict[str, frozenset[bytes]]) -> Need:
    texts = [demanded[captures[name]] for name in step.captures if captures[name] in demanded]
    return Need(step.symbol, frozenset.intersection(*texts) if texts else frozenset())


def has_kinds(start: Start, kinds: NDArray[np.bool_]) -> bool:
    """Whether all kinds that must be found occur in a tree, of which is told for each kind if it does."""
    return all(need.kind == ANY or kinds[need.kind] for need in (start.own, *start.inside))


def has_texts(start: Start, tree: SyntaxTree) -> bool:
    """Whether the texts that must be found occur anywhere; true if that isn't known."""
    source = tree.source
    return source is None or all(
        not need.texts or any(text in source for text in need.texts) for need in (start.own, *start.inside)
    )


def in_order(starts: list[Start], tree: SyntaxTree) -> Iterator[tuple[int, list[Entry]]]:
    """Yield the rows at which patterns can start, ascending, with the patterns in tree-sitter's order.

    For a node that an entry with a kind fits, entries for any node come first; `starts` are sorted so.
    """
    rows = [candidates(start, tree) for start in starts]
    if len(starts) == 1:
        alone = [starts[0].entry]
        yield from ((row, alone) for row in rows[0].tolist())
        return
    which = np.repeat(np.arange(len(starts)), [len(some) for some in rows])
    every = np.concatenate(rows)
    order = np.argsort(every, kind="stable")
    last, entries = -1, list[Entry]()
    for row, number in zip(every[order].tolist(), which[order].tolist(), strict=True):
        if row != last and entries:
            yield last, entries
            entries = []
        last = row
        entries.append(starts[number].entry)
    if entries:
        yield last, entries


def candidates(start: Start, tree: SyntaxTree) -> Rows:
    """Return the rows at which a pattern can start, by all that whole columns tell."""
    rows = _rows_of(start.own, tree)
    step = start.first
    if step.symbol == ANY:
        rows = rows[tree.kind[rows] != tree.vocabulary.error]
        if step.named or step.missing:
            rows = rows[tree.flags[rows] & (MISSING if step.missing else NAMED) > 0]
    if step.field:
        rows = rows[tree.field[rows] == step.field]
    if not start.entry.is_rooted:
        rows = _outside_errors(rows, tree)
    if not start.is_whole:
        return rows
    for need in start.inside:
        if not len(rows):
            break
        inside = _rows_of(need, tree)
        rows = rows[np.searchsorted(inside, rows + 1) < np.searchsorted(inside, rows + tree.size[rows])]
    return rows


def _rows_of(need: Need, tree: SyntaxTree) -> Rows:
    if need.kind != ANY:
        rows = np.flatnonzero(tree.kind == need.kind)
    else:
        rows = np.arange(len(tree))
    if not need.texts or tree.source is None:
        return rows
    lengths = tree.end[rows] - tree.start[rows]
    rows = rows[np.isin(lengths, [len(text) for text in need.texts])]
    return rows[[tree.text(row) in need.texts for row in rows.tolist()]] if len(rows) else rows


def _outside_errors(rows: Rows, tree: SyntaxTree) -> Rows:
    """Leave out the children of error nodes: siblings that a pattern wants may be there by chance only."""
    if not (tree.flags & ERROR).any():
        return rows
    parents = tree.parent[rows]
    outside: Rows = rows[(parents < 0) | (tree.kind[parents] != tree.vocabulary.error)]
    return outside
