"""One root of a server: its engine, the thread that keeps its index up to date, and how far that is."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from treeseek import telemetry
from treeseek.errors import OverloadedError, StoreError, StoreLockedError, TreeseekError, UsageError
from treeseek.safety.redact import for_log

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from treeseek.engine import Engine
    from treeseek.model import Progress, SyncReport

__all__ = ["Phase", "Root", "State"]

Phase = Literal["waiting", "indexing", "ready", "failing", "stopped"]
UNASKED = "the first index would send much code to a remote embedder; agree to that with `treeseek index --yes`"
RETRY_SECONDS = 5.0
"""How long a first index that failed is waited with, before it is tried again."""
RENEW_SECONDS, RENEW_REST = 1.0, 4
"""How long answers are renewed for after a commit, at most, and how many times as long nothing is done after that."""


@dataclass(frozen=True, slots=True)
class State:
    """How a root's index is: `waiting` for its thread, `indexing` for the first time, `ready`, `failing`, `stopped`.

    `has_answers`: there is a version to answer from; one that is `failing`, with `error`, may have an older one.
    `synced_at` is when the index was last found or brought up to date, in seconds since the epoch, 0 for never;
    `looked_at` likewise when all of the root was looked at, and nothing is pending; `committed_at` when the index was
    last changed. Since `behind_since` it may lack something that was seen; 0 if it doesn't. `files` are in the index,
    `left_out` counts by reason what isn't, or in a lesser way. `notice` says what hinders the watch, if anything.
    """

    phase: Phase = "waiting"
    has_answers: bool = False
    progress: Progress | None = None
    synced_at: float = 0.0
    looked_at: float = 0.0
    committed_at: float = 0.0
    behind_since: float = 0.0
    pending: int = 0
    files: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    error: str = ""
    error_code: str = ""
    notice: str = ""


class Root:
    """A root that is served under a name. `start` it to have its index made and kept up to date behind the callers."""

    def __init__(self, name: str, engine: Engine, on_change: Callable[[], object] = lambda: None) -> None:
        """`on_change` is called, in the root's own thread, whenever its state has changed."""
        self.name = name
        self.engine = engine
        self._on_change = on_change
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._refreshing = threading.Lock()
        self._committed = threading.Event()
        self._threads: list[threading.Thread] = []
        self._state = State(has_answers=self._has_answers())

    @property
    def state(self) -> State:
        """How its index is now."""
        with self._lock:
            return self._state

    def start(self) -> None:
        """Begin to bring the index up to date, and to follow what changes, in a thread; renew answers in another."""
        self._threads = [
            threading.Thread(target=run, name=f"treeseek-{what}-{self.name}", daemon=True)
            for what, run in (("sync", self._run), ("answers", self._renew_answers))
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Have the threads end, as soon as the commit that is under way is done."""
        self._stop.set()
        self._committed.set()

    def close(self) -> None:
        """Wait for the threads' end, and close the engine."""
        self.stop()
        for thread in self._threads:
            thread.join()
        self.engine.close()

    def refresh(self, seconds: float | None = None) -> SyncReport:
        """Bring the index up to date in the caller's thread.

        Raises what `Engine.sync` does, StoreLockedError if another caller has that done already, UsageError if much
        would go to a remote embedder, and OverloadedError if the root is stopped meanwhile.
        """
        if not self._refreshing.acquire(blocking=False):
            raise StoreLockedError("the index is being brought up to date already")
        try:
            if self.engine.unasked() is not None:
                raise UsageError(UNASKED)
            report = self.engine.sync(self._progressed, seconds=seconds)
        except InterruptedIndexing:
            raise OverloadedError("the server is about to end; ask again when it is back") from None
        finally:
            self._refreshing.release()
        self._synced(report)
        return report

    def _run(self) -> None:
        try:
            self._make_first_index()
            if not self._stop.is_set():
                self.engine.watch(
                    self._stop, on_sync=self._synced, on_error=self._failed,
                    on_notice=lambda text: self._set(notice="" if text == "watching again" else for_log(text)),
                    on_pending=self._pending,
                )  # fmt: skip
        except Exception as error:  # noqa: BLE001 - the thread's boundary: what it doesn't tell, nobody would know
            self._failed(error)
        else:
            self._set(phase="stopped", progress=None)

    def _renew_answers(self) -> None:
        """After each commit, find the answers to what is asked often; a fifth of a processor at most goes into it."""
        while True:
            self._committed.wait()
            if self._stop.is_set():
                return
            self._committed.clear()
            started = time.monotonic()
            # Whoever asks is told what is wrong; and what isn't renewed is found when it is asked.
            with suppress(Exception):
                self.engine.renew_answers(RENEW_SECONDS)
            if self._stop.wait(RENEW_REST * (time.monotonic() - started)):
                return

    def _make_first_index(self) -> None:
        """Make the index if there is none that answers, again and again until that works or nobody wants it."""
        while not self._stop.is_set() and not self._has_answers():
            self._set(phase="indexing")
            try:
                if self.engine.unasked() is not None:
                    raise UsageError(UNASKED)
                self._synced(self.engine.sync(self._progressed))
            except TreeseekError as error:
                self._failed(error)
                self._stop.wait(RETRY_SECONDS)
            except InterruptedIndexing:
                return

    def _has_answers(self) -> bool:
        try:
            return self.engine.indexed
        except StoreError:
            return False

    def _progressed(self, progress: Progress) -> None:
        if self._stop.is_set():
            raise InterruptedIndexing
        self._set(progress=progress)

    def _synced(self, report: SyncReport) -> None:
        now = time.time()
        more: dict[str, object] = {}
        if report.is_whole:
            more["left_out"] = report.reasons
        if report.is_whole and not report.pending:
            more["looked_at"] = now
        if report.committed:
            more["committed_at"] = now
            self._committed.set()
        self._set(phase="ready", has_answers=report.version > 0 or self._has_answers(), progress=None, synced_at=now,
                  pending=report.pending, files=report.files, error="", error_code="", **more)  # fmt: skip

    def _pending(self, is_pending: bool) -> None:
        """Note since when the index may lack something, or that it lacks nothing that was seen."""
        since = self.state.behind_since
        if is_pending != bool(since):
            self._set(behind_since=time.time() if is_pending else 0.0)

    def _failed(self, error: Exception) -> None:
        if isinstance(error, StoreLockedError) and self._has_answers():  # another process brings it up to date
            return
        code = error.code if isinstance(error, TreeseekError) else "internal"
        telemetry.count("treeseek_sync_failures_total", code=code)
        message = str(error) if isinstance(error, TreeseekError) else f"{type(error).__name__}: {error}"
        self._set(phase="failing", progress=None, error=for_log(message), error_code=code)

    def _set(self, **changes: object) -> None:
        with self._lock:
            self._state = replace(self._state, **changes)  # type: ignore[arg-type]
        self._on_change()


class InterruptedIndexing(Exception):  # noqa: N818 - no error: it ends a first index that nobody waits for any more
    """The server is closed while a first index is made; what was committed stays."""
