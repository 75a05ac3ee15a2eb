"""The frozen tier: bytes on disk by their address, for all processes of the user: encoded trees, for instance.

Three kinds of records, all in one LMDB table: `t` + address holds the bytes, `u` + address when they were last used,
and `o` + that time + address nothing: in their order entries go when the budget is used up. Times are microseconds of
the wall clock, big-endian; they are renewed only when they are old, so that reading seldom writes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import lmdb

from treeseek import telemetry
from treeseek.cache.environment import Environment, Unavailable, environment_at
from treeseek.cache.statistics import Counts, TierStatistics

if TYPE_CHECKING:
    Transaction = lmdb.Transaction[bytes]

__all__ = ["FrozenTier"]

R = TypeVar("R")

RENEW_MICROSECONDS = 3_600_000_000
"""A use is noted on disk if the last one noted is this old."""
RETRY_SECONDS = 60.0
"""After a failure, how long the tier does nothing of the kind that failed."""
_EVICTION_BATCH = 256
"""How many entries go in one transaction: it bounds how long other writers wait, and the pages one needs."""
_VALUE, _USED, _ORDER = b"t", b"u", b"o"
_STAMP_BYTES = 8
_log = logging.getLogger("treeseek.cache")


class FrozenTier:
    """Keeps bytes by address, a hash of any length up to 64 bytes. Never raises: what fails is counted, reported
    once, and is a miss or nothing done.

    `directory` None, or a budget of 0, makes a tier that keeps nothing. `clock` gives seconds of the wall clock;
    `content` says in the report of a failure what isn't kept.
    """

    def __init__(
        self,
        directory: Path | None,
        budget: int,
        clock: Callable[[], float] = time.time,
        *,
        counts: Counts | None = None,
        content: str = "syntax trees",
    ) -> None:
        self.budget = budget
        self.counts = counts or Counts("frozen")
        self.failures = 0
        self._content = content
        self._clock = clock
        self._environment: Environment | None = None
        if directory is not None and budget > 0:
            # Copies of pages made by a commit, and gaps, need some room beside the budget.
            self._environment = environment_at(directory, budget + budget // 4 + (16 << 20))
        self._rest_until = {"read": 0.0, "write": 0.0}
        self._is_reported = False
        self.forked()

    def forked(self) -> None:
        """Take a new lock; to be called in the child of a fork."""
        self._lock = threading.Lock()
        self._renew: set[bytes] = set()

    def get(self, key: bytes) -> bytes | None:
        """Return what is kept at an address."""
        return self.get_many([key]).get(key)

    def get_many(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return what is kept at those of the addresses where something is, from one snapshot."""
        renewable = self._now() - RENEW_MICROSECONDS

        def work(transaction: Transaction) -> tuple[dict[bytes, bytes], list[bytes]]:
            found, old = {}, []
            for key in keys:
                value = transaction.get(_VALUE + key)
                if value is not None:
                    found[key] = value
                    if int.from_bytes(transaction.get(_USED + key, b""), "big") <= renewable:
                        old.append(key)
            return found, old

        found, old = self._attempt("read", lambda environment: environment.read(work)) or ({}, [])
        with self._lock:
            self._renew.update(old)
        return found

    def note(self, event: str, amount: int = 1) -> None:
        """Count an event of this tier; whether a look-up hit is known only to who decodes."""
        if amount:
            with self._lock:
                self.counts.add(event, amount)

    def absent(self, keys: Iterable[bytes]) -> list[bytes]:
        """Return those addresses where nothing is kept; none of them if the tier can't be written anyway."""

        def work(transaction: Transaction) -> list[bytes]:
            return [key for key in keys if transaction.get(_USED + key) is None]

        return self._attempt("write", lambda environment: environment.read(work)) or []

    def write(self, items: Sequence[tuple[bytes, bytes]]) -> int:
        """Keep `items`, pairs of address and bytes, the oldest first, in one transaction. Returns how many were kept:
        all but those larger than half the budget, or none.
        """
        fitting = [(key, value) for key, value in items if len(value) <= self.budget // 2]
        if not fitting:
            return 0
        now = self._now()

        def work(transaction: Transaction) -> int:
            for i, (key, value) in enumerate(fitting):
                if transaction.put(_VALUE + key, value, overwrite=False):
                    _stamp(transaction, key, now + i)
            return _size(transaction)[1]

        done = self._attempt("write", lambda environment: self._write_with_room(environment, work))
        return len(fitting) if done else 0

    def delete(self, key: bytes) -> None:
        """Forget what is kept at an address, as it was damaged."""
        self.note("damaged")
        self._attempt("write", lambda environment: environment.write(lambda transaction: _forget(transaction, key)))

    def flush(self) -> None:
        """Note on disk which entries were used, if what is noted is old."""
        with self._lock:
            renew, self._renew = self._renew, set()
        if not renew:
            return
        now = self._now()

        def work(transaction: Transaction) -> int:
            for key in renew:
                if transaction.get(_USED + key) is not None:
                    _stamp(transaction, key, now)
            return _size(transaction)[1]

        self._attempt("write", lambda environment: self._write_with_room(environment, work))

    def statistics(self) -> TierStatistics:
        """Return sizes and counts; bytes are those of the pages in use."""
        entries, used = self._attempt("read", lambda environment: environment.read(_size)) or (0, 0)
        with self._lock:
            return self.counts.statistics(entries, used, self.budget if self._environment is not None else 0)

    def close(self) -> None:
        """Flush, and do nothing from now on. The files stay open while another tier of this process uses them."""
        self.flush()
        self._environment = None

    # -- writing within the budget -----------------------------------------------------------------------------

    def _write_with_room(self, environment: Environment, work: Callable[[Transaction], int]) -> bool:
        """Write, evicting first if the map is full and growing it if that doesn't help; then keep to the budget.

        `work` returns how many bytes are in use after it.
        """
        try:
            used = environment.write(work)
        except lmdb.MapFullError:
            self._evict(environment, self.budget * 3 // 4)
            try:
                used = environment.write(work)
            except lmdb.MapFullError:
                used = _growing(environment, work)
        if used > self.budget:
            # Some slack below the budget, lest each commit evicts a little.
            self._evict(environment, self.budget - self.budget // 16)
        return True

    def _evict(self, environment: Environment, allowed: int) -> None:
        """Forget the entries whose use lies furthest back until the pages in use are within `allowed` bytes."""
        while True:
            gone, used = _growing(environment, lambda transaction: _evict_batch(transaction, allowed))
            self.note("evictions", gone)
            if used <= allowed or not gone:
                return

    # -- failing quietly ---------------------------------------------------------------------------------------

    def _attempt(self, operation: str, work: Callable[[Environment], R]) -> R | None:
        environment = self._environment
        if environment is None or time.monotonic() < self._rest_until[operation]:
            return None
        try:
            return work(environment)
        except Unavailable as error:
            self._rest_until[operation] = time.monotonic() + RETRY_SECONDS
            self.failures += 1
            telemetry.count(f"treeseek_{self.counts.noun}_failures_total", operation=operation)
            if not self._is_reported:
                self._is_reported = True
                _log.warning("%s aren't kept on disk, which costs speed only: can't %s: %s",
                             self._content, operation, error)  # fmt: skip
            return None

    def _now(self) -> int:
        return int(self._clock() * 1_000_000)


def _growing(environment: Environment, work: Callable[[Transaction], R]) -> R:
    """Write, in a larger map if need be: even deleting copies pages first."""
    while True:
        try:
            return environment.write(work)
        except lmdb.MapFullError:
            environment.grow()


def _stamp(transaction: Transaction, key: bytes, now: int) -> None:
    before = transaction.get(_USED + key)
    if before is not None:
        transaction.delete(_ORDER + before + key)
    stamp = now.to_bytes(_STAMP_BYTES, "big")
    transaction.put(_USED + key, stamp)
    transaction.put(_ORDER + stamp + key, b"")


def _forget(transaction: Transaction, key: bytes) -> None:
    stamp = transaction.get(_USED + key)
    if stamp is not None:
        transaction.delete(_ORDER + stamp + key)
    transaction.delete(_USED + key)
    transaction.delete(_VALUE + key)


def _size(transaction: Transaction) -> tuple[int, int]:
    """Return the number of entries and the bytes of the pages in use."""
    stat = transaction.stat()
    pages = stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]
    return stat["entries"] // 3, pages * stat["psize"]


def _evict_batch(transaction: Transaction, allowed: int) -> tuple[int, int]:
    """Forget the oldest entries, at most a batch of them; return how many, and the bytes then in use."""
    gone = 0
    used = _size(transaction)[1]
    while used > allowed and gone < _EVICTION_BATCH:
        cursor = transaction.cursor()
        if not cursor.set_range(_ORDER) or not cursor.key().startswith(_ORDER):
            break
        _forget(transaction, bytes(cursor.key()[len(_ORDER) + _STAMP_BYTES :]))
        gone += 1
        used = _size(transaction)[1]
    return gone, used
