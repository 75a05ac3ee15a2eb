"""When is the index brought up to date while its root is watched?

At the start, when something has changed, and every so often even if nothing was told, since events get lost. A round
that fails is made again, with what it was for and what has come since; only one runs at a time, so what comes
meanwhile is one round too. How a round is made is the caller's matter.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

from treeseek import telemetry
from treeseek.errors import StoreLockedError, TreeseekError
from treeseek.workspace.watch import RootWatch, open_watch

__all__ = ["watch"]

RECONCILE_SECONDS = 30.0
POLL_SECONDS = 5.0
IDLE_SECONDS = 2.0
SHARE = 10
"""Looking at everything may take one part in so many of the time, however large the root."""
MAX_HINTS = 1_000
"""More hints than this that wait for a round are told as "everything"."""
GRACE_SECONDS = 5.0
"""How long looking at everything may be put off for what has changed."""
PRESENCE_SECONDS = 1.0
"""How often it is checked that the root is there: not every system tells that it has been unmounted."""
ABSENT_SECONDS = 0.5
"""How often a root that has gone is looked for."""
LOCKED_SECONDS = 1.0
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 0.25, 30.0
STREAK_SECONDS = 0.1
"""A round that is due so soon after another is one of a streak."""
MAX_REST_SECONDS = 1.0

Hints = tuple[str, ...] | None
"""Paths that have changed; none, if (); None for "anything may have"."""


def watch(
    root: Path,
    sync: Callable[[Sequence[str] | None], object],
    *,
    stop: threading.Event,
    idle: Callable[[], object] = lambda: None,
    on_error: Callable[[TreeseekError], object] = lambda error: None,
    on_notice: Callable[[str], object] = lambda text: None,
    on_pending: Callable[[bool], object] = lambda is_pending: None,
    reconcile_seconds: float = RECONCILE_SECONDS,
    poll_seconds: float = POLL_SECONDS,
    idle_seconds: float = IDLE_SECONDS,
) -> None:
    """Call `sync` whenever something beneath `root` has changed, until `stop` is set. `root` is absolute and real.

    `sync` is given the paths that may have changed, files or directories, relative to the root, or None: look at
    everything. That it is given at the start, after a burst of changes, after `reconcile_seconds` without it, and where
    the root can't be watched after `poll_seconds`; but never more than a tenth of the time. A TreeseekError of it is
    given to `on_error`, and the round is made again later, with the same paths and those that have changed since.

    `idle` is called once after changes, when none has come for `idle_seconds`. `on_notice` is given one line whenever
    the root goes, comes back, can't be watched, or can be again. `on_pending` is given True when there is something
    that the index may lack, and False when it has all that was seen. All are called in the caller's thread; other
    errors than TreeseekError end the watch.
    """
    terms = _Terms(sync, on_error, on_notice, on_pending, reconcile_seconds, poll_seconds, idle_seconds)
    state = _State()
    on_pending(True)
    with open_watch(root, stop) as events:
        while not stop.is_set():
            seconds = min(max(0.0, state.due() - time.monotonic()), PRESENCE_SECONDS)
            if state.pending is None:  # nothing could be added to that
                stop.wait(seconds)
            else:
                state.add(events.wait(seconds), on_pending)
            if stop.is_set():
                return
            if absence := events.absence():
                state.tell(f"{absence}; waiting for it to come back", on_notice)
                state.add(None, on_pending)
                stop.wait(ABSENT_SECONDS)
            elif state.is_round_due():
                _make_round(state, events, terms)
            elif state.is_idle():
                _report(idle, on_error)


@dataclass(frozen=True, slots=True)
class _Terms:
    """What the caller of `watch` asked for."""

    sync: Callable[[Sequence[str] | None], object]
    on_error: Callable[[TreeseekError], object]
    on_notice: Callable[[str], object]
    on_pending: Callable[[bool], object]
    reconcile_seconds: float
    poll_seconds: float
    idle_seconds: float


@dataclass(slots=True)
class _State:
    """What waits to be done, and the times, as the monotonic clock has them, before or after which it is done."""

    pending: Hints = None
    seen_at: float | None = None
    """Since when the index may lack something of which there was word."""
    has_changed: bool = True
    full_at: float = 0.0
    idle_at: float = inf
    not_before: float = 0.0
    ended_at: float = -inf
    rest: float = 0.0
    failures: int = 0
    told: str = ""

    def due(self) -> float:
        """Return when there is something to do if nothing comes."""
        return min(self.full_at, self.idle_at) if self.pending == () else self.not_before

    def add(self, hints: Hints, on_pending: Callable[[bool], object]) -> None:
        if hints != ():
            if self.seen_at is None:
                self.seen_at = time.monotonic()
                on_pending(True)
            self.pending = _merged(self.pending, hints)
            self.has_changed = True
            self.idle_at = inf

    def is_round_due(self) -> bool:
        now = time.monotonic()
        if now >= self.full_at + (GRACE_SECONDS if self.pending else 0.0):
            self.pending = None
        return self.pending != () and now >= self.not_before

    def is_idle(self) -> bool:
        """Whether nothing has come for long enough after changes; true once."""
        if self.pending != () or time.monotonic() < self.idle_at:
            return False
        self.idle_at = inf
        return True

    def tell(self, text: str, on_notice: Callable[[str], object]) -> None:
        if text != self.told:
            on_notice(text or "watching again")
        self.told = text


def _make_round(state: _State, events: RootWatch, terms: _Terms) -> None:
    started = time.monotonic()
    hints, state.pending = state.pending, ()
    if hints is None:
        events.refresh()
        state.tell(events.trouble, terms.on_notice)
    try:
        terms.sync(hints)
    except TreeseekError as error:
        state.pending = hints
        state.not_before = time.monotonic() + _pause(error, state.failures)
        state.failures += 1
        terms.on_error(error)
        return
    ended = time.monotonic()
    if hints is None:
        interval = terms.poll_seconds if events.trouble else terms.reconcile_seconds
        state.full_at = ended + max(interval, SHARE * (ended - started))
    if state.has_changed:
        state.has_changed, state.idle_at = False, ended + terms.idle_seconds
    if state.seen_at is not None:
        telemetry.observe("treeseek_change_seconds", ended - state.seen_at)
    state.seen_at = None
    terms.on_pending(False)
    state.rest = _rest(state, started, ended)
    state.failures, state.not_before, state.ended_at = 0, ended + state.rest, ended


def _pause(error: TreeseekError, failures: int) -> float:
    """Return how long to wait after a failure; another process that writes the index will have done soon."""
    if isinstance(error, StoreLockedError):
        return LOCKED_SECONDS
    return min(FIRST_RETRY_SECONDS * 2.0 ** min(failures, 10), LAST_RETRY_SECONDS)


def _rest(state: _State, started: float, ended: float) -> float:
    """Return how long to rest after a round: not at all, but longer and longer while changes keep coming."""
    if started - state.ended_at > state.rest + STREAK_SECONDS:
        return 0.0
    return min(max(ended - started, 2 * state.rest), MAX_REST_SECONDS)


def _merged(left: Hints, right: Hints) -> Hints:
    if left is None or right is None:
        return None
    merged = tuple(dict.fromkeys(left + right))
    return merged if len(merged) <= MAX_HINTS else None


def _report(call: Callable[[], object], on_error: Callable[[TreeseekError], object]) -> None:
    try:
        call()
    except TreeseekError as error:
        on_error(error)
