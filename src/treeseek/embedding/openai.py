"""Any endpoint that speaks OpenAI's embeddings: OpenAI, Azure, vLLM, Ollama, llama.cpp, text-embeddings-inference.

    POST {url}/embeddings  {"model": …, "input": […], "encoding_format": "float"[, "dimensions": d]}
    ─▶ {"data": [{"index": 0, "embedding": […]}, …], "usage": {"total_tokens": n}}

Needs the extra `openai`, which is httpx. The key comes from `settings.endpoint_key`, is sent nowhere but to the
endpoint, never over plain HTTP to another machine, and is told to nobody.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from treeseek import settings
from treeseek.embedding.answers import Answer, in_order, one_line, parsed
from treeseek.embedding.batches import Capacity
from treeseek.embedding.models import limits_of, model_of, width_of
from treeseek.embedding.protocol import EmbedderIdentity
from treeseek.embedding.remote import PATIENT, RemoteEmbedder
from treeseek.embedding.retry import RequestError, Retry, TooLargeError, seconds_of
from treeseek.embedding.spec import Spec
from treeseek.errors import (
    AccessDeniedError,
    CredentialsError,
    EndpointError,
    MissingExtraError,
    ThrottledError,
    UsageError,
)

if TYPE_CHECKING:
    import httpx

__all__ = ["Endpoint", "endpoint"]

OPENAI_URL = "https://api.openai.com/v1"
BATCH_TEXTS, BATCH_TOKENS = 64, 32_000
MAX_ANSWER_BYTES = 256 << 20
"""More than any batch can give: 2,048 vectors of 8,192 numbers in decimal."""
_TOO_LARGE = ("context length", "context_length", "too many tokens", "max_tokens_per_request", "less than", "too large",
              "too long", "maximum batch size", "batch size")  # fmt: skip


def endpoint(spec: Spec, retry: Retry = PATIENT) -> RemoteEmbedder:
    """Return the embedder for a model at an endpoint. Raises UsageError for a width or an option that can't be."""
    known = model_of(spec)
    dims = width_of(spec, known)
    url = _url_of(spec.text("url", OPENAI_URL))
    prefixes = spec.text("text_prefix"), spec.text("query_prefix")
    shortens = spec.flag("shorten") or (known.shortens and "dims" in spec.options)
    encoding = spec.text("encoding", "float")
    if encoding not in ("float", "base64"):
        raise UsageError(f"the embedder's option encoding={encoding[:40]!r} is neither float nor base64")
    provider = Endpoint(spec.model, url, *prefixes, dims if shortens else 0, encoding)
    prepared = "normalized" + ("+prefixes=" + repr(prefixes) if any(prefixes) else "")
    price = spec.number("price", -1.0 if known.price is None or url != OPENAI_URL else known.price)
    return RemoteEmbedder(
        provider, EmbedderIdentity(f"openai:{spec.model}", "1", dims, "remote", prepared),
        capacity=Capacity(min(spec.whole("batch", BATCH_TEXTS), 2_048), BATCH_TOKENS, 0, None if price < 0 else price),
        limits=limits_of(spec), timeout=spec.number("timeout", 60.0) or 60.0, retry=retry,
    )  # fmt: skip


def _url_of(given: str) -> str:
    """Return an endpoint's address without a slash at the end. Raises UsageError for one that can't be."""
    try:
        parts = urlsplit(given)
        has_place = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, has_place = urlsplit(""), False
    if not has_place:
        raise UsageError(f"the embedder's url {given[:80]!r} is not of the form https://host/v1")
    if parts.username or parts.password:
        raise UsageError("the embedder's url holds a password; give a key in TREESEEK_OPENAI_API_KEY instead")
    if parts.query or parts.fragment:
        raise UsageError("the embedder's url has a query or a fragment, which an endpoint's address can't have")
    return given.rstrip("/")


