"""Where does training begin? With words near each other that stand in the same texts, or anywhere.

The first is latent semantic analysis (Deerwester 1990): the main directions of the matrix of texts and words, found by
random projection and power iteration (Halko 2011). It takes the place of a teacher: nothing is downloaded.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from treeseek.learning.bags import Bags, Examples
from treeseek.learning.sums import scattered, vectors_of
from treeseek.learning.trainer import State

__all__ = ["co_occurring", "random"]

Floats = NDArray[np.float32]

MAX_TEXTS = 150_000
OVERSAMPLED = 16
ITERATIONS = 3
NOISE = 0.1
"""Words that stand in none of the texts, and nearly equal ones, begin a little apart."""


def random(examples: Examples, words: int, dims: int, seed: int = 0) -> State:
    """Return a random vector for each word, and a weight that falls with how often it stands in texts (Arora 2017)."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((words, dims), np.float32) / np.float32(np.sqrt(dims))
    counts = np.bincount(examples.text.ids, examples.text.counts, minlength=words)
    share = counts / max(counts.sum(), 1)
    return State(vectors, np.log(1e-3 / (1e-3 + share)).astype(np.float32))


def co_occurring(examples: Examples, words: int, dims: int, seed: int = 0) -> State:
    """Return a vector of length 1 for each word: its place among the main directions of the texts; weights as above."""
    state = random(examples, words, dims, seed)
    rng = np.random.default_rng(seed)
    texts = examples.text.take(np.sort(rng.permutation(len(examples))[:MAX_TEXTS]))
    weighted = Bags(texts.ids, _weights(texts, words), texts.offsets)
    basis = rng.standard_normal((words, dims + OVERSAMPLED)).astype(np.float32)
    for _ in range(ITERATIONS):
        basis = np.linalg.qr(_back(weighted, vectors_of(weighted, basis), words))[0].astype(np.float32)
    shadow = vectors_of(weighted, basis)
    strength, turn = np.linalg.eigh(shadow.T @ shadow)
    chosen = np.argsort(-strength)[1 : dims + 1]  # the first says how frequent a word is
    found = basis @ turn[:, chosen] * np.maximum(strength[chosen], 0) ** 0.25
    found /= np.linalg.norm(found, axis=1, keepdims=True) + 1e-9
    state.vectors[:, : found.shape[1]] = found + NOISE * state.vectors[:, : found.shape[1]]
    return state


def _weights(texts: Bags, words: int) -> Floats:
    """Return TF-IDF weights that make every text a vector of length 1."""
    spread = np.bincount(texts.ids, minlength=words) + 1.0
    rarity = np.log(len(texts) / spread).clip(0)
    weights = (1 + np.log(texts.counts.astype(np.float64))) * rarity[texts.ids]
    row = np.repeat(np.arange(len(texts)), np.diff(texts.offsets))
    length = np.sqrt(np.bincount(row, weights**2, minlength=len(texts))) + 1e-9
    scaled: Floats = (weights / length[row]).astype(np.float32)
    return scaled


def _back(bags: Bags, slopes: Floats, words: int) -> Floats:
    return scattered([bags], [slopes], words)
