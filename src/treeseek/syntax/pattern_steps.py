"""The steps that a query is compiled to, and what follows from them alone.

As in tree-sitter 0.26.13 (lib/src/query.c: `QueryStep`, `ts_query_new`, `ts_query__step_is_fallible`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from dataclasses import field as attribute

from treeseek.errors import UsageError

__all__ = ["ANY", "DONE", "NO_STEP", "Step", "check_loops", "close_loops", "find_splits"]

ANY = 0
"""The symbol of a step that any node fits."""
DONE = 65_535
"""The depth of the step after a pattern's last."""
NO_STEP = -1


@dataclass(slots=True)
class Step:
    """One node to find: `depth` levels below the pattern's start, by `symbol` (tree-sitter's kind id, or ANY).

    After it comes the next step; or the one at `alternative` instead: right away for a `dead_end`, and as well as the
    next for all others. A `pass_through` matches nothing and only branches. `is_skip` tells that the alternative is
    taken where a quantifier finds nothing. `splits` tells that a later sibling may fit in another way.
    """

    symbol: int
    depth: int
    immediate: bool = False
    alternative: int = NO_STEP
    field: int = 0
    captures: list[int] = attribute(default_factory=list)
    negated: tuple[int, ...] = ()
    named: bool = False
    missing: bool = False
    last: bool = False
    pass_through: bool = False
    dead_end: bool = False
    inside_alternation: bool = False
    is_skip: bool = False
    guaranteed: bool = False
    splits: bool = False


def find_splits(steps: list[Step]) -> None:
    """Tell which steps capture, or may fail later on: then a later sibling is tried as well."""
    for number, step in enumerate(steps[:-1]):
        if step.depth == DONE:
            continue
        inside = number + 1
        captures = bool(step.captures)
        while not captures and inside < len(steps) and step.depth < steps[inside].depth < DONE:
            captures = bool(steps[inside].captures)
            inside += 1
        step.splits = captures or _is_fallible(steps, number)


def _is_fallible(steps: list[Step], number: int) -> bool:
    """Whether what comes after a step can fail, so that its match isn't the whole answer."""
    step = steps[number]
    after = number + 1
    while after < len(steps) - 1 and steps[after].pass_through:
        after += 1
    following = steps[after]
    is_below = following.depth > step.depth or (following.depth == step.depth and following.immediate)
    return following.depth != DONE and is_below and (not following.guaranteed or step.symbol == ANY)


def close_loops(steps: list[Step], start: int, end: int) -> None:
    """Let a repetition inside an alternation loop back to a copy of its first step that knows no other branch."""
    for number in range(start, end):
        loop = steps[number]
        if not (loop.pass_through and loop.inside_alternation and 0 <= loop.alternative < number):
            continue
        target = loop.alternative
        if not target < steps[target].alternative < end:
            continue
        copy = replace(steps[target], alternative=NO_STEP, captures=list(steps[target].captures))
        redirect = Step(ANY, copy.depth, dead_end=True, alternative=target + 1)
        loop.alternative = len(steps)
        steps += [copy, redirect]


def check_loops(steps: list[Step], start: int) -> None:
    """Refuse a repetition of what can match nothing: tree-sitter never comes back from some of these.

    Raises:
        UsageError: alternatives lead back to where they began, without a node between.
    """
    finished: set[int] = set()
    for first in range(start, len(steps)):
        path = [first]
        open_steps = {first}
        while path:
            ahead = [number for number in _leads_to(steps, path[-1]) if number not in finished]
            if any(number in open_steps for number in ahead):
                raise UsageError("not supported: a repetition of something that can match nothing")
            if ahead:
                path.append(ahead[0])
                open_steps.add(ahead[0])
            else:
                finished.add(path[-1])
                open_steps.discard(path.pop())


def _leads_to(steps: list[Step], number: int) -> list[int]:
    """Return the steps that a state at a step is at as well, or instead, before it sees another node."""
    step = steps[number]
    after = [number + 1] if step.pass_through else []
    return [other for other in (*after, step.alternative) if NO_STEP < other < len(steps)]
