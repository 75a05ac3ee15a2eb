"""Stable ids of units: a pure function of the file's path and bytes, so that a fresh index anywhere agrees.

A unit that declares something is known by its anchor (path, kind, qualified name, signature), so its id survives every
edit that leaves the anchor alone. What has no name of its own, and declarations whose anchors collide, are known by
anchor and text; only byte-identical twins need an ordinal.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from itertools import compress

from treeseek.model import DECLARATION_KINDS, Chunk

__all__ = ["chunk_ids", "content_hash", "file_id"]


def content_hash(data: bytes) -> str:
    """Return the hash that stands for a file's bytes, as 32 hex digits (BLAKE2b, 128 bits)."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _digest(raw: bytes) -> str:
    return hashlib.blake2b(raw, digest_size=12).hexdigest()


def file_id(path: str) -> str:
    """Return the id of a file's own row."""
    return _digest(f"file {path}".encode("utf-8", "surrogatepass"))


def chunk_ids(path: str, chunks: Sequence[Chunk], texts: Sequence[bytes]) -> list[str]:
    """Return an id for each chunk of a file, all different.

    What is hashed has the length of each part before it, so that no two anchors or texts make the same bytes.
    """
    within = f"unit {len(path)}:{path}"
    anchors = [
        f"{within}{kind} {len(name)}:{name}{len(signature)}:{signature}".encode("utf-8", "surrogatepass")
        for kind, name, signature, *_ in chunks
    ]
    named = [bool(chunk.declarations) and chunk.kind in DECLARATION_KINDS for chunk in chunks]
    claims = Counter(compress(anchors, named))
    seen: dict[str, int] = {}
    ids = []
    for anchor, is_named, text in zip(anchors, named, texts, strict=True):
        unit = _digest(anchor if is_named and claims[anchor] == 1 else b"%b%d:%b" % (anchor, len(text), text))
        twin = seen.get(unit, 0)
        seen[unit] = twin + 1
        ids.append(_digest(f"twin {unit} {twin}".encode()) if twin else unit)
    return ids
