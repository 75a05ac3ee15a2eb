"""What goes into one request? As many texts as a provider takes, by number and by tokens."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["Batch", "Capacity", "Estimate", "batches", "size_of"]


@dataclass(frozen=True, slots=True)
class Capacity:
    """What goes into one request, and what of one text: 0 is no bound. `price` is in dollars for a million tokens."""

    texts: int = 1
    tokens: int = 0
    chars: int = 0
    price: float | None = None


class Estimate:
    """Tokens by bytes of text, corrected by what the provider counted. Errs high at first: code has about a token for
    four bytes.
    """

    def __init__(self) -> None:
        self._bytes, self._tokens = 3_000.0, 1_000.0

    def of(self, size: int) -> int:
        """Return about how many tokens so many bytes have."""
        return max(1, math.ceil(size * self._tokens / self._bytes))

    def correct(self, size: int, tokens: int) -> None:
        """Take into account what was counted for so many bytes."""
        keep = 0.999 ** (size / 1_000)  # the last megabyte of text counts for most of it
        self._bytes, self._tokens = self._bytes * keep + size, self._tokens * keep + tokens


@dataclass(frozen=True, slots=True)
class Batch:
    """Some texts by their numbers, and what became of sending them so far."""

    numbers: tuple[int, ...]
    texts: tuple[str, ...]
    is_shortened: bool = False

    @property
    def size(self) -> int:
        """How many bytes of UTF-8 the texts have."""
        return sum(map(size_of, self.texts))

    def halves(self) -> list[Batch]:
        """Return two batches of half as many texts."""
        middle = len(self.numbers) // 2
        return [Batch(self.numbers[:middle], self.texts[:middle]), Batch(self.numbers[middle:], self.texts[middle:])]

    def shortened(self) -> Batch:
        """Return the batch with half of its only text."""
        return Batch(self.numbers, (self.texts[0][: len(self.texts[0]) // 2],), is_shortened=True)


def size_of(text: str) -> int:
    """Return how many bytes of UTF-8 a text has."""
    return len(text.encode("utf-8", "replace"))


def batches(texts: Iterable[tuple[int, str]], capacity: Capacity, estimate: Estimate) -> Iterator[Batch]:
    """Cut numbered texts into batches, in order, that keep to a provider's bounds. One that is too large goes alone."""
    numbers: list[int] = []
    kept: list[str] = []
    tokens = 0
    for number, text in texts:
        more = estimate.of(size_of(text))
        is_over = bool(capacity.tokens) and tokens + more > capacity.tokens
        if kept and (is_over or len(kept) == capacity.texts):
            yield Batch(tuple(numbers), tuple(kept))
            numbers, kept, tokens = [], [], 0
        numbers.append(number)
        kept.append(text)
        tokens += more
    if kept:
        yield Batch(tuple(numbers), tuple(kept))
