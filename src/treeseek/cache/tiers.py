"""The tiers in memory, one above the other, and the frozen one below: what is found where, and what moves when.

Room is made before anything is put in, so no tier is ever over its budget. Whoever needs room makes it: one thread at
a time encodes and writes what has to go, under a lock of its own. The lock of the tiers is held only to look things up
and to move them, so look-ups go on meanwhile.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from treeseek.cache.codec import TreeCodec
from treeseek.cache.frozen import FrozenTier
from treeseek.cache.tier import Tier

__all__ = ["ENTRY_BYTES", "Columns", "LiveTree", "Tiers"]

Live = TypeVar("Live")
T = TypeVar("T")

ENTRY_BYTES = 420
"""What an entry costs besides its value: its own object, key, content hash and places in tables, by tracemalloc."""
WRITE_BYTES = 4 << 20
"""About how much is written to the frozen tier at once."""
_MEASURED_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Columns(Generic[T]):
    """A tree in the warm tier, with the hash of the bytes it is of, and whether it came from the frozen tier.

    What did needn't be packed again when it leaves.
    """

    tree: T
    content_hash: str
    is_frozen: bool = False


@dataclass(frozen=True, slots=True)
class LiveTree(Generic[Live, T]):
    """A tree in the hot tier: the parser's own, its columns, and whose tree it is."""

    live: Live
    columns: Columns[T]
    key: bytes
    language: str


