"""A query's S-expressions, as steps of a small machine: what tree-sitter itself compiles a query to.

The steps are those of tree-sitter 0.26.13 (lib/src/query.c, `ts_query__parse_pattern`), to the letter: what a query
means where quantifiers, alternations and anchors meet is told by nothing else. tree-sitter has accepted the source
before it comes here, so this parser checks little.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as attribute
from itertools import pairwise
from typing import TYPE_CHECKING

from treeseek.errors import UsageError
from treeseek.syntax.pattern_steps import ANY, DONE, NO_STEP, Step, check_loops, close_loops, find_splits

if TYPE_CHECKING:
    from tree_sitter import Language

__all__ = ["MAX_NESTING", "Argument", "Parsed", "Parser", "Predicate", "UnreadableQueryError"]

MAX_CAPTURES = 3
"""tree-sitter keeps this many captures of one node, and forgets the others."""
MAX_NEGATED = 8
MAX_NESTING = 100
MAX_STEPS = 60_000

_SKIP = re.compile(r"(?:\s|;[^\n]*)*")
_NAME = re.compile(r"[\w-][\w.-]*")
_STRING = re.compile(r'"((?:\\.|[^"\\\n])*)"', re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}


class UnreadableQueryError(UsageError):
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
            check_loops(self.steps, start)
            if len(self.steps) > MAX_STEPS:
                raise UsageError(f"not supported: a query of over {MAX_STEPS} steps")
            on_pattern(number, start)
            close_loops(self.steps, start, len(self.steps) - 1)
        return self.parsed

    def find_splits(self, is_guaranteed: Callable[[int], bool]) -> None:
        """Finish the steps; `is_guaranteed` tells of a byte of the source if what is written there can't but match."""
        for number, place in self.places.items():
            self.steps[number].guaranteed = is_guaranteed(len(self.source[:place].encode()))
        find_splits(self.steps)

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

    def _unreadable(self) -> UnreadableQueryError:
        return UnreadableQueryError(str(self._unsupported("what is written", self.at)))

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
        if not branches:
            raise self._unreadable()
        self._close("]")
        self.steps.pop()
        for branch, following in pairwise(branches):
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
            check_loops(self.steps, first)
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
