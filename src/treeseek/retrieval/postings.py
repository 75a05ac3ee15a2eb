"""Which rows hold a term, and how often: an inverted index over rows that hold their terms, in plain arrays.

When some rows change, the entries of the others are copied in runs: what is looked up is in proportion to the change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from treeseek.retrieval.splices import Splice
from treeseek.tokens import TermRows

__all__ = ["Postings", "Revision"]

BLOCK = 1 << 16
"""So many rows are looked up at once: numpy makes 64-bit indices of them, and new memory costs more than the work."""

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Entries:
    """What stands in postings of some terms: the row, the place of the term among those asked for, and how often."""

    row: NDArray[np.integer]
    term: NDArray[np.int64]
    count: NDArray[np.uint8]

    def within(self, number: NDArray[np.int32]) -> Entries:
        """Return the entries whose rows have a number that isn't negative, with that for a row."""
        row = number.take(self.row)
        kept = np.flatnonzero(row >= 0)
        return Entries(row[kept], self.term[kept], self.count[kept])


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

    def places(self, terms: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Return each term's place in the vocabulary, -1 for one that no row holds."""
        at = np.searchsorted(self.vocabulary, terms)
        at[at == len(self.vocabulary)] = -1
        if len(self.vocabulary):
            at[self.vocabulary[at] != terms] = -1
        return at

    def entries(self, terms: NDArray[np.uint32]) -> Entries:
        """Return the entries of terms, ordered by term, as they are given, then row."""
        at = self.places(terms)
        known = np.flatnonzero(at >= 0)
        starts, ends = self.offsets[at[known]], self.offsets[at[known] + 1]
        spans = [slice(*span) for span in zip(starts.tolist(), ends.tolist(), strict=True)]
        return Entries(
            row=np.concatenate([self.rows[span] for span in spans]) if spans else self.rows[:0],
            term=np.repeat(known, ends - starts),
            count=np.concatenate([self.counts[span] for span in spans]) if spans else self.counts[:0],
        )

    def find(self, term: int) -> tuple[NDArray[np.integer], NDArray[np.uint8]]:
        """Return the rows that hold a term and how often each does."""
        entries = self.entries(np.array([term], np.uint32))
        return entries.row, entries.count

    @property
    def sizes(self) -> NDArray[np.int64]:
        """The number of rows that hold each term."""
        return np.diff(self.offsets)


@dataclass(frozen=True, slots=True)
class Revision:
    """How the postings of old rows become those of the new.

    `gone` are the positions of the entries of rows that go, ascending, and `gone_term` the numbers of their terms.
    `at` is where each fresh term stands or would stand in the old vocabulary, `is_new` whether it isn't there.
    """

    old: Postings
    fresh: Postings
    rows: Splice
    gone: NDArray[np.int64]
    gone_term: NDArray[np.int64]
    at: NDArray[np.int64]
    is_new: NDArray[np.bool_]

    @classmethod
    def of(cls, old: Postings, fresh: Postings, rows: Splice) -> Revision:
        """Find what goes and what comes; `fresh` are the postings of the fresh rows, numbered from 0."""
        gone = np.flatnonzero(_looked_up(rows.goes(), old.rows, np.empty(len(old.rows), np.bool_)))
        at = np.searchsorted(old.vocabulary, fresh.vocabulary)
        is_new = np.append(old.vocabulary, np.uint32(0))[at] != fresh.vocabulary
        is_new |= at == len(old.vocabulary)
        gone_term = np.searchsorted(old.offsets, gone, "right") - 1
        return cls(old, fresh, rows, gone, gone_term, at, is_new)

    def postings(self) -> Postings:
        """Return the postings of the new rows, equal to those made of them anew."""
        sizes = self.counted(self.old.sizes, self.gone_term, self.fresh.sizes)
        vocabulary = np.insert(self.old.vocabulary, self.at[self.is_new], self.fresh.vocabulary[self.is_new])
        entries = self._entries()
        return Postings(
            vocabulary=vocabulary[sizes > 0],
            offsets=np.concatenate([[0], np.cumsum(sizes[sizes > 0])]),
            rows=self._renumbered(entries),
            counts=entries.array(self.old.counts, self.fresh.counts),
            lengths=self.rows.array(self.old.lengths, self.fresh.lengths),
        )

    def counted(
        self, old: NDArray[np.integer], gone: NDArray[np.int64], fresh: NDArray[np.integer]
    ) -> NDArray[np.int64]:
        """Return a count for each old or fresh term, ascending: the old one, less one for each time that the term is
        in `gone`, plus the fresh one.
        """
        counts = np.insert(old - np.bincount(gone, minlength=len(old)), self.at[self.is_new], 0)
        counts[self.at + np.cumsum(self.is_new) - self.is_new] += fresh
        return counts

    def _renumbered(self, entries: Splice) -> NDArray[np.int32]:
        """Return the row of each new entry."""
        placed = self.rows.placed()
        if self.rows.is_like_for_like:
            return entries.array(self.old.rows, placed[self.fresh.rows])
        rows = entries.array(self.old.rows, self.fresh.rows + np.int32(self.rows.size))
        number = np.concatenate([self.rows.numbers(), placed])
        return _looked_up(number, rows, rows)

    def _entries(self) -> Splice:
        """Return the splice of the entries, which are ordered by term, then row."""
        place = self._places()
        cut = np.sort(np.concatenate([self.gone, place]), kind="stable")
        cut = cut[np.diff(cut, prepend=-1) > 0]
        goes = np.isin(cut, self.gone, assume_unique=True)
        ends = np.searchsorted(place, cut, "right")
        # Neighbours that go are one run, and what comes between them comes in its place.
        joins = np.zeros(len(cut), np.bool_)
        joins[1:] = goes[:-1] & goes[1:] & (np.diff(cut) == 1)
        first = np.flatnonzero(~joins)
        last = np.append(first[1:], len(cut))[: len(first)] - 1
        return Splice(cut[first], cut[last] + goes[last], np.append([0], ends[last]), len(self.old.rows))

    def _places(self) -> NDArray[np.int64]:
        """Return for each fresh entry the position of the old one that it comes before, dead or alive."""
        term = np.repeat(np.arange(len(self.at)), self.fresh.sizes)
        low = self.old.offsets[self.at][term]
        high = self.old.offsets[self.at + ~self.is_new][term]
        return _lower_bounds(self.old.rows, self.rows.origins()[self.fresh.rows], low, high)


def _looked_up(table: NDArray[Scalar], rows: NDArray[np.int32], out: NDArray[Scalar]) -> NDArray[Scalar]:
    """Put `table[rows]` into `out`, which may be `rows` itself."""
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        out[block] = table.take(rows[block], mode="clip")
    return out


def _lower_bounds(
    values: NDArray[np.int32], wanted: NDArray[np.int64], low: NDArray[np.int64], high: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Bisect many spans `low:high` of ascending values at once: the first position whose value isn't below `wanted`."""
    while (is_open := low < high).any():
        middle = (low + high) >> 1
        is_below = is_open & (values.take(middle, mode="clip") < wanted)
        low, high = np.where(is_below, middle + 1, low), np.where(is_below, high, middle)
    return low
