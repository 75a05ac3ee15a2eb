"""What the cache says of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from treeseek import telemetry

__all__ = ["CacheStatistics", "Counts", "TierStatistics"]

_EVENTS = ("hits", "misses", "promotions", "demotions", "evictions", "damaged")


@dataclass(frozen=True, slots=True)
class TierStatistics:
    """One tier now, and what happened in it since the cache was made.

    A look-up goes from tier to tier: one that ends in cold is a miss in hot and warm and a hit in cold. A promotion
    leaves this tier for a faster one, a demotion for the next slower one, and an eviction leaves the cache.
    """

    entries: int
    nbytes: int
    budget: int
    hits: int = 0
    misses: int = 0
    promotions: int = 0
    demotions: int = 0
    evictions: int = 0
    damaged: int = 0


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """All tiers by name, from the fastest on, and how trees that none had came about.

    `parses` are of whole files, `reparses` incremental, `unparsed` those that gave no tree. `joined` calls waited for
    another thread that was getting the same tree. `failures` counts operations of the frozen tier that failed.
    """

    tiers: Mapping[str, TierStatistics]
    parses: int = 0
    reparses: int = 0
    unparsed: int = 0
    joined: int = 0
    failures: int = 0

    @property
    def hit_rate(self) -> float:
        """The share of look-ups that some tier answered; 0.0 before the first."""
        hits = sum(tier.hits for tier in self.tiers.values())
        looked = hits + self.tiers["frozen"].misses
        return hits / looked if looked else 0.0


@dataclass(slots=True)
class Counts:
    """Counts what happens in one tier, here and in telemetry. Not locked: its owner's lock holds for it.

    In telemetry they are `treeseek_<noun>_<event>_total`, labelled with the tier unless that is empty.
    """

    tier: str
    noun: str = "cache"
    events: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_EVENTS, 0))
    counters: dict[str, Callable[[float], None]] = field(default_factory=dict)

    def add(self, event: str, amount: int = 1) -> None:
        """Count `amount` of one of: hits, misses, promotions, demotions, evictions, damaged."""
        self.events[event] += amount
        tell = self.counters.get(event)
        if tell is None:
            tell = self.counters[event] = telemetry.counter(f"treeseek_{self.noun}_{event}_total", **self._labels)
        tell(amount)

    def statistics(self, entries: int, nbytes: int, budget: int) -> TierStatistics:
        """Return the counts with the tier's size; tell telemetry that size."""
        telemetry.gauge(f"treeseek_{self.noun}_entries", entries, **self._labels)
        telemetry.gauge(f"treeseek_{self.noun}_bytes", nbytes, **self._labels)
        telemetry.gauge(f"treeseek_{self.noun}_budget_bytes", budget, **self._labels)
        return TierStatistics(entries, nbytes, budget, **self.events)

    @property
    def _labels(self) -> dict[str, str]:
        return {"tier": self.tier} if self.tier else {}
