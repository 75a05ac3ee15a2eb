"""Is it worth asking at all? After some failures in a row nobody asks for a while; then one does, and that decides."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["Breaker"]

FAILURES = 5
REST_SECONDS = 30.0


class Breaker:
    """closed: all may ask. open: none may. half-open: one is asking, and the others wait for what becomes of it.

    Threads share it. What a provider says when it is asked too much is no failure.
    """

    def __init__(
        self, failures: int = FAILURES, rest: float = REST_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = failures
        self._rest = rest
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._opened: float | None = None
        self._is_probed = False

    @property
    def state(self) -> str:
        """closed, open or half-open."""
        with self._lock:
            if self._opened is None:
                return "closed"
            return "half-open" if self._is_probed else "open"

    def wait(self) -> float:
        """Return 0 if the caller may ask now, and must say what became of it; else when to come again."""
        with self._lock:
            if self._opened is None:
                return 0.0
            left = self._opened + self._rest - self._clock()
            if self._is_probed:
                return max(left, self._rest / 10)
            if left <= 0:
                self._is_probed = True
            return max(left, 0.0)

    def abandoned(self) -> None:
        """Say that the caller didn't ask after all."""
        with self._lock:
            self._is_probed = False

    def succeeded(self) -> None:
        """Say that an answer came, be it that this was too much."""
        with self._lock:
            self._failures, self._opened, self._is_probed = 0, None, False

    def failed(self) -> None:
        """Say that none came, or that the provider is at fault."""
        with self._lock:
            self._failures += 1
            if self._is_probed or self._failures >= self._most:
                self._opened, self._is_probed = self._clock(), False
