"""How much of anything is let in, and what happens beyond that? Every cap is a setting; hitting it is counted and told.

Of files, a reason stands on the row or in the list of what was left out (`treeseek status --skipped`); a request that
asks for too much is refused in one line. `treeseek_caps_hit_total` counts by the setting's name.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from treeseek import telemetry
from treeseek.errors import OverloadedError, UsageError

__all__ = ["CAP_OF", "Gate", "check_query", "check_results", "count_hits", "fitting", "hit"]

T = TypeVar("T")

CAP_OF = {
    "too-large": "max_file_bytes",
    "long-line": "max_line_bytes",
    "too-many": "max_files",
    "too-many-nodes": "max_nodes",
    "too-deep": "max_depth",
    "too-many-chunks": "max_chunks",
    "parse-timeout": "parse_seconds",
    "parser-hang": "parse_seconds",
    "parser-memory": "worker_memory_bytes",
}
"""The setting behind each reason that a file bears for having hit a cap."""


def hit(setting: str, amount: int = 1) -> None:
    """Count that a cap was hit."""
    telemetry.count("treeseek_caps_hit_total", amount, cap=setting)


def count_hits(reasons: Iterable[str]) -> None:
    """Count the caps among the reasons that files bear."""
    for reason in reasons:
        if reason in CAP_OF:
            hit(CAP_OF[reason])


def check_query(size: int, most: int, what: str) -> None:
    """Raise UsageError for a query of more characters or words than may be searched for."""
    if size > most:
        hit("max_query_chars" if what == "characters" else "max_query_terms")
        raise UsageError(f"the query has {size:,} {what}; at most {most:,} can be searched for")


def check_results(limit: int, most: int) -> None:
    """Raise UsageError for a limit on results that is none, or more than may be asked for."""
    if not 1 <= limit <= most:
        if limit > most:
            hit("max_results")
        raise UsageError(f"a limit of {limit} is not between 1 and {most}")


def fitting(items: Sequence[T], encode: Callable[[Sequence[T]], bytes], max_bytes: int) -> tuple[bytes, int]:
    """Return the encoding of as many of the first items as `max_bytes` hold, and how many those are.

    `encode` gives longer bytes for more items. Raises UsageError if not even no items fit.
    """
    whole = encode(items)
    if len(whole) <= max_bytes:
        return whole, len(items)
    hit("max_response_bytes")
    low, high = -1, len(items) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if len(encode(items[:middle])) <= max_bytes:
            low = middle
        else:
            high = middle - 1
    if low < 0:
        raise UsageError(f"the answer has {len(whole):,} bytes; at most {max_bytes:,} are given")
    return encode(items[:low]), low


class Gate:
    """Lets so many requests in at once, and turns others away at once: waiting would only hide that there are too many.

    Threads share it.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._slots = threading.BoundedSemaphore(most)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be one of those until the end of the block. Raises OverloadedError if there are enough."""
        if not self._slots.acquire(blocking=False):
            hit("max_concurrent_requests")
            raise OverloadedError(f"{self.most} requests are being answered; ask again in a moment")
        try:
            yield
        finally:
            self._slots.release()
