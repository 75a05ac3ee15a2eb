"""The name under which a tree is kept: a hash of all that it depends on, and nothing else."""

from __future__ import annotations

import hashlib

__all__ = ["ADDRESS_BYTES", "address"]

ADDRESS_BYTES = 20


def address(content_hash: str, language: str, fingerprint: bytes) -> bytes:
    """Return the content address of a tree, `ADDRESS_BYTES` long.

    The parts are hashed with their lengths, so that no two different triples are hashed as the same bytes.
    """
    digest = hashlib.blake2b(digest_size=ADDRESS_BYTES)
    for part in (content_hash.encode(), language.encode(), fingerprint):
        digest.update(len(part).to_bytes(4, "little"))
        digest.update(part)
    return digest.digest()
