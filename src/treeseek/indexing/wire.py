"""How the main process and its workers talk: length-prefixed msgpack frames, arrays as their bytes.

Not pickle: what a worker sends comes from a process that read hostile files, and must stay data.
"""

from __future__ import annotations

from dataclasses import fields
from typing import IO, Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from treeseek.errors import WorkerError
from treeseek.indexing.analyse import DIGEST_BYTES, FileText
from treeseek.indexing.batch import Batch, Outcome
from treeseek.model import Chunk, Declaration, SourceFile, Syntax, UnitColumns

__all__ = [
    "pack_batch",
    "pack_columns",
    "pack_outcome",
    "pack_syntax",
    "read_frame",
    "unpack_batch",
    "unpack_columns",
    "unpack_outcome",
    "write_frame",
]

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


def pack_batch(batch: Batch) -> dict[str, Any]:
    """Return a batch as plain tuples and bytes."""
    files = [
        (f.source.path, f.source.size, f.source.mtime_ns, f.source.inode, f.data, f.digest, f.language, f.key)
        for f in batch.files
    ]
    vectors = b"".join(vector.astype("<f4", copy=False).tobytes() for vector in batch.lent.values())
    return {"files": files, "digests": b"".join(batch.lent), "vectors": vectors}


def unpack_batch(packed: dict[str, Any]) -> Batch:
    """Return what `pack_batch` was given."""
    files = [FileText(SourceFile(*file[:4]), *file[4:]) for file in packed["files"]]
    digests = packed["digests"]
    keys = [digests[i : i + DIGEST_BYTES] for i in range(0, len(digests), DIGEST_BYTES)]
    rows = np.frombuffer(packed["vectors"], "<f4").reshape(len(keys), -1) if keys else ()
    return Batch(files, dict(zip(keys, rows, strict=True)))


def pack_outcome(outcome: Outcome, batch: Batch) -> dict[str, object]:
    """Return what became of a batch as a map of lists and bytes, with an artifact or nothing for each file."""
    artifacts = [outcome.artifacts.get(file.key, b"") for file in batch.files]
    return {"rows": pack_columns(outcome.rows), "artifacts": artifacts, "reused": outcome.reused}


def unpack_outcome(packed: dict[str, Any], batch: Batch) -> Outcome:
    """Return what `pack_outcome` was given. Raises WorkerError if something is missing or amiss.

    Rows are of the files that were sent, and artifacts get their addresses: a worker can't write under any other.
    """
    try:
        rows, reused = unpack_columns(packed["rows"]), int(packed["reused"])
        if not set(rows.path) <= {file.source.path for file in batch.files}:
            raise ValueError("rows of a file that wasn't sent")
        pairs = [(file.key, bytes(data)) for file, data in zip(batch.files, packed["artifacts"], strict=True)]
        return Outcome(rows, {key: data for key, data in pairs if key and data}, reused)
    except (KeyError, TypeError, ValueError) as error:
        raise WorkerError(f"a worker's answer does not fit: {error}") from error


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
        values["vector"] = values["vector"].reshape(len(values["id"]), packed["dims"])
        columns = UnitColumns(**values)
        rows = {len(values[name]) for name in ("id", "path", "text", "note", "start_line", "size", "vector")}
    except (KeyError, TypeError, ValueError) as error:
        raise WorkerError(f"a worker's answer does not fit: {error}") from error
    if rows != {len(columns)} or not _is_ragged(columns.term_offsets, len(columns), len(columns.terms)):
        raise WorkerError("a worker's answer does not fit: columns of unequal length")
    if not _is_ragged(columns.declaration_offsets, len(columns), len(columns.declaration_kind)):
        raise WorkerError("a worker's answer does not fit: declarations of unequal length")
    if any(set(map(type, value)) - {str} for value in values.values() if isinstance(value, list)):
        raise WorkerError("a worker's answer does not fit: something else than text")
    return columns


def _is_ragged(offsets: NDArray[np.int64], rows: int, values: int) -> bool:
    """Whether offsets cut so many values into so many rows."""
    if len(offsets) != rows + 1 or offsets[0] != 0 or offsets[-1] != values:
        return False
    return bool((np.diff(offsets) >= 0).all())


def pack_syntax(syntax: Syntax) -> dict[str, object]:
    """Return what the structure of a file gives as a map of lists."""
    return {
        "language": syntax.language,
        "declarations": syntax.declarations,
        "chunks": syntax.chunks,
        "fallback": syntax.fallback,
    }


def unpack_syntax(packed: dict[str, Any]) -> Syntax:
    """Return what `pack_syntax` was given. Raises WorkerError if something is missing or amiss."""
    try:
        declarations = tuple(Declaration._make(map(_checked, one, _DECLARATION)) for one in packed["declarations"])
        chunks = tuple(
            Chunk._make([*map(_checked, one[:7], _CHUNK), tuple(_checked(number, int) for number in one[7])])
            for one in packed["chunks"]
        )
        return Syntax(_checked(packed["language"], str), declarations, chunks, _checked(packed["fallback"], str))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise WorkerError(f"a worker's answer does not fit: {error}") from error


_DECLARATION = (str, str, str, str, int, int, int, int)
_CHUNK = (str, str, str, int, int, int, int)


def _checked(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{type(value).__name__} instead of {kind.__name__}")
    return value
