"""Fit the ranker's weights to a benchmark's queries, and say by cross-validation what they are worth.

    python -m training.ranker --queries queries.jsonl --repos repos.json --corpus DIR [--out ranker.json]

LambdaRank (Burges 2010): pairs of a right and a wrong file, weighted by the NDCG@10 that swapping them would cost;
first a linear model, then small trees boosted on top. Folds are whole repositories, and every number that ranks is
fitted inside the fold. Deterministic. Needs a few minutes of one core.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.provenance import provenance
from numpy.typing import NDArray

from training.boosting import Terms, boost
from training.calibration import area_under_roc, chance_right, fit_answerable, fit_right
from training.judged import FOLDS, Judged, Packed, folds_of, judged, ndcg_of
from training.linear import STEPS, fit_linear
from treeseek.retrieval.evidence import FEATURES
from treeseek.retrieval.forest import Forest

Doubles = NDArray[np.float64]

FILES = 80
"""Files of a query that a fit looks at: who is further down has no part in what comes first."""
L2 = 0.02
TERMS = Terms()
DENSE = np.array(["dense" in feature for feature in FEATURES])
FIRST_GUESS = {"best_three_chunks": 1.0, "whole_file": 1.0, "covered_by_stem": 1.0, "dense_best": 2.0}


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights for raw features, and a forest on top; `forest` None is the weights alone."""

    weights: Doubles
    forest: Forest | None

    def scores(self, query: Judged) -> Doubles:
        """Return a score for each of the query's files."""
        scores: Doubles = query.features @ self.weights
        return scores if self.forest is None else scores + self.forest.scores(query.features)


def fit(queries: Packed, left_out: NDArray[np.bool_], terms: Terms | None) -> Fitted:
    """Fit weights, and a forest if there are `terms` for it, without the features of `left_out`."""
    queries = queries.without(left_out)
    weights = fit_linear(queries, L2, left_out)
    if terms is None:
        return Fitted(weights, None)
    known = queries.right | queries.wrong
    rows = queries.rows[known]

    def slopes(scores: Doubles) -> tuple[Doubles, Doubles]:
        spread = np.zeros(known.shape)
        spread[known] = scores
        down, bend = queries.slopes(spread)
        return down[known], bend[known]

    return Fitted(weights, boost(rows, rows @ weights, slopes, terms))


def packed(queries: Sequence[Judged]) -> Packed:
    """Take the files of each query that have a chance, by a guess that nothing was fitted for."""
    guess = np.array([FIRST_GUESS.get(feature, 0.0) for feature in FEATURES], np.float32)
    return Packed.of(queries, [query.features @ guess for query in queries], FILES)


def cross_validated(
    rows: Sequence[Judged], queries: Packed, left_out: NDArray[np.bool_], terms: Terms | None
) -> tuple[list[float], float]:
    """Return the NDCG@10 of each query that has an answer, by weights that never saw its repository, and how well such
    weights tell (area under ROC) which queries have none.
    """
    folds = folds_of(rows)
    own = np.array([query.targets > 0 for query in rows])
    held, odds = np.zeros(len(rows)), np.zeros(len(rows))
    for fold in range(FOLDS):
        fitted = fit(queries.take(np.flatnonzero(folds[own] != fold)), left_out, terms)
        seen = [row for row, of in zip(rows, folds, strict=True) if of != fold]
        unseen = [row for row, of in zip(rows, folds, strict=True) if of == fold]
        curve = fit_answerable(seen, [fitted.scores(row) for row in seen])
        odds[folds == fold] = chance_right(curve, unseen, [fitted.scores(row) for row in unseen])
        held[folds == fold] = [ndcg_of(row, fitted.scores(row)) for row in unseen]
    return [float(score) for score in held[own]], area_under_roc(odds, own)


def stored(rows: Sequence[Judged], queries: Packed, left_out: NDArray[np.bool_]) -> tuple[dict[str, Any], float]:
    """Return what ships, fitted to everything, and its NDCG@10."""
    fitted = fit(queries, left_out, TERMS)
    assert fitted.forest is not None
    own = [row for row in rows if row.targets]
    document = {
        "weights": {name: round(float(weight), 4) for name, weight in zip(FEATURES, fitted.weights, strict=True)},
        "right": fit_right(own, [fitted.scores(row) for row in own]),
        "answerable": fit_answerable(rows, [fitted.scores(row) for row in rows]),
        "forest": fitted.forest.stored(FEATURES),
    }
    return document, float(np.mean([ndcg_of(row, fitted.scores(row)) for row in own]))


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("queries", "repos", "corpus"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--out", type=Path, help="write the weights here")
    parser.add_argument("--data-dir", type=Path, help="keep the indexes here and reuse them")
    args = parser.parse_args()
    asked = [json.loads(line) for line in args.queries.read_text("utf-8").splitlines()]
    repos = json.loads(args.repos.read_text("utf-8"))
    with tempfile.TemporaryDirectory() as temporary:
        rows = judged(args.corpus, repos, asked, args.data_dir or Path(temporary))
    queries = packed([row for row in rows if row.targets])
    nothing = np.zeros(len(FEATURES), np.bool_)
    document: dict[str, Any] = {}
    figures = {}
    for name, left_out in (("all", nothing), ("lexical", DENSE), ("static", ~DENSE)):
        linear, _ = cross_validated(rows, queries, left_out, None)
        held, area = cross_validated(rows, queries, left_out, TERMS)
        figures[name] = {"linear": _mean(linear), "cross_validated": _mean(held), "answerable_auc": round(area, 4)}
        if name != "static":
            document[name], shipped = stored(rows, queries, left_out)
            figures[name]["fitted"] = round(shipped, 4)
        if name == "all":
            _print_groups(rows, held, {repo["repo"]: repo["language"] for repo in repos})
        print(name, json.dumps(figures[name]), flush=True)
    if args.out:
        recipe = {"l2": L2, "steps": STEPS, "files": FILES, "trees": TERMS.trees, "rate": TERMS.rate,
                  "queries": len(queries.ideal), "unanswerable": len(rows) - len(queries.ideal), "figures": figures,
                  "made_with": provenance()}  # fmt: skip
        args.out.write_text(_compact({**document, "recipe": recipe}), "utf-8")
    return 0


def _mean(scores: Sequence[float]) -> float:
    return round(float(np.mean(scores)), 4)


def _print_groups(rows: Sequence[Judged], held: Sequence[float], language: dict[str, str]) -> None:
    groups = defaultdict(list)
    for row, score in zip((row for row in rows if row.targets), held, strict=True):
        groups[row.category].append(score)
        groups[language[row.repo]].append(score)
    for name, scores in groups.items():
        print(f"  {name:<14} {_mean(scores):.4f} ({len(scores)} queries)")


def _compact(document: dict[str, Any]) -> str:
    """Return JSON with a line for each row of numbers."""
    text = json.dumps(document, indent=1)
    lines, depth = [], 0
    for line in text.split("\n"):
        if depth and lines:
            lines[-1] += line.strip() + ("" if line.strip().endswith("]") else " ")
            depth -= line.strip().startswith("]")
            continue
        lines.append(line)
        depth = int(line.endswith("[") and len(line) - len(line.lstrip()) == 4)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
