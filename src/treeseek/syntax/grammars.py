"""Parsers and queries of the languages that have a grammar, loaded when first needed and kept for the process."""

from __future__ import annotations

import ctypes
import hashlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.resources import files
from threading import Lock
from typing import TYPE_CHECKING, Any

from treeseek.syntax.languages import LANGUAGES, Language

if TYPE_CHECKING:
    from tree_sitter import Language as TreeSitterLanguage
    from tree_sitter import Parser, QueryCursor, Tree

__all__ = ["Grammar", "Vocabulary", "load", "open_all", "parse", "vocabulary"]

_READ_BYTES = 65_536
_LEAKED_REFERENCES = 3
_INTO_ERRORS = "\n(ERROR) @in\n"
"""In every language, what the parser couldn't fit together is looked into for what is whole."""


@dataclass(slots=True)
class Grammar:
    """What is needed to read one language.

    `kinds` caches what each pattern of the query captures; `keywords` is the language's, as a dictionary.
    `lock` is held while parsing: a parser that asks for its text by a callable could be interrupted by another thread.
    """

    language: Language
    parser: Parser
    cursor: QueryCursor
    keywords: dict[bytes, str]
    kinds: dict[int, str] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names of a grammar's kinds and fields by number, and which grammar it is.

    The last kind is "ERROR", of what the parser couldn't fit in; a grammar itself has no number for it. Field 0 is
    none. `named` tells for each kind whether its nodes are more than tokens. `version` changes with every release of
    the grammar that says so, and `digest` with any change of the names.
    """

    grammar: str
    version: str
    kinds: tuple[str, ...]
    fields: tuple[str, ...]
    named: bytes
    digest: bytes

    @property
    def error(self) -> int:
        """The kind of error nodes."""
        return len(self.kinds) - 1


@cache
def language_of(name: str) -> TreeSitterLanguage:
    """Return tree-sitter's own object for a language whose reader is "syntax"."""
    import tree_sitter  # here, so that importing treeseek doesn't load it

    row = LANGUAGES[name]
    return tree_sitter.Language(getattr(import_module(row.module), row.function)())


@cache
def vocabulary(name: str) -> Vocabulary:
    """Return the names of a language's grammar; the language's reader is "syntax"."""
    language = language_of(name)
    numbers = range(language.node_kind_count)
    kinds = (*(language.node_kind_for_id(number) or "" for number in numbers), "ERROR")
    fields = ("", *(language.field_name_for_id(number) or "" for number in range(1, language.field_count + 1)))
    named = bytes((*(language.node_kind_is_named(number) for number in numbers), True))
    names = "\n".join((*kinds, *fields)).encode() + named
    version = ".".join(str(part) for part in language.semantic_version or (language.abi_version,))
    digest = hashlib.blake2b(names, digest_size=8).digest()
    return Vocabulary(language.name or name, version, kinds, fields, named, digest)


@cache
def load(name: str) -> Grammar:
    """Return the grammar of a language whose reader is "syntax"."""
    import tree_sitter  # here, so that importing treeseek doesn't load it

    row = LANGUAGES[name]
    language = language_of(name)
    cursor = tree_sitter.QueryCursor(tree_sitter.Query(language, _query(name) + _INTO_ERRORS))
    # Patterns begin at the children of the node that is asked about, so a query costs what it looks at, and the
    # bodies of functions cost nothing. What to look into is itself captured, as `@in`.
    cursor.set_max_start_depth(1)
    return Grammar(row, tree_sitter.Parser(language), cursor, dict(row.keywords))


@cache
def _query(name: str) -> str:
    """Return a language's query, with that of the language which its first line may inherit from before it."""
    source = (files("treeseek.syntax") / "queries" / f"{name}.scm").read_text(encoding="utf-8")
    inherited = source.partition("\n")[0].partition("; inherits: ")[2].strip()
    return _query(inherited) + source if inherited else source


def open_all() -> None:
    """Map every grammar and read every query, so that `load` needs no file any more; compiling is left to it."""
    for row in LANGUAGES.values():
        if row.reader == "syntax":
            language_of(row.name)
            _query(row.name)


def parse(grammar: Grammar, data: bytes, deadline_seconds: float, old: Tree | None = None) -> Tree | None:
    """Return the tree of `data`, or None if it took longer than `deadline_seconds`.

    `old` is the tree of an earlier text, told (by `Tree.edit`) where it was edited: what lies outside is taken over.

    The binding heeds a progress callback only if a callable hands the bytes over. That costs a fiftieth more, and is
    needed for the smallest files: a scanner was seen to go round in circles on 288 bytes.
    """
    if deadline_seconds <= 0:
        return None  # nothing is to be parsed, not even what takes no time
    earlier: Any = {} if old is None else {"old_tree": old}  # the binding takes no None here
    handed_over: list[bytes] = []
    text = memoryview(data)
    with grammar.lock, _uninterrupted() as interrupts:
        deadline = time.monotonic() + deadline_seconds

        def read(offset: int, _point: object) -> bytes:
            piece = bytes(text[offset : offset + _READ_BYTES])
            handed_over.append(piece)
            return piece

        def expired(_offset: int, _has_error: bool) -> bool:
            return bool(interrupts) or time.monotonic() > deadline

        try:
            return grammar.parser.parse(read, progress_callback=expired, **earlier)
        except ValueError:  # how the binding reports a parse that was given up
            grammar.parser.reset()  # or it would go on with this text when given the next
            return None
        finally:
            _let_go(handed_over)


@contextmanager
def _uninterrupted() -> Iterator[list[object]]:
    """Put Ctrl-C off until the end of the block; yields a list that has something in it once it came.

    A parser swallows what is raised in the callables that it was given, and takes the text for shorter than it is.
    """
    interrupts: list[object] = []
    usual = signal.getsignal(signal.SIGINT)
    if not callable(usual) or threading.current_thread() is not threading.main_thread():
        yield interrupts  # ignored anyway, or not Python's affair, which runs handlers in its main thread only
        return
    signal.signal(signal.SIGINT, lambda *told: interrupts.append(told))
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, usual)
        if interrupts:
            signal.raise_signal(signal.SIGINT)


def _let_go(pieces: list[bytes]) -> None:
    """Give up the reference that the binding keeps of every piece of text it was handed.

    It never releases their buffers (seen in tree-sitter 0.26.1): a process would keep every text that it ever parsed. A
    piece that nobody else knows has two references here, three if it leaked; the empty ones and those of a byte are
    shared by all.
    """
    while pieces:
        piece = pieces.pop()
        if len(piece) > 1 and sys.getrefcount(piece) == _LEAKED_REFERENCES:
            ctypes.pythonapi.Py_DecRef(ctypes.py_object(piece))
