"""What a query asks of the text of what it captured: `#eq?`, `#match?`, `#any-of?` and their kin.

As tree-sitter's Python binding reads them: a predicate about a capture that caught nothing holds, `any-` asks one node
of several, all others ask every node. What it has no name for (`#is?`, `#set!`, predicates of editors) holds always.
One difference: `#not-any-of?` with several strings means that the text is none of them; the binding lets pass what is
not all of them at once, which is everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

from treeseek.syntax.pattern_parser import Argument, Predicate
from treeseek.syntax.tree import SyntaxTree

__all__ = ["Test", "compile_predicates", "demanded_texts"]

MAX_MATCHED_BYTES = 10_000
"""Of longer nodes, `#match?` sees only the beginning."""

Captured = Mapping[str, list[int]]
Test = Callable[[SyntaxTree, Captured], bool]
_NAMES = re.compile(r"(any-)?(not-)?(eq|match)\?$|(not-)?any-of\?$")


def compile_predicates(predicates: list[Predicate]) -> tuple[tuple[Test, ...], tuple[str, ...]]:
    """Return the tests that a match must pass, and the names of the predicates that test nothing."""
    tests: list[Test] = []
    ignored: list[str] = []
    for name, arguments in predicates:
        if _NAMES.match(name):
            tests.append(_test(name, arguments))
        else:
            ignored.append(name)
    return tuple(tests), tuple(ignored)


def demanded_texts(predicates: list[Predicate]) -> dict[str, frozenset[bytes]]:
    """Return, for captures whose every node must read one of some texts, these texts."""
    demanded: dict[str, frozenset[bytes]] = {}
    for name, (capture, *values) in ((name, arguments) for name, arguments in predicates if arguments):
        if name in ("eq?", "any-of?") and not any(is_capture for _, is_capture in values):
            texts = frozenset(value.encode() for value, _ in values)
            demanded[capture[0]] = demanded.get(capture[0], texts) & texts
    return demanded


def _test(name: str, arguments: tuple[Argument, ...]) -> Test:
    capture, *values = arguments
    holds, is_any = "not-" not in name, name.startswith("any-") and name != "any-of?"
    second, is_capture = values[0]
    if name.endswith("match?"):
        return partial(_all_read, capture[0], partial(_found, re.compile(second)), holds, is_any)
    if is_capture:
        return partial(_all_equal, capture[0], second, holds, is_any)
    texts = frozenset(value.encode() for value, _ in values)
    return partial(_all_read, capture[0], texts.__contains__, holds, is_any)


def _found(pattern: re.Pattern[str], text: bytes) -> bool:
    return pattern.search(text[:MAX_MATCHED_BYTES].decode("utf-8", "replace")) is not None


def _all_read(
    name: str, fits: Callable[[bytes], bool], holds: bool, is_any: bool, tree: SyntaxTree, captured: Captured
) -> bool:
    """Whether all nodes of a capture (or one of them, for `is_any`) have a text that fits, or doesn't."""
    rows = captured.get(name, [])
    return not rows or (any if is_any else all)(fits(tree.text(row)) == holds for row in rows)


def _all_equal(first: str, second: str, holds: bool, is_any: bool, tree: SyntaxTree, captured: Captured) -> bool:
    """Whether the nodes of two captures, side by side, have the same texts, or others."""
    pairs = list(zip(captured.get(first, []), captured.get(second, []), strict=False))
    return not pairs or (any if is_any else all)((tree.text(one) == tree.text(two)) == holds for one, two in pairs)
