"""Answers are kept as long as their version is the newest, within a budget, and what many ask is found once."""

from __future__ import annotations

import threading
from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treeseek import telemetry
from treeseek.cache import AnswerCache

V1, V2 = ("table", 1), ("table", 2)


def opened(budget: int = 8_000) -> AnswerCache[str]:
    return AnswerCache(budget, len)


def counted(event: str) -> float:
    return telemetry.snapshot()[0].get((f"treeseek_query_cache_{event}_total", ()), 0.0)


def test_a_question_is_answered_once_for_each_version() -> None:
    cache, found = opened(), []

    def find(answer: str) -> str:
        found.append(answer)
        return answer

    before = counted("hits"), counted("misses"), counted("invalidations")
    for version, expected in ((V1, "one"), (V1, "one"), (V2, "two"), (V2, "two")):
        assert cache.get(version, "question", lambda expected=expected: (find(expected), True)) == expected
    assert found == ["one", "two"]
    assert (counted("hits"), counted("misses")) == (before[0] + 2, before[1] + 2)
    assert counted("invalidations") == before[2] + 1
    assert cache.get(V1, "question", lambda: ("one", True)) == "one", "who still asks an older version gets its answer"
    assert cache.get(V2, "question", lambda: ("never", True)) == "two", "and spoils nothing"
    assert cache.get(("rebuilt", 1), "question", lambda: ("new", True)) == "new"


def test_what_may_not_be_kept_or_is_too_large_is_found_again() -> None:
    cache = opened(budget=80)
    assert [cache.get(V1, "a", lambda answer=answer: (answer, False)) for answer in "xy"] == ["x", "y"]
    assert [cache.get(V1, "b", lambda answer=answer: (answer * 11, True))[0] for answer in "xy"] == ["x", "y"]
    assert len(cache) == 0
    nothing = opened(budget=0)
    assert [nothing.get(V1, "c", lambda answer=answer: (answer, True)) for answer in "xy"] == ["x", "y"]


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 10)), max_size=60))
def test_the_budget_holds_and_the_last_used_stay(asked: list[tuple[int, int]]) -> None:
    cache, budget = opened(80), 80
    model: OrderedDict[int, int] = OrderedDict()
    for question, size in asked:
        answer = cache.get(V1, question, lambda size=size: ("x" * size, True))
        if question in model:
            assert len(answer) == model[question]
            model.move_to_end(question)
        else:
            while sum(model.values()) + size > budget:
                model.popitem(last=False)
            model[question] = size
        assert cache.nbytes == sum(model.values()) <= budget
        assert len(cache) == len(model)


def test_what_many_ask_at_once_is_found_once_and_a_failure_is_only_the_first_ones() -> None:
    cache, entered, go = opened(), threading.Event(), threading.Event()
    found: list[str] = []
    told: list[str] = []

    def find(fails: bool) -> tuple[str, bool]:
        found.append("x")
        entered.set()
        assert go.wait(30)
        if fails:
            raise RuntimeError("no")
        return "answer", True

    def ask(fails: bool) -> None:
        try:
            told.append(cache.get(V1, "question", lambda: find(fails)))
        except RuntimeError as error:
            told.append(str(error))

    before = counted("waits")
    first = threading.Thread(target=ask, args=(True,))
    first.start()
    assert entered.wait(30)
    others = [threading.Thread(target=ask, args=(False,)) for _ in range(4)]
    for thread in others:
        thread.start()
    go.set()
    for thread in (first, *others):
        thread.join(30)
    assert sorted(told) == ["answer"] * 4 + ["no"]
    assert len(found) == 2, "the one that failed, and one of those who waited"
    assert counted("waits") <= before + 3


def test_its_size_is_told_with_that_of_others_and_taken_back() -> None:
    def told() -> list[float]:
        gauges = telemetry.gauges()
        return [gauges.get((f"treeseek_query_cache_{name}", ()), 0.0) for name in ("entries", "bytes", "budget_bytes")]

    before = told()
    caches = [opened(), opened()]
    for cache in caches:
        cache.get(V1, "question", lambda: ("answer", True))
    assert told() == [before[0] + 2, before[1] + 12, before[2] + 16_000]
    for cache in caches:
        cache.close()
    assert told() == before


@pytest.mark.parametrize("version", [V1, V2])
def test_forgetting_keeps_nothing(version: tuple[str, int]) -> None:
    cache = opened()
    cache.get(version, "a", lambda: ("x", True))
    cache.clear()
    assert cache.get(version, "a", lambda: ("y", True)) == "y"


def test_an_answer_that_does_not_serve_gives_way() -> None:
    cache = opened()

    def ask(wanted: int) -> str:
        return cache.get(V1, "question", lambda: ("x" * wanted, True), lambda kept: len(kept) >= wanted)

    assert [len(ask(wanted)) for wanted in (3, 2, 5, 4)] == [3, 3, 5, 5]
    assert cache.nbytes == 5
