"""The bundled model: a vector per sub-token, trained on code; a text's vector is their weighted mean.

`weights/` holds `vectors.npy` (int8, words x dims), `scales.npy` (float16, one per word), `vocab.txt` (a word a line)
and `provenance.json` (the recipe and the repositories it learned from).
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from treeseek.embedding.context import normalized
from treeseek.embedding.protocol import EmbedderIdentity
from treeseek.errors import EmbeddingError
from treeseek.tokens import HashTable, TokenBatch, batches, hash_words, split_words

__all__ = ["StaticEmbedder", "bundled"]

NAME, VERSION = "treeseek-static", "1"


class StaticEmbedder:
    """The mean of the vectors of a text's sub-tokens; words outside the vocabulary are dropped.

    Raises EmbeddingError when the directory's files don't fit together.
    """

    def __init__(self, directory: Path) -> None:
        try:
            self._vectors: NDArray[np.int8] = np.load(directory / "vectors.npy", mmap_mode="r")
            self._scales: NDArray[np.float16] = np.load(directory / "scales.npy")
            words = (directory / "vocab.txt").read_text("utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise EmbeddingError(f"can't read the model in {directory}: {error}; reinstall treeseek") from error
        if not len(words) == len(self._vectors) == len(self._scales):
            raise EmbeddingError(f"the model in {directory} is incomplete; reinstall treeseek")
        self._words = words
        self.directory = directory

    @functools.cached_property
    def _vocabulary(self) -> HashTable:
        table = HashTable(len(self._words))
        table.add(hash_words(self._words), np.arange(len(self._words)))
        return table

    @functools.cached_property
    def _numbers(self) -> dict[str, int]:
        """The words' numbers again, by the words themselves: for a query this is built ten times as fast."""
        return {word: number for number, word in enumerate(self._words)}

    @functools.cached_property
    def identity(self) -> EmbedderIdentity:
        """Name, version, width, and the first 16 hex digits of the SHA-256 of the weights and the words."""
        digest = hashlib.sha256()
        for name in ("vectors.npy", "scales.npy", "vocab.txt"):
            digest.update((self.directory / name).read_bytes())
        return EmbedderIdentity(NAME, VERSION, self._vectors.shape[1], digest.hexdigest()[:16])

    @functools.cached_property
    def _table(self) -> NDArray[np.float32]:
        return self._vectors.astype(np.float32) * self._scales.astype(np.float32)[:, None]

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return an array of shape (len(texts), dims)."""
        parts = [self.embed_tokens(batch) for batch in batches([text.encode("utf-8", "replace") for text in texts])]
        return np.concatenate(parts) if parts else np.zeros((0, self._vectors.shape[1]), np.float32)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return one vector of shape (dims,), reading only the rows of the text's own words."""
        known = (self._numbers.get(word) for word in split_words(text))
        words = np.array([number for number in known if number is not None], np.int64)
        return normalized(self._scales[words].astype(np.float32) @ self._vectors[words].astype(np.float32))

    def embed_tokens(self, batch: TokenBatch) -> NDArray[np.float32]:
        """Return an array of shape (batch.texts, dims) for texts that are already tokenised."""
        words = self._vocabulary.get(batch.hash)
        known = words >= 0
        bits = len(self._vectors).bit_length()
        keys = (batch.text[known] << bits) | words[known]
        keys.sort()
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        counts = np.diff(first, append=len(keys)).astype(np.float32)
        texts, ids = keys[first] >> bits, keys[first] & ((1 << bits) - 1)
        out = np.zeros((batch.texts, self._vectors.shape[1]), np.float32)
        borders = np.searchsorted(texts, np.arange(batch.texts + 1)).tolist()
        longest = int(np.diff(borders).max(initial=0))
        rows = np.empty((longest, out.shape[1]), np.float32)
        for text, (begin, end) in enumerate(pairwise(borders)):
            # Gathered into one buffer: a fresh array for each text would cost more than the product.
            np.take(self._table, ids[begin:end], axis=0, out=rows[: end - begin], mode="clip")
            np.dot(counts[begin:end], rows[: end - begin], out=out[text])
        return normalized(out)


@functools.cache
def bundled() -> StaticEmbedder:
    """Return the model that is shipped in the wheel, loaded once a process."""
    return StaticEmbedder(Path(__file__).parent / "weights")
