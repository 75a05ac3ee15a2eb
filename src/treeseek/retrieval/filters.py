"""Which chunks may answer? Filters act on the query itself: what they exclude is never ranked."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from treeseek.errors import UsageError
from treeseek.model import CHUNK_KINDS, Filters
from treeseek.retrieval.corpus import Corpus
from treeseek.workspace import matcher

__all__ = ["allowed_chunks", "checked"]


def checked(filters: Filters, language_of: Callable[[str], str | None], languages: Collection[str]) -> Filters:
    """Return the filters with languages by their proper names; `language_of` knows names and aliases.

    Raises UsageError for a kind or language that isn't known, or a score out of range. The path is the engine's matter.
    """
    for kind in filters.kinds:
        if kind not in CHUNK_KINDS:
            raise UsageError(f"no kind {kind!r}; {_meant(kind, CHUNK_KINDS)}")
    resolved = {name: language_of(name) for name in filters.languages}
    for name, language in resolved.items():
        if language is None:
            raise UsageError(f"no language {name!r}; {_meant(name, languages)}")
    if not 0 <= filters.min_score <= 1:
        raise UsageError(f"a minimum score of {filters.min_score} is not between 0 and 1")
    return replace(filters, languages=tuple(language for language in resolved.values() if language))


def _meant(word: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(word.lower(), sorted(known), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(sorted(known))}"


def allowed_chunks(corpus: Corpus, filters: Filters) -> NDArray[np.bool_] | None:
    """Return a flag per chunk, or None if every chunk may answer."""
    if not (filters.languages or filters.kinds or filters.include or filters.exclude or filters.path):
        return None
    allowed = _allowed_files(corpus, filters)[corpus.file]
    columns = corpus.columns
    if filters.languages:
        allowed &= np.isin(np.array(columns.language), list(filters.languages))
    if filters.kinds:
        of_kind = np.isin(np.array(columns.kind), list(filters.kinds))
        declared = np.isin(np.array(corpus.declared.kind, dtype=np.str_), list(filters.kinds))
        of_kind[corpus.declared.chunk[declared]] = True
        allowed &= of_kind
    return allowed


def _allowed_files(corpus: Corpus, filters: Filters) -> NDArray[np.bool_]:
    allowed = np.ones(len(corpus.path), np.bool_)
    prefix = filters.path.removeprefix("./").rstrip("/")
    if prefix:
        allowed &= np.array([path == prefix or path.startswith(prefix + "/") for path in corpus.path], np.bool_)
    if filters.include:
        allowed &= _matching(corpus.path, filters.include)
    if filters.exclude:
        allowed &= ~_matching(corpus.path, filters.exclude)
    return allowed


def _matching(paths: list[str], globs: tuple[str, ...]) -> NDArray[np.bool_]:
    try:
        matches = matcher(globs)
    except ValueError as error:
        raise UsageError(f"a glob can't be read: {error}") from error
    return np.fromiter(map(matches, paths), np.bool_, len(paths))
