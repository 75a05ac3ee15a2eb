"""A client gets its burst and its rate, no more and no less, whatever others do."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treeseek.safety.rates import ClientLimits


def test_a_burst_then_a_rate() -> None:
    now = [0.0]
    limits = ClientLimits(2.0, 3, clock=lambda: now[0])
    assert [limits.acquire("a") for _ in range(4)] == [None, None, None, 0.5]
    assert limits.acquire("b") is None, "each has its own"
    now[0] = 0.5
    assert [limits.acquire("a"), limits.acquire("a")] == [None, 0.5]
    now[0] = 100.0
    assert [limits.acquire("a") for _ in range(4)] == [None, None, None, 0.5]


@given(
    rate=st.floats(0.1, 50),
    burst=st.integers(1, 10),
    pauses=st.lists(st.floats(0, 2), max_size=60),
    cost=st.floats(0.1, 12),
)
def test_no_time_sees_more_than_burst_and_rate_and_a_told_wait_is_honest(
    rate: float, burst: int, pauses: list[float], cost: float
) -> None:
    now = [0.0]
    limits = ClientLimits(rate, burst, clock=lambda: now[0])
    taken: list[float] = []
    for pause in pauses:
        now[0] += pause
        wait = limits.acquire("a", cost)
        if wait is None:
            taken.append(now[0])
            continue
        assert 0 < wait <= burst / rate + 1e-9
        now[0] += wait * (1 + 1e-9) + 1e-9
        assert limits.acquire("a", cost) is None
        taken.append(now[0])
    paid = min(cost, burst)
    for first, start in enumerate(taken):
        for last in range(first, len(taken)):
            assert (last - first + 1) * paid <= burst + (taken[last] - start) * rate + 1e-6


def test_clients_beyond_the_most_are_forgotten_longest_rest_first() -> None:
    now = [0.0]
    limits = ClientLimits(1.0, 1, most_clients=2, clock=lambda: now[0])
    assert [limits.acquire(client) for client in "abc"] == [None, None, None]
    assert len(limits) == 2
    assert limits.acquire("c") == 1.0
    assert limits.acquire("a") is None


def test_no_rate_is_no_limit() -> None:
    limits = ClientLimits(0, 1)
    assert all(limits.acquire("a") is None for _ in range(1_000))


@pytest.mark.parametrize("given", [(-1, 1), (1, 0), (1, 0.5)])
def test_what_makes_no_limit_is_refused(given: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="no limit"):
        ClientLimits(*given)


def test_threads_share_it() -> None:
    limits = ClientLimits(1.0, 100, clock=lambda: 0.0)
    allowed: list[bool] = []
    threads = [
        threading.Thread(target=lambda: allowed.extend(limits.acquire("a") is None for _ in range(50)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(allowed) == 100
