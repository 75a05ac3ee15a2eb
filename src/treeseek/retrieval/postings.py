"""Which rows hold a term, and how often: an inverted index over rows that hold their terms, in plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from treeseek.tokens import TermRows

__all__ = ["Postings"]


@dataclass(frozen=True, slots=True)
class Postings:
    """Rows by term. `vocabulary` is ascending; the rows of its term i are `rows[offsets[i]:offsets[i + 1]]`,
    ascending, with as many `counts`. `lengths` is the number of term occurrences in each row.
    """

    vocabulary: NDArray[np.uint32]
    offsets: NDArray[np.int64]
    rows: NDArray[np.int32]
    counts: NDArray[np.uint8]
    lengths: NDArray[np.float32]

    @classmethod
    def of(cls, terms: TermRows) -> Postings:
        """Turn rows that list their terms into terms that list their rows."""
        per_row = np.diff(terms.offsets)
        row = np.repeat(np.arange(len(per_row), dtype=np.int32), per_row)
        # Sorting one 64-bit key is several times faster than a stable argsort of the terms.
        keys = (terms.terms.astype(np.uint64) << np.uint64(32)) | np.arange(len(row), dtype=np.uint64)
        keys.sort()
        order = (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
        ordered = (keys >> np.uint64(32)).astype(np.uint32)
        first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(ordered) else ordered
        running = np.concatenate([[0], np.cumsum(terms.counts, dtype=np.int64)])
        return cls(
            vocabulary=ordered[first],
            offsets=np.concatenate([first, [len(ordered)]]).astype(np.int64),
            rows=row[order],
            counts=terms.counts[order],
            lengths=(running[terms.offsets[1:]] - running[terms.offsets[:-1]]).astype(np.float32),
        )

    def find(self, term: int) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Return the rows that hold a term and how often each does."""
        i = int(np.searchsorted(self.vocabulary, np.uint32(term)))
        if i == len(self.vocabulary) or self.vocabulary[i] != term:
            return self.rows[:0], self.counts[:0]
        span = slice(self.offsets[i], self.offsets[i + 1])
        return self.rows[span], self.counts[span]
