"""Which runs of rows give way to which others? What lies between the runs is copied whole, never row by row."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Splice"]

Scalar = TypeVar("Scalar", bound=np.generic)
Item = TypeVar("Item")

FEW_RUNS = 16
"""Up to so many runs are put into a copy of a list, each of which moves what is behind it; more are strung together."""

MANY_RUNS = 8192
"""From so many runs on, an array is put together by flags: a pass over all rows, but nothing for each run."""


@dataclass(frozen=True, slots=True)
class Splice:
    """Replaces runs of `size` old rows: run i, `start[i]:stop[i]`, by the fresh rows `fresh[i]:fresh[i + 1]`.

    Runs are ascending and apart; one may be empty on either side. Nothing that is given to it is changed.
    """

    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    fresh: NDArray[np.int64]
    size: int

    @classmethod
    def of_paths(cls, paths: Collection[str], old: Sequence[str], fresh: Sequence[str]) -> Splice:
        """Replace the rows of these paths. `old` and `fresh` have the path of each row, ascending.

        Raises ValueError if `fresh` isn't ascending or has a path that isn't among `paths`.
        """
        if any(one > other for one, other in pairwise(fresh)):
            raise ValueError("fresh rows must be in the order of their paths")
        runs = []
        end = 0
        for path in sorted(set(paths)):
            before, end = end, bisect_right(fresh, path)
            if bisect_left(fresh, path) != before:
                raise ValueError(f"there are fresh rows of other paths, before {path!r}")
            run = (bisect_left(old, path), bisect_right(old, path), end)
            if run[0] < run[1] or before < end:
                runs.append(run)
        if end != len(fresh):
            raise ValueError(f"there are fresh rows of other paths, as {fresh[end]!r}")
        start, stop, ends = np.array(runs, np.int64).reshape(-1, 3).T
        return cls(start, stop, np.concatenate([[0], ends]), len(old))

    @property
    def is_like_for_like(self) -> bool:
        """Whether every run has as many fresh rows as old ones."""
        return bool((self.stop - self.start == np.diff(self.fresh)).all())

    def within(self, old: NDArray[np.int64], fresh: NDArray[np.int64]) -> Splice:
        """Return the splice of what the rows hold, given the offsets of the old and of the fresh rows' items."""
        return Splice(old[self.start], old[self.stop], fresh[self.fresh], int(old[-1]))

    def array(self, old: NDArray[Scalar], fresh: NDArray[Scalar]) -> NDArray[Scalar]:
        """Return the new rows of an array; both have the rows along their first axis."""
        if len(self.start) > MANY_RUNS:
            return self._scattered(old, fresh)
        return np.concatenate([piece for piece in self._pieces(old, fresh) if len(piece)] or [old[:0]])

    def items(self, old: list[Item], fresh: list[Item]) -> list[Item]:
        """Return the new rows of a list."""
        if len(self.start) > FEW_RUNS:
            return list(chain.from_iterable(self._pieces(old, fresh)))
        new = old.copy()
        for start, stop, low, high in reversed(self._runs()):
            new[start:stop] = fresh[low:high]
        return new

    def offsets(self, old: NDArray[np.int64], fresh: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the offsets of the new rows' items."""
        return np.concatenate([[0], np.cumsum(self.array(np.diff(old), np.diff(fresh)))])

    def goes(self) -> NDArray[np.bool_]:
        """Return for each old row whether it goes."""
        return _inside(self.start, self.stop, self.size)

    def numbers(self) -> NDArray[np.int32]:
        """Return for each old row its number among the new, -1 for one that goes."""
        numbers = np.arange(self.size, dtype=np.int32)
        numbers += np.repeat(self._shifts(), np.diff(self.stop, prepend=0, append=self.size))
        numbers[self.goes()] = -1
        return numbers

    def placed(self) -> NDArray[np.int32]:
        """Return for each fresh row its number among the new."""
        moved = self.start + self._shifts()[:-1] - self.fresh[:-1]
        return (np.arange(self.fresh[-1]) + np.repeat(moved, np.diff(self.fresh))).astype(np.int32)

    def origins(self) -> NDArray[np.int64]:
        """Return for each fresh row the old row where its run begins."""
        return np.repeat(self.start, np.diff(self.fresh))

    def _shifts(self) -> NDArray[np.int32]:
        """Return by how much old rows move before the first run, and behind each."""
        grown = np.diff(self.fresh) - (self.stop - self.start)
        return np.concatenate([[0], np.cumsum(grown)]).astype(np.int32)

    def _scattered(self, old: NDArray[Scalar], fresh: NDArray[Scalar]) -> NDArray[Scalar]:
        start = self.start + self._shifts()[:-1]
        is_fresh = _inside(start, start + np.diff(self.fresh), self.size + int(self._shifts()[-1]))
        new = np.empty((len(is_fresh), *old.shape[1:]), old.dtype)
        new[is_fresh] = fresh
        new[~is_fresh] = old[~self.goes()]
        return new

    def _runs(self) -> list[tuple[int, int, int, int]]:
        columns = (self.start, self.stop, self.fresh[:-1], self.fresh[1:])
        return list(zip(*(column.tolist() for column in columns), strict=True))

    def _pieces(self, old: Any, fresh: Any) -> Iterator[Any]:
        end = 0
        for start, stop, low, high in self._runs():
            yield old[end:start]
            yield fresh[low:high]
            end = stop
        yield old[end:]


def _inside(start: NDArray[np.int64], stop: NDArray[np.int64], size: int) -> NDArray[np.bool_]:
    """Return for each of `size` rows whether it lies in one of the runs."""
    bounds = np.stack([start, stop], axis=1).ravel()
    return np.repeat(np.arange(len(bounds) + 1) % 2 == 1, np.diff(bounds, prepend=0, append=size))
