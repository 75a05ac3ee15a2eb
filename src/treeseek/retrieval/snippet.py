"""Which lines of a text speak to the query, and how much of the query do they cover together?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from treeseek.retrieval.corpus import Corpus
from treeseek.retrieval.query import Query
from treeseek.tokens import occurrences

__all__ = ["Speech", "Words", "heard"]

MAX_LINES = 6


@dataclass(frozen=True, slots=True)
class Words:
    """What is listened for: `terms`, ascending, each with the word that it is a form of; and each word's `mass`.

    `total` is what the words that the query spells weigh together, with those that occur nowhere.
    """

    terms: NDArray[np.uint32]
    word: NDArray[np.int64]
    mass: NDArray[np.float64]
    total: float

    @classmethod
    def of(cls, corpus: Corpus, query: Query) -> Words:
        """Take a query's words with their variants, and the identifiers that it spells or that its words make.

        A word weighs as much as its rarest form does: the logarithm of how few files have it.
        """
        groups = [*query.terms, *(np.array([term], np.uint32) for term in (*query.identifiers, *query.phrases))]
        terms, first = np.unique(np.concatenate(groups), return_index=True)
        owner = np.repeat(np.arange(len(groups)), [len(group) for group in groups])[first]
        mass = np.zeros(len(groups))
        np.maximum.at(mass, owner, _rarity(corpus, terms))
        spelled = mass[: len(query.terms) + len(query.identifiers)]
        unseen = np.log1p(2 * len(corpus.path) + 1)
        return cls(terms, owner, mass, float(np.where(spelled > 0, spelled, unseen).sum()))


def _rarity(corpus: Corpus, terms: NDArray[np.uint32]) -> NDArray[np.float64]:
    vocabulary = corpus.chunks.vocabulary
    if not len(vocabulary):
        return np.zeros(len(terms))
    at = np.minimum(np.searchsorted(vocabulary, terms), len(vocabulary) - 1)
    frequency = corpus.document_frequency[at].astype(np.float64)
    rarity = np.log1p((len(corpus.path) - frequency + 0.5) / (frequency + 0.5))
    return np.where(vocabulary[at] == terms, rarity, 0.0)


@dataclass(frozen=True, slots=True)
class Speech:
    """What the lines of one text, of which the first has the number `start`, say of the words: lines x words."""

    start: int
    says: NDArray[np.bool_]
    words: Words

    def covered(self, first: int, last: int) -> float:
        """Return the share of the words' mass that these lines have between them; 1 and more if all of it."""
        lines = self.says[max(first - self.start, 0) : max(last - self.start + 1, 0)]
        return float(self.words.mass @ lines.any(axis=0)) / (self.words.total or 1.0)

    def loudest(self, first: int, last: int) -> tuple[int, ...]:
        """Return the numbers of at most six of these lines, ascending: those whose words weigh most."""
        begin = max(first - self.start, 0)
        lines = self.says[begin : max(last - self.start + 1, 0)] @ self.words.mass
        best = np.argsort(-lines, kind="stable")[:MAX_LINES]
        return tuple(sorted(int(line) + begin + self.start for line in best if lines[line] > 0))


def heard(texts: Sequence[str], starts: Sequence[int], words: Words) -> list[Speech]:
    """Return what each text says; `starts` are the numbers of their first lines."""
    lines = [text.split("\n") for text in texts]
    said, terms = occurrences([line.encode("utf-8", "replace") for text in lines for line in text])
    says = np.zeros((sum(map(len, lines)), len(words.mass)), np.bool_)
    if len(words.terms):
        at = np.minimum(np.searchsorted(words.terms, terms), len(words.terms) - 1)
        known = np.flatnonzero(words.terms[at] == terms)
        says[said[known], words.word[at[known]]] = True
    found, first = [], 0
    for text, start in zip(lines, starts, strict=True):
        found.append(Speech(start, says[first : first + len(text)], words))
        first += len(text)
    return found
