"""How are many batches analysed at once? Read by threads here, analysed by workers, given back as they come."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice

from treeseek.embedding import TokenEmbedder, default_embedder
from treeseek.indexing.batch import Batch, Outcome, analyse_batch
from treeseek.indexing.quarantine import Quarantine
from treeseek.indexing.workers import Pool, Terms

__all__ = ["SMALL_BYTES", "Analyser", "analyser"]

SMALL_BYTES = 1_500_000
"""Below this, starting more than one worker costs more than it saves."""

Load = Callable[[int], Batch]
Outcomes = Iterator[tuple[int, list[Outcome]]]

_here = threading.Lock()
"""Held while files are analysed in this process: the tables that grow with the words seen have no lock of their own."""


class Analyser:
    """Analyses batches, in one worker or, once it is worth starting more, in several. Get it from `analyser`.

    With the sandbox off, files are analysed in this process until then.
    """

    def __init__(
        self, workers: int, terms: Terms, total_bytes: int, quarantine: Quarantine | None = None,
        embedder: TokenEmbedder | None = None,
    ) -> None:  # fmt: skip
        self._workers = workers
        self._terms = terms
        self._total_bytes = total_bytes
        self._looked_at = self._unknown = 0
        self.pool = None if terms.sandbox == "off" else Pool(1, terms, quarantine, embedder)
        self._quarantine = quarantine
        self._embedder = embedder
        self._threads: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._is_closed = False

    def run(self, count: int, load: Load) -> Outcomes:
        """Analyse batches 0 to `count` - 1, in any order; yield (i, what became of it) as they come.

        `load(i)` returns batch i, and is called from several threads, which are at work when this returns. With 0
        workers, batches come one after the other, and a single worker serves them.
        """
        if self._workers == 0:
            return ((i, self._analyse(load(i))) for i in range(count))
        width = self._workers + 1  # one batch more under way than there are workers: none waits for files to be read
        self._threads = ThreadPoolExecutor(width, thread_name_prefix="treeseek-analyse")
        return _drive(self._threads, width, count, lambda i: (i, self._analyse(load(i))))

    def start_workers(self) -> None:
        """Start the worker processes, if there are to be any: what comes is known to be new."""
        with self._lock:
            if self._is_closed or not (self._workers or self.pool):
                return
            if self.pool is None:
                self.pool = Pool(self._workers, self._terms, self._quarantine, self._embedder)
            self.pool.grow(self._workers)
            self.pool.start(max(self._workers, 1))

    def _analyse(self, batch: Batch) -> list[Outcome]:
        if self._is_much(batch):
            self.start_workers()
        if not batch.files:
            return []
        if self.pool is not None:
            return self.pool.analyse(batch)
        with _here:
            embedder = self._embedder or default_embedder()
            return [analyse_batch(batch, embedder, self._terms.deadline_seconds, bounds=self._terms.bounds)]

    def _is_much(self, batch: Batch) -> bool:
        """Whether as much will have to be analysed as is worth a start of workers, going by what was so far."""
        with self._lock:
            self._looked_at += batch.looked_at
            self._unknown += sum(len(file.data) for file in batch.files)
            return self._unknown * self._total_bytes >= SMALL_BYTES * max(self._looked_at, 1)

    def close(self) -> None:
        """End the processes and the threads, whatever they do."""
        with self._lock:
            self._is_closed = True  # a thread that is still loading must start none
        if self.pool is not None:
            self.pool.close()
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)


@contextmanager
def analyser(
    workers: int, terms: Terms, total_bytes: int, quarantine: Quarantine | None = None,
    embedder: TokenEmbedder | None = None,
) -> Iterator[Analyser]:  # fmt: skip
    """Yield what analyses batches in at most so many worker processes. `total_bytes` is about how much is looked at.

    `embedder` is the bundled model, which is used if none is given, or `stand_in.UNEMBEDDED`: workers know no other.
    """
    opened = Analyser(workers, terms, total_bytes, quarantine, embedder)
    try:
        yield opened
    finally:
        opened.close()


def _drive(
    threads: ThreadPoolExecutor, width: int, count: int, work: Callable[[int], tuple[int, list[Outcome]]]
) -> Outcomes:
    """Begin, and keep `width` batches under way."""
    numbers = iter(range(count))
    pending = {threads.submit(work, i) for i in islice(numbers, width)}

    def results() -> Outcomes:
        under_way = pending
        while under_way:
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            under_way |= {threads.submit(work, i) for i in islice(numbers, len(done))}
            for future in done:
                yield future.result()

    return results()
