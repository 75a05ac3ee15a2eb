"""What does an unknown word say? The known words that it is made of: `getaddrinfo` is get, addr, info."""

from __future__ import annotations

from collections.abc import Container

__all__ = ["MAX_PIECES", "split"]

MIN_PIECE = 3
MAX_WORD = 32
MAX_PIECES = 4


def split(word: str, known: Container[str]) -> list[str]:
    """Return the fewest known pieces that make up a lower-case word, of as few the longest last; [] if none do.

    A piece has at least MIN_PIECE letters, and there are at most MAX_PIECES of them.
    """
    n = len(word)
    if not 2 * MIN_PIECE <= n <= MAX_WORD or not word.isalpha():
        return []
    best: list[list[str] | None] = [None] * n + [[]]  # of the word from i on
    for i in range(n - MIN_PIECE, -1, -1):
        for j in range(i + MIN_PIECE, n + 1):
            rest = best[j]
            if rest is None or len(rest) >= MAX_PIECES or word[i:j] not in known:
                continue
            found = best[i]
            if found is None or len(rest) + 1 < len(found):
                best[i] = [word[i:j], *rest]
    return best[0] or []
