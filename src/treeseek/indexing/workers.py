"""Processes that read hostile files: parsing holds the interpreter's lock, and some grammars crash, hang or gorge.

Each worker is a plain child process in a sandbox, with a pipe in and a pipe out, driven by one thread here. A batch
that kills its worker, or outlasts its time, is tried again file by file; a file that does it alone twice is quarantined
and cut by lines, with the reason.

A pool takes workers as it needs them and gives them up when it rests. One of those stays for the next pool of this
process, so that a small task seldom waits for a start: for a minute, or as long as somebody watches.
"""

from __future__ import annotations

import builtins
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from treeseek import telemetry
from treeseek.embedding import TokenEmbedder, default_embedder
from treeseek.errors import WorkerError
from treeseek.indexing import wire
from treeseek.indexing.batch import Batch, Outcome, analyse_batch
from treeseek.indexing.quarantine import Quarantine
from treeseek.indexing.spare import Spare
from treeseek.indexing.stand_in import UNEMBEDDED
from treeseek.indexing.worker import BUSY_SECONDS, OUT_OF_MEMORY, OUTLINE, ROWS, TREE
from treeseek.safety.sandbox import Sandbox
from treeseek.settings import worker_environment
from treeseek.syntax import Bounds

if TYPE_CHECKING:
    from treeseek.indexing.analyse import FileText
    from treeseek.model import Syntax
    from treeseek.settings import Settings

__all__ = ["Pool", "Terms", "Worker", "kept_warm", "start_ahead"]

T = TypeVar("T")

STARTUP_SECONDS = 60.0
CRASH_REASON, HANG_REASON, MEMORY_REASON = "parser-crash", "parser-hang", "parser-memory"
TIMED_OUT = "parse-timeout"
FULL_SHARE = 0.8
"""A worker that died while it held this share of its memory is taken to have died of that."""
TIRED_SHARE = 0.5
"""One that has held this share isn't kept."""

_BOOT = "import sys; sys.path[:] = {path!r}; from treeseek.indexing.worker import main; main()"


class _EndedError(Exception):
    """A worker came to its end over what it was given; the message is the reason."""


_TOLD_BY_WORKERS: Mapping[tuple[str, str], Collection[str]] = {
    ("treeseek_parse_seconds", ""): (),
    ("treeseek_analysis_errors_total", "error"): frozenset(
        name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, Exception)
    ),
}
"""What of a worker's telemetry is believed: it has read what it may have been harmed by."""


class Terms(NamedTuple):
    """What a worker is started with and held to: its time for a file, its memory, its sandbox, what trees may be."""

    deadline_seconds: float
    memory_bytes: int = 1 << 30
    sandbox: str = "auto"
    bounds: Bounds = Bounds()

    @classmethod
    def of(cls, settings: Settings) -> Terms:
        """Return the terms that the settings ask for."""
        bounds = Bounds(settings.max_nodes, settings.max_depth, settings.max_chunks)
        return cls(settings.parse_seconds, settings.worker_memory_bytes, settings.sandbox, bounds)

    @property
    def hard_seconds(self) -> float:
        """How long a file may keep a worker from saying anything, before that is killed."""
        return 2 * self.deadline_seconds + BUSY_SECONDS + 1


