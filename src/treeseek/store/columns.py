"""How rows go from columns in memory to Arrow and back, without touching them one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from treeseek.model import UnitColumns
from treeseek.store.schema import DECLARATION, INTEGERS, LEAVES, STRINGS

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = [
    "FILE_KINDS",
    "MANIFEST_COLUMNS",
    "Manifest",
    "decode_path",
    "encode_path",
    "order_by_place",
    "strings",
    "to_batches",
    "to_manifest",
    "to_units",
]

FILE_KINDS = ("file", "skipped")
"""Kinds of the rows that stand for a file as a whole; all others are chunks."""

MANIFEST_COLUMNS = ("path", "kind", "language", "note", "content_hash", "size", "mtime_ns", "inode")

_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED = re.compile("\0([0-9a-f]{4})")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files that a version knows, those left out included (kind `skipped`), ordered by path."""

    path: list[str]
    kind: list[str]
    language: list[str]
    note: list[str]
    content_hash: list[str]
    size: NDArray[np.int64]
    mtime_ns: NDArray[np.int64]
    inode: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.path)


def encode_path(path: str) -> str:
    """Return the path as valid Unicode: a byte of a name that isn't UTF-8 becomes NUL and four hex digits.

    Python shows such a byte as a lone surrogate, which Arrow refuses. No path holds a NUL, so none collide.
    """
    return path if path.isascii() else _SURROGATE.sub(lambda found: f"\0{ord(found[0]):04x}", path)


def decode_path(path: str) -> str:
    """Undo `encode_path`."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), path) if "\0" in path else path


def to_batches(parts: Sequence[UnitColumns], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield the rows as Arrow batches, one a part, each converted when it is asked for."""
    return (_to_batch(part, schema) for part in parts if len(part))


def _to_batch(units: UnitColumns, schema: pa.Schema) -> pa.RecordBatch:
    import numpy as np
    import pyarrow as pa

    columns: dict[str, Any] = {name: getattr(units, name) for name in ("id", *STRINGS)}
    columns["path"] = [encode_path(path) for path in units.path]
    # Rows of files have no text: null keeps them out of the full-text index.
    columns["text"] = [text or None for text in units.text]
    columns = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    columns |= {name: pa.array(getattr(units, name)) for name in INTEGERS}
    offsets = pa.array(units.term_offsets.astype(np.int32))
    columns |= {name: pa.ListArray.from_arrays(offsets, pa.array(getattr(units, name))) for name in LEAVES}
    fields = list(schema.field("declarations").type.value_type)
    entries = pa.StructArray.from_arrays(
        [pa.array(getattr(units, f"declaration_{field.name}"), field.type) for field in fields], fields=fields
    )
    offsets = pa.array(units.declaration_offsets.astype(np.int32))
    columns["declarations"] = pa.ListArray.from_arrays(offsets, entries)
    vector = schema.field("vector").type
    flat = pa.array(np.ascontiguousarray(units.vector, np.float16).reshape(-1))
    columns["vector"] = pa.FixedSizeListArray.from_arrays(flat, type=vector, mask=pa.array(~units.has_vector))
    return pa.record_batch([columns[name] for name in schema.names], schema=schema)


def to_units(table: pa.Table) -> UnitColumns:
    """Return Arrow rows as columns; `text` is empty when the table has no such column.

    Number columns are views of Arrow's memory where they can be, and then read-only.
    Raises ValueError if there aren't as many counts as terms.
    """
    table = table.combine_chunks()
    values: dict[str, Any] = {"id": strings(table["id"]), "text": []}
    values |= {name: _text_column(table, name) for name in STRINGS if name in table.column_names}
    values |= {name: _numbers(table[name]) for name in INTEGERS}
    for name in LEAVES:
        flat, values["term_offsets"] = _ragged(table[name])
        values[name] = _numbers(flat)
    if len(values["terms"]) != len(values["term_counts"]):
        raise ValueError("a row has not as many counts as terms")
    entries, values["declaration_offsets"] = _ragged(table["declarations"])
    for name, kind in DECLARATION.items():
        column = entries.field(name)
        values[f"declaration_{name}"] = strings(column) if kind == "string" else _numbers(column)
    values["vector"], values["has_vector"] = _vectors(table["vector"])
    return UnitColumns(**values)


