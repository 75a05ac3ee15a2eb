"""Times of calls that are compared with each other."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

__all__ = ["best"]


def best(calls: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Return the least wall seconds that each call took in so many rounds.

    All calls run in turn within a round, so that whatever else the machine does weighs on all of them; the least of
    several is what the call costs when it isn't interrupted.
    """
    times = [math.inf] * len(calls)
    for _ in range(rounds):
        for at, call in enumerate(calls):
            start = time.perf_counter()
            call()
            times[at] = min(times[at], time.perf_counter() - start)
    return times
