"""Parsers and queries of the languages that have a grammar, loaded when first needed and kept for the process."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING

from treeseek.syntax.languages import LANGUAGES, Language

if TYPE_CHECKING:
    from tree_sitter import Parser, QueryCursor, Tree

__all__ = ["Grammar", "load", "parse"]

UNTIMED_BYTES = 32_768
"""Files up to this are parsed without looking at the clock."""
_READ_BYTES = 65_536
_INTO_ERRORS = "\n(ERROR) @in\n"
"""In every language, what the parser couldn't fit together is looked into for what is whole."""


@dataclass(slots=True)
class Grammar:
    """What is needed to read one language.

    `kinds` caches what each pattern of the query captures; `keywords` is the language's, as a dictionary.
    """

    language: Language
    parser: Parser
    cursor: QueryCursor
    keywords: dict[bytes, str]
    kinds: dict[int, str] = field(default_factory=dict)


@cache
def load(name: str) -> Grammar:
    """Return the grammar of a language whose reader is "syntax"."""
    import tree_sitter  # here, so that importing treeseek doesn't load it

    row = LANGUAGES[name]
    language = tree_sitter.Language(getattr(import_module(row.module), row.function)())
    cursor = tree_sitter.QueryCursor(tree_sitter.Query(language, _query(name) + _INTO_ERRORS))
    # Patterns begin at the children of the node that is asked about, so a query costs what it looks at, and the
    # bodies of functions cost nothing. What to look into is itself captured, as `@in`.
    cursor.set_max_start_depth(1)
    return Grammar(row, tree_sitter.Parser(language), cursor, dict(row.keywords))


def _query(name: str) -> str:
    """Return a language's query, with that of the language which its first line may inherit from before it."""
    source = (files("treeseek.syntax") / "queries" / f"{name}.scm").read_text(encoding="utf-8")
    inherited = source.partition("\n")[0].partition("; inherits: ")[2].strip()
    return _query(inherited) + source if inherited else source


def parse(grammar: Grammar, data: bytes, deadline_seconds: float) -> Tree | None:
    """Return the tree of `data`, or None if it took longer than `deadline_seconds`.

    The binding heeds a progress callback only if a callable hands the bytes over. That costs a twentieth more, so
    small files go without: the worst known ones of that size take a second or two.
    """
    if len(data) <= UNTIMED_BYTES:
        return grammar.parser.parse(data)
    deadline = time.monotonic() + deadline_seconds

    def read(offset: int, _point: object) -> bytes:
        return data[offset : offset + _READ_BYTES]

    def expired(_offset: int, _has_error: bool) -> bool:
        return time.monotonic() > deadline

    try:
        return grammar.parser.parse(read, progress_callback=expired)
    except ValueError:  # how the binding reports a parse that was given up
        grammar.parser.reset()  # or it would go on with this text when given the next
        return None