class Worker:
    """One child process. Not thread-safe: a worker belongs to one thread at a time."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.command = _command(terms)
        try:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=worker_environment(),
                process_group=0,  # Ctrl-C in a terminal is for the parent, which ends its workers
            )
        except OSError as error:
            raise WorkerError(f"can't start an analysis process: {error}") from error
        self.timed_out = False
        self.peak_bytes = 0
        self._charged_bytes = 0
        self._sandbox: Sandbox | None = None

    def sandbox(self) -> Sandbox:
        """Return what the process says that it is held in; waits until it is.

        Raises WorkerError when it doesn't start, or isn't held as the terms require.
        """
        if self._sandbox is None:
            with self._watched(STARTUP_SECONDS):
                frame = self._frame()
            if not isinstance(frame, dict) or "ready" not in frame:
                raise WorkerError(
                    "an analysis process doesn't start; is this installation whole? see `treeseek doctor`"
                )
            told, self._charged_bytes = frame["ready"], int(frame["charged"])
            self._sandbox = Sandbox(int(told["landlock"]), bool(told["seccomp"]), tuple(told["limits"]))
        if self.is_refused:
            raise WorkerError(
                "this system has no sandbox, and the setting `sandbox` requires one; see `treeseek doctor`"
            )
        return self._sandbox

    def ask(self, task: str, request: dict[str, object], files: int = 1) -> Any:
        """Return the answer to a request about so many files.

        Raises WorkerError when the process dies, or is killed for taking too long.
        """
        self.sandbox()
        hard = self.terms.hard_seconds
        terms = {"deadline": self.terms.deadline_seconds, "seconds": hard * (files + 1), "bounds": _plain(self.terms)}
        assert self._process.stdin is not None
        try:
            with self._watched(hard):
                wire.write_frame(self._process.stdin, request | terms | {"task": task})
                frame = self._frame()
            for _ in range(round(hard * files / BUSY_SECONDS) + files):  # it can't claim to be busy for ever
                if "answer" in frame:
                    self.peak_bytes = int(frame["peak"])
                    telemetry.absorb(frame["telemetry"], _TOLD_BY_WORKERS)
                    return frame["answer"]
                with self._watched(hard):
                    frame = self._frame()
        except (OSError, TypeError, KeyError, ValueError) as error:
            raise WorkerError(f"an analysis process died: {error}") from error
        raise WorkerError("an analysis process doesn't come to an end")

    def _frame(self) -> Any:
        assert self._process.stdout is not None
        frame = wire.read_frame(self._process.stdout)
        if frame is None:
            raise WorkerError("an analysis process died")
        return frame

    @contextmanager
    def _watched(self, seconds: float) -> Iterator[None]:
        watchdog = threading.Timer(seconds, self._give_up)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield
        finally:
            watchdog.cancel()

    def _give_up(self) -> None:
        self.timed_out = True
        self._process.kill()

    @property
    def has_started(self) -> bool:
        """Whether it has said that it is ready."""
        return self._sandbox is not None

    @property
    def is_refused(self) -> bool:
        """Whether it isn't held as its terms require."""
        return self.terms.sandbox == "require" and self._sandbox is not None and not self._sandbox.is_whole

    @property
    def is_fit(self) -> bool:
        """Whether it lives, and hasn't taken so much memory that the next file would find little."""
        return self._process.poll() is None and self.peak_bytes < TIRED_SHARE * self.terms.memory_bytes

    def why_it_died(self) -> str:
        """Return the reason that a file bears whose reading ended this worker. Waits for its end."""
        if self.timed_out:
            return HANG_REASON
        code, peak = self._end()
        if code == OUT_OF_MEMORY or peak >= FULL_SHARE * self.terms.memory_bytes:
            return MEMORY_REASON
        return HANG_REASON if -code == getattr(signal, "SIGXCPU", 0) else CRASH_REASON

    def _end(self) -> tuple[int, int]:
        """Return how the process ended, and the most memory that it held; one that still lives is killed."""
        try:
            if hasattr(os, "wait4"):
                killer = threading.Timer(1.0, self._process.kill)
                killer.start()
                _, status, usage = os.wait4(self._process.pid, 0)
                killer.cancel()
                self._process.returncode = os.waitstatus_to_exitcode(status)
                peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
                # At its start it was charged with what this process had held: that says nothing of its own.
                return self._process.returncode, peak if peak > self._charged_bytes else self.peak_bytes
            return self._process.wait(1.0), 0
        except (ChildProcessError, subprocess.TimeoutExpired):  # somebody else has waited for it
            return 0, 0

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


def _command(terms: Terms) -> list[str]:
    return [sys.executable, "-c", _BOOT.format(path=sys.path), str(terms.memory_bytes), terms.sandbox]


def _plain(terms: Terms) -> tuple[int, int, int]:
    return terms.bounds.nodes, terms.bounds.depth, terms.bounds.chunks


_spare: Spare[Worker] = Spare(lambda worker: worker.is_fit)
"""The worker that waits for the next pool."""


def _worker(terms: Terms) -> Worker:
    """Return the spare worker, if it was started with such terms, or a new one."""
    spare = _spare.take(lambda worker: worker.terms == terms and worker.command == _command(terms))
    return spare or Worker(terms)


def start_ahead(terms: Terms) -> None:
    """Have a worker ready that the next pool finds. Raises WorkerError if none can be started."""
    _spare.keep(_worker(terms))


@contextmanager
def kept_warm(terms: Terms) -> Iterator[None]:
    """Keep a worker ready until the end of the block, however long nobody asks for it."""
    with _spare.held():
        if terms.sandbox != "off":
            start_ahead(terms)
        yield


