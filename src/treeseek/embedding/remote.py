"""Texts to somebody else's model and back: nothing lost, nothing shifted, no limit exceeded, nothing paid for twice.

    texts ─▶ batches ─▶ breaker ─▶ pace ─▶ provider.send ─▶ count, width, numbers checked ─▶ parts, kept by the caller
                          ▲                     │
                          └── backoff, jitter ◀─┴─ throttled, unreachable, cut off, malformed; too large: halves

A provider sends one batch once and says what became of it: `bedrock.py`, `openai.py`. All else is here.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from treeseek import telemetry
from treeseek.embedding.answers import Answer, checked
from treeseek.embedding.batches import Batch, Capacity, Estimate, batches
from treeseek.embedding.breaker import Breaker
from treeseek.embedding.pace import Limits, Pace, Ticket
from treeseek.embedding.protocol import EmbedderIdentity, Forecast, Part, Usage
from treeseek.embedding.retry import RequestError, Retry, TooLargeError
from treeseek.errors import AnswerError, EmbeddingError, EndpointError, ThrottledError

__all__ = ["PATIENT", "Provider", "RemoteEmbedder"]

MALFORMED_ATTEMPTS = 3
"""A provider whose answers don't fit so often in a row won't do better."""
PATIENT = Retry()
QUERY = Retry(attempts=3, first=0.2, longest=2.0, patience=10.0)
"""Somebody waits for a search: rather answer from words alone."""
FIRST_ATTEMPTS = 3
"""An endpoint that can't be reached, and never was, is most likely a wrong address."""
SHORTEST_CHARS = 64
"""A text that is too large even so isn't the trouble."""
_COUNTERS = {"waited": "treeseek_embedding_waited_seconds_total"}


