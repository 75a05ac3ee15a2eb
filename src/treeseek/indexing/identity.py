"""Stable ids of units: a pure function of the file's path and bytes, so that a fresh index anywhere agrees.

A unit that declares something has the id of its declaration's anchor, so its id survives every edit that leaves the
anchor alone. What has no name of its own, and units whose anchors collide (the pieces of a long function), are known by
anchor and text; only byte-identical twins need an ordinal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import compress

from treeseek.model import DECLARATION_KINDS, Chunk
from treeseek.syntax.anchors import anchor, digest, file_id
from treeseek.workspace import content_hash

__all__ = ["chunk_ids", "content_hash", "file_id"]


def chunk_ids(path: str, chunks: Sequence[Chunk], texts: Sequence[bytes]) -> list[str]:
    """Return an id for each chunk of a file, all different."""
    anchors = [anchor(path, kind, name, signature) for kind, name, signature, *_ in chunks]
    named = [bool(chunk.declarations) and chunk.kind in DECLARATION_KINDS for chunk in chunks]
    claims = Counter(compress(anchors, named))
    seen: dict[str, int] = {}
    ids = []
    for known_by, is_named, text in zip(anchors, named, texts, strict=True):
        unit = digest(known_by if is_named and claims[known_by] == 1 else b"%b%d:%b" % (known_by, len(text), text))
        twin = seen.get(unit, 0)
        seen[unit] = twin + 1
        ids.append(digest(f"twin {unit} {twin}".encode()) if twin else unit)
    return ids
