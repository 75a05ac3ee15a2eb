"""What a file's bytes give, as bytes of its own under its own address: packed exactly, read back whole or not at all.

An artifact is a mark, its address, a checksum, and a msgpack array: never code, and nothing that is believed before the
first three are. One of other bytes, of another language, or of another version of the analysis is as good as damaged.

The checksum is a CRC, which runs at three times the speed of a hash: it is there for what disks do, and has no secret
that would stop anybody who may write to the user's files.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgpack
import numpy as np

from treeseek.cache.address import address
from treeseek.indexing.analyse import DIGEST_BYTES, FINGERPRINT, Content
from treeseek.model import Chunk
from treeseek.syntax.languages import LANGUAGES
from treeseek.tokens import TermRows

__all__ = ["address_of", "is_lasting", "pack", "unpack"]

MARK = b"tsa1"
"""Changes with the layout."""
_LASTING = ("", "parse-errors")
"""Outcomes that the bytes alone decide. A parse that took too long, or its process's life, may do better elsewhere."""


def address_of(digest: str, language: str, embedder: str) -> bytes:
    """Return the address of what bytes of that `content_hash` give, read as that language: 20 bytes.

    It changes with everything that decides what they give: the embedder (its identity, as text), our analysis, and the
    release of the language's parser.
    """
    return address(digest, language, _fingerprint(language, embedder))


@cache
def _fingerprint(language: str, embedder: str) -> bytes:
    row = LANGUAGES.get(language)
    parsers = ["tree_sitter", row.module] if row is not None and row.reader == "syntax" else []
    return "/".join([FINGERPRINT, embedder, *map(_release, parsers)]).encode()


def _release(package: str) -> str:
    try:
        return f"{package}-{version(package)}"
    except PackageNotFoundError:  # bundled some other way, with which it is released
        return package


def is_lasting(content: Content) -> bool:
    """Whether the same bytes will always give this, on any machine."""
    return content.fallback in _LASTING


def pack(content: Content, key: bytes) -> bytes:
    """Return the artifact of a content, to be kept under the address `key`."""
    terms = content.terms
    parts = (
        content.fallback,
        content.chunks,
        content.declared,
        b"".join(content.digests),
        terms.terms.astype("<u4", copy=False).tobytes(),
        terms.counts.tobytes(),
        terms.offsets.astype("<u4").tobytes(),
        content.vectors.astype("<f4", copy=False).tobytes(),
    )
    body: bytes = msgpack.packb(parts, unicode_errors="surrogatepass")
    return b"".join((*_head(body, key), body))


def unpack(data: bytes, key: bytes, dims: int) -> Content | None:
    """Return what `pack` was given for the same address; None if it is damaged, or something else."""
    head_bytes = len(MARK) + len(key) + 4
    body = memoryview(data)[head_bytes:]
    if data[:head_bytes] != b"".join(_head(body, key)):
        return None
    try:
        return _content(dims, *msgpack.unpackb(body, unicode_errors="surrogatepass", use_list=False))
    except (ValueError, TypeError, msgpack.UnpackException):
        return None


def _head(body: bytes | memoryview, key: bytes) -> tuple[bytes, bytes, bytes]:
    return MARK, key, zlib.crc32(body).to_bytes(4, "little")


def _content(
    dims: int, fallback: str, chunks: Sequence[Any], declared: Sequence[Any], digests: bytes, terms: bytes,
    counts: bytes, offsets: bytes, vectors: bytes,
) -> Content:  # fmt: skip
    """Put the parts together. Raises ValueError or TypeError if they don't fit."""
    rows = TermRows(
        np.frombuffer(terms, "<u4"), np.frombuffer(counts, np.uint8), np.frombuffer(offsets, "<u4").astype(np.int64)
    )
    content = Content(
        fallback,
        list(map(Chunk._make, chunks)),
        declared,
        [digests[i : i + DIGEST_BYTES] for i in range(0, len(digests), DIGEST_BYTES)],
        rows,
        np.frombuffer(vectors, "<f4").reshape(len(digests) // DIGEST_BYTES, dims),
    )
    sizes = {len(content.chunks), len(content.digests), len(content.vectors), len(rows.offsets) - 1}
    numbered = max((number for chunk in content.chunks for number in chunk.declarations), default=-1)
    if len(sizes) > 1 or not len(rows.terms) == len(rows.counts) == rows.offsets[-1] or numbered >= len(declared):
        raise ValueError("the parts of an artifact don't fit")
    return content
