"""Boosting of two-level trees (Friedman 2001) with second-order steps (Chen and Guestrin 2016), in numpy.

Deterministic but for the features that each tree may use, which a seed draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from treeseek.retrieval.forest import Forest

__all__ = ["Terms", "boost"]

Doubles = NDArray[np.float64]
Slopes = Callable[[Doubles], tuple[Doubles, Doubles]]
"""Gives for scores the loss's first and second derivative, row by row."""

BINS = 64


@dataclass(frozen=True, slots=True)
class Terms:
    """How to boost: trees, the share of each that is added, the pull of leaves towards 0, rows that a leaf needs at
    least, the share of the features that a tree may use, and the seed by which they are drawn.
    """

    trees: int = 150
    rate: float = 0.05
    l2: float = 10.0
    least_rows: int = 60
    share: float = 0.5
    seed: int = 1


def boost(rows: NDArray[np.float32], start: Doubles, slopes: Slopes, terms: Terms) -> Forest:
    """Return a forest that, added to `start`, lowers the loss; `rows` is n x features."""
    edges = [_edges(column) for column in rows.T]
    binned = np.stack([np.searchsorted(edge, column) for edge, column in zip(edges, rows.T, strict=True)]).astype(
        np.uint8
    )
    scores, chance = start.astype(np.float64), np.random.default_rng(terms.seed)
    trees: list[tuple[list[int], list[float], list[float]]] = []
    for _ in range(terms.trees):
        gradient, curvature = slopes(scores)
        drawn = np.sort(chance.permutation(len(edges))[: max(1, round(terms.share * len(edges)))])
        tree = _tree(binned, edges, gradient, curvature, drawn, terms)
        if tree is None:
            break
        feature, threshold, value, leaf = tree
        scores += np.array(value)[leaf]
        trees.append((feature, threshold, value))
    features, thresholds, values = zip(*trees, strict=True) if trees else ([], [], [])
    return Forest(
        np.array(features, np.int64).reshape(-1, 3),
        np.array(thresholds, np.float32).reshape(-1, 3),
        np.array(values, np.float32).reshape(-1, 4),
    )


def _edges(column: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return thresholds between which about as many rows lie each, between values that occur."""
    values = np.unique(column)
    if len(values) > BINS:
        values = np.unique(np.quantile(column, np.linspace(0, 1, BINS + 1), method="nearest"))
    middles: NDArray[np.float32] = ((values[1:] + values[:-1]) / 2).astype(np.float32)
    return middles


def _tree(
    binned: NDArray[np.uint8], edges: list[NDArray[np.float32]], gradient: Doubles, curvature: Doubles,
    drawn: NDArray[np.int64], terms: Terms,
) -> tuple[list[int], list[float], list[float], NDArray[np.int64]] | None:  # fmt: skip
    everything = np.arange(len(gradient))
    root = _split(binned, edges, gradient, curvature, drawn, everything, terms)
    if root is None:
        return None
    feature, threshold, leaf = [root[0]], [root[1]], np.zeros(len(gradient), np.int64)
    goes_right = binned[root[0]] > root[2]
    for side in (0, 1):
        inside = np.flatnonzero(goes_right == side)
        split = _split(binned, edges, gradient, curvature, drawn, inside, terms)
        leaf[inside] = 2 * side
        if split is None:
            feature.append(root[0])
            threshold.append(float("inf"))
        else:
            feature.append(split[0])
            threshold.append(split[1])
            leaf[inside] += binned[split[0]][inside] > split[2]
    down, bend = np.bincount(leaf, gradient, 4), np.bincount(leaf, curvature, 4)
    return feature, threshold, list(-terms.rate * down / (bend + terms.l2)), leaf


def _split(
    binned: NDArray[np.uint8], edges: list[NDArray[np.float32]], gradient: Doubles, curvature: Doubles,
    drawn: NDArray[np.int64], inside: NDArray[np.int64], terms: Terms,
) -> tuple[int, float, int] | None:  # fmt: skip
    """Return the feature, the threshold and its bin that lower the loss most among the rows `inside`."""
    if len(inside) < 2 * terms.least_rows:
        return None
    keys = binned[np.ix_(drawn, inside)].astype(np.int64) + np.arange(len(drawn))[:, None] * (BINS + 2)
    size = len(drawn) * (BINS + 2)
    repeats = (len(drawn), len(inside))
    sums = [
        np.bincount(keys.ravel(), np.broadcast_to(weight, repeats).ravel(), size).reshape(len(drawn), -1)
        for weight in (gradient[inside], curvature[inside], np.ones(len(inside)))
    ]
    down, bend, count = (np.cumsum(each, axis=1) for each in sums)
    total, curve, rows = down[:, -1:], bend[:, -1:], count[:, -1:]
    gain = down**2 / (bend + terms.l2) + (total - down) ** 2 / (curve - bend + terms.l2) - total**2 / (curve + terms.l2)
    gain[(count < terms.least_rows) | (rows - count < terms.least_rows)] = -np.inf
    best = int(np.argmax(gain))
    at, place = divmod(best, gain.shape[1])
    if not gain.flat[best] > 0 or place >= len(edges[int(drawn[at])]):
        return None
    return int(drawn[at]), float(edges[int(drawn[at])][place]), place
