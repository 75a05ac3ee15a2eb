"""A query's S-expressions, as steps of a small machine: what tree-sitter itself compiles a query to.

The steps are those of tree-sitter 0.26.13 (lib/src/query.c, `ts_query__parse_pattern`), to the letter: what a query
means where quantifiers, alternations and anchors meet is told by nothing else. tree-sitter has accepted the source
before it comes here, so this parser checks little.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from dataclasses import field as attribute
from typing import TYPE_CHECKING

from treeseek.errors import UsageError

if TYPE_CHECKING:
    from tree_sitter import Language

__all__ = ["ANY", "DONE", "NO_STEP", "Argument", "Parsed", "Parser", "Predicate", "Step", "UnreadableQuery"]

ANY = 0
"""The symbol of a step that any node fits."""
DONE = 65_535
"""The depth of the step after a pattern's last."""
NO_STEP = -1
MAX_CAPTURES = 3
"""tree-sitter keeps this many captures of one node, and forgets the others."""
MAX_NEGATED = 8
MAX_NESTING = 100
MAX_STEPS = 60_000

_SKIP = re.compile(r"(?:\s|;[^\n]*)*")
_NAME = re.compile(r"[\w-][\w.-]*")
_STRING = re.compile(r'"((?:\\.|[^"\\\n])*)"', re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}


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


class UnreadableQuery(UsageError):
    """What is written can't be read as a query; tree-sitter knows a better reason."""


Argument = tuple[str, bool]
"""A string, or the name of a capture if the second is true."""
Predicate = tuple[str, tuple[Argument, ...]]


@dataclass(slots=True)
class Parsed:
    """All patterns of a query: their steps in one list, and for each its first step and its predicates."""

    steps: list[Step] = attribute(default_factory=list)
    starts: list[int] = attribute(default_factory=list)
    predicates: list[list[Predicate]] = attribute(default_factory=list)
    captures: list[str] = attribute(default_factory=list)


