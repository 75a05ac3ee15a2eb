"""How a syntax tree is stored: a header that says whose tree it is, and one compressed body of packed columns.

    frame      magic, format version, length and CRC-32 of the header: the same in every version
    header     node count, content hash, digest of the grammar's names, lengths and CRC-32 of the body;
               language, name and version of the grammar
    body       a zstd frame of the sections below, one after the other

Few distinct (kind, field, flags) occur in a file, so a node is a number into a table of them: mostly one byte. A leaf
whose text always has one length (`(`, `return`) has it in that table. A node's start is its distance from the end of
the node before it, if that was a leaf, or else from its start. Only inner nodes have a size other than 1, and a node
ends where the last leaf inside it does, but for exceptions, which are listed. Numbers below 255 take a byte; for the
others it holds 255, and they stand apart. All of this is undone without a loop, in about 12 ns a node.
"""

from __future__ import annotations

import struct
import threading
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import zstandard

from treeseek.errors import TreeCorruptError, TreeMismatchError
from treeseek.syntax.grammars import Vocabulary, vocabulary
from treeseek.syntax.languages import LANGUAGES
from treeseek.syntax.tree import SyntaxTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["FORMAT_VERSION", "compressed", "decode", "decompressed", "encode"]

FORMAT_VERSION = 1
MAX_NODES = 1 << 26
"""More than this in one file isn't believed: it bounds what a damaged header could make the decoder allocate."""

_MAGIC = b"TSKT"
_FRAME = struct.Struct("<4sHHI")
_HEADER = struct.Struct("<I16s8sHIIIIIIIBBB")
_LEVEL = 3
_VARIES, _IS_LEAF = 64, 128
"""In the table of symbols, beside the flags: a leaf whose length varies; a leaf."""
_LARGE = 255
_MOST_BYTES_A_NODE = 32


@dataclass(frozen=True, slots=True)
class _Header:
    """What a stored tree says of itself. All counts are of values, `body` and `raw` of bytes."""

    nodes: int
    content: bytes
    digest: bytes
    symbols: int
    large_sizes: int
    large_gaps: int
    large_lengths: int
    exceptions: int
    raw: int
    body: int
    body_crc: int
    language: str
    grammar: str
    version: str

    def pack(self) -> bytes:
        """Return frame and header."""
        names = [name.encode() for name in (self.language, self.grammar, self.version)]
        fixed = _HEADER.pack(
            self.nodes, self.content, self.digest, self.symbols, self.large_sizes, self.large_gaps,
            self.large_lengths, self.exceptions, self.raw, self.body, self.body_crc, *map(len, names),
        )  # fmt: skip
        header = fixed + b"".join(names)
        start = _FRAME.pack(_MAGIC, FORMAT_VERSION, len(header), 0)[:-4]
        return start + struct.pack("<I", zlib.crc32(header, zlib.crc32(start))) + header

    @classmethod
    def unpack(cls, data: bytes) -> _Header:
        """Read frame and header.

        Raises:
            TreeCorruptError, TreeMismatchError: as `decode`.
        """
        if len(data) < _FRAME.size or data[:4] != _MAGIC:
            raise TreeCorruptError("this is no stored syntax tree")
        _, version, length, crc = _FRAME.unpack_from(data)
        end = _FRAME.size + length
        if len(data) < end or zlib.crc32(data[_FRAME.size : end], zlib.crc32(data[: _FRAME.size - 4])) != crc:
            raise TreeCorruptError("a stored syntax tree is damaged in its header")
        if version != FORMAT_VERSION:
            raise TreeMismatchError(f"a syntax tree of format {version}; this treeseek reads {FORMAT_VERSION}")
        if length < _HEADER.size:
            raise TreeCorruptError("a stored syntax tree has too short a header")
        counts = _HEADER.unpack_from(data, _FRAME.size)
        language, grammar, release = counts[-3:]
        if length != _HEADER.size + language + grammar + release:
            raise TreeCorruptError("a stored syntax tree has a header of the wrong length")
        names = data[_FRAME.size + _HEADER.size : end].decode("utf-8", "replace")
        first, second = language, language + grammar
        values: list[Any] = [*counts[:-3], names[:first], names[first:second], names[second:]]
        return cls(*values)

    @property
    def words(self) -> int:
        """How many 4-byte numbers the body begins with."""
        return self.symbols + self.large_sizes + self.large_gaps + self.large_lengths + 2 * self.exceptions

    @property
    def halves(self) -> int:
        """How many 2-byte numbers follow; the rest are bytes."""
        return 2 * self.symbols + (self.nodes if self.symbols > 256 else 0)

    def check(self, vocabulary_now: Vocabulary) -> None:
        """Refuse a tree of another grammar than the one that is installed."""
        now = vocabulary_now
        if (self.grammar, self.version, self.digest) != (now.grammar, now.version, now.digest):
            raise TreeMismatchError(
                f"a syntax tree of grammar {self.grammar} {self.version}; installed is {now.grammar} {now.version}"
            )


