"""Which words get a vector? And what becomes of those that have none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treeseek.embedding.pieces import split
from treeseek.learning.bags import Bags, Examples

__all__ = ["Numbering", "choose"]

MAX_WORD_CHARS = 24
MIN_REPOSITORIES = 2
ENOUGH_REPOSITORIES = 6
"""Words that so many repositories have are ordered by how often they stand there."""


def choose(examples: Examples, size: int, *, min_repositories: int = MIN_REPOSITORIES) -> list[str]:
    """Return the words that get a vector: those of the most repositories, then the most frequent."""
    counts = np.zeros(len(examples.words), np.int64)
    spread = np.zeros(len(examples.words), np.int64)
    for bags in (examples.query, examples.text):
        counts += np.bincount(bags.ids, minlength=len(counts))
    for repo in np.unique(examples.repo):
        chosen = np.flatnonzero(examples.repo == repo)
        ids = np.concatenate([examples.query.take(chosen).ids, examples.text.take(chosen).ids])
        spread[np.unique(ids)] += 1
    order = np.lexsort((np.arange(len(counts)), -counts, -np.minimum(spread, ENOUGH_REPOSITORIES)))
    fit = [i for i in order.tolist() if spread[i] >= min_repositories and _is_word(examples.words[i])]
    return [examples.words[i] for i in fit[:size]]


def _is_word(word: str) -> bool:
    # What couldn't be decoded is one character in a text, and other bytes in the file that it came from.
    return len(word) <= MAX_WORD_CHARS and not (word.isdigit() and len(word) > 4) and "\ufffd" not in word


@dataclass(slots=True)
class Numbering:
    """The words of a model by number; a word that it lacks is split into those that it has, if it can be."""

    vocabulary: Sequence[str]
    split_unknown: bool = True
    _numbers: dict[str, int] = field(init=False)
    _of_unknown: dict[str, list[int]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._numbers = {word: number for number, word in enumerate(self.vocabulary)}

    def of(self, bags: Bags, words: Sequence[str]) -> Bags:
        """Return bags with the model's numbers in place of those of `words`."""
        first = np.empty(len(words), np.int64)
        parts: list[Sequence[int]] = []
        for i, word in enumerate(words):
            number = self._numbers.get(word)
            pieces = [number] if number is not None else self._pieces(word)
            parts.append(pieces)
            first[i] = pieces[0] if len(pieces) == 1 else -1
        lengths = np.array([len(part) for part in parts], np.int64)
        if lengths.max(initial=0) <= 1:
            return bags.renamed(first)
        return _expanded(bags, parts, lengths)

    def _pieces(self, word: str) -> list[int]:
        found = self._of_unknown.get(word)
        if found is None:
            pieces = split(word, self._numbers) if self.split_unknown else []
            found = self._of_unknown[word] = [self._numbers[piece] for piece in pieces]
        return found


def _expanded(bags: Bags, parts: Sequence[Sequence[int]], lengths: NDArray[np.int64]) -> Bags:
    flat = np.array([number for part in parts for number in part], np.int32)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    each = lengths[bags.ids]
    ends = np.concatenate([[0], np.cumsum(each)])
    at = np.repeat(starts[bags.ids] - ends[:-1], each) + np.arange(ends[-1])
    counts: NDArray[Any] = bags.counts
    return Bags(flat[at], np.repeat(counts, each), ends[bags.offsets])
