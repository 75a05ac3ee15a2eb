"""The forest against a walk of one tree after the other, and what it says of itself."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treeseek.retrieval.forest import Forest

NAMES = ("a", "b", "c")
NUMBERS = st.floats(-2, 2, width=32)
TREES = st.tuples(
    st.tuples(*[st.integers(0, 2)] * 3), st.tuples(*[NUMBERS] * 3), st.tuples(*[NUMBERS] * 4)
)  # fmt: skip


def forest_of(trees: list) -> Forest:
    return Forest(
        np.array([tree[0] for tree in trees], np.int64).reshape(-1, 3),
        np.array([tree[1] for tree in trees], np.float32).reshape(-1, 3),
        np.array([tree[2] for tree in trees], np.float32).reshape(-1, 4),
    )


def walked(trees: list, row: tuple[float, ...]) -> float:
    total = 0.0
    for feature, threshold, value in trees:
        right = row[feature[0]] > np.float32(threshold[0])
        child = 2 if right else 1
        total += value[2 * right + (row[feature[child]] > np.float32(threshold[child]))]
    return total


@given(st.lists(TREES, max_size=8), st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=5))
def test_all_trees_at_once_give_what_a_walk_gives(trees, rows):
    forest = forest_of(trees)
    scores = forest.scores(np.array(rows, np.float32))
    assert scores == pytest.approx([walked(trees, row) for row in rows], abs=1e-4)
    for row, score in zip(rows, scores, strict=True):
        assert forest.parts(np.array(row, np.float32)).sum() == pytest.approx(score, abs=1e-4)


def test_it_is_stored_by_the_names_of_features():
    forest = forest_of([((0, 1, 2), (0.5, 1.0, float("inf")), (1.0, 2.0, 3.0, 4.0))])
    stored = json.loads(json.dumps(forest.stored(NAMES)))
    assert stored["feature"] == [["a", "b", "c"]]
    again = Forest.of(stored, ("c", "b", "a"))
    assert again.scores(np.array([[0, 0, 1]], np.float32)) == forest.scores(np.array([[1, 0, 0]], np.float32)) == [3.0]
    with pytest.raises(KeyError):
        Forest.of(stored, ("a", "b"))
