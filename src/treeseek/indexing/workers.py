"""Work in processes of its own: parsing holds the interpreter's lock, and some grammars crash or hang on some files.

Each worker is a plain child process with a pipe in and a pipe out, driven by one thread here. A batch that kills its
worker, or outlasts its time, is tried again file by file; a file that does it alone is cut by lines, with the reason.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from queue import SimpleQueue
from typing import Any, TypeVar

from treeseek import telemetry
from treeseek.embedding import TokenEmbedder
from treeseek.errors import WorkerError
from treeseek.indexing import wire
from treeseek.indexing.batch import Batch, Outcome, analyse_batch
from treeseek.indexing.stand_in import UNEMBEDDED
from treeseek.indexing.worker import PARSE, WITHOUT_VECTORS

__all__ = ["Analyser", "Parsers", "analyser"]

T = TypeVar("T")

SMALL_BYTES = 1_500_000
"""Below this, starting worker processes costs more than it saves."""
STARTUP_SECONDS = 60.0
CRASH_REASON, HANG_REASON = "parser-crash", "parser-hang"

_BOOT = "import sys; sys.path[:] = {path!r}; from treeseek.indexing.worker import main; main()"


class _Worker:
    """One child process. Not thread-safe: a worker belongs to one thread at a time."""

    def __init__(self, arguments: Sequence[str], deadline_seconds: float) -> None:
        self.deadline_seconds = deadline_seconds
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _BOOT.format(path=sys.path), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                process_group=0,  # Ctrl-C in a terminal is for the parent, which ends its workers
            )
        except OSError as error:
            raise WorkerError(f"can't start an analysis process: {error}") from error
        self._warm = False
        self.timed_out = False

    def ask(self, request: dict[str, object], files: int) -> Any:
        """Return the answer to a request about so many files.

        Raises WorkerError when the process dies, or is killed for taking too long.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        patience = self.deadline_seconds * (files + 1) + (0 if self._warm else STARTUP_SECONDS)
        watchdog = threading.Timer(patience, self._give_up)
        watchdog.daemon = True
        watchdog.start()
        try:
            wire.write_frame(self._process.stdin, request | {"deadline": self.deadline_seconds})
            frame = wire.read_frame(self._process.stdout)
            if frame is None:
                raise WorkerError("an analysis process died")
            self._warm = True
            return frame["answer"]
        except OSError as error:
            raise WorkerError(f"an analysis process died: {error}") from error
        finally:
            watchdog.cancel()

    def _give_up(self) -> None:
        self.timed_out = True
        self._process.kill()

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:  # what was still buffered for a dead process
                    continue
        self._process.wait()


class _Workers:
    """Processes for one task, those that are free, and in place of those that died new ones."""

    arguments: tuple[str, ...] = ()

    def __init__(self, count: int, deadline_seconds: float) -> None:
        self.count = count
        self.deadline_seconds = deadline_seconds
        self._is_closed = False
        self._free: SimpleQueue[_Worker] = SimpleQueue()
        self._all = [_Worker(self.arguments, deadline_seconds) for _ in range(count)]
        for worker in self._all:
            self._free.put(worker)

    def _ask(self, request: dict[str, object], files: int, unpack: Callable[[Any], T]) -> T:
        """Return what a free worker answers; if that takes its life, raise WorkerError with the reason.

        Raises CancelledError once this is closed.
        """
        worker = self._free.get()
        try:
            return unpack(worker.ask(request, files))
        except WorkerError as error:
            if self._is_closed:  # it was killed, and nobody waits for an answer any more
                raise CancelledError from error
            reason = HANG_REASON if worker.timed_out else CRASH_REASON
            telemetry.count("treeseek_worker_failures_total", reason=reason)
            worker = self._replace(worker)
            raise WorkerError(reason) from error
        finally:
            self._free.put(worker)

    def _replace(self, dead: _Worker) -> _Worker:
        dead.close()
        fresh = _Worker(self.arguments, self.deadline_seconds)
        self._all[self._all.index(dead)] = fresh
        return fresh

    def close(self) -> None:
        """End all processes."""
        self._is_closed = True
        for worker in self._all:
            worker.close()


