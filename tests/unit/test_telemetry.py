"""Counters and histograms hold what was written to them."""

from __future__ import annotations

import threading

import pytest

from treeseek import telemetry


@pytest.fixture(autouse=True)
def fresh() -> None:
    telemetry.reset()


def test_counters_are_kept_apart_by_label_and_threads_lose_nothing() -> None:
    def work() -> None:
        for _ in range(1000):
            telemetry.count("treeseek_things_total", kind="a")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    telemetry.count("treeseek_things_total", 2.5, kind="b")
    counters, _ = telemetry.snapshot()
    assert counters["treeseek_things_total", (("kind", "a"),)] == 4000
    assert counters["treeseek_things_total", (("kind", "b"),)] == 2.5


def test_histograms_are_cumulative_and_snapshots_are_copies() -> None:
    for value in (0.0002, 0.2, 100):
        telemetry.observe("treeseek_wait_seconds", value)
    _, histograms = telemetry.snapshot()
    state = histograms["treeseek_wait_seconds", ()]
    assert (state.count, state.sum) == (3, pytest.approx(100.2002))
    by_bound = dict(zip(telemetry.BUCKETS, state.buckets, strict=True))
    assert (by_bound[0.0001], by_bound[0.0005], by_bound[0.5], by_bound[30.0]) == (0, 1, 2, 2)
    telemetry.observe("treeseek_wait_seconds", 1)
    assert state.count == 3


def test_a_block_that_raises_is_timed_too() -> None:
    with pytest.raises(RuntimeError), telemetry.timed("treeseek_block_seconds"):
        raise RuntimeError
    assert telemetry.snapshot()[1]["treeseek_block_seconds", ()].count == 1
