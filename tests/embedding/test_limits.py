"""Limits are kept, as the provider counts: requests and tokens in any window, whatever fails in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from benchmarks.loopback import Loopback
from hypothesis import given, settings
from hypothesis import strategies as st

from treeseek.embedding.breaker import Breaker
from treeseek.embedding.pace import Limits, Pace, Ticket, Window
from treeseek.embedding.remote import RemoteEmbedder
from treeseek.embedding.retry import Retry, seconds_of
from treeseek.errors import ThrottledError

Opened = Callable[..., RemoteEmbedder]

TEXTS = [f"text {number} " + "word " * (number % 7) for number in range(28)]


# -- measured at the server ------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", ["openai", "titan-v2"])
def test_no_second_sees_more_requests_than_allowed(opened: Opened, provider: str) -> None:
    with Loopback(["throttle", "", "500"]) as server:
        own = {"batch": 2} if provider == "openai" else {}
        embedder = opened(server, provider, concurrency=4, rps=9, **own)
        embedder.embed(TEXTS[:20])
        assert server.busiest(1.0)[0] <= 9
        assert len(server.asked) > 9, "the limit was reached"
        assert server.paid == dict.fromkeys(TEXTS[:20], 1)


def test_no_second_sees_more_tokens_than_allowed(opened: Opened) -> None:
    with Loopback() as server:
        embedder = opened(server, "titan-v2", concurrency=4, tps=150)
        embedder.embed(TEXTS)
        assert sum(one.tokens for one in server.asked) > 150, "the limit was reached"
        assert server.busiest(1.0)[1] <= 150


def test_no_more_is_under_way_at_once_than_allowed(opened: Opened) -> None:
    with Loopback(seconds=0.02) as server:
        embedder = opened(server, "openai", batch=1, concurrency=3)
        embedder.embed(TEXTS)
        assert server.most_at_once == 3


def test_a_request_is_made_again_when_the_provider_says_so(opened: Opened) -> None:
    with Loopback(["throttle:0.4"]) as server:
        opened(server, "openai", batch=1, concurrency=4).embed(TEXTS[:12])
        (refused,) = (one for one in server.asked if one.outcome != "ok")
        again = next(one for one in server.asked if one.texts == refused.texts and one.outcome == "ok")
        assert again.at - refused.at >= 0.4


def test_while_a_provider_asks_to_wait_nobody_asks() -> None:
    now = [0.0]
    pace = Pace(Limits(), clock=lambda: now[0])
    pace.hold(7.0)
    pace.hold(3.0)
    assert pace.enter(1, deadline=6.9) is None
    assert pace.enter(1, deadline=6.9, is_urgent=True) is None
    now[0] = 7.0
    assert pace.enter(1, deadline=8.0) is not None


def test_a_question_goes_before_texts_that_wait() -> None:
    """On a clock that runs five times as fast."""
    pace = Pace(Limits(requests_per_second=1), clock=lambda: time.monotonic() * 5)
    order: list[str] = []

    def ask(name: str, *, is_urgent: bool) -> None:
        ticket = pace.enter(1, is_urgent=is_urgent)
        assert ticket is not None
        order.append(name)
        pace.leave(ticket)

    ask("first", is_urgent=False)
    waiting = [threading.Thread(target=ask, args=("text",), kwargs={"is_urgent": False}) for _ in range(3)]
    waiting.append(threading.Thread(target=ask, args=("question",), kwargs={"is_urgent": True}))
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join()
    assert order == ["first", "question", "text", "text", "text"]


def test_a_question_that_would_have_to_wait_too_long_is_given_up(opened: Opened) -> None:
    with Loopback() as server:
        embedder = opened(server, "titan-v2", rpm=1)
        embedder.embed(TEXTS[:1])
        with pytest.raises(ThrottledError, match="up to its limits"):
            embedder.embed_query("a question")
        assert len(server.asked) == 1


# -- windows on a clock of our own -----------------------------------------------------------------------------


@settings(max_examples=200)
@given(
    most=st.integers(1, 12),
    requests=st.lists(st.tuples(st.integers(1, 15), st.floats(0, 2), st.floats(0, 3)), max_size=30),
)
def test_no_window_ever_holds_more_than_its_limit(most: int, requests: list[tuple[int, float, float]]) -> None:
    """Each request has an amount, time before it is wanted, and time until it is answered; they go one by one."""
    window = Window(most, 1.0, lambda ticket: ticket.tokens)
    now, sent = 0.0, []
    for amount, pause, takes in requests:
        now += pause
        delay = window.delay(amount, now)
        now += delay
        assert window.delay(amount, now + 1e-9) == 0, "what was told to wait may go then"
        ticket = Ticket(1, amount)
        window.tickets.append(ticket)
        seen = now + takes / 2  # the provider sees it at some time before its answer
        now += takes
        ticket.ended = now
        sent.append((seen, amount))
    for start, amount in sent:
        inside = [other for at, other in sent if start <= at < start + 1.0 - 1e-6]
        assert sum(inside) <= most or inside == [amount], "what is larger than the limit goes alone"


def test_a_request_under_way_takes_up_room_until_it_ends() -> None:
    window = Window(1, 1.0, lambda ticket: ticket.requests)
    ticket = Ticket(1, 5)
    window.tickets.append(ticket)
    assert window.delay(1, 99.0) == float("inf")
    ticket.ended = 99.0
    assert window.delay(1, 99.5) == pytest.approx(0.5)
    assert window.delay(1, 100.1) == 0


def test_tokens_are_corrected_by_what_was_counted() -> None:
    pace = Pace(Limits(tokens_per_minute=100), clock=lambda: 0.0)
    first = pace.enter(40)
    assert first is not None
    pace.leave(first, 95)
    assert pace.enter(10, deadline=30.0) is None
    assert pace.enter(5, deadline=30.0) is not None


def test_without_limits_nothing_waits() -> None:
    pace = Pace(Limits(), clock=lambda: 0.0)
    assert all(pace.enter(10**6, deadline=1.0) for _ in range(100))


# -- retries ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0), (" 0.5 ", 0.5), ("", None), (None, None), ("soon", None), ("-1", None), ("1.2.3", None),
        ("Wed, 99 Foo 2015", None),
    ],
)  # fmt: skip
def test_what_a_header_asks_for(header: str | None, seconds: float | None) -> None:
    assert seconds_of(header) == seconds


@given(st.integers(-5_000, 50_000))
def test_a_date_asks_for_the_time_until_then(seconds: int) -> None:
    now = datetime(2025, 3, 30, 0, 30, tzinfo=UTC)
    date = format_datetime(now + timedelta(seconds=seconds), usegmt=True)
    assert seconds_of(date, now) == max(seconds, 0)


@given(st.integers(1, 200), st.one_of(st.none(), st.floats(0, 100)))
def test_a_wait_grows_up_to_a_bound_and_is_never_shorter_than_asked(failures: int, asked: float | None) -> None:
    least, most = (
        Retry(first=0.5, longest=30.0, chance=lambda low, high, at=at: low + (high - low) * at).delay(failures, asked)
        for at in (0.0, 1.0)
    )
    if asked is None:
        assert (least, most) == (0.0, min(30.0, 0.5 * 2 ** (failures - 1)))
    else:
        assert asked == least <= most <= asked + 0.5


# -- the breaker -----------------------------------------------------------------------------------------------


def test_the_breaker_opens_lets_one_through_and_closes() -> None:
    now = [0.0]
    breaker = Breaker(failures=3, rest=10.0, clock=lambda: now[0])
    breaker.failed(), breaker.failed(), breaker.succeeded()
    breaker.failed(), breaker.failed()
    assert (breaker.wait(), breaker.state) == (0.0, "closed")
    breaker.failed()
    assert (breaker.wait(), breaker.state) == (10.0, "open")
    now[0] = 10.0
    assert (breaker.wait(), breaker.state) == (0.0, "half-open")
    assert breaker.wait() > 0, "one at a time"
    breaker.failed()
    assert (breaker.wait(), breaker.state) == (10.0, "open")
    now[0] = 20.0
    assert breaker.wait() == 0.0
    breaker.abandoned()
    assert breaker.wait() == 0.0, "who didn't ask after all leaves it to the next"
    breaker.succeeded()
    assert (breaker.wait(), breaker.state) == (0.0, "closed")