class Provider(Protocol):
    """Sends a batch once. Threads share it."""

    name: str
    """As it is called in counters."""

    def send(self, texts: Sequence[str], *, is_query: bool, timeout: float) -> Answer:
        """Return what came, unchecked. Raises RequestError, TooLargeError, or an EmbeddingError that no retry mends."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(slots=True)
class _Tries:
    """What became of sending one batch so far. `since` is when it was first sent, as far as that is of interest."""

    begun: float
    failures: int = 0
    malformed: int = 0
    since: float = float("inf")

    def note(self, failure: RequestError) -> None:
        self.failures += 1
        self.malformed = self.malformed + 1 if failure.reason == "malformed" else 0
        self.since = min(self.since, time.monotonic())


@dataclass(slots=True)
class _Work:
    """What the threads of one call share: batches to do, and what came of those done."""

    todo: deque[Batch]
    retry: Retry
    deadline: float
    is_query: bool = False
    is_over: bool = False


class RemoteEmbedder:
    """An embedder whose model runs elsewhere. Threads share it."""

    is_remote = True

    def __init__(
        self,
        provider: Provider,
        identity: EmbedderIdentity,
        *,
        capacity: Capacity,
        limits: Limits,
        timeout: float = 60.0,
        retry: Retry = PATIENT,
        query_retry: Retry = QUERY,
        breaker: Breaker | None = None,
    ) -> None:
        self.identity = identity
        self.capacity = capacity
        self.limits = limits
        self._provider = provider
        self._timeout = timeout
        self._retry, self._query_retry = retry, query_retry
        self._breaker = breaker or Breaker()
        self._pace = Pace(limits)
        self._estimate = Estimate()
        self._usage = Usage()
        self._has_answered = False
        self._trouble = ""
        self._lock = threading.Lock()

    # -- what an embedder does ---------------------------------------------------------------------------------

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return an array of shape (len(texts), dims). Raises EmbeddingError."""
        out = np.zeros((len(texts), self.identity.dims), np.float32)
        for numbers, vectors in self.embed_parts(texts):
            out[list(numbers)] = vectors
        return out

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return one vector of shape (dims,), soon or not at all. Raises EmbeddingError."""
        work = self._work([text], float("inf"), is_query=True)
        out = np.zeros((1, self.identity.dims), np.float32)
        while work.todo:
            for _, vectors in self._done(work, work.todo.popleft()):
                out = vectors
        vector: NDArray[np.float32] = out[0]
        return vector

    def embed_parts(self, texts: Sequence[str], deadline: float = float("inf")) -> Iterator[Part]:
        """Yield vectors as they come. Texts without a word have none to yield but zeros.

        Nothing is sent after `deadline`. Raises EmbeddingError, after what was under way has come and was yielded.
        """
        blank = [number for number, text in enumerate(texts) if not text.strip()]
        if blank:
            yield blank, np.zeros((len(blank), self.identity.dims), np.float32)
        work = self._work(texts, deadline)
        parts: SimpleQueue[Part | EmbeddingError | None] = SimpleQueue()
        running = min(self.limits.concurrency, sum(len(batch.texts) for batch in work.todo))
        for _ in range(running):
            # Daemons: who interrupts this doesn't wait for answers.
            threading.Thread(target=self._run, args=(work, parts), name="treeseek-embed", daemon=True).start()
        failed: EmbeddingError | None = None
        try:
            while running:
                part = parts.get()
                if part is None:
                    running -= 1
                elif isinstance(part, EmbeddingError):
                    failed = failed or part
                else:
                    yield part
        finally:
            work.is_over = True
        if failed is not None:
            raise failed

    def forecast(self, sizes: Sequence[int]) -> Forecast:
        """Return what texts of so many bytes would take."""
        tokens = sum(map(self._estimate.of, sizes))
        per_request = self.capacity.texts
        if self.capacity.tokens and sizes:
            per_request = max(1, min(per_request, int(self.capacity.tokens * len(sizes) / max(tokens, 1))))
        requests = -(-len(sizes) // per_request)
        limits, price = self.limits, self.capacity.price
        bounds = (
            (requests, limits.requests_per_second, 1), (requests, limits.requests_per_minute, 60),
            (tokens, limits.tokens_per_second, 1), (tokens, limits.tokens_per_minute, 60),
        )  # fmt: skip
        seconds = [amount / most * window for amount, most, window in bounds if most]
        return Forecast(
            requests, tokens, None if price is None else tokens * price / 1e6, max(seconds) if seconds else None
        )

    def usage(self) -> Usage:
        """Return what was done so far."""
        with self._lock:
            return self._usage

    def close(self) -> None:
        """Let go of connections."""
        self._provider.close()

    # -- batches -----------------------------------------------------------------------------------------------

    def _work(self, texts: Sequence[str], deadline: float, *, is_query: bool = False) -> _Work:
        most = self.capacity.chars or sys.maxsize
        self._count(truncated=sum(len(text) > most for text in texts))
        cut = ((number, text[:most]) for number, text in enumerate(texts) if text.strip())
        retry = self._query_retry if is_query else self._retry
        return _Work(deque(batches(cut, self.capacity, self._estimate)), retry, deadline, is_query)

    def _run(self, work: _Work, parts: SimpleQueue[Part | EmbeddingError | None]) -> None:
        """What each thread does, until there is nothing to do or somebody failed for good."""
        try:
            while not work.is_over:
                try:
                    batch = work.todo.popleft()
                except IndexError:
                    return
                for part in self._done(work, batch):
                    parts.put(part)
        except EmbeddingError as error:
            work.is_over = True
            parts.put(error)
        except Exception as error:  # noqa: BLE001 - a thread's boundary: who waits for it must hear of it
            work.is_over = True
            failed = EmbeddingError(f"{self.identity.name} failed: {type(error).__name__}")
            failed.__cause__ = error
            parts.put(failed)
        finally:
            parts.put(None)

    def _done(self, work: _Work, batch: Batch) -> Iterator[Part]:
        """Send a batch until it is answered. One that is too large is put back as halves, a single text cut in half."""
        try:
            vectors = self._answered(work, batch)
        except TooLargeError as error:
            work.todo.extendleft(reversed(self._smaller(batch, error)))
            return
        if vectors is not None:
            yield batch.numbers, vectors

    def _smaller(self, batch: Batch, error: TooLargeError) -> list[Batch]:
        telemetry.count("treeseek_embedding_splits_total", provider=self._provider.name)
        if len(batch.texts) > 1:
            return batch.halves()
        if len(batch.texts[0]) < SHORTEST_CHARS:
            raise EndpointError(f"{self.identity.name} takes no text of {len(batch.texts[0])} characters: {error}")
        if not batch.is_shortened:
            self._count(truncated=1)
        return [batch.shortened()]

    # -- one batch ---------------------------------------------------------------------------------------------

    def _answered(self, work: _Work, batch: Batch) -> NDArray[np.float32] | None:
        """Return a batch's vectors; None if the time was up before. Raises TooLargeError, EmbeddingError."""
        tries = _Tries(time.monotonic())
        while True:
            try:
                return self._once(work, batch, tries)
            except RequestError as failure:
                wait = self._wait_of(work, failure, tries)
            self._count(retries=1, waited=wait)
            if not self._slept(work, wait):
                return None

    def _once(self, work: _Work, batch: Batch, tries: _Tries) -> NDArray[np.float32] | None:
        """Wait for the turn, send, check. Raises RequestError, TooLargeError, EmbeddingError."""
        rest = self._breaker.wait()
        if rest > 0:
            raise RequestError(
                "unreachable", f"{self._trouble or 'it failed'}, again and again; it is given a rest", rest
            )
        size = batch.size
        ticket = self._ticket(work, size, tries)
        if ticket is None:
            return None
        counted: int | None = None
        try:
            answer = self._sent(batch.texts, work)
            counted = answer.tokens
        finally:
            self._pace.leave(ticket, counted)
        if counted is not None:
            self._estimate.correct(size, counted)
        # What came is paid for, even if it doesn't fit.
        self._count(tokens=ticket.tokens, dollars=ticket.tokens * (self.capacity.price or 0.0) / 1e6)
        vectors = checked(answer.vectors, len(batch.texts), self.identity.dims)
        self._count(texts=len(batch.texts))
        self._has_answered = True
        return vectors

    def _ticket(self, work: _Work, size: int, tries: _Tries) -> Ticket | None:
        """Wait for the turn; None if that doesn't come in time. Raises ThrottledError for a query that can't wait."""
        entered = time.monotonic()
        deadline = min(work.deadline, tries.begun + work.retry.patience) if work.is_query else work.deadline
        ticket: Ticket | None = None
        try:
            ticket = self._pace.enter(
                self._estimate.of(size), deadline=deadline, is_urgent=work.is_query, gave_up=lambda: work.is_over
            )
        finally:
            if ticket is None:
                self._breaker.abandoned()
        self._count(waited=time.monotonic() - entered)
        if ticket is None and work.is_query:
            raise ThrottledError(f"{self.identity.name} is being asked up to its limits (rps, rpm, tps, tpm)")
        return ticket

    def _sent(self, texts: Sequence[str], work: _Work) -> Answer:
        name, outcome = self._provider.name, "error"
        timeout = min(self._timeout, work.retry.patience) if work.is_query else self._timeout
        self._count(requests=1)
        try:
            with telemetry.timed("treeseek_embedding_request_seconds", provider=name):
                answer = self._provider.send(texts, is_query=work.is_query, timeout=timeout)
            outcome = "ok"
        except RequestError as failure:
            outcome, self._trouble = failure.reason, str(failure)
            raise
        except TooLargeError:
            outcome = "too-large"
            raise
        except EmbeddingError as error:
            outcome = error.code
            raise
        finally:
            telemetry.count("treeseek_embedding_requests_total", provider=name, outcome=outcome)
            is_at_fault = outcome in ("unreachable", "server")
            (self._breaker.failed if is_at_fault else self._breaker.succeeded)()
            telemetry.gauge("treeseek_embedding_breaker_open", float(self._breaker.state != "closed"), provider=name)
        return answer

    def _wait_of(self, work: _Work, failure: RequestError, tries: _Tries) -> float:
        """Return how long to wait before another attempt. Raises the error that it comes to if there is to be none."""
        if failure.reason == "throttled":
            self._count(throttles=1)
        tries.note(failure)
        retry = work.retry
        wait = retry.delay(tries.failures, failure.wait)
        attempts = retry.attempts
        if failure.reason == "unreachable" and not self._has_answered:
            attempts = min(attempts, FIRST_ATTEMPTS)
        since = tries.begun if work.is_query else tries.since
        is_late = time.monotonic() + wait > since + retry.patience
        if tries.failures >= attempts or tries.malformed >= MALFORMED_ATTEMPTS or is_late:
            raise self._error_of(failure, tries.failures)
        if failure.reason == "throttled" and failure.wait is not None:
            self._pace.hold(failure.wait)
        return wait

    def _error_of(self, failure: RequestError, failures: int) -> EmbeddingError:
        tries = "at once" if failures == 1 else f"after {failures} tries"
        name = self.identity.name
        if failure.reason == "throttled":
            asked = f"it asks to wait {failure.wait:,.0f} s" if failure.wait else "lower the limits (rpm, tpm)"
            return ThrottledError(f"{name} says that this is too much, {tries}: {failure}; {asked}")
        if failure.reason == "malformed":
            return AnswerError(f"{name} doesn't give what was asked for, {tries}: {failure}")
        return EndpointError(f"{name} can't be reached, {tries}: {failure}")

    def _slept(self, work: _Work, seconds: float) -> bool:
        """Wait; return whether it is still wanted."""
        until = time.monotonic() + seconds
        while not work.is_over:
            left = min(until, work.deadline) - time.monotonic()
            if left <= 0:
                return time.monotonic() < work.deadline
            time.sleep(min(left, 0.1))
        return False

    def _count(self, **more: float) -> None:
        with self._lock:
            now = self._usage
            self._usage = replace(now, **{name: getattr(now, name) + amount for name, amount in more.items()})
        for name, amount in more.items():
            if amount and name != "requests":  # those are counted by their outcomes
                counter = _COUNTERS.get(name, f"treeseek_embedding_{name}_total")
                telemetry.count(counter, amount, provider=self._provider.name)
