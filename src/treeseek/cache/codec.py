"""What the cache must be able to do with a tree, without knowing what one is."""

from __future__ import annotations

from typing import Protocol, TypeVar

__all__ = ["TreeCodec"]

Live = TypeVar("Live")
T = TypeVar("T")


class TreeCodec(Protocol[Live, T]):
    """Parses, packs and measures trees. Threads share it, and the cache calls it without holding a lock.

    `Live` is a parser's own tree with the bytes it is of; `T` is the same tree as columns, immutable, without the
    bytes. Sizes are in bytes of memory really taken, with the overhead of objects.
    """

    def fingerprint(self, language: str) -> bytes:
        """Return what changes with the grammar of a language or the format of encoded trees. Called at each look-up."""
        ...

    def parse(self, data: bytes, language: str) -> Live | None:
        """Return the tree of `data`, or None if it can't be parsed in time."""
        ...

    def reparse(self, live: Live, data: bytes) -> Live | None:
        """Return the tree of `data`, made from that of an earlier version of the text, which stays what it was."""
        ...

    def columns(self, live: Live) -> T:
        """Return the columns of a live tree."""
        ...

    def encode(self, tree: T, content_hash: str) -> bytes:
        """Return the stored form of a tree; `content_hash` stands for the bytes it is of."""
        ...

    def decode(self, data: bytes, content_hash: str) -> T:
        """Undo `encode`. Raises TreeError for what is damaged, of other bytes, or of another grammar."""
        ...

    def nbytes(self, tree: T) -> int:
        """Return the memory that a tree takes now; the cache asks again at later accesses."""
        ...

    def live_nbytes(self, live: Live) -> int:
        """Return the memory that a live tree takes, its bytes included."""
        ...
