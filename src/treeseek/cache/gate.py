"""A lock that many may share, or one hold alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Gate"]


class Gate:
    """Passed by many at once, or closed by one, for whom it waits until all are through. Not re-entrant."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._inside = 0
        self._is_closed = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Be inside together with others; waits while the gate is closed."""
        with self._changed:
            while self._is_closed:
                self._changed.wait()
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                if self._is_closed and not self._inside:
                    self._changed.notify_all()

    def close(self) -> None:
        """Let nobody in any more, and wait until all are out."""
        with self._changed:
            while self._is_closed:
                self._changed.wait()
            self._is_closed = True
            while self._inside:
                self._changed.wait()

    def open(self) -> None:
        """Undo `close`."""
        with self._changed:
            self._is_closed = False
            self._changed.notify_all()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Be inside alone."""
        self.close()
        try:
            yield
        finally:
            self.open()
