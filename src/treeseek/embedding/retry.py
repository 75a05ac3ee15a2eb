"""When is a failed request made again? After a random time that grows, or when the provider says so."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["RequestError", "Retry", "TooLargeError", "seconds_of"]


class RequestError(Exception):
    """A request that failed and may succeed another time. Stays inside of `embedding`.

    `reason` is throttled, unreachable, server or malformed; `wait` is what the provider asked for, in seconds.
    """

    def __init__(self, reason: str, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.wait = wait


class TooLargeError(Exception):
    """What was sent is more than is taken at once. Stays inside of `embedding`."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", 2015): the wait after failure n
    is drawn from 0 to min(`longest`, `first` * 2^(n-1)) seconds: those who failed together don't come back together.

    A request is given up after `attempts`, or when `patience` seconds have passed since it was first wanted; or at once
    if the provider asks for more than `patience`.
    """

    attempts: int = 8
    first: float = 0.5
    longest: float = 30.0
    patience: float = 300.0
    chance: Callable[[float, float], float] = random.uniform

    def delay(self, failures: int, asked: float | None) -> float:
        """Return how long to wait after so many failures, the last with a wish of the provider's or none."""
        jitter = self.chance(0.0, min(self.longest, self.first * 2.0 ** min(failures - 1, 60)))
        return jitter if asked is None else asked + self.chance(0.0, self.first)


def seconds_of(header: str | None, now: datetime | None = None) -> float | None:
    """Return what a Retry-After header asks for, seconds or a date (RFC 9110, 10.2.3); None if it makes no sense."""
    given = (header or "").strip()
    if given.isascii() and given.replace(".", "", 1).isdigit():
        return float(given)
    try:
        date = parsedate_to_datetime(given)
    except (ValueError, IndexError, TypeError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max((date - (now or datetime.now(UTC))).total_seconds(), 0.0)