def encode(tree: SyntaxTree, content_hash: str) -> bytes:
    """Return the stored form of a tree, without its source.

    `content_hash` stands for the bytes that the tree is of: 32 hex digits. The same tree gives the same bytes.
    """
    is_leaf = tree.size == 1
    leaf, inner = np.flatnonzero(is_leaf), np.flatnonzero(~is_leaf)
    keys = tree.kind | tree.field.astype(np.uint64) << 16 | tree.flags.astype(np.uint64) << 32
    table, symbol = np.unique(keys | is_leaf.astype(np.uint64) << 39, return_inverse=True)
    length = (tree.end - tree.start)[leaf]
    fixed, varies = _fixed_lengths(symbol[leaf], length, len(table))
    advance = np.zeros(len(tree), np.int32)
    advance[leaf] = length
    gap = np.diff(tree.start, prepend=np.int32(0))
    gap[1:] -= advance[:-1]
    last = np.arange(len(tree)) + tree.size - 1
    beyond = tree.end - tree.end[last]
    exceptional = np.flatnonzero(beyond)
    lengths = length[varies[symbol[leaf]]]
    sizes, large_sizes = _split(tree.size[inner])
    gaps, large_gaps = _split(gap)
    short, large_lengths = _split(lengths)
    marks = (table >> np.uint64(32)).astype(np.uint8) | varies * np.uint8(_VARIES)
    sections = (
        fixed, large_sizes, large_gaps, large_lengths, exceptional.astype(np.int32), beyond[exceptional],
        table.astype(np.uint16), (table >> np.uint64(16)).astype(np.uint16),
        symbol.astype(np.uint8 if len(table) <= 256 else np.uint16), marks, sizes, gaps, short,
    )  # fmt: skip
    raw = b"".join(section.tobytes() for section in sections)
    body = compressed(raw)
    names = tree.vocabulary
    header = _Header(
        len(tree), bytes.fromhex(content_hash), names.digest, len(table), len(large_sizes), len(large_gaps),
        len(large_lengths), len(exceptional), len(raw), len(body), zlib.crc32(body), tree.language, names.grammar,
        names.version,
    )  # fmt: skip
    return header.pack() + body


def _fixed_lengths(symbol: Array, length: Array, count: int) -> tuple[Array, Array]:
    """Return the length that all leaves of each symbol have, 0 where they differ, and where that is."""
    shortest, longest = np.full(count, np.iinfo(np.int32).max, np.int32), np.full(count, -1, np.int32)
    np.minimum.at(shortest, symbol, length)
    np.maximum.at(longest, symbol, length)
    return np.where(shortest == longest, shortest, 0).astype(np.int32), longest > shortest


def _split(values: Array) -> tuple[Array, Array]:
    """Return a byte for each value, and those that don't fit in one (below 0 counts as large)."""
    is_large = values.view(np.uint32) >= _LARGE
    return np.where(is_large, _LARGE, values).astype(np.uint8), values[is_large]


def decode(data: bytes, content_hash: str | None = None) -> SyntaxTree:
    """Return the tree that `encode` stored, without its source.

    Raises:
        TreeCorruptError: a bit flipped, something is missing, or it never was a stored tree.
        TreeMismatchError: it is of another text than `content_hash` says, of another release of the grammar, or in
            another format.
    """
    header = _Header.unpack(data)
    if content_hash is not None and header.content.hex() != content_hash:
        raise TreeMismatchError(f"a syntax tree of the text {header.content.hex()}, not of {content_hash}")
    row = LANGUAGES.get(header.language)
    if row is None or row.reader != "syntax":
        raise TreeMismatchError(f"a syntax tree of a language that isn't read here: {header.language!r}")
    names = vocabulary(header.language)
    header.check(names)
    body = _body(header, data)
    try:
        return _columns(header, names, body)
    except (ValueError, IndexError) as error:
        raise TreeCorruptError(f"a stored syntax tree doesn't hold together: {error}") from error


