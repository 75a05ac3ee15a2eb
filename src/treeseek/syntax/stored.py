"""How a parsed file is stored: its tree, then its declarations, each with a checksum of its own."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import msgpack
import numpy as np

from treeseek.errors import TreeCorruptError
from treeseek.syntax import codec
from treeseek.syntax.parsed import SKETCH_SIZE, Declared, PackedDeclarations, ParsedFile

__all__ = ["STORED_VERSION", "decode_file", "encode_file"]

STORED_VERSION = 1
"""Part of the address under which a file is cached: raised whenever the same bytes would be stored otherwise."""

MAX_DECLARATION_BYTES = 1 << 28
_FRAME = struct.Struct("<IIII")
_SMALL = ("start", "end", "row", "parent", "complexity")
_HASHES = ("exact", "header", "body")
_TEXTS = 3
"""Kind, name and signature."""
_WIDTH = 4 * len(_SMALL) + 4 * len(_HASHES) + 8 + SKETCH_SIZE


def encode_file(file: ParsedFile, content_hash: str) -> bytes:
    """Return the stored form of a parsed file, without its source; see `codec.encode`."""
    tree = codec.encode(file.tree, content_hash)
    packed = _packed(file.declarations)
    body = codec.compressed(packed)
    return _FRAME.pack(len(tree), len(packed), len(body), zlib.crc32(body, len(packed))) + tree + body


def decode_file(data: bytes, content_hash: str | None = None) -> ParsedFile:
    """Return the file that `encode_file` stored, without its source.

    Raises:
        TreeCorruptError: a bit flipped, something is missing, or it never was a stored file.
        TreeMismatchError: it is of another text, of another release of the grammar, or in another format.
    """
    if len(data) < _FRAME.size:
        raise TreeCorruptError("this is no stored syntax tree")
    length, raw, packed, crc = _FRAME.unpack_from(data)
    middle = _FRAME.size + length
    if len(data) != middle + packed:
        raise TreeCorruptError("a stored syntax tree is cut short, or too long")
    if raw > MAX_DECLARATION_BYTES:
        raise TreeCorruptError("a stored syntax tree isn't as large as it says")
    tree = codec.decode(data[_FRAME.size : middle], content_hash)
    body = data[middle:]
    if zlib.crc32(body, raw) != crc:
        raise TreeCorruptError("the declarations of a stored syntax tree are damaged")
    nodes = len(tree)
    return ParsedFile(tree, PackedDeclarations(None, body, lambda packed: _read(packed, raw, nodes)))


def _read(body: bytes, raw: int, nodes: int) -> tuple[Declared, ...]:
    try:
        return _unpacked(codec.decompressed(body, raw), nodes)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise TreeCorruptError(f"the declarations of a stored syntax tree don't hold together: {error}") from error


def _packed(declarations: tuple[Declared, ...]) -> bytes:
    """Return the texts of declarations, then their numbers, column by column."""
    if not declarations:
        return b""
    small = np.array([[getattr(one, name) for one in declarations] for name in _SMALL], np.int32)
    hashes = np.array([[getattr(one, name) for one in declarations] for name in _HASHES], np.uint32)
    content = np.array([one.content for one in declarations], np.uint64)
    texts: bytes = msgpack.packb(
        [[one[at] for one in declarations] for at in range(_TEXTS)], unicode_errors="surrogatepass"
    )
    numbers = struct.pack("<I", len(declarations)) + small.tobytes() + hashes.tobytes() + content.tobytes()
    return numbers + b"".join(one.sketch for one in declarations) + texts


def _unpacked(packed: bytes, nodes: int) -> tuple[Declared, ...]:
    """Undo `_packed`; what can't be undone is a ValueError."""
    if not packed:
        return ()
    count = int.from_bytes(packed[:4], "little")
    end = 4 + count * _WIDTH
    if count == 0 or end > len(packed):
        raise ValueError("too short")
    small = np.frombuffer(packed, np.int32, len(_SMALL) * count, 4).reshape(len(_SMALL), count)
    at = 4 + small.nbytes
    hashes = np.frombuffer(packed, np.uint32, len(_HASHES) * count, at).reshape(len(_HASHES), count)
    at += hashes.nbytes
    content = np.frombuffer(packed, np.uint64, count, at).tolist()
    at += 8 * count
    sketches = [packed[begin : begin + SKETCH_SIZE] for begin in range(at, end, SKETCH_SIZE)]
    texts: list[Any] = msgpack.unpackb(packed[end:], unicode_errors="surrogatepass")
    start, stop, row, parent, complexity = small.tolist()
    exact, header, body = hashes.tolist()
    if not (0 <= min(row) <= max(row) < nodes and -1 <= min(parent) <= max(parent) < count):
        raise ValueError("a declaration without a place")
    if len(texts) != _TEXTS or any(len(column) != count for column in texts):
        raise ValueError("not as many names as declarations")
    if not all(isinstance(text, str) for column in texts for text in column):
        raise ValueError("a declaration without a name")
    return tuple(
        map(
            Declared, *texts, start, stop, row, parent, complexity, exact, content, header, body, sketches,
        )
    )  # fmt: skip
