"""Fit a vector to every word, so that words asked and the code that answers come to lie together.

A query and a text are the sums of their words' vectors; of each batch every query should be nearest to its own text
among all (InfoNCE, van den Oord 2018, in both directions), in the first 64 and 128 dimensions as well as in all
(Matryoshka, Kusupati 2022). A batch is drawn from few repositories, so most of the wrong texts are of the right
project. The gradient is written out; numpy is all that it takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from treeseek.learning.bags import Bags, Examples
from treeseek.learning.pairs import KINDS
from treeseek.learning.sums import scattered, vectors_of

__all__ = ["Progress", "Recipe", "State", "train"]

Floats = NDArray[np.float32]

KIND_WEIGHTS: Mapping[str, float] = {
    "commit": 0.5, "doc": 1.0, "type": 3.0, "name": 0.4, "test": 0.3, "path": 5.0, "header": 5.0, "markdown": 2.0,
    "message": 0.0, "note": 0.0, "mention": 0.0,
}  # fmt: skip
"""How often a pair of each kind is drawn. Messages, notes and mentions of names were found to be worth nothing to a
model of code in general."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what comes out, apart from the pairs."""

    steps: int = 1500
    batch: int = 1024
    groups: int = 4
    """A batch is of so many repositories, in a share `grouped` of the steps; else of eight pairs each."""
    grouped: float = 0.7
    temperature: float = 0.07
    rate: float = 0.02
    weight_rate: float = 0.01
    warm_up: int = 50
    text_words: int = 56
    """At most so many distinct words of a text are looked at, drawn anew each time."""
    drop: float = 0.1
    spread: float = 0.6
    """Repositories are drawn by their number of pairs to this power."""
    dims: tuple[int, ...] = (256, 128, 64)
    kinds: Mapping[str, float] = field(default_factory=lambda: dict(KIND_WEIGHTS))
    seed: int = 0


Progress = Callable[[int, float, float], None]
"""Is told the step, the loss, and the share of queries whose own text is nearest."""


@dataclass(slots=True)
class State:
    """A vector a word (words x dims) and the logarithm of its weight; the moments of their gradients."""

    vectors: Floats
    weights: Floats
    moment: Floats = field(init=False)
    second: Floats = field(init=False)
    weight_moment: Floats = field(init=False)
    weight_second: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.moment = np.zeros_like(self.vectors)
        self.second = np.zeros(len(self.vectors), np.float32)
        self.weight_moment = np.zeros(len(self.vectors), np.float32)
        self.weight_second = np.zeros(len(self.vectors), np.float32)

    def table(self) -> Floats:
        """Return the vectors with their weights: what a text is a sum of."""
        return self.vectors * np.exp(self.weights)[:, None]


def train(state: State, examples: Examples, recipe: Recipe, tell: Progress = lambda *_: None, *,
          seconds: float = float("inf")) -> None:  # fmt: skip
    """Fit the state to the pairs, in place. `examples` has its words numbered as the state's rows.

    The same state, pairs and recipe give the same result, unless `seconds` of time cut it short.
    """
    rng = np.random.default_rng(recipe.seed)
    draw = _Draw(examples, recipe, rng)
    query_hash, text_hash = _identities(examples.query), _identities(examples.text)
    begun = time.monotonic()
    for step in range(1, recipe.steps + 1):
        chosen = draw.batch()
        if len(chosen) < 2:
            continue
        query = _thinned(examples.query.take(chosen), rng, recipe.drop, 64)
        text = _thinned(examples.text.take(chosen), rng, recipe.drop, recipe.text_words)
        same = (query_hash[chosen][:, None] == query_hash[chosen]) | (text_hash[chosen][:, None] == text_hash[chosen])
        np.fill_diagonal(same, False)
        narrow = recipe.dims[1 + step % (len(recipe.dims) - 1)] if len(recipe.dims) > 1 else recipe.dims[0]
        rate = min(1.0, step / recipe.warm_up) * max(0.02, 1 - step / recipe.steps)
        loss, hits = _step(state, (query, text), np.nonzero(same), recipe, (recipe.dims[0], narrow), rate)
        tell(step, loss, hits)
        if time.monotonic() - begun > seconds:
            break


class _Draw:
    """Draws batches: some repositories by their size, and pairs of each by the weight of their kind."""

    def __init__(self, examples: Examples, recipe: Recipe, rng: np.random.Generator) -> None:
        weight = np.array([recipe.kinds[kind] for kind in KINDS])[examples.kind]
        order = np.argsort(examples.repo, kind="stable")
        order = order[weight[order] > 0]
        cuts = np.flatnonzero(np.diff(examples.repo[order])) + 1
        self._of_repo = np.split(order, cuts)
        self._sums = [np.cumsum(weight[rows]) for rows in self._of_repo]
        size = np.array([sums[-1] for sums in self._sums if len(sums)]) ** recipe.spread
        self._chance = size / size.sum() if len(size) else size
        self._recipe, self._rng = recipe, rng

    def batch(self) -> NDArray[np.int64]:
        """Return the numbers of distinct pairs, ascending."""
        if not len(self._chance):
            return np.zeros(0, np.int64)
        recipe, rng = self._recipe, self._rng
        groups = recipe.groups if rng.random() < recipe.grouped else recipe.batch // 8
        each = recipe.batch // groups
        repos = rng.choice(len(self._of_repo), groups, p=self._chance).tolist()
        parts = []
        for repo in repos:
            sums = self._sums[repo]
            at = np.searchsorted(sums, rng.random(each) * sums[-1], side="right")
            parts.append(self._of_repo[repo][np.minimum(at, len(sums) - 1)])
        return np.unique(np.concatenate(parts))


