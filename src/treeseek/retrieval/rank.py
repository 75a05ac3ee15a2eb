"""In which order do files answer, and with which chunk? A weighted sum of the evidence, corrected by small trees.

`weights/ranker.json` holds the weights and how they were fitted; `training/ranker.py` fits them: one set for all
evidence, and one for when there are no vectors to compare.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treeseek.errors import UsageError
from treeseek.retrieval.confidence import SIGNALS, signals
from treeseek.retrieval.corpus import Corpus
from treeseek.retrieval.evidence import FEATURES, Evidence
from treeseek.retrieval.forest import Forest

__all__ = ["Model", "Ranked", "chunk_scores", "load_model", "order"]

Floats = NDArray[np.float32]

MIN_DENSE = 0.2
"""A file that shares no word with the query must at least be this similar (cosine) to be an answer at all."""

CORRECTED = 128
"""How many files the trees are asked about."""

SHARES = np.array([1.0, 0.3, 0.2, 0.1, 0.05, 0.025], np.float32)
"""What a file's best chunk, its second best, and so on are worth to who wants to change something."""
FIRST_FILES = 5
"""So many files come first, with one chunk each, whatever is wanted."""

SPELLED = np.float32(8.0)
"""What a file's score gains that has the very identifier which is asked for (`lexical.spelled`). Where one is declared
was first before; `benchmarks.identifiers` asks for those, too, that are only used.
"""

CHUNK_WEIGHTS = {"lexical": 1.0, "dense": 0.8, "covered": 0.6, "name": 1.2, "spelled": 2.0}
BLOCK_WEIGHT = -0.4
"""Imports and other lines between declarations name everything and explain nothing."""


@dataclass(frozen=True, slots=True)
class Model:
    """What was fitted. `weights` per feature, and a forest on top, score files.

    `score`, `behind` and `bias` make of a file's score, and of how far it is behind the first, the odds that it is a
    right answer if there is one; `confidence`, a weight per signal, and `doubt` make the odds that there is one.
    """

    weights: Floats
    forest: Forest
    score: float
    behind: float
    bias: float
    confidence: Floats
    doubt: float

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Model:
        """Read what `training/ranker.py` wrote. Raises LookupError, TypeError or ValueError if it isn't that."""
        return cls(
            np.array([stored["weights"][feature] for feature in FEATURES], np.float32),
            Forest.of(stored["forest"], FEATURES),
            **{name: float(stored["right"][name]) for name in ("score", "behind", "bias")},
            confidence=np.array([stored["answerable"][signal] for signal in SIGNALS], np.float32),
            doubt=float(stored["answerable"]["bias"]),
        )

    def scores(self, rows: Floats) -> Floats:
        """Return a score for each row of features, higher for better, without bounds.

        The trees are asked about the best only: what is further down they don't lift to the top.
        """
        scores: Floats = rows @ self.weights
        best = np.arange(len(scores))
        if len(scores) > CORRECTED:
            best = np.argpartition(-scores, CORRECTED)[:CORRECTED]
        scores[best] += self.forest.scores(rows[best])
        return scores

    def parts(self, row: Floats) -> Floats:
        """Return what each feature contributes to the score of one row."""
        parts: Floats = row * self.weights + self.forest.parts(row)
        return parts

    def chances(self, scores: Floats, first: float) -> Floats:
        """Return the chance that files with these scores are right answers, `first` being the highest of all."""
        score, behind, bias = (np.float32(number) for number in (self.score, self.behind, self.bias))
        return _chance(score * scores + behind * (scores - np.float32(first)) + bias)

    def chance_of_answer(self, evidence: Evidence, scores: Floats) -> float:
        """Return the chance that any file answers."""
        odds = signals(evidence, scores) @ self.confidence + np.float32(self.doubt)
        return float(_chance(np.array([odds], np.float32))[0])


def _chance(odds: Floats) -> Floats:
    chance: Floats = (1 / (1 + np.exp(-np.clip(odds, -50, 50)))).astype(np.float32)
    return chance


