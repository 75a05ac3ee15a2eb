"""A static model: a vector per sub-token, trained on code; a text's vector is their sum, scaled to length 1.

A word that occurs n times counts √n times: one that fills a text isn't all that it is about.

The bundled one lies in `weights/`; `treeseek train` makes others. A word without a vector counts as the words that it
is made of (`pieces.py`), if it is made of some.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treeseek.embedding.context import normalized
from treeseek.embedding.pieces import MAX_PIECES, split
from treeseek.embedding.protocol import EmbedderIdentity
from treeseek.embedding.weights_file import read
from treeseek.tokens import HashTable, TokenBatch, batches, hash_words, split_words

__all__ = ["StaticEmbedder", "bundled", "dampened", "load"]

NAME, VERSION = "treeseek-static", "2"

MAX_REMEMBERED = 1 << 18
"""So many unknown words are remembered, with what they are made of; then they are forgotten and looked at anew."""


class StaticEmbedder:
    """The mean of the vectors of a text's sub-tokens; words that say nothing are dropped.

    Raises EmbeddingError when the model can't be read, or its parts don't fit together.
    """

    def __init__(self, path: Path) -> None:
        self._weights = read(path)
        self.directory = path
        self._forget()

    def _forget(self) -> None:
        self._known_splits = HashTable(1 << 12)
        self._pieces = np.full((1, MAX_PIECES), -1, np.int64)

    @functools.cached_property
    def _vocabulary(self) -> HashTable:
        table = HashTable(len(self._weights.words))
        table.add(hash_words(self._weights.words), np.arange(len(self._weights.words)))
        return table

    @functools.cached_property
    def _numbers(self) -> dict[str, int]:
        """The words' numbers again, by the words themselves: for a query this is built ten times as fast."""
        return {word: number for number, word in enumerate(self._weights.words)}

    @functools.cached_property
    def identity(self) -> EmbedderIdentity:
        """Name, version, width, and the first 16 hex digits of the SHA-256 of the weights and the words."""
        digest = hashlib.sha256()
        for part in (self._weights.vectors, self._weights.scales):
            digest.update(np.ascontiguousarray(part).data)
        digest.update("\n".join(self._weights.words).encode())
        return EmbedderIdentity(NAME, VERSION, self._weights.vectors.shape[1], digest.hexdigest()[:16])

    @functools.cached_property
    def _table(self) -> NDArray[np.float32]:
        return self._weights.table()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return an array of shape (len(texts), dims)."""
        parts = [self.embed_tokens(batch) for batch in batches([text.encode("utf-8", "replace") for text in texts])]
        return np.concatenate(parts) if parts else np.zeros((0, self._weights.vectors.shape[1]), np.float32)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return one vector of shape (dims,), reading only the rows of the text's own words."""
        numbers = self._numbers
        found: list[int] = []
        for word in split_words(text):
            number = numbers.get(word)
            found += [number] if number is not None else [numbers[piece] for piece in split(word, numbers)]
        words, counts = np.unique(np.array(found, np.int64), return_counts=True)
        weights = self._weights.scales[words].astype(np.float32) * dampened(counts)
        return normalized(weights @ self._weights.vectors[words].astype(np.float32))

    def embed_tokens(self, batch: TokenBatch) -> NDArray[np.float32]:
        """Return an array of shape (batch.texts, dims) for texts that are already tokenised."""
        words = self._vocabulary.get(batch.hash)
        known = words >= 0
        bits = len(self._weights.vectors).bit_length()
        keys = np.concatenate([(batch.text[known] << bits) | words[known], self._keys_of_pieces(batch, ~known, bits)])
        keys.sort()
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        counts = dampened(np.diff(first, append=len(keys)))
        texts, ids = keys[first] >> bits, keys[first] & ((1 << bits) - 1)
        out = np.zeros((batch.texts, self._weights.vectors.shape[1]), np.float32)
        borders = np.searchsorted(texts, np.arange(batch.texts + 1)).tolist()
        longest = int(np.diff(borders).max(initial=0))
        rows = np.empty((longest, out.shape[1]), np.float32)
        for text, (begin, end) in enumerate(pairwise(borders)):
            # Gathered into one buffer: a fresh array for each text would cost more than the product.
            np.take(self._table, ids[begin:end], axis=0, out=rows[: end - begin], mode="clip")
            np.dot(counts[begin:end], rows[: end - begin], out=out[text])
        return normalized(out)

    def _keys_of_pieces(self, batch: TokenBatch, unknown: NDArray[np.bool_], bits: int) -> NDArray[np.int64]:
        """Return text and number, in one key, of each piece of each unknown word."""
        at = np.flatnonzero(unknown)
        splits = self._known_splits.get(batch.hash[at])
        fresh = at[splits < 0]
        if len(fresh):
            self._remember(batch, fresh)
            splits = self._known_splits.get(batch.hash[at])
        some = splits > 0
        pieces = self._pieces[splits[some]]
        keys = (batch.text[at[some]][:, None] << bits) | pieces
        return keys[pieces >= 0]

    def _remember(self, batch: TokenBatch, fresh: NDArray[np.int64]) -> None:
        """Take up what some of a batch's words, unknown and never seen, are made of; 0 stands for nothing."""
        hashes, first = np.unique(batch.hash[fresh], return_index=True)
        if len(self._known_splits) + len(hashes) > MAX_REMEMBERED:
            self._forget()
            at = np.flatnonzero(self._vocabulary.get(batch.hash) < 0)  # what was remembered of this batch went too
            hashes, first = np.unique(batch.hash[at], return_index=True)
            fresh = at
        numbers = np.zeros(len(hashes), np.int64)
        rows: list[list[int]] = []
        for i, token in enumerate(fresh[first].tolist()):
            pieces = split(batch.word(token), self._numbers)
            if pieces:
                numbers[i] = len(self._pieces) + len(rows)
                rows.append([*(self._numbers[piece] for piece in pieces), *[-1] * (MAX_PIECES - len(pieces))])
        if rows:
            self._pieces = np.concatenate([self._pieces, np.array(rows, np.int64)])
        self._known_splits.add(hashes, numbers)


def dampened(counts: NDArray[Any]) -> NDArray[np.float32]:
    """Return how much words count that occur so often."""
    weights: NDArray[np.float32] = np.sqrt(counts, dtype=np.float32)
    return weights


@functools.cache
def load(path: Path) -> StaticEmbedder:
    """Return the model in a directory or a file, loaded once a process. Raises EmbeddingError."""
    return StaticEmbedder(path)


def bundled() -> StaticEmbedder:
    """Return the model that is shipped in the wheel, loaded once a process."""
    return load(Path(__file__).parent / "weights")
