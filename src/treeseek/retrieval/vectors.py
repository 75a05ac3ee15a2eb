"""The chunks' vectors, of which a few can be replaced without copying the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treeseek.retrieval.splices import Splice

__all__ = ["Vectors"]

Floats = NDArray[np.float32]

BLOCK_ROWS = 1024
"""So many rows are multiplied at once: a copy of them fits into the processor's cache."""

FEW_ROWS = 256
"""So many scattered rows are gathered at once: they are multiplied before they have left the second cache."""

SPARE = 16
"""One row in so many may lie apart from the others, or lie there unused, before all are laid out anew."""


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """A matrix, rows x dims: row i is row `row[i]` of `base` and `patch`, one below the other.

    Of what a corpus holds the vectors take most memory by far, and writing them anew would be half of an update. So
    corpora share a base, and each has a patch of its own, in the order of the rows. They are read as if they were one
    array.
    """

    base: Floats
    patch: Floats
    row: NDArray[np.int32]

    @classmethod
    def of(cls, vectors: Floats) -> Vectors:
        """Wrap a matrix, which must not change any more."""
        return cls(vectors, vectors[:0], np.arange(len(vectors), dtype=np.int32))

    def spliced(self, rows: Splice, fresh: Vectors) -> Vectors:
        """Return the vectors after a splice of their rows."""
        held = len(self.base) + len(self.patch)
        row = rows.array(self.row, np.arange(held, held + len(fresh), dtype=np.int32))
        patched = np.flatnonzero(row >= len(self.base))
        patch = np.concatenate([self.patch, np.asarray(fresh)])[row[patched] - len(self.base)]
        row[patched] = np.arange(len(self.base), len(self.base) + len(patched), dtype=np.int32)
        new = Vectors(self.base, patch, row)
        is_frayed = len(patch) > len(row) // SPARE or len(self.base) > len(row) + len(row) // SPARE
        return Vectors.of(new[np.arange(len(row))]) if is_frayed else new

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, chosen: int | NDArray[np.int64]) -> Floats:
        """Return one row, or a copy of those with these numbers."""
        row = np.atleast_1d(self.row[chosen])
        found = self._gathered(row, np.empty((len(row), self.base.shape[1]), np.float32))
        return found if np.ndim(chosen) else found[0]

    def similarity(self, chosen: NDArray[np.int64], vector: Floats) -> Floats:
        """Return the product of the rows with these numbers with a vector."""
        product = np.empty(len(chosen), np.float32)
        room = np.empty((FEW_ROWS, self.base.shape[1]), np.float32)
        for start in range(0, len(chosen), FEW_ROWS):
            row = self.row[chosen[start : start + FEW_ROWS]]
            np.matmul(self._gathered(row, room[: len(row)]), vector, out=product[start : start + FEW_ROWS])
        return product

    def __matmul__(self, vector: Floats) -> Floats:
        """Return the product of every row with a vector. How the rows are stored makes no difference to a bit of it."""
        product = np.empty(len(self), np.float32)
        room = np.empty((BLOCK_ROWS, self.base.shape[1]), np.float32)
        for start in range(0, len(self), BLOCK_ROWS):
            np.matmul(self._block(start, room), vector, out=product[start : start + BLOCK_ROWS])
        return product

    def _block(self, start: int, room: Floats) -> Floats:
        """Return the rows from `start` on: where they lie if they lie together, else a copy in `room`."""
        row = self.row[start : start + BLOCK_ROWS]
        if int(row[-1]) < len(self.base) and (np.diff(row) == 1).all():
            return self.base[row[0] : row[-1] + 1]
        return self._gathered(row, room[: len(row)])

    def _gathered(self, row: NDArray[np.int32], out: Floats) -> Floats:
        if len(self.base):
            self.base.take(row, axis=0, mode="clip", out=out)
        patched = np.flatnonzero(row >= len(self.base))
        out[patched] = self.patch[row[patched] - len(self.base)]
        return out

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        whole = self.base if not len(self.patch) and len(self.base) == len(self) else self[np.arange(len(self))]
        return whole.astype(dtype or whole.dtype, copy=bool(copy))
