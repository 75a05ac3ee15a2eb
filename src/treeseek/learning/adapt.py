"""Fit the bundled model to somebody's own repositories, and say whether that helped.

It is judged by commits that it hasn't seen: the history is cut at three places (rolling-origin evaluation, Tashman
2000); from what lay before each a model is fitted, and then asked for the files of the commits that came after, by
their subjects, among the files as they were at the cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treeseek.embedding.pieces import split
from treeseek.embedding.weights_file import Weights, quantised
from treeseek.errors import RootError, UsageError
from treeseek.learning.bags import Examples, joined
from treeseek.learning.judging import Collection, collection, ndcg, scores
from treeseek.learning.pairs import KINDS, is_test
from treeseek.learning.prose import of_commit
from treeseek.learning.repository import Limits, changed_paths, extract, patterns_of, source_files
from treeseek.learning.trainer import KIND_WEIGHTS, Recipe, State, train
from treeseek.learning.vocabulary import Numbering
from treeseek.syntax import analyse
from treeseek.workspace.commits import Commit, commits

__all__ = ["ADAPTING", "Adapted", "Fold", "adapt"]

Floats = NDArray[np.float32]

ADAPTING = Recipe(
    steps=300, batch=512, groups=1, grouped=1.0, rate=0.012, weight_rate=0.006, warm_up=20,
    kinds={**KIND_WEIGHTS, "path": 3.0, "header": 3.0, "message": 0.5, "note": 0.7, "mention": 2.0},
)  # fmt: skip
"""`steps` is the most: there are as many as make PASSES over the pairs, but at least MIN_STEPS."""
PASSES, MIN_STEPS = 10, 40
FOLDS = 3
HISTORY = 2000
MAX_JUDGED = 300
"""So many commits are asked for at most, and a third of the history."""
MIN_JUDGED = 20
"""Fewer say nothing."""
PARSE_SECONDS = 20.0
MAX_NEW_WORDS = 6000
MIN_OCCURRENCES = 4


@dataclass(frozen=True, slots=True)
class Fold:
    """What one cut gave: how many commits were asked for, and NDCG@10 of the bundled and of the fitted model."""

    commits: int
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Adapted:
    """A fitted model, what it was fitted to, and what the judgement of each commit was (NDCG@10 before, after)."""

    weights: Weights
    pairs: Mapping[str, int]
    new_words: int
    folds: tuple[Fold, ...]
    judged: tuple[tuple[float, float], ...] = field(repr=False)
    revisions: Mapping[str, str]

    @property
    def before(self) -> float:
        """NDCG@10 of the bundled model over all commits that were asked for."""
        return float(np.mean([before for before, _ in self.judged])) if self.judged else 0.0

    @property
    def after(self) -> float:
        """NDCG@10 of the models that were fitted to what lay before."""
        return float(np.mean([after for _, after in self.judged])) if self.judged else 0.0

    @property
    def error(self) -> float:
        """The standard error of the difference."""
        gains = [after - before for before, after in self.judged]
        return float(np.std(gains, ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else 0.0

    @property
    def helped(self) -> bool:
        """Whether the gain is more than its standard error, over enough commits."""
        return len(self.judged) >= MIN_JUDGED and self.after - self.before > max(self.error, 0.0)

    def provenance(self, base: str) -> dict[str, Any]:
        """Return what is stored beside the weights."""
        return {
            "name": "treeseek-adapted", "base": base, "learned_from": dict(self.revisions), "pairs": dict(self.pairs),
            "cross_validated": {
                "commits": len(self.judged), "before": round(self.before, 4), "after": round(self.after, 4),
            },
        }  # fmt: skip


Tell = Callable[[str, int, int], None]
"""Is told what is done, and how much of how much."""


@dataclass(frozen=True, slots=True)
class _Past:
    """A repository and its commits that can be asked for, newest first."""

    root: Path
    name: str
    revision: str
    commits: list[Commit]

    def blocks(self) -> list[list[Commit]]:
        """Return the commits after each cut up to the next, the oldest first; empty ones where there are too few."""
        borders = np.linspace(0, min(MAX_JUDGED, len(self.commits) // 3), FOLDS + 1).astype(int).tolist()
        return [self.commits[begin:end] for begin, end in reversed(list(pairwise(borders)))]


def adapt(roots: Sequence[Path], base: Weights, tell: Tell = lambda *_: None, *, recipe: Recipe = ADAPTING,
          limits: Limits | None = None) -> Adapted:  # fmt: skip
    """Return the model that was fitted to repositories, judged by their latest commits. Deterministic.

    The roots are absolute. Raises RootError for one that isn't a checkout of a git repository, UsageError if they
    hold nothing to learn from.
    """
    limits = limits or Limits()
    pasts = [_past(root, tell, i, len(roots)) for i, root in enumerate(roots)]
    judged: list[tuple[float, float]] = []
    folds: list[Fold] = []
    for number, blocks in enumerate(zip(*(past.blocks() for past in pasts), strict=True)):
        tell("judging", number, FOLDS)
        found = _judged(pasts, list(blocks), base, recipe, limits, tell)
        if found:
            before, after = np.mean(found, axis=0).tolist()
            folds.append(Fold(len(found), before, after))
            judged += found
    examples = _examples([(past, past.revision) for past in pasts], limits)
    if not len(examples):
        raise UsageError("there is nothing to learn from: no documented or named code, and no telling commits")
    fitted, new_words = _fitted(base, examples, recipe, lambda step, *_: tell("fitting", step, recipe.steps))
    pairs = Counter(KINDS[kind] for kind in examples.kind.tolist())
    revisions = {past.name: past.revision for past in pasts}
    return Adapted(fitted, pairs, new_words, tuple(folds), tuple(judged), revisions)


def _past(root: Path, tell: Tell, number: int, of: int) -> _Past:
    tell("reading history", number, of)
    sources, _ = source_files(root, "HEAD", Limits(source_bytes=2_000_000, documents=0))
    patterns = patterns_of(sources)
    if not patterns:
        raise RootError(f"{root} holds no source that can be learnt from")
    found = list(commits(root, patterns, limit=HISTORY))
    if not found:
        raise RootError(f"{root} has no history of source")
    telling = [one for one in found if of_commit(one.subject) and 0 < len(one.files) <= 8]
    return _Past(root, root.name, found[0].id, telling)


def _examples(at: Sequence[tuple[_Past, str]], limits: Limits) -> Examples:
    """Return the pairs of repositories at revisions."""
    return joined(
        Examples.of(extract(past.root, past.name, limits, revision=revision)[0], i)
        for i, (past, revision) in enumerate(at)
    )


def _judged(pasts: Sequence[_Past], blocks: Sequence[list[Commit]], base: Weights, recipe: Recipe, limits: Limits,
            tell: Tell) -> list[tuple[float, float]]:  # fmt: skip
    """Return NDCG@10 before and after fitting of the commits of some blocks, of one repository each."""
    asked = [(past, f"{block[-1].id}~1", block) for past, block in zip(pasts, blocks, strict=True) if block]
    collections: list[Collection] = []
    at: list[tuple[_Past, str]] = []
    for past, revision, block in asked:
        try:
            collections.append(_questions(past.root, revision, block, limits))
        except UsageError:  # the first commit has none before it
            continue
        at.append((past, revision))
    if not any(len(one.queries) for one in collections):
        return []
    examples = _examples(at, limits)
    fitted, _ = _fitted(base, examples, recipe, lambda step, *_: tell("cross-validating", step, recipe.steps))
    before, after = ([score for one in collections for score in _scored(one, weights)] for weights in (base, fitted))
    return list(zip(before, after, strict=True))


def _questions(root: Path, revision: str, block: Sequence[Commit], limits: Limits) -> Collection:
    """Return the files as they were at a revision, and the subjects of the commits after it with what they changed."""
    sources, _ = source_files(root, revision, replace(limits, documents=0))
    sources = [file for file in sources if not is_test(file.path)]
    number = {file.path: i for i, file in enumerate(sources)}
    files = [
        (file.path, [
            file.data[chunk.start_byte : chunk.end_byte].decode("utf-8", "replace")
            for chunk in analyse(file.data, file.language, deadline_seconds=PARSE_SECONDS, documentation=False).chunks
        ])
        for file in sources
    ]  # fmt: skip
    asked = [(of_commit(one.subject), [number[path] for path in changed_paths(one) if path in number]) for one in block]
    return collection(files, [(said, right) for said, right in asked if right])


def _scored(judged: Collection, weights: Weights) -> list[float]:
    found = scores(judged, Numbering(weights.words), weights.table())
    return [ndcg(one, right) for one, right in zip(found, judged.right, strict=True)]


def _fitted(base: Weights, examples: Examples, recipe: Recipe, tell: Callable[[int, float, float], None]
            ) -> tuple[Weights, int]:  # fmt: skip
    """Return the base, with vectors for words that the examples say often, fitted to them; and how many those are."""
    words = [*base.words, *_new_words(base.words, examples)]
    table = base.table()
    state = State(_started(table, words), np.zeros(len(words), np.float32))
    numbering = Numbering(words)
    query, text, path = (numbering.of(bags, examples.words) for bags in (examples.query, examples.text, examples.path))
    numbered = Examples(words, query, text, path, examples.kind, examples.repo)
    dims = table.shape[1]
    narrow = tuple(n for n in recipe.dims if n < dims)
    steps = min(recipe.steps, max(MIN_STEPS, PASSES * len(examples) // recipe.batch))
    groups = len(np.unique(examples.repo)) or 1
    train(state, numbered, replace(recipe, dims=(dims, *narrow), groups=groups, steps=steps), tell)
    return quantised(words, state.table()), len(words) - len(base.words)


def _new_words(known: Sequence[str], examples: Examples) -> list[str]:
    """Return words without a vector that many pairs have, the most frequent first."""
    have = set(known)
    counts = np.bincount(np.concatenate([examples.query.ids, examples.text.ids]), minlength=len(examples.words))
    order = np.argsort(-counts, kind="stable").tolist()
    fresh = (examples.words[i] for i in order if counts[i] >= MIN_OCCURRENCES)
    return [word for word in fresh if word not in have and 2 < len(word) <= 24 and not word.isdigit()][:MAX_NEW_WORDS]


def _started(table: Floats, words: Sequence[str]) -> Floats:
    """Return the table with rows for new words: the mean of their pieces', or a small one of no meaning."""
    numbers = {word: i for i, word in enumerate(words[: len(table)])}
    rng = np.random.default_rng(0)
    typical = np.float32(np.median(np.linalg.norm(table, axis=1)))
    rows = [table]
    for word in words[len(table) :]:
        drawn = rng.standard_normal((1, table.shape[1]), np.float32)
        pieces = [numbers[piece] for piece in split(word, numbers)]
        rows.append(table[pieces].mean(axis=0, keepdims=True) if pieces else drawn * typical / np.linalg.norm(drawn))
    return np.concatenate(rows)
