"""What of a batch is known already: files whose bytes were analysed before, and chunks that earlier versions had."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from treeseek.indexing.analyse import Content, FileText, Vectors
from treeseek.indexing.artifact_cache import ArtifactCache
from treeseek.indexing.batch import Batch
from treeseek.indexing.plan import KnownFile

__all__ = ["Lenders", "Sorted", "sort_out"]

MAX_LENDERS = 16
"""Deleted files whose chunks a new file may have: it is one of them, moved or split, or it is none of many."""


class Sorted(NamedTuple):
    """The files of a batch that need no analysis, with what their bytes give, and the rest."""

    files: Sequence[FileText]
    contents: Sequence[Content]
    rest: Batch


class Lenders:
    """Which earlier files may have chunks of a file as it is now: its own last version, or those that were deleted."""

    def __init__(self, known: Mapping[str, KnownFile], deleted: Iterable[str]) -> None:
        self._known = known
        self._by_name: dict[str, list[KnownFile]] = {}
        self._by_language: dict[str, list[KnownFile]] = {}
        for path in deleted:
            file = known[path]
            if file.kind == "file":
                self._by_name.setdefault(_name(path), []).append(file)
                self._by_language.setdefault(file.language, []).append(file)

    def of(self, file: FileText) -> Collection[KnownFile]:
        """Return the likely ones, the likeliest first."""
        before = self._known.get(file.source.path)
        if before is not None and before.kind == "file":
            return [before]
        named = self._by_name.get(_name(file.source.path), [])[:MAX_LENDERS]
        others = self._by_language.get(file.language, [])[:MAX_LENDERS]
        return [*named, *(other for other in others if other not in named)][:MAX_LENDERS]


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def sort_out(files: Sequence[FileText], cache: ArtifactCache, lenders: Lenders, looked_at: int) -> Sorted:
    """Tell the files that need no analysis from the others. `looked_at` bytes of files were looked at for them."""
    if not cache.is_on or not files:
        return Sorted((), (), Batch(files, {}, looked_at))
    found = cache.get_many({file.key for file in files})
    known = [file for file in files if file.key in found]
    unknown = [file for file in files if file.key not in found]
    cache.note(hits=len(known), misses=len(unknown))
    lent = _lent(unknown, cache, lenders)
    return Sorted(known, [found[file.key] for file in known], Batch(unknown, lent, looked_at))


def _lent(files: Iterable[FileText], cache: ArtifactCache, lenders: Lenders) -> Vectors:
    """Return the vectors that chunks of these files are likely to have, by the digests of their texts."""
    keys = {cache.key(lender.content_hash, lender.language) for file in files for lender in lenders.of(file)}
    return {
        digest: vector
        for content in cache.get_many(keys).values()
        for digest, vector in zip(content.digests, content.vectors, strict=True)
    }
