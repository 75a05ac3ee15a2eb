"""Is there an index to ask yet? Who asks before there is one waits for it, a while, and hears how far it is."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from treeseek.errors import StoreLockedError

if TYPE_CHECKING:
    from treeseek.model import Progress
    from treeseek.service import Root, Service, State

__all__ = ["ProgressSink", "Waiting", "progress_line"]

ProgressSink = Callable[[float, float | None, str], Awaitable[None]]
"""Is told how much is done, of how much if that is known, and in words."""

FIRST_INDEX_SECONDS = 15.0
"""How long a first index is waited for: a few thousand files' worth. Clients give up after a minute."""
FIRST_LOOK_SECONDS = 3.0
"""How long the first look at a root is waited for, by which yesterday's index becomes one of now."""
REPORT_SECONDS = 0.25
LOOK_SECONDS = 1.0
"""How often a state is looked at, even if nobody tells of a change."""


class _Waiter(NamedTuple):
    loop: asyncio.AbstractEventLoop
    changed: asyncio.Event


class Waiting:
    """Wakes those who wait for a root whenever one has changed."""

    def __init__(self, service: Service) -> None:
        self._lock = threading.Lock()
        self._waiters: set[_Waiter] = set()
        self._looked: set[str] = set()
        service.subscribe(self._changed)

    async def for_answers(self, root: Root, report: ProgressSink | None = None) -> bool:
        """Wait until the root has answers that are of now, for as long as that is worth it; return if it has any.

        The first look at a root that was indexed before is waited for once, not by every call.
        """
        begun, told, done = time.monotonic(), -REPORT_SECONDS, -1.0
        while True:
            waiter = self._registered()
            try:
                state, passed = root.state, time.monotonic() - begun
                has_answers = state.has_answers or root.engine.indexed
                if self._is_enough(root, state, has_answers, passed):
                    return has_answers
                progress = state.progress
                if report is not None and progress is not None and passed - told >= REPORT_SECONDS:
                    told = passed
                    if progress.files_done > done:  # the protocol has it that progress grows
                        done = progress.files_done
                        await report(done, progress.files_total or None, progress_line(progress))
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await waiter.changed.wait()
            finally:
                self._forget(waiter)

    def _is_enough(self, root: Root, state: State, has_answers: bool, passed: float) -> bool:
        if not has_answers or state.phase == "indexing":
            failed = state.phase == "failing" and state.error_code != StoreLockedError.code
            return failed or state.phase == "stopped" or passed >= FIRST_INDEX_SECONDS
        if state.synced_at or root.name in self._looked or state.phase in ("failing", "stopped"):
            return True
        if passed >= FIRST_LOOK_SECONDS:
            self._looked.add(root.name)
            return True
        return False

    def _registered(self) -> _Waiter:
        waiter = _Waiter(asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._waiters.add(waiter)
        return waiter

    def _forget(self, waiter: _Waiter) -> None:
        with self._lock:
            self._waiters.discard(waiter)

    def _changed(self) -> None:
        """Wake everybody, from the thread of a root."""
        with self._lock:
            waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            with suppress(RuntimeError):  # its loop is closed: nobody waits there any more
                waiter.loop.call_soon_threadsafe(waiter.changed.set)


def progress_line(progress: Progress | None) -> str:
    """Return how far a first index is, in words."""
    if progress is None or not progress.files_total:
        return "still indexing: looking for files"
    return f"still indexing: {progress.files_done:,} of {progress.files_total:,} files"