def _identities(bags: Bags) -> NDArray[np.uint64]:
    """Return a number for each bag, the same for equal ones."""
    mixed = (bags.ids.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9) * (2 * bags.counts.astype(np.uint64) + np.uint64(1))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed, dtype=np.uint64)])
    identities: NDArray[np.uint64] = sums[bags.offsets[1:]] - sums[bags.offsets[:-1]]
    return identities


def _thinned(bags: Bags, rng: np.random.Generator, drop: float, most: int) -> Bags:
    """Leave out words at random: a share `drop`, and of long bags so many that about `most` remain."""
    lengths = np.diff(bags.offsets)
    keep = np.minimum(1 - drop, most / np.maximum(lengths, 1))
    kept = rng.random(len(bags.ids)) < np.repeat(keep, lengths)
    offsets = np.concatenate([[0], np.cumsum(kept)])[bags.offsets]
    return Bags(bags.ids[kept], bags.counts[kept], offsets)


def _step(state: State, bags: tuple[Bags, Bags], same: tuple[NDArray[np.int64], ...], recipe: Recipe,
          dims: tuple[int, int], rate: float) -> tuple[float, float]:  # fmt: skip
    """Take one step; return the loss and the share of queries whose own text is nearest."""
    rows, inverse = np.unique(np.concatenate([one.ids for one in bags]), return_inverse=True)
    borders = np.cumsum([0] + [len(one.ids) for one in bags])
    local = [
        Bags(inverse[begin:end].astype(np.int32), one.counts, one.offsets)
        for one, begin, end in zip(bags, borders[:-1], borders[1:], strict=True)
    ]
    vectors, weight = state.vectors[rows], np.exp(state.weights[rows])[:, None]
    table = vectors * weight
    sums = [vectors_of(one, table) for one in local]
    slopes = [np.zeros_like(one) for one in sums]
    loss, hits = _contrast(sums, slopes, same, recipe, dims[0], 1.0)
    if dims[1] < dims[0]:
        _contrast(sums, slopes, same, recipe, dims[1], 0.75)
    gradient = scattered(local, slopes, len(rows))
    _update(state, rows, gradient * weight, (gradient * table).sum(axis=1), vectors, recipe, rate)
    return loss, hits


def _contrast(sums: list[Floats], slopes: list[Floats], same: tuple[NDArray[np.int64], ...], recipe: Recipe,
              dims: int, share: float) -> tuple[float, float]:  # fmt: skip
    """Add to the slopes of the sums (query, text) those of the loss in the first `dims` dimensions."""
    (query, query_length), (text, text_length) = (_unit(one[:, :dims]) for one in sums)
    n = len(query)
    scores: Floats = query @ text.T
    scores *= np.float32(1 / recipe.temperature)
    scores[same] = -60
    own = scores.diagonal().copy()
    hits = float((scores.argmax(axis=1) == np.arange(n)).mean())
    scores -= np.float32(1 / recipe.temperature)
    np.exp(scores, out=scores)
    down, across = scores.sum(axis=0), scores.sum(axis=1)
    loss = float((np.log(down) + np.log(across)).mean() / 2 + 1 / recipe.temperature - own.mean())
    scores *= 1 / across[:, None] + 1 / down[None]
    scores[np.arange(n), np.arange(n)] -= 2
    scores *= np.float32(share * 0.5 / n / recipe.temperature)
    forth: Floats = scores @ text
    slopes[0][:, :dims] += _through_unit(forth, query, query_length)
    back: Floats = scores.T @ query
    slopes[1][:, :dims] += _through_unit(back, text, text_length)
    return loss, hits


def _unit(vectors: Floats) -> tuple[Floats, Floats]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True) + np.float32(1e-6)
    return vectors / lengths, lengths


def _through_unit(slope: Floats, unit: Floats, length: Floats) -> Floats:
    """Return the slope before a vector was scaled to length 1, given the one after."""
    through: Floats = (slope - unit * (unit * slope).sum(axis=1, keepdims=True)) / length
    return through


def _update(state: State, rows: NDArray[np.int64], gradient: Floats, weight_gradient: Floats, vectors: Floats,
            recipe: Recipe, rate: float) -> None:  # fmt: skip
    """Adam (Kingma 2015) with one second moment a row: rows that are seldom seen move as far as others then."""
    moment = state.moment[rows]
    moment *= np.float32(0.9)
    moment += np.float32(0.1) * gradient
    second = state.second[rows] * np.float32(0.99) + np.float32(0.01) * np.square(gradient).mean(axis=1)
    state.moment[rows], state.second[rows] = moment, second
    pace = np.float32(recipe.rate * rate / np.sqrt(vectors.shape[1])) / (np.sqrt(second) + np.float32(1e-12))
    moment *= pace[:, None]
    state.vectors[rows] = vectors - moment
    first = state.weight_moment[rows] * np.float32(0.9) + np.float32(0.1) * weight_gradient
    square = state.weight_second[rows] * np.float32(0.99) + np.float32(0.01) * np.square(weight_gradient)
    state.weight_moment[rows], state.weight_second[rows] = first, square
    state.weights[rows] -= np.float32(recipe.weight_rate * rate) * first / (np.sqrt(square) + np.float32(1e-12))
