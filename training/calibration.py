"""Logistic curves that make chances of scores (Platt 1999), by Newton's method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.judged import Judged
from treeseek.retrieval.confidence import SIGNALS, signals

__all__ = ["area_under_roc", "chance_right", "fit_answerable", "fit_right"]

Doubles = NDArray[np.float64]

L2 = 1e-3


def _logistic(rows: Doubles, right: Doubles, l2: float) -> Doubles:
    """Return a weight per column and a bias; `l2` pulls the weights of standardised columns towards 0."""
    center, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    standard = np.concatenate([(rows - center) / scale, np.ones((len(rows), 1))], axis=1)
    pull = l2 * len(rows) * np.append(np.ones(rows.shape[1]), 0.0)
    line = np.zeros(standard.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-standard @ line))
        hessian = (standard.T * (chance * (1 - chance))) @ standard + np.diag(pull + 1e-9)
        line += np.linalg.solve(hessian, standard.T @ (right - chance) - pull * line)
    weights = line[:-1] / scale
    return np.append(weights, line[-1] - weights @ center)


def fit_right(queries: Sequence[Judged], scores: Sequence[Doubles]) -> dict[str, float]:
    """Return the curve that says how likely a file is right: weights of its score and of how far it is behind the
    first, fitted to the first tens of all rankings.
    """
    lines, right = [], []
    for query, score in zip(queries, scores, strict=True):
        top = np.argsort(-score, kind="stable")[:10]
        lines.append(np.stack([score[top], score[top] - score[top[0]]], axis=1))
        right.append(query.right[top])
    line = _logistic(np.concatenate(lines), np.concatenate(right).astype(np.float64), 0.0)
    return dict(zip(("score", "behind", "bias"), (round(float(number), 4) for number in line), strict=True))


def fit_answerable(queries: Sequence[Judged], scores: Sequence[Doubles]) -> dict[str, float]:
    """Return the curve that says how likely a query has an answer, by signal, and its bias."""
    line = _logistic(_signals(queries, scores), np.array([query.targets > 0 for query in queries], np.float64), L2)
    return dict(zip((*SIGNALS, "bias"), (round(float(number), 4) for number in line), strict=True))


def chance_right(curve: dict[str, float], queries: Sequence[Judged], scores: Sequence[Doubles]) -> Doubles:
    """Return for each query the odds, as a logarithm, that it has an answer."""
    odds: Doubles = _signals(queries, scores) @ [curve[signal] for signal in SIGNALS] + curve["bias"]
    return odds


def _signals(queries: Sequence[Judged], scores: Sequence[Doubles]) -> Doubles:
    pairs = zip(queries, scores, strict=True)
    return np.stack([signals(query.evidence, score.astype(np.float32)) for query, score in pairs]).astype(np.float64)


def area_under_roc(odds: Doubles, right: NDArray[np.bool_]) -> float:
    """Return the chance that a query with an answer has higher odds than one without (Mann and Whitney 1947)."""
    higher = (odds[right][:, None] > odds[~right]).mean() + (odds[right][:, None] == odds[~right]).mean() / 2
    return float(higher)
