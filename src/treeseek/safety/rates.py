"""May this client ask again already? A token bucket for each, for servers.

Small, exact and on the monotonic clock. The `limits` package counts in windows of the wall clock, which a step of the
clock opens or shuts, and tells when a window ends, not when the next request may come.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["ClientLimits"]

MAX_CLIENTS = 10_000


class ClientLimits:
    """`rate` requests a second for each client, and `burst` at once after a rest. Threads share it.

    At most `most_clients` are remembered: those that have rested longest are forgotten first, and one that is forgotten
    starts with a full bucket. A `rate` of 0 is no limit.
    """

    def __init__(
        self, rate: float, burst: float, *, most_clients: int = MAX_CLIENTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        if rate < 0 or burst < 1 or most_clients < 1:
            raise ValueError(f"a rate of {rate}, a burst of {burst} or {most_clients} clients make no limit")
        self.rate, self.burst = rate, burst
        self._most = most_clients
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """By client: what is left, and when that was; the one that asked longest ago first."""

    def acquire(self, client: str, cost: float = 1.0) -> float | None:
        """Take what a request costs, and return None; or take nothing, and return in how many seconds to ask again.

        A request that costs more than a burst never fits in, so it costs a burst.
        """
        if not self.rate:
            return None
        cost = min(cost, self.burst)
        with self._lock:
            now = self._clock()
            left, then = self._buckets.pop(client, (self.burst, now))
            left = min(self.burst, left + (now - then) * self.rate)
            is_allowed = left >= cost
            self._buckets[client] = (left - cost if is_allowed else left, now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
            return None if is_allowed else (cost - left) / self.rate

    def __len__(self) -> int:
        """Return how many clients are remembered."""
        return len(self._buckets)