def _is_here(url: str) -> bool:
    """Whether an address is of this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Endpoint:
    """Sends batches of texts. The client is made when first used."""

    name = "openai"

    def __init__(
        self, model: str, url: str, text_prefix: str = "", query_prefix: str = "", dimensions: int = 0,
        encoding: str = "float",
    ) -> None:  # fmt: skip
        self._model, self._url = model, url
        self._text_prefix, self._query_prefix = text_prefix, query_prefix
        self._asked = {"encoding_format": encoding} | ({"dimensions": dimensions} if dimensions else {})
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None

    def send(self, texts: Sequence[str], *, is_query: bool, timeout: float) -> Answer:
        """Return the vectors in the order of the texts. Raises RequestError, TooLargeError, EmbeddingError."""
        client = self._opened()
        import httpx

        prefix = self._query_prefix if is_query else self._text_prefix
        request = {"model": self._model, "input": [prefix + text for text in texts]} | self._asked
        try:
            status, headers, body = _exchange(client, f"{self._url}/embeddings", request, timeout)
        except (httpx.TransportError, httpx.DecodingError) as error:
            said = one_line(error) or type(error).__name__
            raise RequestError("unreachable", f"{said} ({urlsplit(self._url).netloc})") from error
        if status != 200:
            raise self._refusal(status, seconds_of(headers.get("retry-after")), body)
        document = parsed(body)
        usage = document.get("usage")
        tokens = usage.get("total_tokens", usage.get("prompt_tokens")) if isinstance(usage, dict) else None
        # Some endpoints state 0, as they don't count.
        counted = tokens if type(tokens) is int and tokens > 0 else None
        return Answer(in_order(document.get("data"), len(texts)), counted)

    def close(self) -> None:
        """Let go of connections."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _opened(self) -> httpx.Client:
        with self._lock:
            if self._client is None:
                self._client = self._made()
            return self._client

    def _made(self) -> httpx.Client:
        try:
            import httpx
        except ImportError as error:
            raise MissingExtraError(
                "an OpenAI-compatible embedder needs httpx: pip install 'treeseek[openai]'"
            ) from error
        is_openai = self._url == OPENAI_URL
        key = settings.endpoint_key(is_openai=is_openai)
        if not key and is_openai:
            raise CredentialsError("no key for api.openai.com: set OPENAI_API_KEY, or name another endpoint with url=")
        if not (key.isascii() and key.isprintable() and " " not in key):
            raise CredentialsError(
                "the key in TREESEEK_OPENAI_API_KEY or OPENAI_API_KEY is not one: it has odd characters"
            )
        if key and self._url.startswith("http:") and not _is_here(self._url):
            raise CredentialsError("the key isn't sent over plain http to another machine: use https, or unset the key")
        # Not `follow_redirects`: neither texts nor the key go where nobody said they should.
        return httpx.Client(headers={"authorization": f"Bearer {key}"} if key else {}, timeout=60.0)

    def _refusal(self, status: int, wait: float | None, body: bytes) -> Exception:
        """Return what an answer with another status than 200 comes to."""
        said, code = _said(body)
        if status == 429 and code == "insufficient_quota":
            return ThrottledError(f"the quota for {self._model} is used up: {said}")
        if status in (425, 429):
            return RequestError("throttled", said or f"status {status}", wait)
        is_too_large = status in (400, 422) and any(mark in f"{code} {said}".lower() for mark in _TOO_LARGE)
        if status == 413 or is_too_large:
            return TooLargeError(said or f"status {status}")
        if status == 408 or status >= 500:
            return RequestError("server", said or f"status {status}", wait)
        where = urlsplit(self._url).netloc
        if status == 401:  # what it says may hold a part of the key
            return CredentialsError(f"{where} doesn't accept the key; see TREESEEK_OPENAI_API_KEY and OPENAI_API_KEY")
        if status == 403:
            return AccessDeniedError(f"{where} gives no access to {self._model}")
        if status == 404:
            return EndpointError(f"{where} has no {self._model} at {urlsplit(self._url).path}/embeddings: {said}")
        return EndpointError(f"{where} refuses a request (status {status}): {said}")


def _exchange(client: Any, url: str, request: dict[str, Any], timeout: float) -> tuple[int, Any, bytes]:
    """Return status, headers and body. A body that takes longer than `timeout`, or is endless, is given up."""
    import httpx

    until = time.monotonic() + timeout
    with client.stream("POST", url, json=request, timeout=timeout) as response:
        body = bytearray()
        for piece in response.iter_bytes():
            body += piece
            if time.monotonic() > until:
                raise httpx.ReadTimeout("the answer takes too long")
            if len(body) > MAX_ANSWER_BYTES:
                raise RequestError("malformed", f"the answer has more than {MAX_ANSWER_BYTES:,} bytes")
        return response.status_code, response.headers, bytes(body)


def _said(body: bytes) -> tuple[str, str]:
    """Return the message and the code of an error's answer, as far as there are any."""
    try:
        document = parsed(body)
    except RequestError:
        return one_line(body[:400].decode("utf-8", "replace")), ""
    error = document.get("error", document)
    if not isinstance(error, dict):
        return one_line(error), ""
    message = error.get("message") or document.get("message") or document.get("detail") or ""
    return one_line(message), str(error.get("code") or error.get("type") or "")[:80]
