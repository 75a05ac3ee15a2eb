"""What answers a question? The committed version, laid out in memory, unless it has answered the same before."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from treeseek.cache.answers import AnswerCache
from treeseek.errors import StoreCorruptError, UsageError
from treeseek.model import Hit
from treeseek.retrieval.corpus import Corpus
from treeseek.retrieval.demand import Demand
from treeseek.retrieval.refresh import renewed
from treeseek.retrieval.search import Found
from treeseek.store import Snapshot, UnitStore, reading

__all__ = ["Reader"]

MAX_ATTEMPTS = 10
"""Versions that may go while they are asked, before a search gives up: somebody drops them all the time."""
ANSWER_BYTES, RANKING_BYTES, HIT_BYTES, REASON_BYTES = 600, 4_000, 900, 120
"""What an answer, its ranking, each of its hits, and each reason of one take beside the texts."""

Ask = Callable[[Corpus, Snapshot], Found]
"""Finds what a version answers."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was found, and up to which limit it answers: with the hits of its ranking, if there is one."""

    found: Found
    reach: int

    @classmethod
    def of(cls, found: Found, limit: int) -> Kept:
        """Return what a question with this limit found."""
        if found.ranking is not None:
            return cls(found, found.ranking.reach)
        return cls(found, limit if len(found.hits) == limit else sys.maxsize)

    def first(self, limit: int) -> list[Hit]:
        """Return the first hits. Raises what reading their texts does."""
        return self.found.hits[:limit] if self.found.ranking is None else self.found.ranking.first(limit)

    @property
    def laid_out(self) -> int:
        """How many hits are there without reading anything."""
        return len(self.found.hits if self.found.ranking is None else self.found.ranking.hits)

    @property
    def nbytes(self) -> int:
        """About how many bytes it takes in memory."""
        ranking = self.found.ranking
        hits = self.found.hits if ranking is None else ranking.hits.values()
        return ANSWER_BYTES + (RANKING_BYTES if ranking else 0) + sum(map(_weight_of_hit, hits))


class Reader:
    """Answers from the newest version of an index. Threads share it; it holds one version in memory at a time."""

    def __init__(self, directory: Path, store: Callable[[], UnitStore], budget: int) -> None:
        """`store` returns the store of the current generation, or raises NotIndexedError. `budget` bounds, in bytes,
        the answers that are kept.
        """
        self._directory, self._store = directory, store
        self._lock, self._loading = threading.Lock(), threading.Lock()
        self._loaded: tuple[Corpus, Snapshot] | None = None
        self.answers: AnswerCache[Kept] = AnswerCache(budget, lambda kept: kept.nbytes)
        self._demand: Demand[tuple[int, Ask]] = Demand()

    def forget(self) -> None:
        """Forget the version that is laid out, and all answers."""
        with self._lock:
            self._loaded = None
        self.answers.clear()
        self._demand.clear()

    def close(self) -> None:
        """Forget everything for good."""
        self.forget()
        self.answers.close()

    def answer(self, question: Hashable, limit: int, ask: Ask) -> tuple[Found, Snapshot]:
        """Return the first `limit` hits that the committed version answers with, and that version.

        With another limit it is the same question, so `question` doesn't hold that: a smaller one has the first of the
        same hits for an answer, a larger one more of the same ranking.

        A newer one is asked if one was made meanwhile, as the old one's files may be gone. Raises NotIndexedError,
        StoreCorruptError, and what `ask` does.
        """
        answer = self._answer(question, limit, ask)
        self._demand.note(question, (limit, ask))
        return answer

    def renew(self, seconds: float) -> int:
        """Ask again, of a newer version, what was asked often of the ones before; return how many questions that were.

        So whoever asks next has a kept answer. Stops after so many seconds. Raises like `answer`.
        """
        deadline = time.monotonic() + seconds
        renewed = 0
        for question, (limit, ask) in self._demand.expected():
            if time.monotonic() >= deadline:
                break
            with suppress(UsageError):  # what was asked about isn't there any more
                self._answer(question, limit, ask, is_renewal=True)
                renewed += 1
        return renewed

    def _answer(
        self, question: Hashable, limit: int, ask: Ask, *, is_renewal: bool = False
    ) -> tuple[Found, Snapshot]:  # fmt: skip
        for attempt in range(1, MAX_ATTEMPTS + 1):
            before = self._committed()
            try:
                with reading(self._directory):
                    store = self._store()
                    snapshot = store.snapshot()
                    version = snapshot.uri, snapshot.sequence
                    find = partial(self._found, store, snapshot, limit, ask)
                    kept = self.answers.get(
                        version, question, find, lambda kept: kept.reach >= limit, is_renewal=is_renewal
                    )
                    before_more = kept.laid_out
                    found = replace(kept.found, hits=kept.first(limit), ranking=None)
                    if kept.laid_out > before_more:
                        self.answers.weigh_again(version, question)
                    return found, snapshot
            except StoreCorruptError:
                if attempt == MAX_ATTEMPTS or self._committed() == before:
                    raise
        raise AssertionError("unreachable")

    def _found(self, store: UnitStore, snapshot: Snapshot, limit: int, ask: Ask) -> tuple[Kept, bool]:
        found = ask(self._laid_out(store, snapshot), snapshot)
        return Kept.of(found, limit), not found.notes

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


def _weight_of_hit(hit: Hit) -> int:
    texts = len(hit.text) + len(hit.signature) + 32 * len(hit.matched_lines)
    wide = 1 if hit.text.isascii() else 4
    return HIT_BYTES + wide * texts + REASON_BYTES * len(hit.reasons or ())
