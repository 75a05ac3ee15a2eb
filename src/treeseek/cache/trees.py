"""The cache of syntax trees: a tree of exactly these bytes, from the fastest tier that has it, or else parsed once."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from treeseek import telemetry
from treeseek.cache.address import address
from treeseek.cache.codec import TreeCodec
from treeseek.cache.flight import Flight
from treeseek.cache.frozen import FrozenTier
from treeseek.cache.statistics import CacheStatistics
from treeseek.cache.tiers import Columns, LiveTree, Tiers
from treeseek.errors import TreeError

__all__ = ["Budgets", "TreeCache"]

Live = TypeVar("Live")
T = TypeVar("T")

_SWEEP_SECONDS = 30.0
_SWEPT_AT_ONCE = 32
"""How many entries of a tier an opportunistic sweep moves: some caller is waiting for it."""
_LOADED_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Budgets:
    """How many bytes each tier may take, and after how many seconds without use its entries move down."""

    hot: int = 64 << 20
    warm: int = 256 << 20
    cold: int = 64 << 20
    frozen: int = 1 << 30
    hot_idle_seconds: float = 60.0
    warm_idle_seconds: float = 120.0
    cold_idle_seconds: float = 300.0


class TreeCache(Generic[Live, T]):
    """Keeps trees by path and content in four tiers. Threads share it; processes share its directory.

    `directory` holds the frozen tier and nothing else; without one there is none. Only what the codec raises is
    raised here. `clock` gives seconds and never runs back, `wall_clock` gives those since 1970.
    """

    def __init__(
        self,
        codec: TreeCodec[Live, T],
        directory: Path | None,
        budgets: Budgets | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.budgets = limits = budgets or Budgets()
        self._codec = codec
        self._frozen = FrozenTier(directory, limits.frozen, wall_clock)
        self._tiers: Tiers[Live, T] = Tiers(codec, (limits.hot, limits.warm, limits.cold), self._frozen)
        self._flights: dict[bytes, Flight[T]] = {}
        self._clock = clock
        self._next_sweep = clock() + _SWEEP_SECONDS
        self._counts = {"parses": 0, "reparses": 0, "unparsed": 0, "joined": 0}
        self._is_closed = False
        _caches.add(self)

    # -- loading -----------------------------------------------------------------------------------------------

    def load(self, path: str, content_hash: str, language: str) -> T | None:
        """Return the tree of the bytes that `content_hash` stands for, or None if no tier has it."""
        return self._get(path, content_hash, language, None)

    def get_or_parse(self, path: str, data: bytes, language: str, content_hash: str, *, live: bool = False) -> T | None:
        """Return the tree of `data`, whose hash is `content_hash`; None if it can't be parsed.

        What no tier has is parsed: from the path's live tree if there is one, else as a whole. `live` keeps the
        parser's own tree, for files that will change again soon; a hit doesn't parse for it.
        """
        return self._get(path, content_hash, language, (data, live))

    def load_many(self, wanted: Iterable[tuple[str, str, str]]) -> Iterator[T | None]:
        """Yield for each (path, content hash, language) what `load` would return, in their order.

        Trees from disk are read many at once, and kept only as far as there is room: a walk over everything must not
        drive out what is in use.
        """
        rest = iter(wanted)
        while some := list(islice(rest, _LOADED_AT_ONCE)):
            yield from self._load_some(some)

    def _load_some(self, wanted: list[tuple[str, str, str]]) -> Iterator[T | None]:
        keys = [self._address(content_hash, language) for _, content_hash, language in wanted]
        with self._tiers.lock:
            now = self._clock()
            found = {
                key: hit[0]
                for (path, _, _), key in zip(wanted, keys, strict=True)
                if (hit := self._tiers.find(path, key, now, is_counted=True))
            }
            cold = {key: data for key in keys if key not in found and (data := self._tiers.cold.find(key, now))}
        frozen = self._frozen.get_many([key for key in keys if key not in found and key not in cold])
        for (_, content_hash, _), key in zip(wanted, keys, strict=True):
            if key in found:
                yield found[key]
            else:
                tree = self._decode_cold(key, cold.get(key), content_hash, is_scan=True)
                if tree is None:
                    tree = self._decode_frozen(key, frozen.get(key), content_hash, is_scan=True)
                yield tree

    def _get(self, path: str, content_hash: str, language: str, source: tuple[bytes, bool] | None) -> T | None:
        started = time.perf_counter()
        key = self._address(content_hash, language)
        is_counted = True
        while True:
            with self._tiers.lock:
                hit = self._tiers.find(path, key, self._clock(), is_counted=is_counted)
                flight = None if hit else self._flights.get(key)
                if hit is None and flight is None:
                    mine = self._flights[key] = Flight()
                    break
                self._counts["joined"] += flight is not None and is_counted
            if hit is not None:
                telemetry.observe("treeseek_cache_load_seconds", time.perf_counter() - started, tier=hit[1])
                return hit[0]
            assert flight is not None  # there was neither a hit nor room for a flight of our own
            flight.landed.wait()
            if flight.is_final or source is None:
                return flight.result
            is_counted = False
        tree, tier = self._fly(mine, path, key, content_hash, language, source)
        telemetry.observe("treeseek_cache_load_seconds", time.perf_counter() - started, tier=tier)
        self._sweep_sometimes()
        return tree

    def _fly(
        self,
        flight: Flight[T],
        path: str,
        key: bytes,
        content_hash: str,
        language: str,
        source: tuple[bytes, bool] | None,
    ) -> tuple[T | None, str]:
        """Get a tree from the lower tiers or the parser, for all who wait for it; return it, and whence it came."""
        tree, tier, is_final = None, "none", False
        try:
            tree, tier = self._thaw(key, content_hash)
            if tree is None and source is not None:
                tree, tier = self._parse(path, key, content_hash, language, *source)
                is_final = True
        finally:
            with self._tiers.lock:
                self._flights.pop(key, None)
            flight.land(tree, is_final=is_final)
        return tree, tier

    def _thaw(self, key: bytes, content_hash: str) -> tuple[T | None, str]:
        with self._tiers.lock:
            data = self._tiers.cold.discard(key)
        tree = self._decode_cold(key, data, content_hash)
        if tree is not None:
            return tree, "cold"
        tree = self._decode_frozen(key, self._frozen.get(key), content_hash)
        return tree, "none" if tree is None else "frozen"

    def _decode_cold(self, key: bytes, data: bytes | None, content_hash: str, *, is_scan: bool = False) -> T | None:
        tree = self._decode(data, content_hash)
        with self._tiers.lock:
            self._tiers.cold.counts.add("misses" if tree is None else "hits")
            if tree is None and data is not None:
                self._tiers.cold.counts.add("damaged")
                self._tiers.cold.discard(key)
        if tree is not None and self._promote(key, tree, content_hash, is_scan=is_scan):
            with self._tiers.lock:
                self._tiers.cold.discard(key)
                self._tiers.cold.counts.add("promotions")
        return tree

    def _decode_frozen(self, key: bytes, data: bytes | None, content_hash: str, *, is_scan: bool = False) -> T | None:
        tree = self._decode(data, content_hash)
        self._frozen.note("misses" if tree is None else "hits")
        if tree is None and data is not None:
            self._frozen.delete(key)
        if tree is not None and self._promote(key, tree, content_hash, is_scan=is_scan, is_frozen=True):
            self._frozen.note("promotions")
        return tree

    def _decode(self, data: bytes | None, content_hash: str) -> T | None:
        if data is None:
            return None
        try:
            return self._codec.decode(data, content_hash)
        except TreeError:
            return None

    def _promote(self, key: bytes, tree: T, content_hash: str, *, is_scan: bool, is_frozen: bool = False) -> bool:
        columns = Columns(tree, content_hash, is_frozen)
        if self._is_closed:
            return False
        if is_scan:
            return self._tiers.keep_if_room(key, columns, self._clock())
        self._tiers.keep(key, columns, self._clock())
        return True

    # -- parsing -----------------------------------------------------------------------------------------------

    def _parse(
        self, path: str, key: bytes, content_hash: str, language: str, data: bytes, live: bool
    ) -> tuple[T | None, str]:
        before = self._tiers.live(path)
        if before is not None and before.language != language:
            before = None
        how = "parses" if before is None else "reparses"
        parsed = self._codec.parse(data, language) if before is None else self._codec.reparse(before.live, data)
        with self._tiers.lock:
            self._counts[how] += 1
            self._counts["unparsed"] += parsed is None
        telemetry.count("treeseek_cache_parses_total", mode="full" if before is None else "incremental")
        if parsed is None:
            return None, how
        columns = Columns(self._codec.columns(parsed), content_hash)
        if not self._is_closed:
            if live or before is not None:
                self._tiers.keep_live(path, LiveTree(parsed, columns, key, language), self._clock())
            else:
                self._tiers.keep(key, columns, self._clock())
        return columns.tree, how

    def _address(self, content_hash: str, language: str) -> bytes:
        return address(content_hash, language, self._codec.fingerprint(language))

    # -- now and then ------------------------------------------------------------------------------------------

    def sweep(self, now: float | None = None) -> None:
        """Move down what has been idle; `now` is in seconds of the cache's clock. Done by itself now and then."""
        self._sweep(self._clock() if now is None else now, limit=None)

    def _sweep(self, now: float, limit: int | None) -> None:
        limits = self.budgets
        idle = (limits.hot_idle_seconds, limits.warm_idle_seconds, limits.cold_idle_seconds)
        self._tiers.sweep(now, idle, limit or 1 << 60, is_patient=limit is None)

    def _sweep_sometimes(self) -> None:
        now = self._clock()
        with self._tiers.lock:
            if now < self._next_sweep:
                return
            self._next_sweep = now + _SWEEP_SECONDS
        self._sweep(now, limit=_SWEPT_AT_ONCE)

    def flush(self) -> None:
        """Write to disk what only memory has, and which trees were used."""
        self._tiers.flush()

    def close(self) -> None:
        """Flush and forget. The cache still answers, by parsing."""
        if not self._is_closed:
            self._is_closed = True
            self.flush()
            self._tiers.clear()
            self._frozen.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def statistics(self) -> CacheStatistics:
        """Return sizes and counts of all tiers; tell telemetry the sizes."""
        frozen = self._frozen.statistics()
        with self._tiers.lock:
            tiers = {
                tier.counts.tier: tier.statistics() for tier in (self._tiers.hot, self._tiers.warm, self._tiers.cold)
            }
            return CacheStatistics(tiers | {"frozen": frozen}, **self._counts, failures=self._frozen.failures)

    # -- forks -------------------------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Wait until the tables are whole."""
        self._tiers.lock.acquire()

    def after_fork(self, *, is_child: bool) -> None:
        """Go on; in the child without the work of threads that aren't there."""
        self._tiers.lock.release()
        if is_child:
            self._flights.clear()
            self._tiers.forked()


_caches: weakref.WeakSet[TreeCache[Any, Any]] = weakref.WeakSet()
_forking: list[TreeCache[Any, Any]] = []


def _before_fork() -> None:
    _forking[:] = list(_caches)
    for cache in _forking:
        cache.before_fork()


def _after_fork(is_child: bool) -> None:
    for cache in _forking:
        cache.after_fork(is_child=is_child)
    _forking.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=lambda: _after_fork(False),
        after_in_child=lambda: _after_fork(True),
    )
