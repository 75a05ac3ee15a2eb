"""Tree-sitter queries over stored trees: patterns written as for tree-sitter, matched without parsing anything.

    pattern = compile_pattern('(call function: (identifier) @name (#eq? @name "open"))', "python")
    for match in pattern.match(tree): ...

Matches are those of `tree_sitter.QueryCursor(query).matches(root)`, in its order (but see `pattern_predicates` for
`#not-any-of?`). Refused are supertypes, which a stored tree doesn't show; patterns that can match nothing at all; and
repetitions of what can match nothing, for which tree-sitter itself never comes back. Whether a step can fail to match
is taken from tree-sitter as far as it tells; where it doesn't, matches may be completed in another order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from treeseek.errors import TreeMismatchError, UsageError
from treeseek.syntax.grammars import language_of, vocabulary
from treeseek.syntax.pattern_machine import Entry, Found, run
from treeseek.syntax.pattern_parser import MAX_NESTING, Parsed, Parser, UnreadableQueryError
from treeseek.syntax.pattern_predicates import Test, compile_predicates
from treeseek.syntax.pattern_starts import Start, add_entries, candidates, find_start, has_kinds, has_texts, in_order
from treeseek.syntax.tree import SyntaxTree

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


class Pattern:
    """A compiled query of one language. Immutable; made by `compile_pattern`.

    `captures` are the names it captures by; `ignored` are the predicates and directives it takes no notice of.
    """

    def __init__(self, language: str, parsed: Parsed, starts: list[Start]) -> None:
        self.language = language
        self.captures = tuple(parsed.captures)
        compiled = [compile_predicates(predicates) for predicates in parsed.predicates]
        self.ignored = tuple(dict.fromkeys(name for _, names in compiled for name in names))
        self._tests: list[tuple[Test, ...]] = [tests for tests, _ in compiled]
        self._steps = parsed.steps
        self._starts = starts

    def can_match(self, kinds: NDArray[np.bool_]) -> bool:
        """Whether a tree may hold a match, of which only is known which kinds it has: a bool for each kind."""
        return any(has_kinds(start, kinds) for start in self._starts)

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
        starts = [start for start in self._starts if has_kinds(start, kinds) and has_texts(start, tree)]
        if not starts:
            return []
        if len(starts) == 1 and starts[0].is_single:
            found = self._singles(starts[0], tree)
        else:
            found = run(self._steps, tree, in_order(starts, tree), len(self.captures))
        matches = (self._match(number, codes) for number, codes in found)
        return [match for match in matches if all(test(tree, match.captures) for test in self._tests[match.pattern])]

    def _singles(self, start: Start, tree: SyntaxTree) -> list[Found]:
        """Return the matches of a pattern of one node: whatever can start it also completes it."""
        names, pattern = start.first.captures, start.entry.pattern
        count = len(self.captures)
        return [(pattern, tuple(row * count + name for name in names)) for row in candidates(start, tree).tolist()]

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
        parsed = parser.parse(lambda pattern, first: add_entries(starts, parser.steps, pattern, first))
    except UnreadableQueryError as error:
        _checked(line, source, grammar)
        raise UsageError(str(error)) from None
    parser.find_splits(_checked(line, source, grammar).is_pattern_guaranteed_at_step)
    for step in parsed.steps:
        if step.symbol == _GRAMMAR_ERROR:
            step.symbol = vocabulary(language).error
    starts.sort(key=lambda start: start[:2])
    return Pattern(language, parsed, [find_start(entry, parsed) for _, _, entry in starts])


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