def _body(header: _Header, data: bytes) -> bytes:
    """Return the sections, decompressed."""
    start = len(data) - header.body
    if start != _FRAME.size + _FRAME.unpack_from(data)[2]:
        raise TreeCorruptError("a stored syntax tree is cut short, or too long")
    body = data[start:]
    if zlib.crc32(body) != header.body_crc:
        raise TreeCorruptError("a stored syntax tree is damaged in its body")
    if not 2 * header.nodes <= header.raw <= _MOST_BYTES_A_NODE * header.nodes or header.nodes > MAX_NODES:
        raise TreeCorruptError("a stored syntax tree isn't as large as it says")
    return decompressed(body, header.raw)


def compressed(raw: bytes) -> bytes:
    """Return bytes as a zstd frame."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(raw)


def decompressed(body: bytes, size: int) -> bytes:
    """Return the bytes that a zstd frame holds, `size` of them.

    Raises:
        TreeCorruptError: it is no frame, or holds another number of bytes.
    """
    try:
        if zstandard.frame_content_size(body) != size:
            raise TreeCorruptError("a stored syntax tree isn't as large as it says")
        return _per_thread.zstd().decompress(body)
    except zstandard.ZstdError as error:
        raise TreeCorruptError(f"a stored syntax tree can't be decompressed: {error}") from error


class _Decompressors(threading.local):
    """One decompressor a thread: making one costs more than using it, and threads can't share it."""

    found: zstandard.ZstdDecompressor | None = None

    def zstd(self) -> zstandard.ZstdDecompressor:
        if self.found is None:
            self.found = zstandard.ZstdDecompressor()
        return self.found


_per_thread = _Decompressors()


def _columns(header: _Header, names: Vocabulary, raw: bytes) -> SyntaxTree:
    """Undo what `encode` did; what can't be undone is a ValueError or an IndexError.

    Small files are many, and for them it is the number of steps that costs: hence views of three blocks.
    """
    nodes, symbols = header.nodes, header.symbols
    pair = np.uint8 if symbols <= 256 else np.uint16
    words = np.frombuffer(raw, np.int32, header.words)
    halves = np.frombuffer(raw, np.uint16, header.halves, 4 * header.words)
    octets = np.frombuffer(raw, np.uint8, -1, 4 * header.words + 2 * header.halves)
    kinds, fields, wide = halves[:symbols], halves[symbols : 2 * symbols], halves[2 * symbols :]
    symbol = octets[:nodes] if pair is np.uint8 else wide
    at = nodes if pair is np.uint8 else 0
    marks = octets[at : at + symbols].take(symbol)
    at += symbols
    if int(kinds.max()) >= len(names.kinds) or int(fields.max()) >= len(names.fields):
        raise ValueError("a kind or field that the grammar doesn't have")
    inner = (marks < _IS_LEAF).nonzero()[0]
    large = symbols
    size = np.ones(nodes, np.int32)
    size[inner] = _joined(octets[at : at + len(inner)], words[large : large + header.large_sizes])
    at += len(inner)
    large += header.large_sizes
    start = _joined(octets[at : at + nodes], words[large : large + header.large_gaps])
    at += nodes
    large += header.large_gaps
    length = words[:symbols].take(symbol)
    varying = (marks & _VARIES).nonzero()[0]
    if len(octets) != at + len(varying):
        raise ValueError("sections of other lengths than the header says")
    length[varying] = _joined(octets[at:], words[large : large + header.large_lengths])
    large += header.large_lengths
    start[1:] += length[:-1]
    np.add.accumulate(start, out=start)
    last = size - 1
    last += np.arange(nodes, dtype=np.int32)
    end = (start + length).take(last)
    if header.exceptions:
        end[words[large : large + header.exceptions]] += words[large + header.exceptions :]
    if (
        int(size.min()) < 1
        or size[0] != nodes
        or int(start.min()) < 0
        or int(end.max()) > end[0]
        or (end < start).any()
    ):
        raise ValueError("a node without a place")
    return SyntaxTree(
        header.language, names, kind=kinds.take(symbol), field=fields.take(symbol), flags=marks & np.uint8(15),
        start=start, end=end, size=size,
    )  # fmt: skip


def _joined(small: Array, large: Array) -> Array:
    """Undo `_split`."""
    values: Array = small.astype(np.int32)
    places = (small == _LARGE).nonzero()[0]
    if len(places) != len(large):
        raise ValueError("numbers are missing, or too many")
    values[places] = large
    return values