class _Pool(_Workers):
    """Workers that analyse files. They embed as `embedder` does: the bundled model, or none."""

    def __init__(self, count: int, deadline_seconds: float, embedder: TokenEmbedder) -> None:
        self._embedder = embedder
        if embedder is UNEMBEDDED:
            self.arguments = (WITHOUT_VECTORS,)
        super().__init__(count, deadline_seconds)

    def analyse(self, batch: Batch) -> list[Outcome]:
        request = wire.pack_batch(batch)
        try:
            return [self._ask(request, len(batch.files), lambda answer: wire.unpack_outcome(answer, batch))]
        except WorkerError as error:
            reason = str(error)
        if len(batch.files) > 1:
            return [outcome for file in batch.files for outcome in self.analyse(Batch([file], batch.lent))]
        with _here:
            return [analyse_batch(batch, self._embedder, self.deadline_seconds, unparsable=reason)]


class Parsers(_Workers):
    """Workers that parse. Threads share them; each thread has one to itself while it waits for its answer."""

    arguments = (PARSE,)

    def parse(self, data: bytes, language: str) -> bytes | None:
        """Return the stored form of a text's tree; None if it took too long, or its worker's life."""
        try:
            return self._ask({"data": data, "language": language}, 1, _stored)
        except (WorkerError, CancelledError):
            return None


def _stored(answer: object) -> bytes | None:
    return answer if isinstance(answer, bytes) else None


Load = Callable[[int], Batch]
Outcomes = Iterator[tuple[int, list[Outcome]]]

_here = threading.Lock()
"""Held while files are analysed in this process: the tables that grow with the words seen have no lock of their own."""


class Analyser:
    """Analyses batches, in this process or, once it is worth starting some, in workers. Get it from `analyser`."""

    def __init__(self, workers: int, deadline_seconds: float, total_bytes: int, embedder: TokenEmbedder) -> None:
        self._workers = workers
        self._embedder = embedder
        self._deadline_seconds = deadline_seconds
        self._total_bytes = total_bytes
        self._looked_at = self._unknown = 0
        self._pool: _Pool | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def run(self, count: int, load: Load) -> Outcomes:
        """Analyse batches 0 to `count` - 1, in any order; yield (i, what became of it) as they come.

        `load(i)` returns batch i, and is called from several threads, which are at work when this returns. With 0
        workers everything happens in this process, and one after the other: right for small roots only, as there is
        nobody to kill.
        """
        if self._workers == 0:
            return ((i, self._analyse(load(i))) for i in range(count))
        width = self._workers + 1  # one batch more under way than there are workers: none waits for files to be read
        self._threads = ThreadPoolExecutor(width, thread_name_prefix="treeseek-analyse")
        return _drive(self._threads, width, count, lambda i: (i, self._analyse(load(i))))

    def start_workers(self) -> None:
        """Start the worker processes, if there are to be any: what comes is known to be new."""
        with self._lock:
            if self._workers and self._pool is None:
                self._pool = _Pool(self._workers, self._deadline_seconds, self._embedder)

    def _analyse(self, batch: Batch) -> list[Outcome]:
        if self._is_much(batch):
            self.start_workers()
        if not batch.files:
            return []
        if self._pool is not None:
            return self._pool.analyse(batch)
        with _here:
            return [analyse_batch(batch, self._embedder, self._deadline_seconds)]

    def _is_much(self, batch: Batch) -> bool:
        """Whether as much will have to be analysed as is worth a start of workers, going by what was so far."""
        with self._lock:
            self._looked_at += batch.looked_at
            self._unknown += sum(len(file.data) for file in batch.files)
            return self._unknown * self._total_bytes >= SMALL_BYTES * max(self._looked_at, 1)

    def close(self) -> None:
        """End the processes and the threads, whatever they do."""
        with self._lock:
            self._workers = 0  # a thread that is still loading must start none
        if self._pool is not None:
            self._pool.close()
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)


@contextmanager
def analyser(workers: int, deadline_seconds: float, total_bytes: int, embedder: TokenEmbedder) -> Iterator[Analyser]:
    """Yield what analyses batches in at most so many worker processes. `total_bytes` is about how much is looked at.

    `embedder` is the bundled model, or `vectors.UNEMBEDDED`: worker processes know no other.
    """
    opened = Analyser(workers, deadline_seconds, total_bytes, embedder)
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
