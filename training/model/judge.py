"""What are weights worth? Dense NDCG@10 with context at 256, 128 and 64 dimensions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from treeseek.embedding.weights_file import Weights, read
from treeseek.learning.judging import Collection, ndcg, scores
from treeseek.learning.vocabulary import Numbering

WIDTHS = (256, 128, 64)


def mean_ndcg(collections: Iterable[Collection], weights: Weights, dims: int) -> float:
    """Return the mean over all questions."""
    numbering = Numbering(weights.words)
    table = np.ascontiguousarray(weights.table()[:, :dims])
    found = [
        ndcg(one, right)
        for judged in collections
        for one, right in zip(scores(judged, numbering, table), judged.right, strict=True)
    ]
    return float(np.mean(found))


def run(paths: list[Path], collections: dict[str, list[Collection]]) -> None:
    """Print a line for each model, group of questions and width."""
    for path in paths:
        weights = read(path)
        for group, judged in collections.items():
            figures = ", ".join(f"{dims}: {mean_ndcg(judged, weights, dims):.4f}" for dims in WIDTHS)
            print(f"{path}: {group}: {figures}", flush=True)
