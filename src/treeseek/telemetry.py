"""Counters, gauges and histograms that the core writes to. No exporter lives here: a frontend reads `snapshot()`.

Names follow `treeseek_<noun>_<unit>[_total]`; labels never hold a path, a query or a repository.
"""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate

__all__ = [
    "HistogramState",
    "count",
    "counter",
    "gauge",
    "gauges",
    "observe",
    "reset",
    "shift_gauge",
    "snapshot",
    "timed",
]

BUCKETS = (0.000005, 0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0)
"""Upper bounds of the histograms' buckets, in seconds."""

Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class HistogramState:
    """Cumulative count per bucket of `BUCKETS`, with the number and the sum of all observations."""

    buckets: list[int] = field(default_factory=lambda: [0] * len(BUCKETS))
    count: int = 0
    sum: float = 0.0


_lock = threading.Lock()
_counters: dict[tuple[str, Labels], float] = defaultdict(float)
_gauges: dict[tuple[str, Labels], float] = {}
_histograms: dict[tuple[str, Labels], HistogramState] = defaultdict(HistogramState)
"""Here buckets aren't cumulative yet: an observation touches one."""

if hasattr(os, "register_at_fork"):  # or a child could be born with the lock held, by nobody
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


def count(name: str, amount: float = 1, **labels: str) -> None:
    """Add `amount` to a counter."""
    with _lock:
        _counters[name, tuple(sorted(labels.items()))] += amount


def counter(name: str, **labels: str) -> Callable[[float], None]:
    """Return what adds to one counter, for places that count often."""
    key = name, tuple(sorted(labels.items()))

    def add(amount: float) -> None:
        with _lock:
            _counters[key] += amount

    return add


def gauge(name: str, value: float, **labels: str) -> None:
    """Set a gauge to what is now."""
    with _lock:
        _gauges[name, tuple(sorted(labels.items()))] = value


def shift_gauge(name: str, by: float, **labels: str) -> None:
    """Add to a gauge that several hold together."""
    key = name, tuple(sorted(labels.items()))
    with _lock:
        _gauges[key] = _gauges.get(key, 0.0) + by


def observe(name: str, value: float, **labels: str) -> None:
    """Add one observation to a histogram."""
    with _lock:
        state = _histograms[name, tuple(sorted(labels.items()))]
        state.count += 1
        state.sum += value
        if value <= BUCKETS[-1]:
            state.buckets[bisect_left(BUCKETS, value)] += 1


@contextmanager
def timed(name: str, **labels: str) -> Iterator[None]:
    """Observe how long the block took, in seconds, whether or not it raised."""
    start = time.perf_counter()
    try:
        yield
    finally:
        observe(name, time.perf_counter() - start, **labels)


def snapshot() -> tuple[dict[tuple[str, Labels], float], dict[tuple[str, Labels], HistogramState]]:
    """Return copies of all counters and histograms."""
    with _lock:
        histograms = {
            key: HistogramState(list(accumulate(state.buckets)), state.count, state.sum)
            for key, state in _histograms.items()
        }
        return dict(_counters), histograms


def gauges() -> dict[tuple[str, Labels], float]:
    """Return a copy of all gauges."""
    with _lock:
        return dict(_gauges)


def reset() -> None:
    """Forget everything; for tests and benchmarks."""
    with _lock:
        _counters.clear()
        _gauges.clear()
        _histograms.clear()
