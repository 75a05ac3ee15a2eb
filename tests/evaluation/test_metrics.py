"""What a ranking is worth: figures worked out by hand, and what must hold of any."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treeseek.evaluation.metrics import Place, Score, difference, mean, reaches, score


@pytest.mark.parametrize(
    ("found", "target", "is_reached"),
    [
        (Place("a.py", 1, 9), Place("a.py"), True),
        (Place("a.py", 1, 9), Place("a.py", 9, 12), True),
        (Place("a.py", 1, 9), Place("a.py", 10, 12), False),
        (Place("a.py", 13, 20), Place("a.py", 10, 12), False),
        (Place("a.py"), Place("a.py", 10, 12), True),
        (Place("b/a.py", 1, 9), Place("a.py"), False),
    ],
)
def test_a_place_reaches_lines_that_it_shares(found: Place, target: Place, is_reached: bool) -> None:
    assert reaches(found, target) is is_reached


def test_scores_worked_out_by_hand() -> None:
    found = [Place("x.py", 1, 5), Place("a.py", 1, 5), Place("a.py", 6, 9), Place("b.py", 1, 5)]
    targets = [Place("a.py", 2, 3), Place("b.py"), Place("c.py")]
    got = score(found, targets)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert got.ndcg == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / ideal)
    assert (got.hit_1, got.hit_5, got.hit_10, got.mrr) == (0.0, 1.0, 1.0, 0.5)


def test_only_the_first_ten_count() -> None:
    found = [Place(f"{i}.py") for i in range(11)]
    assert score(found, [Place("9.py")]).hit_10 == 1.0
    assert score(found, [Place("10.py")]) == Score(0.0, 0.0, 0.0, 0.0, 0.0)


places = st.builds(Place, st.sampled_from("abc"), st.integers(1, 9), st.just(9))


@given(st.lists(places, max_size=12), st.lists(places, min_size=1, max_size=4, unique=True))
def test_figures_are_shares_and_go_together(found: list[Place], targets: list[Place]) -> None:
    got = score(found, targets)
    assert all(0 <= getattr(got, name) <= 1 for name in ("ndcg", "hit_1", "hit_5", "hit_10", "mrr"))
    assert got.hit_1 <= got.hit_5 <= got.hit_10
    assert (got.mrr > 0) == (got.ndcg > 0) == (got.hit_10 == 1)


def test_the_mean_is_by_figure() -> None:
    assert mean([Score(1, 1, 1, 1, 1), Score(0, 0, 0, 1, 0.5)]) == Score(0.5, 0.5, 0.5, 1, 0.75)
    assert mean([]) == Score(0, 0, 0, 0, 0)


def test_an_interval_is_the_same_every_time_and_tells_a_difference_from_chance() -> None:
    better, worse = [1.0, 0.5] * 50, [0.5, 0.25] * 50
    gain, low, high = difference(better, worse)
    assert gain == pytest.approx(0.375)
    assert 0 < low < gain < high
    assert difference(better, worse) == (gain, low, high)
    _, low, high = difference([1.0, 0.0] * 5, [0.0, 1.0] * 5)
    assert low < 0 < high
    assert difference([], []) == (0.0, 0.0, 0.0)
