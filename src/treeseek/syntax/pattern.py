"""Tree-sitter queries over stored trees: patterns written as for tree-sitter, matched without parsing anything.

    pattern = compile_pattern('(call function: (identifier) @name (#eq? @name "open"))', "python")
    for match in pattern.match(tree): ...

Matches are those of `tree_sitter.QueryCursor(query).matches(root)`. Refused, since a stored tree doesn't tell or the
answer would be of no use: supertypes, and patterns that can match nothing at all. Where tree-sitter returns several
matches without captures for one node, there may be more or fewer of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from treeseek.errors import TreeMismatchError, UsageError
from treeseek.syntax.grammars import language_of, vocabulary
from treeseek.syntax.pattern_machine import Entry, run
from treeseek.syntax.pattern_parser import ANY, DONE, MAX_NESTING, NO_STEP, Parsed, Parser, Step, UnreadableQuery
from treeseek.syntax.pattern_predicates import Test, compile_predicates, demanded_texts
from treeseek.syntax.tree import ERROR, MISSING, NAMED, SyntaxTree

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tree_sitter import Language, Query

__all__ = ["Match", "Pattern", "compile_pattern", "kinds_of"]

MAX_QUERY_BYTES = 65_536
_GRAMMAR_ERROR = 65_535
"""tree-sitter's number for the kind of error nodes; ours is the vocabulary's."""
_LEXEME = re.compile(rb'"(?:\\.|[^"\\\n])*"|;[^\n]*|\n', re.DOTALL)
_PLACE = re.compile(r" at row \d+, column (\d+)")


@dataclass(frozen=True, slots=True)
class Match:
    """A place that a pattern fits: the pattern's number in the query, and for each capture its rows in the tree."""

    pattern: int
    captures: dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class _Need:
    """A node without which a pattern can't match: of what kind (ANY for all), and if not empty, with which texts."""

    kind: int
    texts: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class _Start:
    """An entry with all that must be found for it: at the node itself, and (if it `is_whole`) inside of it."""

    entry: Entry
    first: Step
    is_whole: bool
    own: _Need
    inside: tuple[_Need, ...]


class Pattern:
    """A compiled query of one language. Immutable; made by `compile_pattern`.

    `captures` are the names it captures by; `ignored` are the predicates and directives it takes no notice of.
    """

    def __init__(self, language: str, parsed: Parsed, starts: list[_Start]) -> None:
        self.language = language
        self.captures = tuple(parsed.captures)
        compiled = [compile_predicates(predicates) for predicates in parsed.predicates]
        self.ignored = tuple(dict.fromkeys(name for _, names in compiled for name in names))
        self._tests: list[tuple[Test, ...]] = [tests for tests, _ in compiled]
        self._steps = parsed.steps
        self._starts = starts

    def can_match(self, kinds: NDArray[np.bool_]) -> bool:
        """Whether a tree may hold a match, of which only is known which kinds it has: a bool for each kind."""
        return any(_has_kinds(start, kinds) for start in self._starts)

    def match(self, tree: SyntaxTree) -> list[Match]:
        """Return all matches in a tree, in the order in which tree-sitter completes them.

        Raises:
            TreeMismatchError: the tree is of another language.
            TreeError: a predicate asks for text, and the tree was loaded without.
            UsageError: a pattern fits in too many ways.
        """
        if tree.language != self.language:
            raise TreeMismatchError(f"a query of {self.language} can't be matched on a tree of {tree.language}")
        kinds = kinds_of(tree)
        starts = [start for start in self._starts if _has_kinds(start, kinds) and _has_texts(start, tree)]
        if not starts:
            return []
        found = run(self._steps, tree, _in_order(starts, tree), len(self.captures))
        matches = (self._match(number, codes) for number, codes in found)
        return [match for match in matches if all(test(tree, match.captures) for test in self._tests[match.pattern])]

    def _match(self, pattern: int, codes: tuple[int, ...]) -> Match:
        captured: dict[str, list[int]] = {}
        for code in codes:
            row, name = divmod(code, len(self.captures))
            captured.setdefault(self.captures[name], []).append(row)
        return Match(pattern, captured)


def kinds_of(tree: SyntaxTree) -> NDArray[np.bool_]:
    """Return for each kind of the tree's grammar whether a node is of it."""
    kinds = np.zeros(len(tree.vocabulary.kinds), np.bool_)
    kinds[tree.kind] = True
    return kinds


# -- where to look -----------------------------------------------------------------------------------------------------


def _has_kinds(start: _Start, kinds: NDArray[np.bool_]) -> bool:
    return all(need.kind == ANY or kinds[need.kind] for need in (start.own, *start.inside))


def _has_texts(start: _Start, tree: SyntaxTree) -> bool:
    """Whether the texts that must be found occur anywhere; true if that isn't known."""
    source = tree.source
    return source is None or all(
        not need.texts or any(text in source for text in need.texts) for need in (start.own, *start.inside)
    )


def _in_order(starts: list[_Start], tree: SyntaxTree) -> Iterator[tuple[int, list[Entry]]]:
    """Yield the rows at which patterns can start, ascending, with the patterns in tree-sitter's order.

    For a node that an entry with a kind fits, entries for any node come first; `starts` are sorted so.
    """
    rows = [_candidates(start, tree) for start in starts]
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


