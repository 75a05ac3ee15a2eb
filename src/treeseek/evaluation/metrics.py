"""What is a ranking worth, and is one really better than another? Scores of a question, and paired intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

__all__ = ["METRICS", "Place", "Score", "difference", "mean", "reaches", "score"]

DEPTH = 10
RESAMPLES = 2_000
SEED = 20_240_607


@dataclass(frozen=True, slots=True)
class Place:
    """Lines of a file, or the whole file if both lines are 0. Paths are relative to the root."""

    path: str
    start_line: int = 0
    end_line: int = 0


@dataclass(frozen=True, slots=True)
class Score:
    """What the first ten places of one ranking are worth, each figure from 0 to 1."""

    ndcg: float
    hit_1: float
    hit_5: float
    hit_10: float
    mrr: float


METRICS = tuple(field.name for field in fields(Score))


def reaches(found: Place, target: Place) -> bool:
    """Whether a place is in the target's file and shares a line with it, if both have lines."""
    if found.path != target.path:
        return False
    if not (target.end_line and found.end_line):
        return True
    return found.start_line <= target.end_line and target.start_line <= found.end_line


def score(found: Sequence[Place], targets: Sequence[Place]) -> Score:
    """Return what a ranking is worth for a question with these targets, at least one.

    NDCG as the public retrieval benchmark counts it: every target gains 1, and those first reached by one place gain it
    once. The others go by the first place that reaches any target.
    """
    ranks = {next((i for i, place in enumerate(found[:DEPTH], 1) if reaches(place, t)), 0) for t in targets} - {0}
    gain = sum(1 / math.log2(rank + 1) for rank in ranks)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(DEPTH, len(targets)) + 1))
    first = min(ranks, default=0)
    return Score(
        ndcg=gain / ideal,
        hit_1=float(first == 1),
        hit_5=float(0 < first <= 5),
        hit_10=float(first > 0),
        mrr=1 / first if first else 0.0,
    )


def mean(scores: Sequence[Score]) -> Score:
    """Return the mean of each figure; zeros if there is no score."""
    if not scores:
        return Score(0.0, 0.0, 0.0, 0.0, 0.0)
    return Score(*(math.fsum(getattr(one, name) for one in scores) / len(scores) for name in METRICS))


def difference(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean difference between paired figures, and the ends of its 95% interval.

    A percentile bootstrap (Efron 1979) over pairs, with a fixed seed: the same figures give the same interval.
    """
    pairs = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
    if not len(pairs):
        return 0.0, 0.0, 0.0
    chosen = np.random.default_rng(SEED).integers(len(pairs), size=(RESAMPLES, len(pairs)))
    low, high = np.quantile(pairs[chosen].mean(axis=1), (0.025, 0.975))
    return float(pairs.mean()), float(low), float(high)
