"""A provider of embeddings on this machine, well or badly behaved, over real HTTP: for tests and benchmarks.

It speaks OpenAI's embeddings at `/v1/embeddings` and Bedrock's InvokeModel for Titan. A vector is the sum of one random
direction for each word, so that texts with words in common are near each other. What it was asked, and when, it notes.

    with Loopback(["throttle:1", "cut", "shuffle"]) as server: …     misbehaves three times, in this order, then no more
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

__all__ = ["Asked", "Loopback", "tokens_of", "vector_of"]

_WORD = re.compile(r"[A-Za-z]+")
TITAN_DIMS = {"amazon.titan-embed-text-v1": 1536, "amazon.titan-embed-text-v2:0": 1024}


def tokens_of(text: str) -> int:
    """Return how many tokens a text has, as this provider counts."""
    return len(text.encode()) // 4 + 1


def vector_of(text: str, dims: int) -> NDArray[np.float64]:
    """Return a text's vector; not of length 1."""
    own = _direction(text, dims) * 0.1
    return sum((_direction(word.lower(), dims) for word in _WORD.findall(text)), start=own)


@lru_cache(200_000)
def _direction(word: str, dims: int) -> NDArray[np.float64]:
    seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
    return np.random.default_rng(seed).standard_normal(dims).round(4)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: when it came (monotonic), what was in it, and what became of it: "ok" or the fault."""

    at: float
    texts: tuple[str, ...]
    tokens: int
    outcome: str
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass(slots=True)
class Loopback:
    """The server. `faults` are what goes wrong, one a request, in the order of their coming; "" is nothing.

    Faults: throttle, throttle:SECONDS, throttle-date:SECONDS (Retry-After), stall:SECONDS, cut (mid-body), reset,
    shuffle, 500, 413, drop, twice, wide, nan, zero, words, unindexed, nonsense, denied, key, quota, bad. `most_texts`
    and `most_chars` are what it takes; `seconds` is how long each answer takes.
    """

    faults: Iterable[str] = ()
    dims: int = 64
    most_texts: int = 2048
    most_chars: int = 1_000_000
    seconds: float = 0.0
    asked: list[Asked] = field(default_factory=list)
    is_down: bool = False
    most_at_once: int = 0
    at_once: int = 0
    coming: Iterator[str] = field(default_factory=lambda: iter(()))
    lock: threading.Lock = field(default_factory=threading.Lock)
    _server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Loopback:
        self.coming = iter(self.faults)
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        """Where it listens, without a path."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def setting(self, provider: str, **options: object) -> str:
        """Return the setting `embedder` that leads here: "openai", "titan-v1" or "titan-v2"."""
        if provider == "openai":
            named, own = "openai:loopback", {"url": f"{self.address}/v1", "dims": self.dims}
        else:
            named, own = f"bedrock:{provider}", {"endpoint": self.address, "region": "us-east-1"}
        return f"{named}?" + "&".join(f"{name}={value}" for name, value in (own | options).items())

    @property
    def paid(self) -> Counter[str]:
        """How often each text was answered with a vector that is as it should be."""
        return Counter(text for one in self.asked if one.outcome in ("ok", "shuffle") for text in one.texts)

    def busiest(self, seconds: float) -> tuple[int, int]:
        """Return the most requests, and the most tokens, that came in any `seconds`."""
        asked = sorted(self.asked, key=lambda one: one.at)
        most = tokens = first = 0
        under_way = 0
        for last, one in enumerate(asked):
            under_way += one.tokens
            while asked[first].at <= one.at - seconds:
                under_way -= asked[first].tokens
                first += 1
            most, tokens = max(most, last - first + 1), max(tokens, under_way)
        return most, tokens


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what these tests are about."""


def _handler(server: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two writes, and the second would wait for 40 ms

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            is_titan = self.path.startswith("/model/")
            texts = (body["inputText"],) if is_titan else tuple(body["input"])
            with server.lock:
                fault = "reset" if server.is_down else next(server.coming, "")
                if not fault and (len(texts) > server.most_texts or max(map(len, texts)) > server.most_chars):
                    fault = "413"
                server.at_once += 1
                server.most_at_once = max(server.most_at_once, server.at_once)
                tokens = sum(map(tokens_of, texts))
                headers = {name.lower(): value for name, value in self.headers.items()}
                server.asked.append(Asked(time.monotonic(), texts, tokens, fault or "ok", body, headers))
            kind, _, amount = fault.partition(":")
            time.sleep(float(amount) if kind == "stall" else server.seconds)
            answer = _titan(self.path, body, kind) if is_titan else _openai(body, server.dims, kind)
            with server.lock:
                server.at_once -= 1
            self.answer(kind, amount, answer, is_titan)

        def answer(self, kind: str, amount: str, answer: Any, is_titan: bool) -> None:
            if kind == "reset":
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            status, code, message = _REFUSALS.get(kind, (200, "", ""))
            if is_titan and kind == "413":
                status, code, message = 400, "ValidationException", _TOO_MANY
            document = answer if status == 200 else {"message": message} if is_titan else {
                "error": {"message": message, "code": code}}  # fmt: skip
            body = b"<html>" if kind == "nonsense" else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            if is_titan and code:
                self.send_header("x-amzn-errortype", code)
            if kind == "throttle" and amount:
                self.send_header("retry-after", amount)
            if kind == "throttle-date":
                self.send_header("retry-after", formatdate(time.time() + float(amount), usegmt=True))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if kind == "cut" else body)
            if kind == "cut":
                self.close_connection = True

    return Handler


_REFUSALS = {
    "throttle": (429, "ThrottlingException", "Too many requests, please wait before trying again."),
    "throttle-date": (429, "ThrottlingException", "Too many requests, please wait before trying again."),
    "500": (500, "InternalServerException", "The system encountered an unexpected error."),
    "413": (413, "too_large", "The request is too large."),
    "denied": (403, "AccessDeniedException", "You don't have access to the model with the specified model ID."),
    "key": (401, "UnrecognizedClientException", "The security token included in the request is invalid: sk-12…"),
    "quota": (429, "insufficient_quota", "You exceeded your current quota."),
    "bad": (400, "ValidationException", "Malformed input request: #: extraneous key [x] is not permitted\n\x1b[31m"),
}


_TOO_MANY = "400 Bad Request: Too many input tokens. Max input tokens: 8192, request input token count: 9875"


def _spoiled(vectors: list[list[float]], kind: str) -> list[Any]:
    if kind == "wide":
        vectors[0] = [*vectors[0], 0.5]
    elif kind == "nan":
        vectors[-1][3] = float("nan")
    elif kind == "zero":
        vectors[-1] = [0.0] * len(vectors[-1])
    elif kind == "words":
        vectors[0] = ["a"] * len(vectors[0])  # type: ignore[list-item]
    return vectors


def _titan(path: str, body: dict[str, Any], kind: str) -> dict[str, Any]:
    model = unquote(path.split("/")[2])
    dims = body.get("dimensions", TITAN_DIMS[model])
    vector = vector_of(body["inputText"], dims)
    if body.get("normalize"):
        vector = vector / np.linalg.norm(vector)
    answer: dict[str, Any] = {"embedding": _spoiled([vector.tolist()], kind)[0]}
    answer["inputTextTokenCount"] = tokens_of(body["inputText"])
    if model.endswith(":0"):
        answer["embeddingsByType"] = {"float": answer["embedding"]}
    if kind in ("drop", "twice"):
        del answer["embedding"]
    return answer


def _openai(body: dict[str, Any], dims: int, kind: str) -> dict[str, Any]:
    texts = body["input"]
    vectors = _spoiled([vector_of(text, body.get("dimensions", dims)).tolist() for text in texts], kind)
    if body.get("encoding_format") == "base64":
        import base64

        vectors = [base64.b64encode(np.array(one, "<f4").tobytes()).decode() for one in vectors]
    data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)]
    if kind == "shuffle":
        data = data[::-1]
    elif kind == "drop":
        del data[len(data) // 2]
    elif kind == "twice":
        data[-1]["index"] = 0 if len(data) > 1 else 1
    elif kind == "unindexed":
        data = [{"embedding": one["embedding"]} for one in data]
    tokens = sum(map(tokens_of, texts))
    return {
        "object": "list",
        "data": data,
        "model": body["model"],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
