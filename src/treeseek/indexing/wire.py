"""How the main process and its workers talk: length-prefixed msgpack frames, arrays as their bytes.

Not pickle: what a worker sends comes from a process that read hostile files, and must stay data.
"""

from __future__ import annotations

from dataclasses import fields
from typing import IO, Any

import msgpack
import numpy as np

from treeseek.errors import WorkerError
from treeseek.indexing.analyse import FileText
from treeseek.model import SourceFile, UnitColumns

__all__ = ["pack_columns", "pack_files", "read_frame", "unpack_columns", "unpack_files", "write_frame"]

MAX_FRAME_BYTES = 1 << 30

_DTYPES = {
    "start_line": "i4", "end_line": "i4", "start_byte": "i8", "end_byte": "i8", "size": "i8", "mtime_ns": "i8",
    "inode": "u8", "terms": "u4", "term_counts": "u1", "term_offsets": "i8", "declaration_start_line": "i4",
    "declaration_end_line": "i4", "declaration_offsets": "i8", "vector": "f2", "has_vector": "?",
}  # fmt: skip


def write_frame(stream: IO[bytes], payload: object) -> None:
    """Write one frame and flush it."""
    body: bytes = msgpack.packb(payload, unicode_errors="surrogatepass")
    stream.write(len(body).to_bytes(8, "little"))
    stream.write(body)
    stream.flush()


def read_frame(stream: IO[bytes]) -> Any:
    """Return the next frame's payload, or None at the end of the stream.

    Raises WorkerError when the stream ends inside a frame or the frame is not one of ours.
    """
    header = stream.read(8)
    if not header:
        return None
    length = int.from_bytes(header, "little")
    if len(header) < 8 or length > MAX_FRAME_BYTES:
        raise WorkerError("a worker sent a broken frame")
    body = stream.read(length)
    if len(body) < length:
        raise WorkerError("a worker stopped in the middle of an answer")
    try:
        return msgpack.unpackb(body, unicode_errors="surrogatepass", strict_map_key=False)
    except (ValueError, msgpack.UnpackException) as error:
        raise WorkerError(f"a worker sent a broken frame: {error}") from error


def pack_files(files: list[FileText]) -> list[tuple[str, int, int, int, bytes, str]]:
    """Return files as plain tuples."""
    return [(f.source.path, f.source.size, f.source.mtime_ns, f.source.inode, f.data, f.digest) for f in files]


def unpack_files(packed: list[tuple[str, int, int, int, bytes, str]]) -> list[FileText]:
    """Return what `pack_files` was given."""
    return [
        FileText(SourceFile(path, size, mtime_ns, inode), data, digest)
        for path, size, mtime_ns, inode, data, digest in packed
    ]


def pack_columns(columns: UnitColumns) -> dict[str, object]:
    """Return columns as a map of lists and bytes."""
    packed: dict[str, object] = {}
    for field in fields(columns):
        value = getattr(columns, field.name)
        packed[field.name] = value.astype(_DTYPES[field.name]).tobytes() if field.name in _DTYPES else value
    packed["dims"] = columns.vector.shape[1]
    return packed


def unpack_columns(packed: dict[str, Any]) -> UnitColumns:
    """Return what `pack_columns` was given. Raises WorkerError if columns are missing or of unequal length."""
    try:
        values: dict[str, Any] = {
            field.name: np.frombuffer(packed[field.name], _DTYPES[field.name])
            if field.name in _DTYPES
            else packed[field.name]
            for field in fields(UnitColumns)
        }
        values["vector"] = values["vector"].reshape(-1, packed["dims"])
        columns = UnitColumns(**values)
        rows = {len(values[name]) for name in ("id", "path", "text", "note", "start_line", "size", "vector")}
    except (KeyError, TypeError, ValueError) as error:
        raise WorkerError(f"a worker's answer does not fit: {error}") from error
    if rows != {len(columns)} or len(columns.term_offsets) != len(columns) + 1:
        raise WorkerError("a worker's answer does not fit: columns of unequal length")
    return columns
