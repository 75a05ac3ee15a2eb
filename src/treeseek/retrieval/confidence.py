"""Is there an answer at all? What a ranking's first places look like when there is one, and when there is none.

A logistic curve over a few signals, fitted to queries that were asked of the repository they were made for and of
others (`training/ranker.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from treeseek.retrieval.evidence import FEATURES, Evidence

__all__ = ["SIGNALS", "signals"]

Floats = NDArray[np.float32]

OF_FIRST = (
    "covered_by_file",
    "covered_by_chunk",
    "covered_by_names",
    "whole_file_absolute",
    "dense_best",
    "dense_file",
)
OF_ANY = ("covered_by_chunk", "dense_best")
SIGNALS = ("score", "margin", "unseen", *OF_FIRST, *(f"any_{name}" for name in OF_ANY))
"""The score of the first file and how far it is ahead of the mean of the first ten; the share of the query that the
corpus never mentions; evidence for the first file; and the best that any file has.
"""
_FIRST = [FEATURES.index(name) for name in OF_FIRST]
_ANY = [FEATURES.index(name) for name in OF_ANY]


def signals(evidence: Evidence, scores: Floats) -> Floats:
    """Return the SIGNALS of a ranking of at least one file by these scores."""
    first = int(np.argmax(scores))
    best = np.sort(scores)[-10:]
    of_ranking = [scores[first], scores[first] - best.mean(), evidence.unseen]
    return np.concatenate([of_ranking, evidence.files[first, _FIRST], evidence.files[:, _ANY].max(axis=0)]).astype(
        np.float32
    )
