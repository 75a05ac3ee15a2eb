"""What ids are made of: no more than hashing, so that indexing doesn't load the machinery of trees for it."""

from __future__ import annotations

import hashlib

__all__ = ["anchor", "digest", "file_id"]


def digest(raw: bytes) -> str:
    """Return the id that stands for some bytes: 24 hex digits (BLAKE2b, 96 bits)."""
    return hashlib.blake2b(raw, digest_size=12).hexdigest()


def file_id(path: str) -> str:
    """Return the id of a file as such, whatever is in it."""
    return digest(f"file {path}".encode("utf-8", "surrogatepass"))


def anchor(path: str, kind: str, name: str, signature: str) -> bytes:
    """Return what a declaration is known by; each part has its length before it, so no two anchors make the same."""
    text = f"unit {len(path)}:{path}{kind} {len(name)}:{name}{len(signature)}:{signature}"
    return text.encode("utf-8", "surrogatepass")
