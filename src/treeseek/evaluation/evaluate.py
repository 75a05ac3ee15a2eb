"""From questions to a comparison: each variant's figures, and how surely it differs from the first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from treeseek.engine import ProgressCallback, open_engine
from treeseek.errors import UsageError
from treeseek.evaluation.asking import Agree, Answer, open_panel
from treeseek.evaluation.chunking import Chunking, chunkings
from treeseek.evaluation.history import open_past, questions_of
from treeseek.evaluation.metrics import METRICS, Place, Score, difference, mean
from treeseek.evaluation.questions import Question
from treeseek.evaluation.variants import LINES, Variant
from treeseek.settings import Settings

__all__ = ["Comparison", "Difference", "Evaluation", "Figures", "of_history", "of_questions"]

Told = Callable[[int, int], object]
"""Is told how many questions of how many were asked."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a variant is worth over all questions and by group; latencies of searches in seconds."""

    name: str
    score: Score
    groups: Mapping[str, tuple[int, Score]]
    p50: float
    p95: float
    sync_seconds: float


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much a variant's figure differs from the first one's, question by question, and the 95% interval."""

    name: str
    metric: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The figures of all variants, what each answered, and their differences from the first."""

    figures: tuple[Figures, ...]
    differences: tuple[Difference, ...]
    answers: Mapping[str, tuple[Answer, ...]]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A comparison, and what it was made with.

    `unknown` are places of questions that aren't files of the root. `commits` were looked at for questions, and
    `left_out` counts those that ask none, by reason. `chunking` is there if chunks were compared.
    """

    root: str
    comparison: Comparison
    unknown: tuple[str, ...] = ()
    commits: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    chunking: Mapping[str, Chunking] = field(default_factory=dict)


def of_questions(
    root: Path,
    settings: Settings,
    questions: Sequence[Question],
    variants: Sequence[Variant],
    progress: ProgressCallback | None = None,
    told: Told = lambda done, total: None,
    agree: Agree = lambda engine: None,
) -> Evaluation:
    """Ask all variants the questions of a file. The root's own index is brought up to date.

    A target's path counts from the root, or from any directory above it, as in a list for a whole repository.
    `agree` is asked before an index is made, and may raise: a variant's embedder can be a remote one.
    Raises RootError, StoreError, EmbeddingError when a variant's embedder fails, UsageError for a query that can't be
    or when no target is a file of the root.
    """
    with open_panel(root, settings, variants) as panel:
        located, unknown = _located(panel.root, questions)
        panel.sync(progress, agree)
        answers: list[list[Answer]] = []
        for number, question in enumerate(located):
            told(number, len(located))
            answers.append(panel.ask(question))
        comparison = compared(variants, answers, panel.sync_seconds)
        return Evaluation(str(panel.root), comparison, unknown, chunking=_chunking(panel.root, settings, variants))


def of_history(
    root: Path,
    settings: Settings,
    count: int,
    variants: Sequence[Variant],
    revision: str = "HEAD",
    told: Told = lambda done, total: None,
    agree: Agree = lambda engine: None,
) -> Evaluation:
    """Ask all variants what up to `count` commits say of themselves, each in the files before it.

    The indexes are temporary, and are brought from one commit to the next. `agree` is as for `of_questions`.
    Raises RootError if git can't be asked, EmbeddingError when a variant's embedder fails, UsageError if there is no
    such revision, or none of its last commits asks anything.
    """
    with open_engine(root, settings) as engine, open_past(engine) as past:
        selection = questions_of(engine, count, revision)
        if not selection.questions:
            raise UsageError(f"none of the last {selection.commits:,} commits of {engine.root} makes a question")
        answers: list[list[Answer]] = []
        oldest_first = selection.questions[::-1]
        past.become(oldest_first[0].tree)
        temporary = replace(settings, data_dir=past.room)
        with open_panel(past.root, temporary, variants) as panel:
            for number, one in enumerate(oldest_first):
                told(number, len(oldest_first))
                past.become(one.tree)
                panel.sync(agree=agree)
                answers.append(panel.ask(one.question))
            comparison = compared(variants, answers, panel.sync_seconds)
            chunking = _chunking(past.root, settings, variants)
        return Evaluation(str(engine.root), comparison, (), selection.commits, selection.left_out, chunking)


def compared(
    variants: Sequence[Variant], answers: Sequence[Sequence[Answer]], sync_seconds: Mapping[str, float]
) -> Comparison:
    """Return the figures of variants; `answers` has for each question those of all variants, at least one question."""
    by_name = {variant.name: tuple(row[i] for row in answers) for i, variant in enumerate(variants)}
    figures = tuple(_figures(name, own, sync_seconds[name]) for name, own in by_name.items())
    first, *others = by_name
    differences = tuple(
        Difference(name, metric, *difference(_column(by_name[name], metric), _column(by_name[first], metric)))
        for name in others
        for metric in METRICS
    )
    return Comparison(figures, differences, by_name)


def _column(answers: Sequence[Answer], metric: str) -> list[float]:
    return [getattr(answer.score, metric) for answer in answers]


def _figures(name: str, answers: Sequence[Answer], sync_seconds: float) -> Figures:
    groups = defaultdict(list)
    for answer in answers:
        if answer.question.group:
            groups[answer.question.group].append(answer.score)
    p50, p95 = np.quantile([answer.seconds for answer in answers], (0.5, 0.95))
    by_group = {group: (len(own), mean(own)) for group, own in sorted(groups.items())}
    return Figures(name, mean([answer.score for answer in answers]), by_group, float(p50), float(p95), sync_seconds)


def _chunking(root: Path, settings: Settings, variants: Sequence[Variant]) -> Mapping[str, Chunking]:
    return chunkings(root, settings) if any(variant.chunks == LINES for variant in variants) else {}


def _located(root: Path, questions: Sequence[Question]) -> tuple[list[Question], tuple[str, ...]]:
    """Return the questions with targets relative to the root, and the targets that aren't there, which count as missed.

    Raises UsageError if none is there.
    """
    found: dict[str, str] = {}
    for path in sorted({target.path for question in questions for target in question.targets}):
        parts = path.split("/")
        below = ("/".join(parts[i:]) for i in range(len(parts)))
        found[path] = next((one for one in below if ".." not in parts and (root / one).is_file()), "")
    if not any(found.values()):
        raise UsageError(f"no place of the questions is a file of {root}, such as {next(iter(found))}")
    located = [
        replace(
            question,
            targets=tuple(Place(found[one.path] or one.path, one.start_line, one.end_line) for one in question.targets),
        )
        for question in questions
    ]
    return located, tuple(path for path, place in found.items() if not place)
