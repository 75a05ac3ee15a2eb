"""Fits that must find what was planted."""

from __future__ import annotations

import numpy as np
import pytest
from training.boosting import Terms, boost
from training.calibration import area_under_roc
from training.judged import Packed
from training.verbs import MIN_REPOSITORIES, verbs


def test_boosting_finds_what_a_sum_cannot_say():
    chance = np.random.default_rng(1)
    rows = chance.random((400, 3)).astype(np.float32)
    wanted = np.where((rows[:, 0] > 0.5) == (rows[:, 2] > 0.5), 1.0, -1.0)

    def slopes(scores):
        return scores - wanted, np.ones(len(scores))

    start = np.zeros(len(rows))
    terms = Terms(trees=60, rate=0.3, l2=1.0, least_rows=10, share=1.0)
    forest = boost(rows, start, slopes, terms)
    wrong = np.sign(forest.scores(rows)) != np.sign(wanted)
    assert wrong.mean() < 0.05
    again = boost(rows, start, slopes, terms)
    assert all(
        np.array_equal(getattr(forest, name), getattr(again, name)) for name in ("feature", "threshold", "value")
    )


def test_where_nothing_can_be_split_there_are_no_trees():
    forest = boost(np.zeros((10, 2), np.float32), np.zeros(10), lambda s: (s - 1, np.ones(10)), Terms(least_rows=2))
    assert forest.scores(np.ones((3, 2), np.float32)).tolist() == [0, 0, 0]


def packed_of(right: list[bool]) -> Packed:
    return Packed(
        np.zeros((1, len(right), 1), np.float32), np.array([right]), ~np.array([right]), np.array([1.0])
    )  # fmt: skip


def test_the_slopes_pull_the_right_file_up_and_the_wrong_ones_before_it_down():
    queries = packed_of([False, True, False])
    down, bend = queries.slopes(np.array([[2.0, 1.0, -5.0]]))
    assert down[0, 1] < 0 < down[0, 0]
    assert down[0, 0] > down[0, 2] >= 0
    assert down.sum() == pytest.approx(0)
    assert (bend >= 0).all()


@pytest.mark.parametrize(("odds", "area"), [([3, 2, 1, 0], 1.0), ([0, 1, 2, 3], 0.0), ([1, 1, 1, 1], 0.5)])
def test_the_area_under_roc(odds, area):
    assert area_under_roc(np.array(odds, float), np.array([True, True, False, False])) == area


def test_verbs_begin_what_many_say_and_stand_nowhere_else():
    lines = ["Fix the request queue", "core: Fix a request", "Request the fix again", "Add one more queue"]
    told = {f"repository {n}": lines for n in range(MIN_REPOSITORIES)}
    assert verbs(told) == ["add", "fix"], "fix begins two of three, request one of three"
    assert verbs({"one": lines * 100}) == []