def to_manifest(table: pa.Table) -> Manifest:
    """Return rows of files, with the columns `MANIFEST_COLUMNS`, in the order of their paths."""
    table = order_by_place(table)
    values: dict[str, Any] = {
        name: _text_column(table, name) if name in STRINGS else _numbers(table[name]) for name in MANIFEST_COLUMNS
    }
    return Manifest(**values)


def order_by_place(table: pa.Table) -> pa.Table:
    """Return the rows ordered by path, then start_byte, then id, as far as the table has these columns."""
    import numpy as np
    import pyarrow as pa

    if not table.num_rows:
        return table
    keys = [_path_ranks(table["path"])]
    keys += [table[name].to_numpy() for name in ("start_byte",) if name in table.column_names]
    order = np.lexsort(keys[::-1])
    # Only a file's row and its first chunk share a place: the id, slow to compare, is looked at for ties alone.
    if "id" in table.column_names and _has_ties([key[order] for key in keys]):
        order = np.lexsort([table["id"].to_numpy(), *keys[::-1]])
    if (order[1:] > order[:-1]).all():
        return table
    # Not pa.array: it imports numpy.ma, which is a twentieth of a cold search.
    indices = pa.Array.from_buffers(pa.int64(), len(order), [None, pa.py_buffer(order)])
    return table.combine_chunks().take(indices)  # of one piece: three times as fast


def _path_ranks(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return for each row the place of its path among the distinct paths in order."""
    import numpy as np

    encoded = column.combine_chunks().dictionary_encode()
    names = _paths(encoded.dictionary)
    ranks = np.empty(len(names), np.int64)
    ranks[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    placed: NDArray[np.int64] = ranks[encoded.indices.to_numpy()]
    return placed


def _has_ties(keys: Sequence[NDArray[Any]]) -> bool:
    import numpy as np

    return bool(np.logical_and.reduce([key[1:] == key[:-1] for key in keys]).any())


def strings(column: pa.ChunkedArray | pa.Array) -> list[str]:
    """Return a column of strings as a list; null becomes empty."""
    values: list[str] = column.to_numpy(zero_copy_only=False).tolist()
    if column.null_count:
        values = [value or "" for value in values]
    return values


def _text_column(table: pa.Table, name: str) -> list[str]:
    return _paths(table[name]) if name == "path" else strings(table[name])


def _paths(column: pa.ChunkedArray | pa.Array) -> list[str]:
    return [decode_path(path) for path in strings(column)]


def _numbers(column: pa.ChunkedArray | pa.Array) -> NDArray[Any]:
    array: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return array


def _ragged(column: pa.ChunkedArray) -> tuple[pa.Array, NDArray[np.int64]]:
    """Return the flat values of a list column and the n + 1 offsets into them."""
    import numpy as np

    lists = column.combine_chunks()
    offsets = lists.offsets.to_numpy().astype(np.int64)
    if not len(lists):
        return lists.flatten(), np.zeros(1, np.int64)
    return lists.values.slice(offsets[0], offsets[-1] - offsets[0]), offsets - offsets[0]


def _vectors(column: pa.ChunkedArray) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
    """Return the matrix of a vector column, with zero rows for nulls, and which rows have one."""
    import numpy as np

    array = column.combine_chunks()
    dims = array.type.list_size
    matrix = array.values.slice(array.offset * dims, len(array) * dims).to_numpy(zero_copy_only=False)
    matrix = matrix.reshape(len(array), dims)
    present = array.is_valid().to_numpy(zero_copy_only=False)
    if not present.all():
        matrix = np.where(present[:, None], matrix, np.float16(0))
    return matrix, present
