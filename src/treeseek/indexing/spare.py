"""What is worth keeping for the next one who asks? One thing that was slow to start, for a while."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

__all__ = ["Spare"]

IDLE_SECONDS = 60.0


class _Closable(Protocol):
    def close(self) -> None: ...


T = TypeVar("T", bound=_Closable)


class Spare(Generic[T]):
    """Room for one thing. It is closed when nobody has asked for a minute, unless somebody holds on, and at the end.

    Threads share it; a forked child begins with none.
    """

    def __init__(self, is_fit: Callable[[T], bool]) -> None:
        self._is_fit = is_fit
        self._lock = threading.Lock()
        self._kept: T | None = None
        self._holders = 0
        self._timer: threading.Timer | None = None
        atexit.register(self.empty)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def take(self, fits: Callable[[T], bool]) -> T | None:
        """Return what is kept, if it is sound and fits; nothing is kept then."""
        with self._lock:
            kept, self._kept = self._kept, None
            self._stop_clock()
        if kept is None:
            return None
        if self._is_fit(kept) and fits(kept):
            return kept
        kept.close()
        return None

    def keep(self, thing: T) -> None:
        """Keep a thing, or close it if there is one already or it isn't sound."""
        with self._lock:
            if self._kept is None and self._is_fit(thing):
                self._kept = thing
                self._start_clock()
                return
        thing.close()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep what is kept, however long, until the end of the block."""
        with self._lock:
            self._holders += 1
            self._stop_clock()
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                self._start_clock()

    def empty(self) -> None:
        """Close what is kept."""
        with self._lock:
            kept, self._kept = self._kept, None
            self._stop_clock()
        if kept is not None:
            kept.close()

    def _start_clock(self) -> None:
        if self._kept is not None and not self._holders:
            self._timer = threading.Timer(IDLE_SECONDS, self.empty)
            self._timer.daemon = True
            self._timer.start()

    def _stop_clock(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _forget(self) -> None:
        """Begin anew in a forked child: what is kept is its parent's."""
        self._lock = threading.Lock()
        self._kept, self._holders, self._timer = None, 0, None