class Pool:
    """Up to so many workers, begun when they are needed. Threads share it; each that asks has a worker to itself.

    Rows get their vectors from `embedder`: the bundled model, or `UNEMBEDDED`, as workers know no other.
    """

    def __init__(
        self, count: int, terms: Terms, quarantine: Quarantine | None = None, embedder: TokenEmbedder | None = None
    ) -> None:
        self.count = count
        self.terms = terms
        self._embedder = embedder
        self.quarantine = quarantine or Quarantine(None)
        self._slots = threading.Semaphore(count)
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._busy: list[Worker] = []
        self._is_closed = False

    def grow(self, count: int) -> None:
        """Allow so many workers."""
        if count > self.count:
            self._slots.release(count - self.count)
            self.count = count

    def start(self, count: int) -> None:
        """Start as many workers as make `count` with those that there are."""
        with self._lock:
            while not self._is_closed and len(self._idle) + len(self._busy) < min(count, self.count):
                self._idle.append(_worker(self.terms))

    # -- what can be asked -----------------------------------------------------------------------------------------

    def analyse(self, batch: Batch) -> list[Outcome]:
        """Return what becomes of a batch, in one or several parts, in its order."""
        outcomes: list[Outcome] = []
        for reason, files in groupby(batch.files, lambda file: self.quarantine.reason(file.digest, file.language)):
            part = Batch(list(files), batch.lent)
            outcomes += [self._by_lines(part, reason)] if reason else self._analysed(part)
        return outcomes

    def _analysed(self, batch: Batch) -> list[Outcome]:
        alone = len(batch.files) == 1
        try:
            outcome = self._rows(batch)
        except _EndedError as error:
            if not alone:
                return [outcome for file in batch.files for outcome in self._analysed(Batch([file], batch.lent))]
            (file,) = batch.files
            reason = str(error)
            if self.quarantine.note(file.digest, file.language, reason):
                return [self._by_lines(batch, reason)]
            return self._analysed(batch)
        self._note_slow(batch.files, outcome)
        return [outcome]

    def _note_slow(self, files: Sequence[FileText], outcome: Outcome) -> None:
        """Remember files whose parse was given up; whether a busy machine was to blame, the next time shows."""
        if TIMED_OUT in outcome.rows.note:
            slow = {path for path, note in zip(outcome.rows.path, outcome.rows.note, strict=True) if note == TIMED_OUT}
            for file in files:
                if file.source.path in slow:
                    self.quarantine.note(file.digest, file.language, TIMED_OUT)

    def _rows(self, batch: Batch, **more: object) -> Outcome:
        request = wire.pack_batch(batch) | {"embeds": self._embedder is not UNEMBEDDED} | more
        return self._ask(ROWS, request, len(batch.files), lambda answer: wire.unpack_outcome(answer, batch))

    def _by_lines(self, batch: Batch, reason: str) -> Outcome:
        """Return a batch cut by lines. No grammar has a part in that, so it may be done here if need be."""
        try:
            return self._rows(batch, unparsable=reason)
        except _EndedError:
            with _here:
                embedder = self._embedder or default_embedder()
                return analyse_batch(batch, embedder, self.terms.deadline_seconds, unparsable=reason)

    def parse(self, data: bytes, language: str, digest: str) -> bytes | None:
        """Return the stored form of a text's tree; None if it took too long, or its worker's life."""
        if self.quarantine.reason(digest, language):
            return None
        try:
            answer = self._ask(TREE, {"data": data, "language": language}, 1, lambda answer: answer)
        except CancelledError:
            return None
        except _EndedError as error:
            self.quarantine.note(digest, language, str(error))
            return None
        return answer if isinstance(answer, bytes) else None

    def outline(self, data: bytes, language: str, digest: str) -> Syntax | str:
        """Return declarations and chunks of a text; the reason if that is its worker's end, or was before."""
        if reason := self.quarantine.reason(digest, language):
            return reason
        try:
            return self._ask(OUTLINE, {"data": data, "language": language}, 1, wire.unpack_syntax)
        except _EndedError as error:
            self.quarantine.note(digest, language, str(error))
            return str(error)

    # -- workers ---------------------------------------------------------------------------------------------------

    def _ask(self, task: str, request: dict[str, object], files: int, unpack: Callable[[Any], T]) -> T:
        """Return what a worker answers; if that takes its life, raise _EndedError with the reason.

        Raises CancelledError once this is closed, WorkerError when no worker can be had.
        """
        with self._slots:
            worker = self._taken()
            is_sound = False
            try:
                answer = unpack(worker.ask(task, request, files))
                is_sound = True
                return answer
            except WorkerError as error:
                if self._is_closed:  # it was killed, and nobody waits for an answer any more
                    raise CancelledError from error
                if not worker.has_started or worker.is_refused:
                    raise
                reason = worker.why_it_died()
                telemetry.count("treeseek_worker_failures_total", reason=reason)
                raise _EndedError(reason) from error
            finally:
                self._given_back(worker, is_sound=is_sound)

    def _taken(self) -> Worker:
        with self._lock:
            if self._is_closed:
                raise CancelledError
            worker = self._idle.pop() if self._idle else _worker(self.terms)
            self._busy.append(worker)
            return worker

    def _given_back(self, worker: Worker, *, is_sound: bool) -> None:
        with self._lock:
            self._busy.remove(worker)
            if is_sound and worker.is_fit and not self._is_closed:
                self._idle.append(worker)
                return
        worker.close()

    def rest(self) -> None:
        """Give up the workers that do nothing; one of them may serve the next who asks."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            _spare.keep(worker)

    def close(self) -> None:
        """End the work of all workers."""
        with self._lock:
            self._is_closed = True
            busy = list(self._busy)
        for worker in busy:
            worker.close()
        self.rest()


_here = threading.Lock()
"""Held while files are cut in this process: the tables that grow with the words seen have no lock of their own."""
