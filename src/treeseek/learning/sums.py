"""From words to texts and back: sums of rows over bags of words, and what each row gets of what is said of its bags.

One is the product of a sparse matrix (bags x words) with a table, the other that of its transpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treeseek.embedding.static import dampened
from treeseek.learning.bags import Bags

__all__ = ["scattered", "vectors_of"]

Floats = NDArray[np.float32]

BLOCK = 1024
"""So many rows are gathered at once: they fit into the processor's cache."""


def vectors_of(bags: Bags, table: Floats) -> Floats:
    """Return the sum of the rows of each bag's words, each with its weight: shape (len(bags), dims)."""
    out = np.zeros((len(bags), table.shape[1]), np.float32)
    rows = np.empty((int(np.diff(bags.offsets).max(initial=0)), table.shape[1]), np.float32)
    counts = _weights(bags)
    offsets = bags.offsets.tolist()
    for i in range(len(bags)):
        begin, end = offsets[i], offsets[i + 1]
        np.take(table, bags.ids[begin:end], axis=0, out=rows[: end - begin], mode="clip")
        np.dot(counts[begin:end], rows[: end - begin], out=out[i])
    return out


def scattered(bags: Sequence[Bags], slopes: Sequence[Floats], rows: int) -> Floats:
    """Return the slope of every row of the table: the sum of those of the bags that it is in."""
    stacked = np.concatenate(slopes)
    ids = np.concatenate([one.ids for one in bags])
    counts = np.concatenate([_weights(one) for one in bags])
    lengths = np.concatenate([np.diff(one.offsets) for one in bags])
    source = np.repeat(np.arange(len(stacked)), lengths)
    order = np.argsort(ids, kind="stable")
    ids, counts, source = ids[order], counts[order], source[order]
    out = np.zeros((rows, stacked.shape[1]), np.float32)
    buffer = np.empty((BLOCK, stacked.shape[1]), np.float32)
    for begin in range(0, len(ids), BLOCK):
        end = min(begin + BLOCK, len(ids))
        block = buffer[: end - begin]
        np.take(stacked, source[begin:end], axis=0, out=block, mode="clip")
        block *= counts[begin:end, None]
        starts = np.flatnonzero(np.diff(ids[begin:end], prepend=-1))
        out[ids[begin:end][starts]] += np.add.reduceat(block, starts, axis=0)
    return out


def _weights(bags: Bags) -> Floats:
    counts: NDArray[Any] = bags.counts
    return counts if counts.dtype == np.float32 else dampened(counts)
