"""How fast may a provider be asked? So many requests, and so many tokens, in any second and any minute.

A log of what was sent within the last window, not a token bucket: a bucket of N that refills with N a minute lets 2 N
through in one minute, and a provider that counts N answers the other half with 429. A request takes up room from when
it is sent until a window after its answer, so the provider, who sees it at some time between, never counts more than N.
Time is that of the monotonic clock. (The `limits` package counts in wall-clock time, a log entry a token, and can't
correct an estimate.)
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Limits", "Pace", "Ticket", "Window"]

LOOK_SECONDS = 0.25
"""How long a wait goes on before it is looked whether there is still a reason for it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be sent; 0 is no limit. `concurrency` requests are under way at once."""

    requests_per_second: float = 0
    requests_per_minute: float = 0
    tokens_per_second: float = 0
    tokens_per_minute: float = 0
    concurrency: int = 4


@dataclass(slots=True, eq=False)
class Ticket:
    """A request that takes up room. `ended` is None while it is under way."""

    requests: int
    tokens: int
    ended: float | None = None


@dataclass(slots=True)
class Window:
    """At most `most` of something in any `seconds`. Not for several threads at once."""

    most: float
    seconds: float
    of: Callable[[Ticket], int]
    tickets: deque[Ticket] = field(default_factory=deque)

    def delay(self, wanted: int, now: float) -> float:
        """Return how many seconds until there is room for so many more; infinite if that depends on answers to come.

        Something that is larger than the limit goes alone.
        """
        kept = [one for one in self.tickets if one.ended is None or one.ended + self.seconds > now]
        self.tickets = deque(kept)
        excess = sum(map(self.of, kept)) + min(wanted, self.most) - self.most
        if excess <= 0:
            return 0.0
        for ended, amount in sorted((one.ended, self.of(one)) for one in kept if one.ended is not None):
            excess -= amount
            if excess <= 0:
                return ended + self.seconds - now
        return float("inf")


class Pace:
    """Lets requests through so that no limit is exceeded. Threads share it."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._held_until = 0.0
        self._urgent = 0
        given = (
            (limits.requests_per_second, 1.0, _requests), (limits.requests_per_minute, 60.0, _requests),
            (limits.tokens_per_second, 1.0, _tokens), (limits.tokens_per_minute, 60.0, _tokens),
        )  # fmt: skip
        self._windows = [Window(most, seconds, of) for most, seconds, of in given if most]

    def enter(
        self,
        tokens: int,
        *,
        deadline: float = float("inf"),
        is_urgent: bool = False,
        gave_up: Callable[[], bool] = lambda: False,
    ) -> Ticket | None:
        """Wait until a request of about so many tokens may be sent; None if that is not before `deadline`.

        Urgent ones go first. Each ticket must be given back to `leave`.
        """
        with self._changed:
            self._urgent += is_urgent
            try:
                while not gave_up():
                    now = self._clock()
                    if now >= deadline:
                        return None
                    delay = self._delay(tokens, now, is_urgent)
                    if delay <= 0:
                        return self._let_through(tokens)
                    if now + delay >= deadline and delay != float("inf"):
                        return None
                    self._changed.wait(min(delay, LOOK_SECONDS, deadline - now))
                return None
            finally:
                self._urgent -= is_urgent

    def _delay(self, tokens: int, now: float, is_urgent: bool) -> float:
        if self._urgent and not is_urgent:
            return LOOK_SECONDS
        wanted = Ticket(1, tokens)
        return max((self._held_until - now, *(window.delay(window.of(wanted), now) for window in self._windows)))

    def _let_through(self, tokens: int) -> Ticket:
        ticket = Ticket(1, tokens)
        for window in self._windows:
            window.tickets.append(ticket)
        return ticket

    def leave(self, ticket: Ticket, tokens: int | None = None) -> None:
        """Say that a request was answered, or failed, and how many tokens it really had."""
        with self._changed:
            ticket.ended = self._clock()
            if tokens is not None:
                ticket.tokens = tokens
            self._changed.notify_all()

    def hold(self, seconds: float) -> None:
        """Let nothing through for so long: the provider asked for it."""
        with self._changed:
            self._held_until = max(self._held_until, self._clock() + seconds)


def _requests(ticket: Ticket) -> int:
    return ticket.requests


def _tokens(ticket: Ticket) -> int:
    return ticket.tokens