@functools.cache
def load_model(file: Path | None = None, *, has_vectors: bool = True) -> Model:
    """Return the shipped model, or that of a file of the same form. Raises UsageError for what is no such file."""
    try:
        stored = json.loads((file or Path(__file__).parent / "weights" / "ranker.json").read_text("utf-8"))
        return Model.of(stored["all" if has_vectors else "lexical"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UsageError(f"{file or 'the ranker'} holds no weights of a ranker: {error!r}") from None


@dataclass(frozen=True, slots=True)
class Ranked:
    """Chunks, best first, with scores between 0 and 1: the calibrated chance that their file answers the query.

    `confidence` is the chance that any file does. `reasons` has for each file, by number, what speaks for it and
    against it, by the names of FEATURES and "spelled", if that was asked for.
    """

    chunks: NDArray[np.int64]
    scores: Floats
    confidence: float = 1.0
    reasons: Mapping[int, Mapping[str, float]] | None = None


def chunk_scores(corpus: Corpus, evidence: Evidence) -> Floats:
    """Return a score for each of the candidates' chunks, which says which part of a file to show."""
    return sum(
        (np.float32(weight) * getattr(evidence, column) for column, weight in CHUNK_WEIGHTS.items()),
        start=corpus.is_block[evidence.candidates.chunks] * np.float32(BLOCK_WEIGHT),
    )


def order(
    corpus: Corpus, evidence: Evidence, allowed: NDArray[np.bool_] | None, limit: int, model: Model,
    *, explain: bool = False, is_task: bool = False,
) -> Ranked:  # fmt: skip
    """Return the best chunk of each of the best files, then, if there is room, their second best ones, and so on.

    A task is another matter: what is to be changed is often several places of one file, so second best chunks of a file
    that is likely come before files that are not, by SHARES. That was fitted to commits of 23 repositories.
    """
    candidates = evidence.candidates
    answers = (evidence.lexical > 0) | (evidence.dense >= MIN_DENSE)
    if allowed is not None:
        answers &= allowed[candidates.chunks]
    kept = np.flatnonzero(answers)
    shown, of_file = chunk_scores(corpus, evidence)[kept], model.scores(evidence.files)
    spelled = SPELLED * candidates.best(evidence.spelled)
    of_file += spelled
    # Small numbers are sorted by their digits, and a stable sort after another is one by both.
    by_score = np.argsort(-shown, kind="stable")
    by_file = kept[by_score[np.argsort(candidates.file[kept].astype(np.int16)[by_score], kind="stable")]]
    firsts = np.flatnonzero(np.diff(candidates.file[by_file], prepend=-1))
    turn = np.arange(len(by_file)) - np.repeat(firsts, np.diff(firsts, append=len(by_file)))
    early = np.flatnonzero(turn < len(SHARES))
    by_file, turn = by_file[early], turn[early]
    of_chunk = of_file[candidates.file[by_file]]
    chances = model.chances(of_chunk, float(of_file.max()))
    best = np.lexsort((by_file, -of_chunk, turn))
    if is_task:
        rest = best[FIRST_FILES:]
        best[FIRST_FILES:] = rest[np.argsort(-chances[rest] * SHARES[turn[rest]], kind="stable")]
    best = best[:limit]
    confidence = model.chance_of_answer(evidence, of_file)
    scores, best = chances[best] * np.float32(confidence), by_file[best]
    files = candidates.file[best]
    reasons = (
        {int(candidates.files[i]): _named(model.parts(evidence.files[i]), spelled[i]) for i in set(files)}
        if explain
        else None
    )
    return Ranked(candidates.chunks[best], scores, confidence, reasons)


def _named(parts: Floats, spelled: float) -> dict[str, float]:
    """Return what contributes, most first."""
    ranked = sorted([("spelled", spelled), *zip(FEATURES, parts, strict=True)], key=lambda part: -abs(part[1]))
    return {name: round(float(part), 3) for name, part in ranked if abs(part) >= 0.0005}
