"""Whatever a provider does, vectors are right and in their place, or there is a clear error; nothing is paid twice."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest
from benchmarks.loopback import TITAN_DIMS, Loopback, vector_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from treeseek import telemetry
from treeseek.embedding.batches import Batch, Capacity, Estimate, batches
from treeseek.embedding.breaker import Breaker
from treeseek.embedding.remote import RemoteEmbedder
from treeseek.embedding.retry import Retry
from treeseek.errors import (
    AccessDeniedError,
    AnswerError,
    CredentialsError,
    EmbeddingError,
    EndpointError,
    ThrottledError,
)

Opened = Callable[..., RemoteEmbedder]

TEXTS = [f"text number {word} of many, about {word * 2}" for word in
         "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omikron pi rho".split()]  # fmt: skip
PROVIDERS = ["openai", "titan-v1", "titan-v2"]
TRANSIENT = [
    "throttle", "throttle:0.05", "throttle-date:0", "cut", "reset", "500", "drop", "twice", "wide", "nan", "zero",
    "words", "nonsense",
]  # fmt: skip
TRANSIENT_FOR_TITAN = [
    "throttle", "throttle:0.05", "throttle-date:0", "cut", "reset", "500", "drop", "nan",
]  # fmt: skip


def expected(embedder: RemoteEmbedder, texts: list[str]) -> np.ndarray:
    vectors = np.stack([vector_of(text, embedder.identity.dims) for text in texts])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def check(embedder: RemoteEmbedder, texts: list[str]) -> None:
    vectors = embedder.embed(texts)
    assert vectors.dtype == np.float32
    assert np.allclose(vectors, expected(embedder, texts), atol=1e-5)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_without_faults_every_text_is_sent_once(opened: Opened, provider: str) -> None:
    with Loopback() as server:
        embedder = opened(server, provider, concurrency=3)
        check(embedder, TEXTS)
        assert server.paid == dict.fromkeys(TEXTS, 1)
        used = embedder.usage()
        assert (used.texts, used.retries, used.truncated) == (len(TEXTS), 0, 0)
        assert used.tokens == sum(one.tokens for one in server.asked)
        assert used.requests == len(server.asked)


@pytest.mark.parametrize(
    ("provider", "fault"),
    [("openai", fault) for fault in TRANSIENT] + [("titan-v2", fault) for fault in TRANSIENT_FOR_TITAN],
)
def test_a_passing_fault_changes_nothing(opened: Opened, provider: str, fault: str) -> None:
    with Loopback([fault, "", fault]) as server:
        embedder = opened(server, provider, concurrency=2, **({"batch": 5} if provider == "openai" else {}))
        check(embedder, TEXTS)
        assert server.paid == dict.fromkeys(TEXTS, 1)
        assert embedder.usage().retries == 2
        assert embedder.usage().throttles == (2 if "throttle" in fault else 0)


@pytest.mark.parametrize("fault", ["shuffle", "unindexed"])
def test_answers_are_ordered_by_index_or_else_as_they_come(opened: Opened, fault: str) -> None:
    with Loopback([fault] * 4) as server:
        embedder = opened(server, "openai", batch=5)
        check(embedder, TEXTS)
        assert embedder.usage().retries == 0


def test_vectors_may_come_in_base64(opened: Opened) -> None:
    with Loopback() as server:
        check(opened(server, "openai", encoding="base64"), TEXTS)
        assert server.asked[0].body["encoding_format"] == "base64"


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    faults=st.lists(st.sampled_from(["", "shuffle", *(one for one in TRANSIENT if ":" not in one)]), max_size=8),
    most_texts=st.integers(1, 9),
    batch=st.integers(1, 9),
    concurrency=st.integers(1, 4),
    provider=st.sampled_from(["openai", "titan-v2"]),
    texts=st.lists(st.sampled_from([*TEXTS, "", " \n", "twice"]), max_size=14),
)
def test_any_mixture_of_faults_gives_the_right_vectors(
    opened: Opened, faults: list[str], most_texts: int, batch: int, concurrency: int, provider: str, texts: list[str]
) -> None:
    with Loopback(faults, most_texts=most_texts) as server:
        patient = Retry(attempts=20, first=0.001, longest=0.004, patience=5.0)
        own = {"batch": batch} if provider == "openai" else {}
        embedder = opened(server, provider, patient, concurrency=concurrency, **own)
        embedder._breaker, embedder._has_answered = Breaker(failures=99), True
        try:
            vectors = embedder.embed(texts)
        except AnswerError:  # three malformed answers to one batch
            return
        words = [number for number, text in enumerate(texts) if text.strip()]
        blank = [number for number, text in enumerate(texts) if not text.strip()]
        assert not vectors[blank].any()
        if words:
            assert np.allclose(vectors[words], expected(embedder, [texts[number] for number in words]), atol=1e-5)
        assert sum(server.paid.values()) == len(words)


# -- too large -------------------------------------------------------------------------------------------------


def test_a_batch_that_is_too_large_is_halved(opened: Opened) -> None:
    with Loopback(most_texts=3) as server:
        embedder = opened(server, "openai", batch=16, concurrency=2)
        check(embedder, TEXTS)
        assert server.paid == dict.fromkeys(TEXTS, 1)
        assert embedder.usage().truncated == 0


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_text_that_is_too_large_is_cut_and_counted(opened: Opened, provider: str) -> None:
    long = "word " * 200
    with Loopback(most_chars=600) as server:
        embedder = opened(server, provider)
        vectors = embedder.embed(["short", long, "other"])
        assert np.allclose(vectors, expected(embedder, ["short", long[:500], "other"]), atol=1e-5)
        assert embedder.usage().truncated == 1


def test_titan_gets_no_more_than_50_000_characters(opened: Opened) -> None:
    with Loopback() as server:
        embedder = opened(server, "titan-v2")
        embedder.embed(["x" * 50_001, "y" * 50_000])
        assert sorted(len(one.texts[0]) for one in server.asked) == [50_000, 50_000]
        assert embedder.usage().truncated == 1


def test_an_endpoint_that_takes_nothing_is_given_up(opened: Opened) -> None:
    with Loopback(most_chars=3) as server, pytest.raises(EndpointError, match="takes no text of"):
        opened(server, "openai").embed(["four score and seven years"])


# -- faults that stay ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", ["openai", "titan-v2"])
@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("throttle", ThrottledError, "too much, after 6 tries"),
        ("500", EndpointError, "can't be reached, after 6 tries"),
        ("drop", AnswerError, "after 3 tries"),
        ("wide", AnswerError, "instead of one of"),
        ("nan", AnswerError, "no number"),
        ("zero", AnswerError, "is zero"),
        ("words", AnswerError, "not a list of numbers"),
        ("nonsense", AnswerError, "not JSON"),
        ("denied", AccessDeniedError, "access"),
        ("key", CredentialsError, "accept the"),
        ("bad", EndpointError, "refuses"),
    ],
)
def test_a_fault_that_stays_is_one_clear_line(
    opened: Opened, provider: str, fault: str, error: type[EmbeddingError], message: str
) -> None:
    with Loopback([fault] * 99) as server:
        with pytest.raises(error, match=message) as caught:
            opened(server, provider, concurrency=1).embed(TEXTS)
        line = str(caught.value)
        assert line.isprintable()
        assert len(line) < 400
        assert "EXAMPLE" not in line
        assert not server.paid


def test_what_the_quota_forbids_is_not_tried_again(opened: Opened) -> None:
    with Loopback(["quota"] * 9) as server, pytest.raises(ThrottledError, match="quota"):
        opened(server, "openai", concurrency=1).embed(["a text"])
    assert len(server.asked) == 1


def test_a_provider_that_asks_for_more_patience_than_there_is_is_given_up_at_once(opened: Opened) -> None:
    with Loopback(["throttle:3600"]) as server, pytest.raises(ThrottledError, match="asks to wait 3,600 s"):
        opened(server, "titan-v2").embed(["a text"])
    assert len(server.asked) == 1


@pytest.mark.parametrize("provider", ["openai", "titan-v2"])
def test_an_endpoint_that_is_not_there_is_soon_given_up(opened: Opened, provider: str) -> None:
    with Loopback() as server:
        embedder = opened(server, provider)
    with pytest.raises(EndpointError, match="can't be reached, after 3 tries"):
        embedder.embed(["a text"])


@pytest.mark.parametrize("provider", ["openai", "titan-v2"])
def test_a_stall_ends_with_the_time_limit_and_is_tried_again(opened: Opened, provider: str) -> None:
    with Loopback(["stall:5"]) as server:
        check(opened(server, provider, timeout=1), TEXTS[:1])
        assert len(server.asked) >= 2


def test_what_came_before_a_failure_is_not_lost(opened: Opened) -> None:
    with Loopback(["", "", "", "denied"]) as server:
        embedder = opened(server, "titan-v2", concurrency=1)
        came: dict[int, np.ndarray] = {}
        with pytest.raises(AccessDeniedError):
            for numbers, vectors in embedder.embed_parts(TEXTS):
                came |= dict(zip(numbers, vectors, strict=True))
        assert sorted(came) == [0, 1, 2]
        assert np.allclose(np.stack([came[i] for i in range(3)]), expected(embedder, TEXTS[:3]), atol=1e-5)


def test_after_a_failure_that_stays_nothing_more_is_sent(opened: Opened) -> None:
    with Loopback(["", "denied"], seconds=0.02) as server, pytest.raises(AccessDeniedError):
        opened(server, "openai", batch=1, concurrency=3).embed(TEXTS)
    assert len(server.asked) < len(TEXTS)


def test_nothing_is_sent_after_the_deadline(opened: Opened) -> None:
    with Loopback() as server:
        embedder = opened(server, "titan-v2")
        assert list(embedder.embed_parts(TEXTS, deadline=0.0)) == []
        assert server.asked == []


def test_who_stops_listening_stops_the_sending(opened: Opened) -> None:
    with Loopback(seconds=0.02) as server:
        embedder = opened(server, "titan-v2", concurrency=2)
        parts = embedder.embed_parts(TEXTS)
        next(parts)
        parts.close()  # type: ignore[attr-defined]
        for thread in threading.enumerate():
            if thread.name == "treeseek-embed":
                thread.join(5)
        assert len(server.asked) < len(TEXTS)


# -- questions and the breaker ---------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", ["openai", "titan-v2"])
def test_a_question_is_embedded_as_its_text(opened: Opened, provider: str) -> None:
    with Loopback(["500"]) as server:
        embedder = opened(server, provider)
        assert np.allclose(embedder.embed_query(TEXTS[0]), expected(embedder, TEXTS[:1])[0], atol=1e-5)
        assert not embedder.embed_query("  ").any()


def test_questions_and_texts_have_prefixes_of_their_own(opened: Opened) -> None:
    with Loopback() as server:
        plain = opened(server, "openai")
        embedder = opened(server, "openai", text_prefix="passage:%20", query_prefix="query:%20")
        embedder.embed(["one"])
        embedder.embed_query("two")
        assert [one.texts for one in server.asked] == [("passage: one",), ("query: two",)]
        assert embedder.identity != plain.identity


def test_after_failures_in_a_row_nobody_asks_for_a_while(opened: Opened) -> None:
    with Loopback(["500"] * 5) as server:
        embedder = opened(server, "openai", concurrency=1)
        now = [100.0]
        embedder._breaker = Breaker(failures=5, rest=30.0, clock=lambda: now[0])
        embedder._query_retry = Retry(attempts=5, first=0.001, longest=0.002, patience=2.0)
        with pytest.raises(EndpointError):
            embedder.embed_query("a question")
        asked = len(server.asked)
        with pytest.raises(EndpointError, match=r"at once: .* rest"):
            embedder.embed_query("a question")
        assert len(server.asked) == asked == 5
        now[0] += 31
        assert embedder.embed_query("a question").any()
        assert embedder._breaker.state == "closed"


def test_counters_tell_what_was_sent(opened: Opened) -> None:
    telemetry.reset()
    with Loopback(["throttle"]) as server:
        opened(server, "titan-v2", price=2.0).embed(["a text"])
    counters, histograms = telemetry.snapshot()
    named = {name: amount for (name, labels), amount in counters.items() if dict(labels).get("provider") == "bedrock"}
    tokens = server.asked[-1].tokens
    assert named["treeseek_embedding_texts_total"] == 1
    assert named["treeseek_embedding_tokens_total"] == tokens
    assert named["treeseek_embedding_dollars_total"] == pytest.approx(tokens * 2e-6)
    assert named["treeseek_embedding_retries_total"] == named["treeseek_embedding_throttles_total"] == 1
    outcomes = {dict(labels)["outcome"]: n for (name, labels), n in counters.items() if name.endswith("requests_total")}
    assert outcomes == {"throttled": 1, "ok": 1}
    assert histograms["treeseek_embedding_request_seconds", (("provider", "bedrock"),)].count == 2
    assert "treeseek_embedding_breaker_open" in {name for name, _ in telemetry.gauges()}


# -- shapes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "options", "body"),
    [
        ("titan-v1", {}, {"inputText": "hello"}),
        ("titan-v2", {}, {"inputText": "hello", "dimensions": 1024, "normalize": True}),
        ("titan-v2", {"dims": 256}, {"inputText": "hello", "dimensions": 256, "normalize": True}),
        ("openai", {}, {"model": "loopback", "input": ["hello"], "encoding_format": "float"}),
        ("openai", {"shorten": "yes"}, {"model": "loopback", "input": ["hello"], "encoding_format": "float",
                                        "dimensions": 64}),
    ],
)  # fmt: skip
def test_requests_have_the_documented_shape(
    opened: Opened, provider: str, options: dict[str, object], body: dict[str, object]
) -> None:
    with Loopback() as server:
        embedder = opened(server, provider, **options)
        embedder.embed(["hello"])
        assert server.asked[0].body == body
        if provider != "openai":
            assert server.asked[0].headers["content-type"] == "application/json"
            assert "Credential=AKIAIOSFODNN7EXAMPLE/" in server.asked[0].headers["authorization"]


def test_the_widths_are_titans(opened: Opened) -> None:
    with Loopback() as server:
        assert opened(server, "titan-v1").identity.dims == TITAN_DIMS["amazon.titan-embed-text-v1"] == 1536
        assert opened(server, "titan-v2").identity.dims == TITAN_DIMS["amazon.titan-embed-text-v2:0"] == 1024
        for dims in (512, 256):
            assert opened(server, "titan-v2", dims=dims).embed(["a"]).shape == (1, dims)


# -- credentials -----------------------------------------------------------------------------------------------


def test_without_credentials_it_says_so(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with Loopback() as server:
        with pytest.raises(CredentialsError, match="no AWS credentials"):
            opened(server, "titan-v2").embed(["a text"])
        assert server.asked == []


def test_the_key_goes_to_the_endpoint_and_is_never_told(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "-".join(["key", "of", "tests"])
    monkeypatch.setenv("TREESEEK_OPENAI_API_KEY", key)
    with Loopback(["", "key"]) as server:
        embedder = opened(server, "openai", concurrency=1)
        embedder.embed(["a text"])
        assert server.asked[0].headers["authorization"] == f"Bearer {key}"
        with pytest.raises(CredentialsError) as caught:
            embedder.embed(["a text"])
        assert key not in str(caught.value) + repr(embedder) + repr(embedder._provider) + str(embedder.identity)


def test_openais_key_is_not_for_others(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "-".join(["key", "of", "tests"]))
    with Loopback() as server:
        opened(server, "openai").embed(["a text"])
        assert "authorization" not in server.asked[0].headers


# -- batches ---------------------------------------------------------------------------------------------------


@given(
    sizes=st.lists(st.integers(1, 400), max_size=40),
    most=st.integers(1, 7),
    tokens=st.sampled_from([0, 50, 120]),
)
def test_batches_hold_every_text_once_in_order_and_keep_to_their_bounds(
    sizes: list[int], most: int, tokens: int
) -> None:
    texts = [(number * 3, "x" * size) for number, size in enumerate(sizes)]
    estimate = Estimate()
    made = list(batches(texts, Capacity(most, tokens), estimate))
    assert [pair for batch in made for pair in zip(batch.numbers, batch.texts, strict=True)] == texts
    for batch in made:
        assert 1 <= len(batch.texts) <= most
        if tokens and len(batch.texts) > 1:
            assert sum(estimate.of(len(text)) for text in batch.texts) <= tokens


def test_halves_hold_every_text_once() -> None:
    batch = Batch((1, 5, 7), ("a", "b", "c"))
    first, second = batch.halves()
    assert first.numbers + second.numbers == batch.numbers
    assert first.texts + second.texts == batch.texts


def test_an_estimate_comes_to_what_is_counted() -> None:
    estimate = Estimate()
    assert estimate.of(3_000) == 1_000
    for _ in range(2_000):
        estimate.correct(1_000, 500)
    assert estimate.of(3_000) == pytest.approx(1_500, abs=5)