class Parser:
    """Reads one source."""

    def __init__(self, source: str, language: Language) -> None:
        self.source = source
        self.at = 0
        self.language = language
        self.parsed = Parsed()
        self.steps = self.parsed.steps
        self.nesting = 0
        self.places: dict[int, int] = {}

    def parse(self, on_pattern: Callable[[int, int], None]) -> Parsed:
        """Return the steps of the whole source; `on_pattern` hears of each pattern's number and first step.

        Raises:
            UsageError: the source asks for what isn't supported.
        """
        self._skip()
        while self.at < len(self.source):
            start, number = len(self.steps), len(self.parsed.starts)
            self.parsed.starts.append(start)
            self.parsed.predicates.append([])
            if not self._pattern(0, False, False):
                raise self._unreadable()
            self.steps.append(Step(ANY, DONE))
            _check_loops(self.steps, start)
            if len(self.steps) > MAX_STEPS:
                raise UsageError(f"not supported: a query of over {MAX_STEPS} steps")
            on_pattern(number, start)
            _close_loops(self.steps, start, len(self.steps) - 1)
        return self.parsed

    def find_splits(self, is_guaranteed: Callable[[int], bool]) -> None:
        """Tell which steps capture, or may fail later on: then a later sibling is tried as well.

        `is_guaranteed` tells of a byte of the source whether what is written there can't fail to match.
        """
        steps = self.steps
        for number, place in self.places.items():
            steps[number].guaranteed = is_guaranteed(len(self.source[:place].encode()))
        for number, step in enumerate(steps[:-1]):
            if step.depth == DONE:
                continue
            inside = number + 1
            captures = bool(step.captures)
            while not captures and inside < len(steps) and step.depth < steps[inside].depth < DONE:
                captures = bool(steps[inside].captures)
                inside += 1
            step.splits = captures or _is_fallible(steps, number)

    # -- the source ------------------------------------------------------------------------------------------------

    def _skip(self) -> None:
        match = _SKIP.match(self.source, self.at)
        self.at = match.end() if match else self.at

    def _next(self) -> str:
        return self.source[self.at : self.at + 1]

    def _advance(self) -> None:
        self.at += 1
        self._skip()

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.source, self.at)
        if match is None:
            raise self._unreadable()
        self.at = match.end()
        return match[match.lastindex or 0]

    def _close(self, letter: str) -> None:
        if self._next() != letter:
            raise self._unreadable()
        self.at += 1

    def _string(self) -> str:
        return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), self._take(_STRING), flags=re.DOTALL)

    def _unsupported(self, what: str, at: int) -> UsageError:
        before = self.source[:at]
        row, column = before.count("\n") + 1, at - before.rfind("\n")
        return UsageError(f"not supported: {what}, at row {row}, column {column} of the query")

    def _unreadable(self) -> UnreadableQuery:
        return UnreadableQuery(str(self._unsupported("what is written", self.at)))

    # -- patterns --------------------------------------------------------------------------------------------------

    def _pattern(self, depth: int, immediate: bool, alternation: bool) -> bool:
        """Add the steps of one pattern; false if the enclosing one ends here instead."""
        letter = self._next()
        if letter in ("", ")", "]"):
            return False
        first = len(self.steps)
        self.places.setdefault(first, self.at)
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise self._unsupported(f"nesting over {MAX_NESTING} deep", self.at)
        is_predicate = False
        if letter == "[":
            self._advance()
            self._alternation(depth, immediate)
        elif letter == "(":
            is_predicate = self._parenthesis(depth, immediate, alternation)
        elif letter == "_":
            self._advance()
            self.steps.append(Step(ANY, depth, immediate))
        elif letter == '"':
            self.steps.append(Step(self._symbol(self._string(), named=False), depth, immediate))
        else:
            self._field(depth, immediate, alternation)
        self.nesting -= 1
        if not is_predicate:
            self._skip()
            self._suffixes(first, depth, alternation)
        return True

    def _alternation(self, depth: int, immediate: bool) -> None:
        branches = []
        while True:
            branches.append(len(self.steps))
            if not self._pattern(depth, immediate, True):
                branches.pop()
                break
            self.steps.append(Step(ANY, depth))
        self._close("]" if branches else "")
        self.steps.pop()
        for branch, following in zip(branches, branches[1:], strict=False):
            self.steps[branch].alternative = following
            self.steps[following - 1].alternative = len(self.steps)
            self.steps[following - 1].dead_end = True

    def _parenthesis(self, depth: int, immediate: bool, alternation: bool) -> bool:
        """Add a group, a named node, or a predicate; true for the last."""
        self._advance()
        letter = self._next()
        if letter in ("(", '"', "["):
            self._group(depth, immediate, alternation)
        elif letter in (".", "#"):
            self._advance()
            self._predicate()
            return True
        else:
            self._node(depth, immediate, alternation)
        return False

    def _group(self, depth: int, immediate: bool, alternation: bool) -> None:
        while True:
            if self._next() == ".":
                immediate = True
                self._advance()
            if not self._pattern(depth, immediate, alternation):
                break
            immediate = False
        self._close(")")

    def _node(self, depth: int, immediate: bool, alternation: bool) -> None:
        began = self.at
        name = self._take(_NAME)
        missing = name == "MISSING"
        if missing:
            self._skip()
            symbol = self._missing_symbol()
        else:
            symbol = ANY if name == "_" else self._symbol(name, named=True)
        if self._next() == "/" or self._is_hidden(symbol):
            raise self._unsupported(f"({name}) is a supertype, which a stored tree doesn't show", began)
        step = Step(symbol, depth, immediate, named=symbol == ANY, missing=missing)
        self.steps.append(step)
        self._skip()
        self._children(step, depth + 1, alternation)

    def _missing_symbol(self) -> int:
        if self._next() == ")":
            return ANY
        if self._next() == '"':
            return self._symbol(self._string(), named=False)
        return self._symbol(self._take(_NAME), named=True)

    def _children(self, step: Step, depth: int, alternation: bool) -> None:
        immediate, last, negated = False, 0, []
        while True:
            if self._next() == "!":
                self._advance()
                negated.append(self._field_number(self._take(_NAME)))
                self._skip()
                continue
            if self._next() == ".":
                immediate = True
                self._advance()
            first = len(self.steps)
            if not self._pattern(depth, immediate, alternation):
                break
            last = first if first < len(self.steps) else first - 1
            immediate = False
        self._close(")")
        if immediate:
            for number in self._chain(last):
                self.steps[number].last = True
        step.negated = tuple(negated[:MAX_NEGATED])

    def _chain(self, first: int) -> list[int]:
        """Return a step and its alternatives that follow it, as far as there are steps."""
        chain = [first]
        while chain[-1] < self.steps[chain[-1]].alternative < len(self.steps):
            chain.append(self.steps[chain[-1]].alternative)
        return chain

    def _field(self, depth: int, immediate: bool, alternation: bool) -> None:
        first = len(self.steps)
        name = self._take(_NAME)
        self._skip()
        self._close(":")
        self._skip()
        number = self._field_number(name)
        if not self._pattern(depth, immediate, alternation):
            raise self._unreadable()
        if first == len(self.steps):
            raise self._unsupported("a field of a predicate", self.at)
        for step in self._chain(first):
            self.steps[step].field = number

    def _suffixes(self, first: int, depth: int, alternation: bool) -> None:
        """Read quantifiers and captures; several quantifiers are as one."""
        optional = repeated = False
        while (letter := self._next()) in ("+", "*", "?", "@"):
            self.at += 1
            if letter == "@":
                self._capture(first)
            self._skip()
            optional |= letter in ("*", "?")
            repeated |= letter in ("*", "+")
        if repeated:
            self.steps.append(Step(ANY, depth, alternative=first, inside_alternation=alternation, pass_through=True))
        if optional:
            _check_loops(self.steps, first)
            size, step = len(self.steps), self.steps[first]
            while step.alternative != NO_STEP and step.alternative < size - repeated:
                step = self.steps[step.alternative]
            step.alternative, step.is_skip = size, True

    def _capture(self, first: int) -> None:
        number = self._capture_number(self._take(_NAME))
        for step in self._chain(first):
            if len(self.steps[step].captures) < MAX_CAPTURES:
                self.steps[step].captures.append(number)

    def _predicate(self) -> None:
        name = self._take(_NAME) + self._next()
        self._advance()
        arguments: list[Argument] = []
        while (letter := self._next()) not in (")", ""):
            if letter == "@":
                self.at += 1
            arguments.append((self._string() if letter == '"' else self._take(_NAME), letter == "@"))
            self._skip()
        self._advance()
        self.parsed.predicates[-1].append((name, tuple(arguments)))

    # -- names -----------------------------------------------------------------------------------------------------

    def _symbol(self, name: str, *, named: bool) -> int:
        symbol = self.language.id_for_node_kind(name, named)
        if symbol is None:
            raise self._unreadable()
        return symbol

    def _is_hidden(self, symbol: int) -> bool:
        """Whether a kind has no nodes of its own: of those that have names, these are the supertypes."""
        return ANY < symbol < self.language.node_kind_count and not self.language.node_kind_is_visible(symbol)

    def _field_number(self, name: str) -> int:
        number = self.language.field_id_for_name(name)
        if number is None:
            raise self._unreadable()
        return number

    def _capture_number(self, name: str) -> int:
        if name not in self.parsed.captures:
            self.parsed.captures.append(name)
        return self.parsed.captures.index(name)


def _is_fallible(steps: list[Step], number: int) -> bool:
    """Whether what comes after a step can fail, so that its match isn't the whole answer."""
    step = steps[number]
    after = number + 1
    while after < len(steps) - 1 and steps[after].pass_through:
        after += 1
    following = steps[after]
    is_below = following.depth > step.depth or (following.depth == step.depth and following.immediate)
    return following.depth != DONE and is_below and (not following.guaranteed or step.symbol == ANY)


def _close_loops(steps: list[Step], start: int, end: int) -> None:
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


def _check_loops(steps: list[Step], start: int) -> None:
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
