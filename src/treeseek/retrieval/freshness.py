"""Is a hit's file still what was indexed? Its bytes tell, or its times if it has rested since they were read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from treeseek.errors import UnreadableError
from treeseek.model import Hit
from treeseek.workspace import RootReader, open_root

__all__ = ["checked_against"]


def checked_against(root: Path, hits: Sequence[Hit], max_bytes: int) -> list[Hit]:
    """Return the hits, those marked as not fresh whose file has other bytes now, is gone or can't be read."""
    try:
        with open_root(root) as reader:
            fresh = {path: _is_fresh(reader, path, digest, max_bytes)
                     for path, digest in {(hit.path, hit.content_hash) for hit in hits}}  # fmt: skip
    except UnreadableError:
        fresh = {}
    return [hit if fresh.get(hit.path, False) else replace(hit, is_fresh=False) for hit in hits]


def _is_fresh(reader: RootReader, path: str, digest: str, max_bytes: int) -> bool:
    try:
        return reader.digest(path, max_bytes) == digest
    except UnreadableError:
        return False
