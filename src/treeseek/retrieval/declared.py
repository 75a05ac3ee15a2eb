"""What is declared where, under which name? All declarations, in columns that answer a name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from treeseek.model import UnitColumns
from treeseek.retrieval.postings import Postings, Revision
from treeseek.retrieval.splices import Splice
from treeseek.tokens import TermRows, TokenBatch, batches, compound_hash, word_terms

__all__ = ["Declared"]

TYPE_KINDS = frozenset(["class", "interface", "struct", "enum", "type", "module", "namespace"])


@dataclass(frozen=True, slots=True)
class Declared:
    """All declarations, in the order of the chunks that hold their names.

    `name` is qualified; `leaf` the lower-case last part. `whole` are the terms of the leaves, each as one identifier,
    ascending, and `by_whole` the declarations in that order. `weight` says how much a name is the thing itself: a
    constructor or a variable often bears its type's name, but who asks for the name wants the type.
    """

    chunk: NDArray[np.int32]
    name: list[str]
    kind: list[str]
    start_line: NDArray[np.int32]
    end_line: NDArray[np.int32]
    leaf: list[str]
    weight: NDArray[np.float32]
    postings: Postings
    whole: NDArray[np.uint32]
    by_whole: NDArray[np.int64]

    @classmethod
    def of(cls, columns: UnitColumns) -> Declared:
        """Read the declarations out of the rows of chunks."""
        names = columns.declaration_name
        leaves = [name.rpartition(".")[2] for name in names]
        tokenized = list(batches([leaf.encode() for leaf in leaves]))
        whole = _whole_terms(tokenized)
        by_whole = np.argsort(whole, kind="stable")
        return cls(
            chunk=_chunk(columns),
            name=names,
            kind=columns.declaration_kind,
            start_line=columns.declaration_start_line,
            end_line=columns.declaration_end_line,
            leaf=[leaf.lower() for leaf in leaves],
            weight=np.array([_weight(*pair) for pair in zip(columns.declaration_kind, names, strict=True)], np.float32),
            postings=Postings.of(TermRows.concatenate([TermRows.of(batch) for batch in tokenized])),
            whole=whole[by_whole],
            by_whole=by_whole,
        )

    def spliced(self, rows: Splice, fresh: Declared, columns: UnitColumns) -> Declared:
        """Return the declarations after a splice of them; `columns` are the new rows of chunks."""
        whole, by_whole = self._by_whole(rows, fresh)
        return Declared(
            chunk=_chunk(columns),
            name=columns.declaration_name,
            kind=columns.declaration_kind,
            start_line=columns.declaration_start_line,
            end_line=columns.declaration_end_line,
            leaf=rows.items(self.leaf, fresh.leaf),
            weight=rows.array(self.weight, fresh.weight),
            postings=Revision.of(self.postings, fresh.postings, rows).postings(),
            whole=whole,
            by_whole=by_whole,
        )

    def _by_whole(self, rows: Splice, fresh: Declared) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        number = rows.numbers()[self.by_whole]
        stays = number >= 0
        old = _keys(self.whole[stays], number[stays])
        new = _keys(fresh.whole, rows.placed()[fresh.by_whole])
        keys = np.insert(old, np.searchsorted(old, new), new)
        return (keys >> np.uint64(32)).astype(np.uint32), (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)

    def named(self, term: int) -> NDArray[np.int64]:
        """Return the declarations whose whole name is this term: the same words in the same order, stemmed."""
        return next(self.all_named([term]))

    def all_named(self, terms: Sequence[int]) -> Iterator[NDArray[np.int64]]:
        """Yield for each term what `named` returns."""
        asked = np.array(terms, np.uint32)
        low, high = (np.searchsorted(self.whole, asked, side).tolist() for side in ("left", "right"))
        return (self.by_whole[start:end] for start, end in zip(low, high, strict=True))


def _chunk(columns: UnitColumns) -> NDArray[np.int32]:
    """Return the chunk of each declaration."""
    counts = np.diff(columns.declaration_offsets)
    return np.repeat(np.arange(len(counts), dtype=np.int32), counts)


def _keys(terms: NDArray[np.uint32], numbers: NDArray[np.int32]) -> NDArray[np.uint64]:
    return (terms.astype(np.uint64) << np.uint64(32)) | numbers.astype(np.uint64)


def _weight(kind: str, name: str) -> float:
    if kind in TYPE_KINDS:
        return 1.0
    if kind in ("variable", "constant"):
        return 0.75
    owner, _, leaf = name.rpartition(".")
    return 0.6 if leaf and owner.rpartition(".")[2] == leaf else 0.95


def _whole_terms(names: Iterable[TokenBatch]) -> NDArray[np.uint32]:
    """Return for each name the term of all its words in sequence, whether they are one or more (0 for none)."""
    out: list[NDArray[np.int64]] = []
    for batch in names:
        whole = np.zeros(batch.texts, np.int64)
        if len(batch.hash):
            starts = np.flatnonzero(np.diff(batch.text, prepend=-1))
            whole[batch.text[starts]] = compound_hash(word_terms(batch), starts)
        out.append(whole)
    return np.concatenate(out).astype(np.uint32) if out else np.zeros(0, np.uint32)
