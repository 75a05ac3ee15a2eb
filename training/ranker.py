"""Fit the ranker's weights to a benchmark's queries, and say by cross-validation what they are worth.

    python -m training.ranker --queries queries.jsonl --repos repos.json --corpus DIR [--out ranker.json]

LambdaRank (Burges 2010) with a linear model: pairs of a right and a wrong file, weighted by the NDCG@10 that swapping
them would cost. Folds are whole repositories. Deterministic: no sampling, a fixed number of steps.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.metrics import same_path
from benchmarks.provenance import provenance
from numpy.typing import NDArray

import treeseek
from treeseek import settings
from treeseek.embedding import default_embedder
from treeseek.retrieval import query as queries
from treeseek.retrieval.evidence import FEATURES, gather

Floats = NDArray[np.float32]

CANDIDATES = 200
FLOORS = {"defines_symbol": 6.0}
"""Weights that may not be lower. Who asks for one identifier wants its definition first; the benchmark's symbols are
mostly named like their files, so it can't tell how much."""
STEPS, RATE = 300, 0.05
FOLDS = 5
AGAINST = frozenset("test example copy document".split())
EITHER = frozenset("first_chunk reexport chunks declarations depth".split())
SIGNS = np.array([0 if feature in EITHER else -1 if feature in AGAINST else 1 for feature in FEATURES])
"""Which sign a weight may have: a reason for a file must not count against it where nobody measured."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One query: the features of its files (n x FEATURES), which are right, and how many targets there are."""

    repo: str
    category: str
    features: Floats
    right: NDArray[np.bool_]
    targets: int


def judged(corpus_dir: Path, repos: list[dict[str, Any]], asked: list[dict[str, Any]], data: Path) -> list[Judged]:
    """Index every repository and gather the evidence of its queries."""
    by_repo = defaultdict(list)
    for query in asked:
        by_repo[query["repo"]].append(query)
    rows = []
    for repo in repos:
        prefix = "" if repo["root"] == "." else repo["root"].strip("/") + "/"
        with treeseek.open(corpus_dir / repo["repo"] / repo["root"], settings.load(data_dir=data)) as engine:
            engine.sync()
            corpus, _ = engine._corpus()
            for query in by_repo[repo["repo"]]:
                parsed = queries.parse(query["query"], max_chars=2000)
                evidence = gather(corpus, parsed, default_embedder().embed_query(query["query"]))
                targets = query["relevant"] + query["secondary"]
                assert evidence is not None, "every repository of a benchmark has files"
                paths = [prefix + corpus.path[i] for i in evidence.candidates.files]
                right = [any(same_path(path, target["path"]) for target in targets) for path in paths]
                rows.append(Judged(repo["repo"], query["category"], evidence.files, np.array(right), len(targets)))
        print(repo["repo"], len(by_repo[repo["repo"]]), file=sys.stderr)
    return rows


def ndcg_of(query: Judged, scores: Floats, k: int = 10) -> float:
    """Return NDCG@k of a ranking of files."""
    top = np.argsort(-scores, kind="stable")[:k]
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = discounts[: min(k, query.targets)].sum()
    return float(min(query.right[top] @ discounts[: len(top)] / ideal, 1.0)) if ideal else 0.0