class Tiers(Generic[Live, T]):
    """Hot by path; warm, cold and frozen by content address. Threads share it. Times are seconds of one clock."""

    def __init__(self, codec: TreeCodec[Live, T], budgets: tuple[int, int, int], frozen: FrozenTier) -> None:
        self.hot: Tier[str, LiveTree[Live, T]] = Tier("hot", budgets[0])
        self.warm: Tier[bytes, Columns[T]] = Tier("warm", budgets[1])
        self.cold: Tier[bytes, bytes] = Tier("cold", budgets[2])
        self.frozen = frozen
        self._codec = codec
        self._hot_paths: dict[bytes, str] = {}
        self._handed_out: dict[bytes, None] = {}
        self._new_locks()

    def _new_locks(self) -> None:
        self.lock = threading.RLock()
        self._pressure = threading.RLock()
        """Held while room is made. Taken before `lock`, never the other way round."""

    def forked(self) -> None:
        """Go on in the child of a fork, where the threads that held locks don't exist."""
        self._new_locks()
        self.frozen.forked()
        for tier in (self.hot, self.warm, self.cold):
            tier.settle()

    # -- looking up --------------------------------------------------------------------------------------------

    def find(self, path: str, key: bytes, now: float, *, is_counted: bool) -> tuple[T, str] | None:
        """Return a tree that is in memory as columns, and in which tier; `lock` is held."""
        hot = self._find_hot(path, key, now)
        if is_counted:
            self.hot.counts.add("misses" if hot is None else "hits")
        if hot is not None:
            return hot, "hot"
        columns = self.warm.find(key, now)
        if is_counted:
            self.warm.counts.add("misses" if columns is None else "hits")
        if columns is None:
            return None
        self._handed_out[key] = None
        return columns.tree, "warm"

    def _find_hot(self, path: str, key: bytes, now: float) -> T | None:
        for where in (path, self._hot_paths.get(key)):
            entry = self.hot.peek(where) if where is not None else None
            if entry is not None and entry.key == key:
                self.hot.find(where, now)  # type: ignore[arg-type]  # not None, or there were no entry
                return entry.columns.tree
        return None

    def live(self, path: str) -> LiveTree[Live, T] | None:
        """Return what the hot tier has of a path, whatever its content."""
        with self.lock:
            return self.hot.peek(path)

    # -- putting in --------------------------------------------------------------------------------------------

    def keep(self, key: bytes, columns: Columns[T], now: float) -> None:
        """Put a tree into the warm tier, making room, or further down if it is too large."""
        if not self.keep_if_room(key, columns, now):
            with self._pressure:
                self._put_warm(key, columns, now)

    def keep_if_room(self, key: bytes, columns: Columns[T], now: float) -> bool:
        """Put a tree into the warm tier if nothing else has to go for it. Returns whether it did."""
        nbytes = self._codec.nbytes(columns.tree) + ENTRY_BYTES
        with self.lock:
            if not self.warm.fits(nbytes):
                return False
            self.warm.put(key, columns, nbytes, now)
            self._handed_out[key] = None
            return True

    def keep_live(self, path: str, live: LiveTree[Live, T], now: float) -> None:
        """Put a tree into the hot tier in the place of the path's earlier one, which goes to the warm tier."""
        nbytes = self._live_nbytes(live)
        with self._pressure:
            with self.lock:
                before = self.hot.displace_one(path)
            if before is not None:
                self._cool([(path, before)], now, is_replaced=before.key == live.key)
            while True:
                with self.lock:
                    if self.hot.fits(nbytes):
                        self.hot.put(path, live, nbytes, now)
                        self._hot_paths[live.key] = path
                        return
                    leaving = self.hot.displace(nbytes) if nbytes <= self.hot.budget else []
                if not leaving:
                    self._put_warm(live.key, live.columns, now)
                    return
                self._cool(leaving, now)

    def _live_nbytes(self, live: LiveTree[Live, T]) -> int:
        return self._codec.live_nbytes(live.live) + self._codec.nbytes(live.columns.tree) + 2 * ENTRY_BYTES

    def _put_warm(self, key: bytes, columns: Columns[T], now: float) -> None:
        nbytes = self._codec.nbytes(columns.tree) + ENTRY_BYTES
        self._measure_some()
        while True:
            with self.lock:
                if self.warm.fits(nbytes):
                    self.warm.put(key, columns, nbytes, now)
                    self._handed_out[key] = None
                    return
                leaving = self.warm.displace(nbytes) if nbytes <= self.warm.budget else []
            if not leaving:
                self._write(self._put_cold([(key, columns)], now))
                return
            self._chill(leaving, now)

    # -- moving down; the lock of pressure is held -------------------------------------------------------------

    def _cool(self, leaving: Sequence[tuple[str, LiveTree[Live, T]]], now: float, *, is_replaced: bool = False) -> None:
        """See hot entries off to the warm tier; their live trees are dropped."""
        for path, live in leaving:
            with self.lock:
                is_known = is_replaced or self.warm.peek(live.key) is not None
            if not is_known:
                self._put_warm(live.key, live.columns, now)
            with self.lock:
                if self.hot.release(path):
                    if self._hot_paths.get(live.key) == path:
                        del self._hot_paths[live.key]
                    if not is_replaced:
                        self.hot.counts.add("demotions")
                elif not is_known:
                    self.warm.discard(live.key)

    def _chill(self, leaving: Sequence[tuple[bytes, Columns[T]]], now: float) -> None:
        """See warm entries off to the cold tier, encoded, or to the frozen one if they are too large for it."""
        too_large: list[tuple[bytes, bytes]] = []
        for key, columns in leaving:
            too_large += self._put_cold([(key, columns)], now)
            with self.lock:
                self._handed_out.pop(key, None)
                if self.warm.release(key):
                    self.warm.counts.add("demotions")
                else:
                    self.cold.discard(key)
        self._write(too_large)

    def _put_cold(self, items: Iterable[tuple[bytes, Columns[T]]], now: float) -> list[tuple[bytes, bytes]]:
        """Encode into the cold tier, making room; return what is too large for it. The disk's own aren't encoded."""
        too_large = []
        for key, columns in items:
            if columns.is_frozen:
                continue
            data = self._codec.encode(columns.tree, columns.content_hash)
            nbytes = sys.getsizeof(data) + ENTRY_BYTES
            while True:
                with self.lock:
                    if self.cold.fits(nbytes):
                        self.cold.put(key, data, nbytes, now)
                        break
                    # More than is needed, as each write to disk has a price.
                    leaving = self.cold.displace(nbytes + self.cold.budget // 8) if nbytes <= self.cold.budget else []
                if not leaving:
                    too_large.append((key, data))
                    break
                self._freeze(leaving)
        return too_large

    def _freeze(self, leaving: Sequence[tuple[bytes, bytes]]) -> None:
        """See cold entries off to the frozen tier, or out of the cache if there is none."""
        event = "demotions" if self._write(leaving) else "evictions"
        with self.lock:
            for key, _ in leaving:
                if self.cold.release(key):
                    self.cold.counts.add(event)

    def _write(self, items: Sequence[tuple[bytes, bytes]]) -> int:
        return sum(self.frozen.write(group) for group in _groups(items))

    # -- now and then ------------------------------------------------------------------------------------------

    def sweep(self, now: float, idle: tuple[float, float, float], limit: int, *, is_patient: bool) -> None:
        """Move down what was idle for longer than `idle` seconds per tier, at most `limit` entries of each.

        Unless `is_patient`, do nothing if another thread is making room.
        """
        if not self._pressure.acquire(blocking=is_patient):
            return
        try:
            self._measure_all()
            with self.lock:
                cold = self.cold.displace_idle(now - idle[2], limit) + self.cold.displace(0)
                warm = self.warm.displace_idle(now - idle[1], limit) + self.warm.displace(0)
                hot = self.hot.displace_idle(now - idle[0], limit) + self.hot.displace(0)
            self._freeze(cold)
            self._chill(warm, now)
            self._cool(hot, now)
        finally:
            self._pressure.release()

    def flush(self) -> None:
        """Write to the frozen tier what it lacks of the other tiers, which keep it."""
        with self.lock:
            columns = {live.key: live.columns for _, live in self.hot} | dict(self.warm)
            cold = dict(self.cold)
        missing = self.frozen.absent([*cold, *columns])
        encoded = (
            (key, cold[key] if key in cold else self._codec.encode(columns[key].tree, columns[key].content_hash))
            for key in missing
        )
        for group in _groups(encoded):
            self.frozen.write(group)
        self.frozen.flush()

    def clear(self) -> None:
        """Forget everything that is in memory."""
        with self._pressure, self.lock:
            for tier in (self.hot, self.warm, self.cold):
                tier.clear()
            self._hot_paths.clear()
            self._handed_out.clear()

    def _measure_some(self) -> None:
        """Charge a few trees anew that were handed out: what their users derive from them grows them."""
        with self.lock:
            keys = list(self._handed_out)[:_MEASURED_AT_ONCE]
            found = [(key, self.warm.peek(key)) for key in keys]
            for key in keys:
                del self._handed_out[key]
        for key, columns in found:
            if columns is not None:
                self._measure(key, columns)

    def _measure_all(self) -> None:
        with self.lock:
            warm, hot = list(self.warm), list(self.hot)
        for key, columns in warm:
            self._measure(key, columns)
        for path, live in hot:
            nbytes = self._live_nbytes(live)
            with self.lock:
                self.hot.recharge(path, live, nbytes)

    def _measure(self, key: bytes, columns: Columns[T]) -> None:
        nbytes = self._codec.nbytes(columns.tree) + ENTRY_BYTES
        with self.lock:
            self.warm.recharge(key, columns, nbytes)


def _groups(items: Iterable[tuple[bytes, bytes]]) -> Iterator[list[tuple[bytes, bytes]]]:
    """Yield the items in groups of about `WRITE_BYTES`."""
    group: list[tuple[bytes, bytes]] = []
    nbytes = 0
    for item in items:
        group.append(item)
        nbytes += len(item[1])
        if nbytes >= WRITE_BYTES:
            yield group
            group, nbytes = [], 0
    if group:
        yield group
