"""Stable ids of units: a pure function of the file's path and bytes, so that a fresh index anywhere agrees.

A unit that declares something is known by its anchor (path, kind, qualified name, signature), so its id survives every
edit that leaves the anchor alone. What has no name of its own, and declarations whose anchors collide, are known by
anchor and text; only byte-identical twins need an ordinal.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from treeseek.model import DECLARATION_KINDS, Chunk

__all__ = ["chunk_ids", "content_hash", "file_id"]


def content_hash(data: bytes) -> str:
    """Return the hash that stands for a file's bytes, as 32 hex digits (BLAKE2b, 128 bits)."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _digest(*parts: str | bytes) -> str:
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "little") + raw)
    return digest.hexdigest()


def file_id(path: str) -> str:
    """Return the id of a file's own row."""
    return _digest("file", path)


def chunk_ids(path: str, chunks: Sequence[Chunk], texts: Sequence[bytes]) -> list[str]:
    """Return an id for each chunk of a file, all different."""
    anchors = [("unit", path, chunk.kind, chunk.name, chunk.signature) for chunk in chunks]
    named = [bool(chunk.declarations) and chunk.kind in DECLARATION_KINDS for chunk in chunks]
    claims = Counter(anchor for anchor, is_named in zip(anchors, named, strict=True) if is_named)
    seen: Counter[str] = Counter()
    ids = []
    for anchor, is_named, text in zip(anchors, named, texts, strict=True):
        unit = _digest(*anchor) if is_named and claims[anchor] == 1 else _digest(*anchor, text)
        twin = seen[unit]
        seen[unit] += 1
        ids.append(_digest(unit, str(twin)) if twin else unit)
    return ids
