"""Runs the steps of a query over the rows of a tree, as tree-sitter's cursor runs them over a live one.

States, their order, how they split, and which of two states is dropped for being part of the other: all is as in
tree-sitter 0.26.13 (lib/src/query.c, `ts_query_cursor__advance`), so that the matches are the same. What differs is
where it looks: only rows that a pattern can start at, and then only those that a state waits for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from treeseek.errors import UsageError
from treeseek.syntax.pattern_steps import ANY, DONE, NO_STEP, Step
from treeseek.syntax.tree import MISSING, NAMED, SyntaxTree

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Entry", "Found", "run"]

MAX_STATES = 20_000
"""How many ways of going on with a match are kept; a pattern that has more is refused."""
MAX_COMPARED = 2_000_000
"""How often two of them are compared at one tree, some seconds' work; patterns such as `(_ _ @b)+` are exponential."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a pattern can start: at nodes that fit the step numbered `step`."""

    pattern: int
    step: int
    is_rooted: bool


Found = tuple[int, tuple[int, ...]]
"""A match: its pattern, and its captures in order, each as row * (number of captures) + number of the capture."""


@dataclass(slots=True)
class _State:
    """A match in the making, which began at a node of depth `start` and waits for a node that fits step `step`."""

    pattern: int
    step: int
    start: int
    captures: tuple[int, ...] = ()
    immediate: bool = True
    deferred: bool = False
    needs_parent: bool = False
    skipped: bool = False

    def copy(self) -> _State:
        return _State(
            self.pattern, self.step, self.start, self.captures, self.immediate, self.deferred, self.needs_parent,
            self.skipped,
        )  # fmt: skip


def run(steps: list[Step], tree: SyntaxTree, starts: Iterator[tuple[int, list[Entry]]], captures: int) -> list[Found]:
    """Return the matches that begin at `starts`, ascending rows with what may begin there, in order of completion.

    `captures` is how many names for captures the query has.

    Raises:
        UsageError: the pattern fits in too many ways.
    """
    return _Machine(steps, tree, max(captures, 1)).run(starts)


