"""In which order do files answer, and with which chunk? A linear model over the evidence.

`weights/ranker.json` holds the weights and how they were fitted; `training/ranker.py` fits them.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from treeseek.errors import UsageError
from treeseek.retrieval.corpus import Corpus
from treeseek.retrieval.evidence import FEATURES, Evidence

__all__ = ["Ranked", "chunk_scores", "file_scores", "order"]

MIN_DENSE = 0.2
"""A file that shares no word with the query must at least be this similar (cosine) to be an answer at all."""

CHUNK_WEIGHTS = {"lexical": 1.0, "dense": 0.8, "covered": 0.6, "name": 1.2}
BLOCK_WEIGHT = -0.4
"""Imports and other lines between declarations name everything and explain nothing."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """Chunks, best first, with scores between 0 and 1: the calibrated chance that their file answers the query."""

    chunks: NDArray[np.int64]
    scores: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Model:
    """`weights` per feature; `score`, `behind` and `bias` make of a file's score, and of how far it is behind the
    first, the odds that it is a right answer.
    """

    weights: NDArray[np.float32]
    score: float
    behind: float
    bias: float


@functools.cache
def _model(file: Path | None = None) -> _Model:
    """Return the shipped model, or that of a file of the same form. Raises UsageError for what is no such file."""
    try:
        stored = json.loads((file or Path(__file__).parent / "weights" / "ranker.json").read_text("utf-8"))
        weights = np.array([stored["weights"][feature] for feature in FEATURES], np.float32)
        return _Model(weights, **stored["calibration"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UsageError(f"{file or 'the ranker'} holds no weights of a ranker: {error!r}") from None


def file_scores(evidence: Evidence, weights: Path | None = None) -> NDArray[np.float32]:
    """Return a score per file, higher for better, without bounds; `weights` is a file to use instead of our own."""
    scores: NDArray[np.float32] = evidence.files @ _model(weights).weights
    return scores


def chunk_scores(corpus: Corpus, evidence: Evidence) -> NDArray[np.float32]:
    """Return a score for each of the candidates' chunks, which says which part of a file to show."""
    return sum(
        (np.float32(weight) * getattr(evidence, column) for column, weight in CHUNK_WEIGHTS.items()),
        start=corpus.is_block[evidence.candidates.chunks] * np.float32(BLOCK_WEIGHT),
    )


def order(
    corpus: Corpus, evidence: Evidence, allowed: NDArray[np.bool_] | None, limit: int, weights: Path | None = None
) -> Ranked:
    """Return the best chunk of each of the best files, then, if there is room, their second best ones, and so on."""
    candidates = evidence.candidates
    answers = (evidence.lexical > 0) | (evidence.dense >= MIN_DENSE)
    if allowed is not None:
        answers &= allowed[candidates.chunks]
    kept = np.flatnonzero(answers)
    shown, of_file = chunk_scores(corpus, evidence)[kept], file_scores(evidence, weights)
    by_file = kept[np.lexsort((kept, -shown, candidates.file[kept]))]
    firsts = np.flatnonzero(np.diff(candidates.file[by_file], prepend=-1))
    turn = np.arange(len(by_file)) - np.repeat(firsts, np.diff(firsts, append=len(by_file)))
    best = by_file[np.lexsort((by_file, -of_file[candidates.file[by_file]], turn))[:limit]]
    scores = of_file[candidates.file[best]].astype(np.float64)
    return Ranked(candidates.chunks[best], _probability(scores, weights))


def _probability(scores: NDArray[np.float64], weights: Path | None) -> NDArray[np.float32]:
    """Return the chance that files with these scores, the best of a ranking, answer the query."""
    model = _model(weights)
    odds = model.score * scores + model.behind * (scores - scores.max(initial=-np.inf)) + model.bias
    chances: NDArray[np.float32] = (1 / (1 + np.exp(-odds))).astype(np.float32)
    return chances