def fit(rows: list[Judged], l2: float, start: Floats) -> Floats:
    """Return weights for raw features, fitted to the rows; `l2` pulls the standardised weights towards 0."""
    stacked = np.concatenate([row.features for row in rows])
    scale = stacked.std(axis=0) + 1e-6
    weights = (start * scale).astype(np.float64)
    floors = np.array([FLOORS.get(feature, -np.inf) for feature in FEATURES])
    moment, second = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, STEPS + 1):
        gradient = l2 * weights
        for row in rows:
            gradient -= _lambdas(row, weights / scale, scale) / len(rows)
        moment = 0.9 * moment + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        rate = RATE * (1 - step / STEPS)
        weights -= rate * (moment / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
        weights[SIGNS * weights < 0] = 0
        weights = np.maximum(weights, floors * scale)
    return (weights / scale).astype(np.float32)


def _lambdas(row: Judged, weights: NDArray[np.float64], scale: Floats) -> NDArray[np.float64]:
    """Return the direction in which one query wants the standardised weights to move."""
    scores = row.features @ weights
    ranked = np.argsort(-scores, kind="stable")
    keep = np.concatenate([ranked[:CANDIDATES], np.flatnonzero(row.right)])
    rank = np.empty(len(scores), np.int64)
    rank[ranked] = np.arange(len(scores))
    right, wrong = keep[row.right[keep]], keep[~row.right[keep]]
    right = np.unique(right)
    if not len(right) or not len(wrong):
        return np.zeros(len(weights))
    gain = np.where(rank < 10, 1 / np.log2(rank + 2.0), 1 / np.log2(rank + 2.0) * 0.3)
    cost = np.abs(gain[right][:, None] - gain[wrong][None]) / (1 / np.log2(np.arange(row.targets) + 2)).sum()
    pull = cost / (1 + np.exp(np.clip(scores[right][:, None] - scores[wrong][None], -30, 30)))
    features = row.features / scale
    direction: NDArray[np.float64] = pull.sum(axis=1) @ features[right] - pull.sum(axis=0) @ features[wrong]
    return direction


def calibrated(rows: list[Judged], weights: Floats) -> list[float]:
    """Return the logistic curve that says how likely a file is right: weights of its score, of how far it is behind
    the first, and a bias, fitted to the first tens of all rankings.

    Platt scaling, by Newton's method.
    """
    lines, right = [], []
    for row in rows:
        raw = (row.features @ weights).astype(np.float64)
        top = np.argsort(-raw, kind="stable")[:10]
        lines.append(np.stack([raw[top], raw[top] - raw[top[0]], np.ones(len(top))], axis=1))
        right.append(row.right[top])
    x, y = np.concatenate(lines), np.concatenate(right).astype(np.float64)
    line = np.zeros(3)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-x @ line))
        hessian = (x * (chance * (1 - chance))[:, None]).T @ x + 1e-6 * np.eye(3)
        line += np.linalg.solve(hessian, x.T @ (y - chance))
    return [round(float(number), 4) for number in line]


def cross_validated(rows: list[Judged], l2: float, start: Floats) -> tuple[float, list[float]]:
    """Return the mean NDCG@10 of queries judged by weights that never saw their repository."""
    repos = sorted({row.repo for row in rows})
    fold = {repo: i % FOLDS for i, repo in enumerate(repos)}
    held = []
    for i in range(FOLDS):
        weights = fit([row for row in rows if fold[row.repo] != i], l2, start)
        held += [ndcg_of(row, row.features @ weights) for row in rows if fold[row.repo] == i]
    return float(np.mean(held)), held


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("queries", "repos", "corpus"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--out", type=Path, help="write the weights here")
    parser.add_argument("--l2", type=float, default=0.02)
    parser.add_argument("--data-dir", type=Path)
    args = parser.parse_args()
    asked = [json.loads(line) for line in args.queries.read_text("utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as temporary:
        rows = judged(args.corpus, json.loads(args.repos.read_text("utf-8")), asked, args.data_dir or Path(temporary))
    start = np.array([1.0 if f in ("best_three_chunks", "whole_file", "dense_best") else 0.0 for f in FEATURES],
                     np.float32)  # fmt: skip
    before = float(np.mean([ndcg_of(row, row.features @ start) for row in rows]))
    held, _ = cross_validated(rows, args.l2, start)
    weights = fit(rows, args.l2, start)
    shipped = float(np.mean([ndcg_of(row, row.features @ weights) for row in rows]))
    print(f"files only, NDCG@10: start {before:.4f}, cross-validated {held:.4f}, fitted to all {shipped:.4f}")
    stored = {feature: round(float(weight), 4) for feature, weight in zip(FEATURES, weights, strict=True)}
    print(json.dumps(stored, indent=1))
    if args.out:
        recipe = {"l2": args.l2, "steps": STEPS, "rate": RATE, "queries": len(rows), "cross_validated": round(held, 4),
                  "fitted": round(shipped, 4), "made_with": provenance()}  # fmt: skip
        calibration = dict(zip(("score", "behind", "bias"), calibrated(rows, weights), strict=True))
        args.out.write_text(
            json.dumps({"weights": stored, "calibration": calibration, "recipe": recipe}, indent=1) + "\n", "utf-8"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
