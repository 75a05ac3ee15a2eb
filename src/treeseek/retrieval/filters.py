"""Which chunks may answer? Filters act on the query itself: what they exclude is never ranked."""

from __future__ import annotations

import numpy as np
import pathspec
from numpy.typing import NDArray

from treeseek.errors import UsageError
from treeseek.model import CHUNK_KINDS, Filters
from treeseek.retrieval.corpus import Corpus

__all__ = ["allowed_chunks", "checked"]


def checked(filters: Filters, languages: frozenset[str]) -> Filters:
    """Return the filters as given. Raises UsageError for a kind or language that can't be, or a path outside."""
    for kind in filters.kinds:
        if kind not in CHUNK_KINDS:
            raise UsageError(f"no kind {kind!r}; known are {', '.join(CHUNK_KINDS)}")
    for language in filters.languages:
        if language not in languages:
            raise UsageError(f"no language {language!r}; known are {', '.join(sorted(languages))}")
    if filters.path.startswith("/") or ".." in filters.path.split("/"):
        raise UsageError(f"the path {filters.path!r} is not inside the root; give it relative to the root")
    return filters


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
        spec = pathspec.GitIgnoreSpec.from_lines(globs)
    except ValueError as error:
        raise UsageError(f"a glob can't be read: {error}") from error
    return np.fromiter((spec.match_file(path) for path in paths), np.bool_, len(paths))
