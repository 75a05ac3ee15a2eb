"""Work in processes of its own: parsing holds the interpreter's lock, and some grammars crash or hang on some files.

Each worker is a plain child process with a pipe in and a pipe out, driven by one thread here. A batch that kills its
worker, or outlasts its time, is tried again file by file; a file that does it alone is cut by lines, with the reason.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, TypeVar

from treeseek import telemetry
from treeseek.embedding import default_embedder
from treeseek.errors import WorkerError
from treeseek.indexing import wire
from treeseek.indexing.analyse import FileText, analyse_files
from treeseek.indexing.worker import PARSE
from treeseek.model import UnitColumns

__all__ = ["Analyser", "Parsers", "analyser"]

T = TypeVar("T")

Analyser = Callable[[Sequence[FileText]], UnitColumns]

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
        self._free: SimpleQueue[_Worker] = SimpleQueue()
        self._all = [_Worker(self.arguments, deadline_seconds) for _ in range(count)]
        for worker in self._all:
            self._free.put(worker)

    def _ask(self, request: dict[str, object], files: int, unpack: Callable[[Any], T]) -> T:
        """Return what a free worker answers; if that takes its life, raise WorkerError with the reason."""
        worker = self._free.get()
        try:
            return unpack(worker.ask(request, files))
        except WorkerError as error:
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
        for worker in self._all:
            worker.close()


class _Pool(_Workers):
    """Workers that analyse files."""

    def analyse(self, files: Sequence[FileText]) -> UnitColumns | list[UnitColumns]:
        try:
            return self._ask({"files": wire.pack_files(list(files))}, len(files), wire.unpack_columns)
        except WorkerError as error:
            reason = str(error)
        if len(files) > 1:
            return [rows for file in files for rows in _as_list(self.analyse([file]))]
        return analyse_files(files, default_embedder(), self.deadline_seconds, unparsable=reason)


class Parsers(_Workers):
    """Workers that parse. Threads share them; each thread has one to itself while it waits for its answer."""

    arguments = (PARSE,)

    def parse(self, data: bytes, language: str) -> bytes | None:
        """Return the stored form of a text's tree; None if it took too long, or its worker's life."""
        try:
            return self._ask({"data": data, "language": language}, 1, _stored)
        except WorkerError:
            return None


def _stored(answer: object) -> bytes | None:
    return answer if isinstance(answer, bytes) else None


def _as_list(rows: UnitColumns | list[UnitColumns]) -> list[UnitColumns]:
    return rows if isinstance(rows, list) else [rows]


Load = Callable[[int], Sequence[FileText]]
Run = Callable[[int, Load], Iterator[tuple[int, list[UnitColumns]]]]


@contextmanager
def analyser(workers: int, deadline_seconds: float) -> Iterator[Run]:
    """Yield a function `run(batches, load)` that analyses batches 0 to `batches` - 1, in any order.

    `load(i)` returns the files of batch i, and is called from several threads; `run` yields (i, rows) as they come.
    With 0 workers everything happens in this process, which is right for small roots only: there is nobody to kill.
    """
    if workers == 0:
        embedder = default_embedder()

        def here(count: int, load: Load) -> Iterator[tuple[int, list[UnitColumns]]]:
            for i in range(count):
                files = load(i)
                yield i, [analyse_files(files, embedder, deadline_seconds)] if files else []

        yield here
        return
    pool = _Pool(workers, deadline_seconds)
    threads = ThreadPoolExecutor(workers + 1, thread_name_prefix="treeseek-analyse")
    try:
        yield lambda count, load: _drive(pool, threads, workers + 1, count, load)
    finally:
        pool.close()
        threads.shutdown(wait=True, cancel_futures=True)


def _drive(
    pool: _Pool, threads: ThreadPoolExecutor, width: int, count: int, load: Load
) -> Iterator[tuple[int, list[UnitColumns]]]:
    """Keep one batch more under way than there are workers, so that none waits for files to be read."""

    def one(i: int) -> tuple[int, list[UnitColumns]]:
        files = load(i)
        return i, _as_list(pool.analyse(files)) if files else []

    pending: set[Future[tuple[int, list[UnitColumns]]]] = set()
    numbers = iter(range(count))
    while True:
        while len(pending) < width and (number := next(numbers, None)) is not None:
            pending.add(threads.submit(one, number))
        if not pending:
            return
        done, pending = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()
