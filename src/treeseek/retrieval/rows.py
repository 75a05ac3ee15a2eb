"""Rows of a snapshot, taken or replaced in all columns at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from treeseek.model import UnitColumns
from treeseek.retrieval.splices import Splice

__all__ = ["merged", "spliced", "taken"]

T = TypeVar("T")


def merged(columns: UnitColumns, paths: Collection[str], fresh: UnitColumns) -> UnitColumns:
    """Return rows in which those of `paths` are replaced by `fresh`; both are ordered by path, then place.

    A column that either side lacks, as a snapshot's chunks lack `text`, is empty.
    Raises ValueError if `fresh` isn't in order or has a path that isn't among `paths`.
    """
    return spliced(Splice.of_paths(paths, columns.path, fresh.path), columns, fresh)


def spliced(rows: Splice, columns: UnitColumns, fresh: UnitColumns) -> UnitColumns:
    """Return all columns after a splice of the rows."""
    terms = rows.within(columns.term_offsets, fresh.term_offsets)
    declarations = rows.within(columns.declaration_offsets, fresh.declaration_offsets)
    values: dict[str, Any] = {}
    for name in _names():
        old, new = getattr(columns, name), getattr(fresh, name)
        splice = _owner(name, rows, terms, declarations)
        if name.endswith("_offsets"):
            values[name] = rows.offsets(old, new)
        elif len(old) != splice.size or len(new) != splice.fresh[-1]:
            values[name] = old[:0]
        else:
            values[name] = splice.items(old, new) if isinstance(old, list) else splice.array(old, new)
    return UnitColumns(**values)


def taken(columns: UnitColumns, rows: NDArray[np.int64]) -> UnitColumns:
    """Return the rows with these numbers, in this order. A column that is empty stays so."""
    held = {name: _held(getattr(columns, name), rows) for name in ("term_offsets", "declaration_offsets")}
    values: dict[str, Any] = {name: offsets for name, (offsets, _) in held.items()}
    for name in _names() - held.keys():
        old = getattr(columns, name)
        chosen = _owner(name, rows, held["term_offsets"][1], held["declaration_offsets"][1])
        if not len(old):
            values[name] = old
        else:
            values[name] = [old[i] for i in chosen.tolist()] if isinstance(old, list) else old[chosen]
    return UnitColumns(**values)


def _held(offsets: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the offsets of some rows' items, and which items these are."""
    counts = np.diff(offsets)[rows]
    ends = np.cumsum(counts)
    items = np.arange(counts.sum()) + np.repeat(offsets[rows] - (ends - counts), counts)
    return np.concatenate([[0], ends]).astype(np.int64), items.astype(np.int64)


def _names() -> set[str]:
    return {field.name for field in fields(UnitColumns)}


def _owner(name: str, rows: T, terms: T, declarations: T) -> T:
    """Return which of the three a column goes by: one has an item for each row, others for each of what rows hold."""
    if name in ("terms", "term_counts"):
        return terms
    return declarations if name.startswith("declaration_") else rows
