"""Who may come in, with how much, and what is told of it? Around everything that a server answers.

In this order: the request's size and form, the host it was sent to, the page it comes from, how often the client asks,
and the token. What is refused is counted by its reason, and answered by a document, as everything is.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from treeseek import telemetry
from treeseek.errors import TreeseekError
from treeseek.frontends.http.log import request_id
from treeseek.frontends.http.replies import failed, refusal
from treeseek.frontends.http.tracing import no_spans
from treeseek.safety.rates import ClientLimits

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from treeseek.frontends.http.direct import Direct
    from treeseek.frontends.http.hosts import Hosts
    from treeseek.frontends.http.log import Log
    from treeseek.frontends.http.tracing import Spans
    from treeseek.settings import Settings

__all__ = ["OPEN", "Guard"]

MAX_URL_BYTES, MAX_HEADERS, MAX_HEADER_BYTES = 8 * 1024, 100, 16 * 1024
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
OPEN = frozenset(("/", "/healthz", "/readyz", "/openapi.json", "/assets/*"))
"""Routes that tell nothing of any root, and need no token: a browser has none before it has the page."""
UNLIMITED = frozenset(("/healthz", "/readyz"))

_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}\Z")
_IS_SIMPLE = re.compile(rb"[\x21-\x24\x26-\x7e]*\Z")
"""ASCII without an escape: nothing to decode."""

POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = [
    (b"content-security-policy", POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class Guard:
    """The outermost application. What comes through has a sane form, a known host and origin, and a token."""

    def __init__(
        self, app: ASGIApp, settings: Settings, hosts: Hosts, token: str, log: Log, mounts: Mapping[str, ASGIApp],
        routes: frozenset[str], direct: Mapping[tuple[str, str], Direct], spans: Spans = no_spans,
    ) -> None:  # fmt: skip
        self._app = app
        self._settings = settings
        self._hosts = hosts
        self._token = f"Bearer {token}".encode() if token else b""
        self._log = log
        self._mounts = dict(mounts)
        self._routes = routes | set(mounts)
        self._clients = ClientLimits(settings.client_rate, max(1.0, settings.client_burst))
        self._direct = direct
        self._spans = spans
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._exchanged(scope, receive, send)

    async def _exchanged(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = time.perf_counter()
        headers = _first_of_each(scope["headers"])
        exchange = Exchange(receive, send, headers, self._settings)
        mark = request_id.set(exchange.id)
        route = self.route_of(scope["path"])
        self._count_in(1)
        try:
            refused = self._refused(scope, headers, route)
            method = _bounded(scope["method"])
            about = {"http.request.method": method, "http.route": route}
            with self._spans(f"{method} {route}", about, _of_trace(headers)) as span:
                app = refused or await self._asked(scope) or self._mounts.get(route, self._app)
                await app(scope, exchange.receive, exchange.send)
                span.set_attribute("http.response.status_code", exchange.status)
        except TooMuchBody as error:
            await exchange.answer(scope, _refused("body", refusal("too-large", str(error))))
        except TooSlow as error:
            await exchange.answer(scope, _refused("slow", refusal("deadline", str(error), status=408)))
        except TreeseekError as error:
            await exchange.answer(scope, failed(error))
        except asyncio.CancelledError:
            exchange.status = exchange.status or 499
            raise
        except Exception as error:  # noqa: BLE001 - the boundary: the client learns that it failed, the log why
            self._log.failed(error, request=exchange.id, route=route)
            await exchange.answer(scope, failed(error))
        finally:
            request_id.reset(mark)
            self._count_in(-1)
            self._note(scope, route, exchange, time.perf_counter() - start)

    async def _asked(self, scope: Scope) -> Response | None:
        """Return the answer of a route that is asked directly, None if it isn't one."""
        direct = self._direct.get((scope["method"], scope["path"]))
        return None if direct is None else await direct(scope["query_string"])

    def route_of(self, path: str) -> str:
        """Return the template of a path: one of a few, whatever clients ask for."""
        if path in self._routes:
            return path
        if path.startswith("/assets/"):
            return "/assets/*"
        return next((mount for mount in self._mounts if path.startswith(f"{mount}/")), "other")

    def _refused(self, scope: Scope, headers: Mapping[bytes, bytes], route: str) -> Response | None:
        """Return what a request is refused with, None if it may come in."""
        return (
            _closing(self._malformed(scope, headers))
            or self._foreign(scope, headers, route)
            or self._too_often(scope, route)
            or self._without_token(headers, route)
        )

    def _malformed(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Response | None:
        if scope["http_version"] not in ("1.0", "1.1"):
            return _refused("malformed", refusal("usage", "this server speaks HTTP/1.1"))
        query: bytes = scope["query_string"]
        if len(scope["raw_path"]) + len(query) > MAX_URL_BYTES:
            return _refused("url", refusal("uri-too-long", f"a URL may have {MAX_URL_BYTES:,} bytes"))
        size = sum(len(name) + len(value) for name, value in scope["headers"])
        if len(scope["headers"]) > MAX_HEADERS or size > MAX_HEADER_BYTES:
            return _refused("headers", refusal(
                "headers", f"a request may have {MAX_HEADERS} headers, and {MAX_HEADER_BYTES:,} bytes of them"
            ))  # fmt: skip
        for part in (scope["raw_path"], query):
            if not _IS_SIMPLE.match(part) and not _is_utf8(part):
                return _refused("malformed", refusal("usage", "the URL is not UTF-8"))
        if b"content-length" in headers and b"transfer-encoding" in headers:
            return _refused("malformed", refusal("usage", "a body has one length, not two"))
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or len(declared) > 18 or int(declared) > self._settings.max_body_bytes:
            return _refused("body", refusal(
                "too-large", f"a body may have {self._settings.max_body_bytes:,} bytes"
            ))  # fmt: skip
        return None

    def _foreign(self, scope: Scope, headers: Mapping[bytes, bytes], route: str) -> Response | None:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        authority = hosts[0].decode("latin-1") if len(hosts) == 1 else ""
        reached = (scope.get("server") or ("",))[0]
        if not self._hosts.allows(authority, reached):
            return _refused("host", refusal(
                "forbidden", "this server is not called by that name",
                "the setting `allowed_hosts` names others that it may be called by",
            ))  # fmt: skip
        origin = headers.get(b"origin")
        site, mode = headers.get(b"sec-fetch-site"), headers.get(b"sec-fetch-mode")
        is_foreign = origin is not None and not self._hosts.allows_origin(origin.decode("latin-1"), authority)
        # A link to the page may stand anywhere; what a foreign page wants without showing it to somebody may not come.
        is_foreign |= site == b"cross-site" and origin is None and not (mode == b"navigate" and route == "/")
        return _refused("origin", refusal("forbidden", "pages of other sites may not ask")) if is_foreign else None

    def _too_often(self, scope: Scope, route: str) -> Response | None:
        if route in UNLIMITED:
            return None
        wait = self._clients.acquire(_client(scope))
        if wait is None:
            return None
        return _refused("rate", refusal("rate", "too many requests; ask again later", retry_after=wait))

    def _without_token(self, headers: Mapping[bytes, bytes], route: str) -> Response | None:
        if not self._token or route in OPEN:
            return None
        given = headers.get(b"authorization", b"")
        scheme, _, secret = given.partition(b" ")
        if hmac.compare_digest(scheme.title() + b" " + secret.strip(), self._token):
            return None
        return _refused("token", refusal(
            "token", "the token is missing or wrong", "send it as `Authorization: Bearer …`",
            headers={"www-authenticate": "Bearer"},
        ))  # fmt: skip

    def _count_in(self, step: int) -> None:
        self._in_flight += step
        telemetry.gauge("treeseek_http_in_flight", self._in_flight)

    def _note(self, scope: Scope, route: str, exchange: Exchange, seconds: float) -> None:
        method = _bounded(scope["method"])
        telemetry.count("treeseek_http_requests_total", route=route, method=method, status=str(exchange.status))
        telemetry.observe("treeseek_http_request_seconds", seconds, route=route)
        self._log.say(
            "request", request=exchange.id, client=_client(scope), method=method, route=route, status=exchange.status,
            seconds=round(seconds, 6), bytes=exchange.sent,
        )  # fmt: skip


class TooMuchBody(Exception):  # noqa: N818 - no error of ours: it ends the reading of a body
    """A body turned out to be larger than it may be."""


class TooSlow(Exception):  # noqa: N818 - the same
    """A body took longer to come than it may."""


class Exchange:
    """One request and what became of it: its id, the status and the bytes of the answer, and how much body came."""

    def __init__(self, receive: Receive, send: Send, headers: Mapping[bytes, bytes], settings: Settings) -> None:
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        self.id = given if _SANE_ID.match(given) else secrets.token_hex(8)
        self.status = 0
        self.sent = 0
        self._receive, self._send = receive, send
        self._has_body = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
        self._most = settings.max_body_bytes
        self._seconds = settings.client_seconds
        self._came = 0
        self._deadline = 0.0

    async def receive(self) -> Message:
        """Return the next part of the body; raise when that is too much, or comes too late."""
        if not self._has_body:
            return await self._receive()
        loop = asyncio.get_running_loop()
        self._deadline = self._deadline or loop.time() + self._seconds
        try:
            async with asyncio.timeout_at(self._deadline if self._seconds else None):
                message = await self._receive()
        except TimeoutError:
            raise TooSlow(f"the body did not come within {self._seconds:g} seconds") from None
        self._came += len(message.get("body", b""))
        if self._came > self._most:
            raise TooMuchBody(f"a body may have {self._most:,} bytes")
        if not message.get("more_body", False):
            self._has_body = False
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer, its head with what every head has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message["headers"], *HEADERS, *self._more(message["headers"])]}
        else:
            self.sent += len(message.get("body", b""))
        await self._send(message)

    def _more(self, given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        more = [(b"x-request-id", self.id.encode())]
        if not any(name == b"cache-control" for name, _ in given):
            more.append((b"cache-control", b"no-store"))
        if self._has_body and not any(
            name == b"connection" for name, _ in given
        ):  # nobody will read the rest of it, so the connection can't go on
            more.append((b"connection", b"close"))
        return more

    async def answer(self, scope: Scope, response: Response) -> None:
        """Send a whole response, if nothing was sent yet."""
        if not self.status:
            await response(scope, self._receive, self.send)


def _refused(reason: str, response: Response) -> Response:
    telemetry.count("treeseek_requests_refused_total", reason=reason)
    return response


def _bounded(method: str) -> str:
    return method if method in METHODS else "other"


def _of_trace(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """Return what tells of the trace that a request belongs to."""
    names = (b"traceparent", b"tracestate")
    return {name.decode(): headers[name].decode("latin-1") for name in names if name in headers}


def _closing(response: Response | None) -> Response | None:
    """Have the connection end with a refusal: what follows in it is not to be trusted to be another request."""
    if response is not None:
        response.headers["connection"] = "close"
    return response


def _first_of_each(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    return dict(reversed(headers))


def _is_utf8(part: bytes) -> bool:
    try:
        unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        return False
    return True


def _client(scope: Scope) -> str:
    """Return what stands for a client: its address, or of IPv6 the network, as one client has all of that."""
    client: tuple[Any, ...] | None = scope.get("client")
    if not client:
        return "-"
    address = str(client[0])
    return ":".join(address.split(":")[:4]) + "::/64" if address.count(":") > 3 else address
