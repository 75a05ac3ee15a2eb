"""Counters, gauges and histograms that the core writes to. No exporter lives here: a frontend reads `snapshot()`.

Names follow `treeseek_<noun>_<unit>[_total]`; labels never hold a path, a query or a repository.
"""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

__all__ = [
    "BOUNDS", "BUCKETS", "HistogramState", "Labels", "absorb", "count", "counter", "drained", "gauge", "gauges",
    "observe", "reset", "shift_gauge", "snapshot", "timed",
]  # fmt: skip

BUCKETS = (0.000005, 0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0)
"""Upper bounds of a histogram's buckets, in seconds, where `BOUNDS` has no others."""
ANSWERS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0)
"""For what somebody waits for: fine around 15 ms, what a search takes, 100 ms, and 1 s, what it may take."""
JOBS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0)
"""For what goes on behind: fine around 100 ms, in which a saved file is found, up to a first index of minutes."""
BOUNDS = {
    "treeseek_search_seconds": ANSWERS,
    "treeseek_related_seconds": ANSWERS,
    "treeseek_symbols_seconds": ANSWERS,
    "treeseek_http_request_seconds": ANSWERS,
    "treeseek_mcp_call_seconds": ANSWERS,
    "treeseek_diff_seconds": JOBS,
    "treeseek_sync_seconds": JOBS,
    "treeseek_look_seconds": JOBS,
    "treeseek_change_seconds": JOBS,
    "treeseek_store_commit_seconds": JOBS,
    "treeseek_store_index_seconds": JOBS,
    "treeseek_store_maintenance_seconds": JOBS,
    "treeseek_embedding_request_seconds": (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
    "treeseek_search_confidence_ratio": (0.05, 0.1, 0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
}
"""Upper bounds of the buckets of single histograms. What an objective names is among them."""

Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class HistogramState:
    """Cumulative count for each of the `bounds`, with the number and the sum of all observations."""

    bounds: tuple[float, ...] = BUCKETS
    buckets: list[int] = field(default_factory=list)
    count: int = 0
    sum: float = 0.0


_lock = threading.Lock()
_counters: dict[tuple[str, Labels], float] = defaultdict(float)
_gauges: dict[tuple[str, Labels], float] = {}
_histograms: dict[tuple[str, Labels], HistogramState] = {}
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
    key = name, tuple(sorted(labels.items()))
    with _lock:
        state = _histograms.get(key) or _begun(key)
        state.count += 1
        state.sum += value
        if value <= state.bounds[-1]:
            state.buckets[bisect_left(state.bounds, value)] += 1


def _begun(key: tuple[str, Labels]) -> HistogramState:
    bounds = BOUNDS.get(key[0], BUCKETS)
    state = _histograms[key] = HistogramState(bounds, [0] * len(bounds))
    return state


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
            key: HistogramState(state.bounds, list(accumulate(state.buckets)), state.count, state.sum)
            for key, state in _histograms.items()
        }
        return dict(_counters), histograms


def gauges() -> dict[tuple[str, Labels], float]:
    """Return a copy of all gauges."""
    with _lock:
        return dict(_gauges)


MOST = 1_000_000_000
"""No process that is told of counts so much between two answers, or takes so many seconds."""

Drained = tuple[list[tuple[str, Labels, float]], list[tuple[str, Labels, list[int], int, float]]]


def drained() -> Drained:
    """Return counters and histograms as plain data, and begin anew: for a process that has another one tell of it."""
    with _lock:
        counters = [(name, labels, value) for (name, labels), value in _counters.items()]
        histograms = [
            (name, labels, state.buckets, state.count, state.sum) for (name, labels), state in _histograms.items()
        ]
        _counters.clear()
        _histograms.clear()
    return counters, histograms


def absorb(told: Any, known: Mapping[tuple[str, str], Collection[str]]) -> None:
    """Add what another process has `drained`, which isn't trusted.

    `known` gives for a name and its one label, or "", the values that it may have; any other becomes "other", and other
    names count for nothing. Raises TypeError or ValueError for what isn't of this form.
    """
    counters, histograms = told
    for name, labels, value in counters:
        key = _trusted(name, labels, known)
        if key is not None:
            count(key[0], min(max(0.0, float(value)), MOST), **dict(key[1]))
    for name, labels, buckets, number, total in histograms:
        key = _trusted(name, labels, known)
        if key is not None:
            with _lock:
                state = _histograms.get(key) or _begun(key)
                for at, more in zip(range(len(state.buckets)), buckets, strict=True):
                    state.buckets[at] += min(max(0, int(more)), MOST)
                state.count += min(max(0, int(number)), MOST)
                state.sum += min(max(0.0, float(total)), MOST)


def _trusted(name: Any, labels: Any, known: Mapping[tuple[str, str], Collection[str]]) -> tuple[str, Labels] | None:
    if not labels:
        return (name, ()) if (name, "") in known else None
    ((label, value),) = labels
    if (name, label) not in known:
        return None
    return name, ((label, value if value in known[name, label] else "other"),)


def reset() -> None:
    """Forget everything; for tests and benchmarks."""
    with _lock:
        _counters.clear()
        _gauges.clear()
        _histograms.clear()
