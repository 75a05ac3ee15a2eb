"""How the main process and its workers talk: length-prefixed msgpack frames, arrays as their bytes.

Not pickle: what a worker sends comes from a process that read hostile files, and must stay data.
"""

from __future__ import annotations

from dataclasses import fields
from typing import IO, Any

import msgpack
import numpy as np

from treeseek.errors import WorkerError
from treeseek.indexing.analyse import DIGEST_BYTES, FileText
from treeseek.indexing.batch import Batch, Outcome
from treeseek.model import SourceFile, UnitColumns

__all__ = [
    "pack_batch",
    "pack_columns",
    "pack_outcome",
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

    Artifacts get the addresses of the files that were sent: a worker can't write under any other.
    """
    try:
        rows, reused = unpack_columns(packed["rows"]), int(packed["reused"])
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
    if rows != {len(columns)} or len(columns.term_offsets) != len(columns) + 1:
        raise WorkerError("a worker's answer does not fit: columns of unequal length")
    return columns
