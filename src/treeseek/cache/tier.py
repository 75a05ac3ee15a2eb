"""A tier in memory: entries in the order of their last use, each charged with the bytes it takes.

It holds no lock and makes no decision. What is to leave is first only marked as leaving: it is still charged, because
it is still in memory, and still found, because encoding and writing it takes time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from treeseek.cache.statistics import Counts, TierStatistics

__all__ = ["Entry", "Tier"]

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class Entry(Generic[V]):
    """A value, the bytes it is charged with (its place here included), and when it was last used, in seconds."""

    value: V
    nbytes: int
    used: float


class Tier(Generic[K, V]):
    """Entries of one tier, the least recently used first. `nbytes` never includes what was released."""

    def __init__(self, name: str, budget: int) -> None:
        self.budget = budget
        self.nbytes = 0
        self.counts = Counts(name)
        self._entries: OrderedDict[K, Entry[V]] = OrderedDict()
        self._leaving: dict[K, Entry[V]] = {}

    def __len__(self) -> int:
        return len(self._entries) + len(self._leaving)

    def find(self, key: K, now: float) -> V | None:
        """Return a value and note its use; if it was about to leave, it stays."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._leaving.pop(key, None)
            if entry is None:
                return None
            self._entries[key] = entry
        self._entries.move_to_end(key)
        entry.used = now
        return entry.value

    def peek(self, key: K) -> V | None:
        """Return a value without noting its use."""
        entry = self._entries.get(key) or self._leaving.get(key)
        return entry.value if entry is not None else None

    def fits(self, nbytes: int) -> bool:
        """Whether `nbytes` fit in now, beside all that is there."""
        return self.nbytes + nbytes <= self.budget

    def put(self, key: K, value: V, nbytes: int, now: float) -> None:
        """Add or replace a value; the caller has made room."""
        self.discard(key)
        self._entries[key] = Entry(value, nbytes, now)
        self.nbytes += nbytes

    def recharge(self, key: K, value: V, nbytes: int) -> None:
        """Charge an entry anew, if it still holds this very value."""
        entry = self._entries.get(key) or self._leaving.get(key)
        if entry is not None and entry.value is value:
            self.nbytes += nbytes - entry.nbytes
            entry.nbytes = nbytes

    def discard(self, key: K) -> V | None:
        """Remove an entry, leaving or not, and return its value."""
        entry = self._entries.pop(key, None) or self._leaving.pop(key, None)
        if entry is None:
            return None
        self.nbytes -= entry.nbytes
        return entry.value

    def displace(self, nbytes: int) -> list[tuple[K, V]]:
        """Mark as leaving, and return, the entries least recently used that must go for `nbytes` to fit in."""
        staying = self.nbytes - sum(entry.nbytes for entry in self._leaving.values())
        excess = staying + nbytes - self.budget
        chosen = []
        while excess > 0 and self._entries:
            key, entry = self._entries.popitem(last=False)
            excess -= entry.nbytes
            self._leaving[key] = entry
            chosen.append((key, entry.value))
        return chosen

    def displace_idle(self, used_before: float, limit: int) -> list[tuple[K, V]]:
        """Mark as leaving, and return, at most `limit` entries that were last used before that time."""
        chosen: list[tuple[K, V]] = []
        while self._entries and len(chosen) < limit:
            key, entry = next(iter(self._entries.items()))
            if entry.used >= used_before:
                break
            del self._entries[key]
            self._leaving[key] = entry
            chosen.append((key, entry.value))
        return chosen

    def displace_one(self, key: K) -> V | None:
        """Mark one entry as leaving and return its value."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return None
        self._leaving[key] = entry
        return entry.value

    def release(self, key: K) -> bool:
        """Let an entry that is leaving go. Returns False if it was used meanwhile, and so stays, or is gone."""
        entry = self._leaving.pop(key, None)
        if entry is None:
            return False
        self.nbytes -= entry.nbytes
        return True

    def __iter__(self) -> Iterator[tuple[K, V]]:
        yield from [(key, entry.value) for table in (self._entries, self._leaving) for key, entry in table.items()]

    def settle(self) -> None:
        """Keep what was leaving: nobody is there any more to see it off."""
        self._entries.update(self._leaving)
        self._leaving.clear()

    def clear(self) -> None:
        """Forget all entries, but not what was counted."""
        self._entries.clear()
        self._leaving.clear()
        self.nbytes = 0

    def statistics(self) -> TierStatistics:
        """Return sizes and counts."""
        return self.counts.statistics(len(self), self.nbytes, self.budget)
