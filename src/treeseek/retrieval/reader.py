"""What answers a question? The committed version, laid out in memory, unless it has answered the same before."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial
from pathlib import Path

from treeseek.cache.answers import AnswerCache
from treeseek.errors import StoreCorruptError
from treeseek.model import Hit
from treeseek.retrieval.corpus import Corpus
from treeseek.retrieval.refresh import renewed
from treeseek.retrieval.search import Found
from treeseek.store import Snapshot, UnitStore, reading

__all__ = ["Reader"]

MAX_ATTEMPTS = 10
"""Versions that may go while they are asked, before a search gives up: somebody drops them all the time."""
ANSWER_BYTES, HIT_BYTES, REASON_BYTES = 600, 900, 120
"""What an answer, each of its hits, and each reason of one take beside the texts."""

Kept = tuple[Found, int]
"""What was found, and the largest limit that it answers for."""

Ask = Callable[[Corpus, Snapshot], Found]
"""Finds what a version answers."""


class Reader:
    """Answers from the newest version of an index. Threads share it; it holds one version in memory at a time."""

    def __init__(self, directory: Path, store: Callable[[], UnitStore], budget: int) -> None:
        """`store` returns the store of the current generation, or raises NotIndexedError. `budget` bounds, in bytes,
        the answers that are kept.
        """
        self._directory, self._store = directory, store
        self._lock, self._loading = threading.Lock(), threading.Lock()
        self._loaded: tuple[Corpus, Snapshot] | None = None
        self.answers: AnswerCache[Kept] = AnswerCache(budget, weight_of)

    def forget(self) -> None:
        """Forget the version that is laid out, and all answers."""
        with self._lock:
            self._loaded = None
        self.answers.clear()

    def close(self) -> None:
        """Forget everything for good."""
        self.forget()
        self.answers.close()

    def answer(self, question: Hashable, limit: int, ask: Ask) -> tuple[Found, Snapshot]:
        """Return the first `limit` hits that the committed version answers with, and that version.

        The same question with a smaller limit has the first of the same hits for an answer, so `question` doesn't hold
        the limit.

        A newer one is asked if one was made meanwhile, as the old one's files may be gone. Raises NotIndexedError,
        StoreCorruptError, and what `ask` does.
        """
        for attempt in range(1, MAX_ATTEMPTS + 1):
            before = self._committed()
            try:
                with reading(self._directory):
                    store = self._store()
                    snapshot = store.snapshot()
                    version = snapshot.uri, snapshot.sequence
                    find = partial(self._found, store, snapshot, limit, ask)
                    found, _ = self.answers.get(version, question, find, lambda kept: kept[1] >= limit)
                    return replace(found, hits=found.hits[:limit]), snapshot
            except StoreCorruptError:
                if attempt == MAX_ATTEMPTS or self._committed() == before:
                    raise
        raise AssertionError("unreachable")

    def _found(self, store: UnitStore, snapshot: Snapshot, limit: int, ask: Ask) -> tuple[Kept, bool]:
        found = ask(self._laid_out(store, snapshot), snapshot)
        return (found, limit if len(found.hits) == limit else sys.maxsize), not found.notes

    @property
    def loaded_sequence(self) -> int | None:
        """Which version is in memory, by the number of its commit; None if none is."""
        with self._lock:
            return None if self._loaded is None else self._loaded[1].sequence

    def laid_out(self) -> tuple[Corpus, Snapshot]:
        """Return the committed version as it is asked, for who wants to look at that."""
        store = self._store()
        snapshot = store.snapshot()
        return self._laid_out(store, snapshot), snapshot

    def _laid_out(self, store: UnitStore, snapshot: Snapshot) -> Corpus:
        """Return a version laid out for ranking, brought up to date from the one before if need be."""
        with self._lock:
            loaded = self._loaded
        if loaded is not None and loaded[1] is snapshot:
            return loaded[0]
        with self._loading:  # one lays out, the others have need of the same
            with self._lock:
                loaded = self._loaded
            if loaded is None or loaded[1] is not snapshot:
                loaded = renewed(loaded, store, snapshot), snapshot
                with self._lock:
                    self._loaded = loaded
        return loaded[0]

    def _committed(self) -> tuple[Path, int] | None:
        """Return what changes with every version that is committed; None if there is none."""
        store = self._store()
        last = store.journal.last()
        return None if last is None else (store.generation, last.sequence)


def weight_of(kept: Kept) -> int:
    """Return about how many bytes an answer takes in memory."""
    return ANSWER_BYTES + sum(map(_weight_of_hit, kept[0].hits))


def _weight_of_hit(hit: Hit) -> int:
    texts = len(hit.text) + len(hit.signature) + 32 * len(hit.matched_lines)
    wide = 1 if hit.text.isascii() else 4
    return HIT_BYTES + wide * texts + REASON_BYTES * len(hit.reasons or ())