class _Machine:
    """One run over one tree. Columns are read as memoryviews: single values of arrays cost three times as much."""

    def __init__(self, steps: list[Step], tree: SyntaxTree, captures: int) -> None:
        self.steps = steps
        self.tree = tree
        self.names = captures
        self.rows = len(tree)
        self.kind: Sequence[int] = tree.kind.data
        self.flags: Sequence[int] = tree.flags.data
        self.field: Sequence[int] = tree.field.data
        self.size: Sequence[int] = tree.size.data
        self.depth: Sequence[int] = tree.depth.data
        self.start: Sequence[int] = tree.start.data
        self.end: Sequence[int] = tree.end.data
        self.error = tree.vocabulary.error
        self.compared = 0
        self.states: list[_State] = []
        self.found: list[Found] = []

    def run(self, starts: Iterator[tuple[int, list[Entry]]]) -> list[Found]:
        depth = self.depth
        at, entries = next(starts, (self.rows, []))
        row = at
        while row < self.rows:
            if row == at:
                for entry in entries:
                    self._add(entry, depth[row])
                at, entries = next(starts, (self.rows, []))
            self._enter(row)
            following = self._following(row, at)
            if self.states:
                self._leave(row, following)
            row = following
        return self.found

    # -- from row to row -------------------------------------------------------------------------------------------

    def _add(self, entry: Entry, depth: int) -> None:
        """Begin a pattern, in its place among the states: by depth, then by pattern."""
        below = self.steps[entry.step].depth
        start, states = depth - below, self.states
        if start < 0:
            return
        index = len(states)
        while index:
            previous = states[index - 1]
            if previous.start < start:
                break
            if previous.start == start:
                if previous.pattern == entry.pattern and previous.step == entry.step:
                    return
                if previous.pattern <= entry.pattern:
                    break
            index -= 1
        states.insert(index, _State(entry.pattern, entry.step, start, needs_parent=below == 1))

    def _following(self, row: int, candidate: int) -> int:
        """Return the next row that a state waits for, or at which a pattern can begin.

        A state that only waits to be told that no longer match comes is told by the next row, whatever that is.
        """
        wanted, depth, size = -1, self.depth, self.size
        for state in self.states:
            below = self.steps[state.step].depth
            if below == DONE:
                return row + 1
            wanted = max(wanted, state.start + below)
        if wanted > depth[row]:
            return row + 1
        if wanted < 0:
            return candidate
        following = row + size[row]
        while following < candidate and depth[following] > wanted:
            following += size[following]
        return min(following, candidate)

    def _leave(self, row: int, following: int) -> None:
        """Drop the states that needed something inside of the nodes left behind, and finish those that are done."""
        lowest = self._shallowest(row, following)
        for level in range(self.depth[row], lowest - 1, -1):
            if not self.states:
                return
            kept = []
            for state in self.states:
                below = self.steps[state.step].depth
                if below == DONE:
                    if state.start > level or level == 0:
                        self.found.append((state.pattern, state.captures))
                        continue
                elif state.start + below > level:
                    continue
                kept.append(state)
            self.states = kept

    def _shallowest(self, row: int, following: int) -> int:
        """Return the least depth of the rows after `row` up to `following`; 0 if that is the end."""
        after = row + self.size[row]
        if following >= self.rows:
            return 0
        if following <= after:
            return self.depth[following]
        return int(self.tree.depth[after : following + 1].min())

    # -- at one row ------------------------------------------------------------------------------------------------

    def _enter(self, row: int) -> None:
        """Let every state that waits for a node of this depth try this one."""
        depth, steps, number = self.depth[row], self.steps, 0
        states = self.states
        while number < len(states):
            state = states[number]
            step = steps[state.step]
            state.deferred = False
            if state.start + step.depth != depth:
                number += 1
                continue
            can_wait = self._can_wait(row, step, state)
            if not self._fits(row, step):
                if can_wait:
                    number += 1
                else:
                    del states[number]
                continue
            number += self._advance(row, number, state, can_wait)
        if len(states) > MAX_STATES or self.compared > MAX_COMPARED:
            raise UsageError("the pattern fits in too many ways; say more precisely what it is to find")
        self._settle()

    def _fits(self, row: int, step: Step) -> bool:
        kind, flags = self.kind[row], self.flags[row]
        if step.symbol == ANY:
            if step.missing:
                fits = bool(flags & MISSING)
            else:
                fits = kind != self.error and bool(flags & NAMED or not step.named)
        else:
            fits = kind == step.symbol and (not step.missing or bool(flags & MISSING))
        return (
            fits
            and (not step.field or step.field == self.field[row])
            and not (step.last and self._has_later(row, named=True))
            and not (step.negated and self._has_child(row, step.negated))
        )

    def _can_wait(self, row: int, step: Step, state: _State) -> bool:
        """Whether a later sibling may fit the step as well, or instead."""
        if state.immediate or (step.immediate and self.flags[row] & NAMED and not state.skipped):
            return False
        if step.field and step.field == self.field[row]:
            return self._has_later(row, field=step.field)
        return self._has_later(row)

    def _has_later(self, row: int, *, named: bool = False, field: int = 0) -> bool:
        """Whether a sibling comes after a node: any, a named one, or one that fills a field."""
        depth = self.depth[row]
        at = row + self.size[row]
        while at < self.rows and self.depth[at] == depth:
            if (not named or self.flags[at] & NAMED) and (not field or self.field[at] == field):
                return True
            at += self.size[at]
        return False

    def _has_child(self, row: int, fields: tuple[int, ...]) -> bool:
        at, end = row + 1, row + self.size[row]
        while at < end:
            if self.field[at] in fields:
                return True
            at += self.size[at]
        return False

    def _advance(self, row: int, number: int, state: _State, can_wait: bool) -> int:
        """Move a state that fits to its next steps; return how many states there are now in place of it."""
        steps, states = self.steps, self.states
        step, count = steps[state.step], 1
        if can_wait and step.splits:
            states.insert(number + 1, state.copy())
            count += 1
        if state.needs_parent:
            state.needs_parent = False
            above = state.step - 1
            while steps[above].dead_end or steps[above].pass_through or steps[above].depth > 0:
                above -= 1
            self._capture(state, steps[above], self._parent(row))
        self._capture(state, step, row)
        state.step += 1
        state.skipped = False
        state.immediate = step.symbol == ANY and not step.named and steps[state.step].immediate
        return count + self._branch(row, number)

    def _capture(self, state: _State, step: Step, row: int) -> None:
        if step.captures:
            state.captures += tuple(row * self.names + name for name in step.captures)

    def _parent(self, row: int) -> int:
        return int(self.tree.parent[row])

    def _branch(self, row: int, number: int) -> int:
        """Copy the state there is at `number`, and the copies, for each alternative; return how many were added."""
        steps, states = self.steps, self.states
        first = end = number + 1
        while number < end:
            state = states[number]
            step = steps[state.step]
            if step.alternative == NO_STEP:
                number += 1
                continue
            if step.dead_end:
                state.step = step.alternative
                continue
            if step.is_skip and step.last and self._has_later(row, named=True):
                number += 1
                continue
            if step.pass_through:
                state.step += 1
            copy = state.copy()
            copy.step = step.alternative
            states.insert(number + 1, copy)
            end += 1
            if step.pass_through:
                copy.immediate = True
            else:
                number += 1
            if step.is_skip:
                self._skip(copy, step, steps[state.step - 1])
        return end - first

    def _skip(self, copy: _State, step: Step, before: Step) -> None:
        """Tell the state that skips what is optional what becomes of the anchors on either side."""
        if not step.immediate:
            copy.skipped = self.steps[step.alternative].depth == step.depth
        elif before.depth < step.depth:
            copy.immediate = True

    # -- which states to keep --------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Drop states that are part of others, and finish those that are done and can't come to hold more."""
        states = self.states
        if len(states) > 1:
            states.sort(key=self._order)
        number = 0
        while number < len(states):
            state = states[number]
            if len(states) > 1 and self._is_redundant(number, state):
                del states[number]
            elif self.steps[state.step].depth == DONE and not state.deferred:
                self.found.append((state.pattern, state.captures))
                del states[number]
            else:
                number += 1

    def _order(self, state: _State) -> tuple[int, int, int]:
        first = self.start[state.captures[0] // self.names] if state.captures else -1
        return state.start, state.pattern, first

    def _is_redundant(self, number: int, state: _State) -> bool:
        """Whether a state holds nothing that a later one of the same pattern doesn't; drop the later that do so."""
        states, following = self.states, number + 1
        while following < len(states):
            other = states[following]
            if other.start != state.start or other.pattern != state.pattern or self._are_apart(state, other):
                return False
            self.compared += 1
            holds_other, is_held = self._compare(state.captures, other.captures)
            if holds_other:
                if state.step == other.step and (other.immediate or not state.immediate):
                    del states[following]
                    continue
                other.deferred = True
            if is_held:
                if state.step == other.step and (state.immediate or not other.immediate):
                    return True
                state.deferred = True
            following += 1
        return False

    def _are_apart(self, state: _State, other: _State) -> bool:
        """Whether all that one state captured ends before what the other captured begins."""
        if not state.captures or not other.captures:
            return False
        return self.start[other.captures[0] // self.names] >= self.end[state.captures[-1] // self.names]

    def _compare(self, left: tuple[int, ...], right: tuple[int, ...]) -> tuple[bool, bool]:
        """Return whether left holds all captures of right, and whether right holds all of left."""
        if left == right[: len(left)]:
            return len(left) == len(right), True
        if right == left[: len(right)]:
            return True, False
        holds, is_held = True, True
        one = two = 0
        while (holds or is_held) and one < len(left) and two < len(right):
            order = 0 if left[one] == right[two] else self._which_first(left[one], right[two])
            if left[one] != right[two]:
                is_held = is_held and order > 0
                holds = holds and order < 0
            one += order <= 0
            two += order >= 0
        return holds and two == len(right), is_held and one == len(left)

    def _which_first(self, left: int, right: int) -> int:
        """Return -1 if the left capture's node comes first, 1 if the right one's, 0 if they cover the same bytes."""
        one, two = left // self.names, right // self.names
        first, second = (self.start[one], -self.end[one]), (self.start[two], -self.end[two])
        return (first > second) - (first < second)
