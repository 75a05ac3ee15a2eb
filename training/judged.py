"""Queries whose answers are known, with the evidence for every file that might answer: what a ranker learns from."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.metrics import same_path
from numpy.typing import NDArray

import treeseek
from treeseek import settings
from treeseek.embedding import default_embedder
from treeseek.retrieval import query as queries
from treeseek.retrieval.corpus import Corpus
from treeseek.retrieval.evidence import Evidence, gather

__all__ = ["Judged", "Packed", "folds_of", "judged", "ndcg_of"]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

FOLDS = 5
FOREIGN = 20
"""How many queries of other repositories each one is asked, to learn what having no answer looks like."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One query: the evidence of its files, which are right, and how many targets there are. Of a query that another
    repository was made for no file is right, and there are no targets.
    """

    repo: str
    category: str
    evidence: Evidence
    right: NDArray[np.bool_]
    targets: int

    @property
    def features(self) -> Floats:
        """Files x FEATURES."""
        return self.evidence.files


def judged(corpus_dir: Path, repos: list[dict[str, Any]], asked: list[dict[str, Any]], data: Path) -> list[Judged]:
    """Index every repository and gather the evidence of its queries, and of some of others'."""
    by_repo = defaultdict(list)
    for query in asked:
        by_repo[query["repo"]].append(query)
    rows: list[Judged] = []
    for number, repo in enumerate(repos):
        with treeseek.open(corpus_dir / repo["repo"] / repo["root"], settings.load(data_dir=data)) as engine:
            engine.sync()
            corpus, _ = engine._reader.laid_out()
            rows += _own(repo, corpus, by_repo[repo["repo"]])
            rows += _foreign(repo, corpus, _queries_of_others(repos, by_repo, number))
        print(repo["repo"], len(by_repo[repo["repo"]]), file=sys.stderr)
    return rows


def _own(repo: dict[str, Any], corpus: Corpus, asked: Sequence[dict[str, Any]]) -> Iterator[Judged]:
    prefix = "" if repo["root"] == "." else repo["root"].strip("/") + "/"
    for query in asked:
        evidence = _evidence(corpus, query["query"])
        targets = query["relevant"] + query["secondary"]
        paths = [prefix + corpus.path[i] for i in evidence.candidates.files]
        right = np.array([any(same_path(path, target["path"]) for target in targets) for path in paths])
        yield Judged(repo["repo"], query["category"], evidence, right, len(targets))


def _foreign(repo: dict[str, Any], corpus: Corpus, asked: Sequence[dict[str, Any]]) -> Iterator[Judged]:
    for query in asked:
        evidence = _evidence(corpus, query["query"])
        yield Judged(repo["repo"], "foreign", evidence, np.zeros(len(evidence.files), np.bool_), 0)


def _evidence(corpus: Corpus, text: str) -> Evidence:
    evidence = gather(corpus, queries.parse(text, max_chars=2000), default_embedder().embed_query(text))
    assert evidence is not None, "every repository of a benchmark has files"
    return evidence


def _queries_of_others(
    repos: list[dict[str, Any]], by_repo: dict[str, list[dict[str, Any]]], number: int
) -> list[dict[str, Any]]:
    """Return every so many of the other repositories' queries, others for each repository."""
    others = [query for repo in repos if repo is not repos[number] for query in by_repo[repo["repo"]]]
    step = max(1, len(others) // FOREIGN)
    return others[number % step :: step][:FOREIGN]


def folds_of(rows: Sequence[Judged]) -> NDArray[np.int64]:
    """Return the fold of each query; folds are whole repositories."""
    fold = {repo: i % FOLDS for i, repo in enumerate(sorted({row.repo for row in rows}))}
    return np.array([fold[row.repo] for row in rows])


def ndcg_of(query: Judged, scores: NDArray[Any], k: int = 10) -> float:
    """Return NDCG@k of a ranking of files."""
    top = np.argsort(-scores, kind="stable")[:k]
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = discounts[: min(k, query.targets)].sum()
    return float(min(query.right[top] @ discounts[: len(top)] / ideal, 1.0)) if ideal else 0.0


@dataclass(frozen=True, slots=True)
class Packed:
    """The likeliest files of many queries and all right ones, as one array, so that a step of a fit is a few products.

    `rows`: queries x files x features, zero where a query has fewer files; `right`, `wrong`: queries x files;
    `ideal`: the best DCG that each query can have.
    """

    rows: Floats
    right: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    ideal: Doubles

    @classmethod
    def of(cls, queries: Sequence[Judged], scores: Sequence[NDArray[Any]], files: int) -> Packed:
        """Take the `files` best of each query by `scores`."""
        rows = np.zeros((len(queries), files, queries[0].features.shape[1]), np.float32)
        right, known = np.zeros(rows.shape[:2], np.bool_), np.zeros(rows.shape[:2], np.bool_)
        for i, (query, score) in enumerate(zip(queries, scores, strict=True)):
            best = np.argsort(-score, kind="stable")
            missed = [file for file in best[files:] if query.right[file]]
            kept = np.concatenate([best[: files - len(missed)], np.array(missed, np.int64)])[:files]
            rows[i, : len(kept)], right[i, : len(kept)], known[i, : len(kept)] = (
                query.features[kept], query.right[kept], True,
            )  # fmt: skip
        ideal = np.array([(1 / np.log2(np.arange(query.targets) + 2)).sum() for query in queries])
        return cls(rows, right, known & ~right, ideal)

    def take(self, which: NDArray[np.int64]) -> Packed:
        """Return some of the queries."""
        return Packed(self.rows[which], self.right[which], self.wrong[which], self.ideal[which])

    def without(self, features: NDArray[np.bool_]) -> Packed:
        """Return all with some features set to 0."""
        return Packed(np.where(features, np.float32(0), self.rows), self.right, self.wrong, self.ideal)

    def slopes(self, scores: Doubles) -> tuple[Doubles, Doubles]:
        """Return LambdaRank's first and second derivative (Burges 2010) for scores, queries x files.

        A pair of a right and a wrong file counts by the NDCG@10 that swapping them would cost; below the tenth place
        three tenths of it, so that what is far down is drawn up too.
        """
        known = self.right | self.wrong
        ranked = np.argsort(np.where(known, -scores, np.inf), axis=1, kind="stable")
        rank = np.empty_like(ranked)
        np.put_along_axis(rank, ranked, np.broadcast_to(np.arange(scores.shape[1]), scores.shape), axis=1)
        gain = 1 / np.log2(rank + 2.0)
        gain = np.where(rank < 10, gain, 0.3 * gain)
        down, bend = np.zeros_like(scores), np.zeros_like(scores)
        query, file = np.nonzero(self.right)
        ahead = scores[query, file][:, None] - scores[query]
        chance = 1 / (1 + np.exp(np.clip(ahead, -30, 30)))
        cost = np.abs(gain[query, file][:, None] - gain[query]) / self.ideal[query, None] * self.wrong[query]
        pull, curve = cost * chance, cost * chance * (1 - chance)
        np.add.at(down, query, pull)
        np.add.at(bend, query, curve)
        down[query, file] -= pull.sum(axis=1)
        bend[query, file] += curve.sum(axis=1)
        return down, bend
