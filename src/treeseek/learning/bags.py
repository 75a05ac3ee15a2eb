"""Pairs as numbers: how often each word stands in a query, in a text and in a path."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from treeseek.learning.pairs import KINDS, Pair
from treeseek.tokens import HashTable, batches

__all__ = ["Bags", "Examples", "Lexicon", "joined", "path_words"]

MAX_QUERY_CHARS = 400
PATH_PARTS = 3


def path_words(path: str) -> str:
    """Return the last parts of a path, which are what is embedded of it."""
    return "/".join(path.split("/")[-PATH_PARTS:])


class Lexicon:
    """Every word met so far, numbered in that order."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._numbers = HashTable(1 << 16)

    def bags(self, texts: Sequence[str]) -> Bags:
        """Count the words of texts; new ones are taken up."""
        parts = []
        for batch in batches([text.encode("utf-8", "replace") for text in texts]):
            ids = self._numbers.get(batch.hash)
            unknown = np.flatnonzero(ids < 0)
            if len(unknown):
                fresh, first = np.unique(batch.hash[unknown], return_index=True)
                order = np.argsort(first)
                self._numbers.add(fresh[order], np.arange(len(fresh)) + len(self.words))
                self.words += [batch.word(i) for i in unknown[first[order]].tolist()]
                ids[unknown] = self._numbers.get(batch.hash[unknown])
            keys = (batch.text << 32) | ids
            keys.sort()
            first = np.flatnonzero(np.diff(keys, prepend=-1))
            counts = np.minimum(np.diff(first, append=len(keys)), 255).astype(np.uint8)
            offsets = np.searchsorted(keys[first] >> 32, np.arange(batch.texts + 1))
            parts.append(Bags((keys[first] & 0xFFFFFFFF).astype(np.int32), counts, offsets))
        return Bags.concatenate(parts)


@dataclass(frozen=True, slots=True)
class Bags:
    """Bag i holds the words `ids[offsets[i]:offsets[i + 1]]`, each as often as `counts` says.

    Where these are no whole numbers they are weights already.
    """

    ids: NDArray[np.int32]
    counts: NDArray[np.uint8] | NDArray[np.float32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @classmethod
    def concatenate(cls, parts: Sequence[Bags]) -> Bags:
        """Join bags, in order."""
        if not parts:
            return cls(np.zeros(0, np.int32), np.zeros(0, np.uint8), np.zeros(1, np.int64))
        lengths = np.concatenate([np.diff(part.offsets) for part in parts])
        return cls(
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.counts for part in parts]),
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        )

    def take(self, chosen: NDArray[np.int64]) -> Bags:
        """Return some of the bags."""
        lengths = np.diff(self.offsets)[chosen]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        at = np.repeat(self.offsets[chosen] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return Bags(self.ids[at], self.counts[at], offsets)

    def renamed(self, numbers: NDArray[np.int64]) -> Bags:
        """Return the bags with word i called `numbers[i]`; words called -1 are left out."""
        ids = numbers[self.ids]
        kept = ids >= 0
        offsets = np.concatenate([[0], np.cumsum(kept)])[self.offsets]
        return Bags(ids[kept].astype(np.int32), self.counts[kept], offsets.astype(np.int64))

    def hashes(self, words: Sequence[str]) -> NDArray[np.uint64]:
        """Return a number for each bag, equal where the words and counts are, whatever they are numbered."""
        own = np.array(
            [int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little") for word in words],
            np.uint64,
        )
        mixed = own[self.ids] * (2 * self.counts.astype(np.uint64) + np.uint64(1))
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed, dtype=np.uint64)])
        hashes: NDArray[np.uint64] = sums[self.offsets[1:]] - sums[self.offsets[:-1]]
        return hashes


@dataclass(frozen=True, slots=True)
class Examples:
    """Pairs of one or several repositories, a row each. `words` names what the bags number; `repo` says which
    repository a pair is from, and `kind` is its number in KINDS.
    """

    words: list[str]
    query: Bags
    text: Bags
    path: Bags
    kind: NDArray[np.int8]
    repo: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.kind)

    @classmethod
    def of(cls, pairs: Sequence[Pair], repo: int = 0) -> Examples:
        """Count the words of pairs; those with less than 2 words asked or 6 in the text are left out."""
        lexicon = Lexicon()
        query = lexicon.bags([pair.query[:MAX_QUERY_CHARS] for pair in pairs])
        text = lexicon.bags([pair.text for pair in pairs])
        path = lexicon.bags([path_words(pair.path) for pair in pairs])
        kind = np.array([KINDS.index(pair.kind) for pair in pairs], np.int8)
        whole = cls(lexicon.words, query, text, path, kind, np.full(len(pairs), repo, np.int16))
        return whole.take(np.flatnonzero((np.diff(query.offsets) >= 2) & (np.diff(text.offsets) >= 6)))

    def take(self, chosen: NDArray[np.int64]) -> Examples:
        """Return some of the pairs."""
        return Examples(
            self.words, self.query.take(chosen), self.text.take(chosen), self.path.take(chosen), self.kind[chosen],
            self.repo[chosen],
        )  # fmt: skip

    def renamed(self, words: list[str], numbers: NDArray[np.int64]) -> Examples:
        """Return the pairs with their words numbered as in `words`."""
        query, text, path = (bag.renamed(numbers) for bag in (self.query, self.text, self.path))
        return Examples(words, query, text, path, self.kind, self.repo)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return everything as arrays, for `numpy.savez`."""
        out: dict[str, NDArray[np.generic]] = {"kind": self.kind, "words": np.array("\n".join(self.words))}
        for name in ("query", "text", "path"):
            bag: Bags = getattr(self, name)
            out |= {f"{name}_{one.name}": getattr(bag, one.name) for one in fields(Bags)}
        return out

    @classmethod
    def from_arrays(cls, stored: dict[str, NDArray[np.generic]], repo: int) -> Examples:
        """Undo `arrays`."""
        query, text, path = (
            Bags(*(np.asarray(stored[f"{name}_{one.name}"]) for one in fields(Bags)))
            for name in ("query", "text", "path")
        )
        kind = np.asarray(stored["kind"], np.int8)
        words = str(stored["words"]).split("\n")
        return cls(words, query, text, path, kind, np.full(len(kind), repo, np.int16))


def joined(parts: Iterable[Examples]) -> Examples:
    """Join the pairs of repositories with one numbering of words; a text that another repository had is left out."""
    words: dict[str, int] = {}
    kept: list[Examples] = []
    for part in _first_of_each_text(list(parts)):
        numbers = np.array([words.setdefault(word, len(words)) for word in part.words], np.int64)
        kept.append(part.renamed([], numbers) if len(numbers) else part)
    query, text, path = (Bags.concatenate([getattr(part, name) for part in kept]) for name in ("query", "text", "path"))
    kind, repo = np.concatenate([part.kind for part in kept]), np.concatenate([part.repo for part in kept])
    return Examples(list(words), query, text, path, kind, repo)


def _first_of_each_text(parts: list[Examples]) -> list[Examples]:
    """Return the parts without what an earlier one has; a text may go with several words in one part."""
    hashes = np.concatenate([np.zeros(0, np.uint64), *(part.text.hashes(part.words) for part in parts)])
    owner = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    _, first, which = np.unique(hashes, return_index=True, return_inverse=True)
    kept = np.split(owner[first][which] == owner, np.cumsum([len(part) for part in parts])[:-1])
    return [part.take(np.flatnonzero(own)) for part, own in zip(parts, kept, strict=True)] if parts else []
