"""A weighted sum of features that ranks, fitted to LambdaRank's slopes, with signs that a reason dictates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.judged import Packed
from treeseek.retrieval.evidence import FEATURES

__all__ = ["STEPS", "fit_linear"]

STEPS, RATE = 200, 0.05
FLOORS = {"defines_symbol": 6.0}
"""Weights that may not be lower. Who asks for one identifier wants its definition first; the benchmark's symbols are
mostly named like their files, so it can't tell how much."""
START = frozenset("best_three_chunks whole_file dense_best".split())
AGAINST = frozenset("test example copy document contract blocks".split())
EITHER = frozenset("first_chunk reexport chunks declarations depth covered_on_average".split())
SIGNS = np.array([0 if feature in EITHER else -1 if feature in AGAINST else 1 for feature in FEATURES])
"""Which sign a weight may have: a reason for a file must not count against it where nobody measured."""


def fit_linear(queries: Packed, l2: float, left_out: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return weights for raw features; `l2` pulls the standardised ones towards 0, those of `left_out` stay there."""
    known = queries.right | queries.wrong
    scale = queries.rows[known].std(axis=0, dtype=np.float64) + 1e-6
    standard = (queries.rows / scale.astype(np.float32)).reshape(-1, len(scale))
    weights = np.array([1.0 if feature in START else 0.0 for feature in FEATURES]) * scale
    floors = np.array([FLOORS.get(feature, -np.inf) for feature in FEATURES]) * scale
    moment, second = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, STEPS + 1):
        scores = (standard @ weights.astype(np.float32)).reshape(known.shape).astype(np.float64)
        down, _ = queries.slopes(scores)
        gradient = l2 * weights + down.ravel().astype(np.float32) @ standard / len(known)
        moment = 0.9 * moment + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        rate = RATE * (1 - step / STEPS)
        weights -= rate * (moment / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
        weights[SIGNS * weights < 0] = 0
        weights = np.where(left_out, 0.0, np.maximum(weights, floors))
    fitted: NDArray[np.float64] = weights / scale
    return fitted