def _candidates(start: _Start, tree: SyntaxTree) -> NDArray[np.intp]:
    """Return the rows at which a pattern can start, by all that whole columns tell."""
    rows = _rows_of(start.own, tree)
    step = start.first
    if step.symbol == ANY:
        wanted = tree.flags[rows] & (MISSING if step.missing else NAMED if step.named else 0xFF)
        rows = rows[(wanted > 0) if step.missing or step.named else tree.kind[rows] != tree.vocabulary.error]
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


def _rows_of(need: _Need, tree: SyntaxTree) -> NDArray[np.intp]:
    if need.kind != ANY:
        rows = np.flatnonzero(tree.kind == need.kind)
    else:
        rows = np.arange(len(tree))
    if not need.texts or tree.source is None:
        return rows
    lengths = tree.end[rows] - tree.start[rows]
    rows = rows[np.isin(lengths, [len(text) for text in need.texts])]
    return rows[[tree.text(row) in need.texts for row in rows.tolist()]] if len(rows) else rows


def _outside_errors(rows: NDArray[np.intp], tree: SyntaxTree) -> NDArray[np.intp]:
    """Leave out the children of error nodes: siblings that a pattern wants may be there by chance only."""
    if not (tree.flags & ERROR).any():
        return rows
    parents = tree.parent[rows]
    return rows[(parents < 0) | (tree.kind[parents] != tree.vocabulary.error)]


# -- compiling ---------------------------------------------------------------------------------------------------------


def compile_pattern(source: str, language: str) -> Pattern:
    """Return a query, written as for tree-sitter, that can be matched on trees of `language` (one with a grammar).

    Raises:
        UsageError: tree-sitter refuses it, with its reason, or what it asks for isn't supported.
    """
    grammar = language_of(language)
    line = _on_one_line(source)
    starts: list[tuple[int, int, Entry]] = []
    parser = Parser(source, grammar)
    try:
        parsed = parser.parse(lambda pattern, first: _add_entries(starts, parser.steps, pattern, first))
    except UnreadableQuery as error:
        _checked(line, source, grammar)
        raise UsageError(str(error)) from None
    parser.find_splits(_checked(line, source, grammar).is_pattern_guaranteed_at_step)
    for step in parsed.steps:
        if step.symbol == _GRAMMAR_ERROR:
            step.symbol = vocabulary(language).error
    starts.sort(key=lambda start: start[:2])
    return Pattern(language, parsed, [_start(entry, parsed) for _, _, entry in starts])


def _on_one_line(source: str) -> bytes:
    """Return a query in as many bytes, but without comments and newlines.

    tree-sitter's binding counts lines wrongly where some are blank, and writes into the string it is given.

    Raises:
        UsageError: it is too long, or nested too deeply for tree-sitter's stack, or holds what its strings can't.
    """
    data = source.encode("utf-8", "replace")
    if len(data) > MAX_QUERY_BYTES:
        raise UsageError(f"a query of {len(data)} bytes is too long; {MAX_QUERY_BYTES} are allowed")
    if b"\0" in data:
        raise UsageError("a query can't hold a NUL character")
    _check_nesting(data)
    return _LEXEME.sub(lambda match: match[0] if match[0][:1] == b'"' else b" " * len(match[0]), data)


def _checked(line: bytes, source: str, grammar: Language) -> Query:
    """Let tree-sitter read the query.

    Raises:
        UsageError: it refuses it.
    """
    import tree_sitter  # here, so that importing treeseek doesn't load it

    try:
        return tree_sitter.Query(grammar, line.decode())
    except tree_sitter.QueryError as error:
        raise UsageError(_reason(str(error), source.encode(), error.__cause__)) from error


def _check_nesting(data: bytes) -> None:
    """Refuse what would overflow tree-sitter's stack."""
    depth = 0
    for bracket in re.findall(rb"[\[\]()]", _LEXEME.sub(b"", data)):
        depth += 1 if bracket in b"([" else -1
        if depth > MAX_NESTING:
            raise UsageError(f"a query can't be nested over {MAX_NESTING} deep")


def _reason(message: str, data: bytes, cause: BaseException | None) -> str:
    """Return what tree-sitter has to say, on one line, with the row and the column (from 1) in the query itself."""
    place = _PLACE.search(message)
    if place is None:
        message = message.replace(" in pattern at row 0", "")
        return f"the query is wrong: {message}" + (f" ({cause})" if cause else "")
    before = data[: int(place[1])]
    row, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
    what = message[: place.start()] + message[place.end() :]
    return f"the query is wrong at row {row}, column {column}: {what}"


def _add_entries(starts: list[tuple[int, int, Entry]], steps: list[Step], pattern: int, first: int) -> None:
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


def _start(entry: Entry, parsed: Parsed) -> _Start:
    """Return an entry with the nodes it can't do without: the steps that no alternative leads past.

    Nothing is known of one that goes on among siblings: which other match it is part of decides there.
    """
    steps = parsed.steps
    first = steps[entry.step]
    demanded = demanded_texts(parsed.predicates[entry.pattern])
    inside: list[_Need] = []
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
    own = _need(first, parsed.captures, demanded if is_whole else {})
    return _Start(entry, first, is_whole, own, tuple(need for need in inside if need.kind != ANY or need.texts))


def _need(step: Step, captures: list[str], demanded: dict[str, frozenset[bytes]]) -> _Need:
    texts = [demanded[captures[name]] for name in step.captures if captures[name] in demanded]
    return _Need(step.symbol, frozenset.intersection(*texts) if texts else frozenset())
