"""Who gets in: hosts, origins, tokens, rates, sizes and times, each by a request that breaks one rule alone."""

from __future__ import annotations

import asyncio
import io
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from treeseek import telemetry
from treeseek.errors import OverloadedError, UsageError
from treeseek.frontends.http.app import Mounted
from treeseek.frontends.http.hosts import Hosts, is_loopback
from treeseek.frontends.http.log import Log
from treeseek.frontends.http.options import Options
from treeseek.frontends.http.server import bound
from treeseek.frontends.http.tokens import token_of
from treeseek.settings import load

from .conftest import Served, served

ROUTES = [
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/assets/app.js",
    "/v1/search?q=a",
    "/v1/roots",
    "/no",
]
TOKEN = "made-for-this-test-alone"


@contextmanager
def serving(running: Served, options: Options | None = None, **settings: Any) -> Iterator[Served]:
    """Serve the same root and index with other settings."""
    own = running.service.settings
    mounts = settings.pop("mounts", None)
    log = settings.pop("log", None)
    given = {"data_dir": own.data_dir, "cache_dir": own.cache_dir, "workers": 1, "client_rate": 0} | settings
    with served([running.service.root().engine.root], load({}, **given), options, mounts, log) as one:
        yield one


def refusals(reason: str) -> float:
    return telemetry.snapshot()[0].get(("treeseek_requests_refused_total", (("reason", reason),)), 0)


def sent(served: Served, data: bytes) -> bytes:
    """Send bytes as they are; return what comes until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "localhost:80:80", "127.0.0.2", "", "a b"])
def test_no_route_answers_to_a_foreign_name(client: httpx.Client, path: str, host: str) -> None:
    before = refusals("host")
    answer = client.get(path, headers={"host": host})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert refusals("host") == before + 1


def test_a_request_without_a_host_is_refused(running: Served) -> None:
    assert b" 403 " in sent(running, b"GET /healthz HTTP/1.0\r\n\r\n").splitlines()[0]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:8765", "[::1]:8765"])
def test_names_of_this_machine_are_its_own(client: httpx.Client, host: str) -> None:
    assert client.get("/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    "origin", ["null", "https://evil.example", "http://localhost:1", "http://127.0.0.1:1", "file://", "http://", "x"]
)
def test_no_route_answers_to_a_page_of_another_site(client: httpx.Client, path: str, origin: str) -> None:
    before = refusals("origin")
    answer = client.get(path, headers={"origin": origin})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert "access-control-allow-origin" not in answer.headers
    assert refusals("origin") == before + 1


def test_the_page_may_ask_and_a_link_to_it_may_stand_anywhere(running: Served, client: httpx.Client) -> None:
    assert client.get("/v1/roots", headers={"origin": running.url}).status_code == 200
    cross = {"sec-fetch-site": "cross-site"}
    assert client.get("/", headers=cross | {"sec-fetch-mode": "navigate"}).status_code == 200
    assert client.get("/v1/roots", headers=cross | {"sec-fetch-mode": "navigate"}).status_code == 403
    assert client.get("/v1/roots", headers=cross | {"sec-fetch-mode": "no-cors"}).status_code == 403


def test_hosts_that_the_settings_name_may_be_given(running: Served) -> None:
    with serving(running, allowed_hosts="ts.example, proxy.example:8443") as one, one.client() as client:
        for host, origin, status in [
            ("ts.example", "https://ts.example", 200),
            ("ts.example:99", "https://ts.example:99", 200),
            ("proxy.example:8443", "https://proxy.example:8443", 200),
            ("proxy.example", "https://proxy.example", 403),
            ("localhost", "https://ts.example", 200),
            ("localhost", "https://other.example", 403),
        ]:
            assert client.get("/v1/roots", headers={"host": host, "origin": origin}).status_code == status
    with pytest.raises(ValueError, match="no name of a host"):
        Hosts("127.0.0.1", ["http://ts.example"])


def test_the_address_that_was_reached_is_a_name_too() -> None:
    assert Hosts("0.0.0.0", []).allows("192.0.2.7:8765", reached="192.0.2.7")
    assert not Hosts("0.0.0.0", []).allows("192.0.2.8:8765", reached="192.0.2.7")
    assert not Hosts("0.0.0.0", []).allows("0.0.0.0", reached="192.0.2.7")
    assert Hosts("::", []).allows("[fe80::1]:1", reached="fe80::1")


def test_a_token_is_asked_for_where_something_is_told(running: Served) -> None:
    with serving(running, Options(token=TOKEN)) as one, one.client() as client:
        for path in ("/v1/roots", "/v1/search?q=a", "/metrics", "/no", "/mcp"):
            for given in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"},
                          {"authorization": f"Bearer {TOKEN}x"}, {"authorization": TOKEN}):  # fmt: skip
                answer = client.get(path, headers=given)
                assert (answer.status_code, answer.json()["error"]["code"]) == (401, "token")
                assert answer.headers["www-authenticate"] == "Bearer"
        for path in ("/", "/healthz", "/readyz", "/openapi.json", "/assets/app.js"):
            assert client.get(path).status_code == 200
        for scheme in ("Bearer", "bearer"):
            assert client.get("/v1/roots", headers={"authorization": f"{scheme} {TOKEN}"}).status_code == 200
        security = client.get("/openapi.json").json()["paths"]
        assert security["/v1/search"]["get"]["security"] == [{"token": []}]
        assert "security" not in security["/healthz"]["get"]


def test_what_others_reach_needs_a_token_and_a_token_must_be_kept(tmp_path: Path) -> None:
    places = {"data_dir": tmp_path / "data", "cache_dir": tmp_path / "cache"}
    secret = tmp_path / "token"
    secret.write_text(f"{TOKEN}\n")
    secret.chmod(0o600)
    assert token_of(load({}, **places, token_file=secret), "0.0.0.0") == TOKEN
    assert token_of(load({}, **places), "127.0.0.1") == ""
    for host in ("0.0.0.0", "::", "192.0.2.7", "build.example", "127.0.0.1.example"):
        assert not is_loopback(host)
        with pytest.raises(UsageError, match="needs a token"):
            token_of(load({}, **places), host)
    secret.chmod(0o640)
    with pytest.raises(UsageError, match="chmod 600"):
        token_of(load({}, **places, token_file=secret), "127.0.0.1")
    for given, message in (("short", "16 or more"), ("has a space in the middle", "no space")):
        with pytest.raises(UsageError, match=message):
            token_of(load({}, **places, token=given), "127.0.0.1")
    with pytest.raises(UsageError, match="can't read"):
        token_of(load({}, **places, token_file=tmp_path / "none"), "127.0.0.1")
    with pytest.raises(UsageError, match="not both"):
        token_of(load({}, **places, token=TOKEN, token_file=secret), "127.0.0.1")
    assert TOKEN not in repr(load({}, **places, token=TOKEN))


def test_a_port_that_is_taken_is_one_line(running: Served) -> None:
    with pytest.raises(UsageError, match=r"can't listen at 127\.0\.0\.1") as caught:
        bound("127.0.0.1", running.port)
    assert "\n" not in str(caught.value)


def test_a_client_may_ask_so_often(running: Served) -> None:
    with serving(running, client_rate=0.001, client_burst=3) as one, one.client() as client:
        assert [client.get("/v1/roots").status_code for _ in range(4)] == [200, 200, 200, 429]
        answer = client.get("/")
        assert (answer.json()["error"]["code"], int(answer.headers["retry-after"]) > 100) == ("rate", True)
        assert client.get("/healthz").status_code == 200


def test_there_is_room_for_so_many(running: Served) -> None:
    with serving(running, max_concurrent_requests=1) as one, one.client() as client:
        with one.service.admitted():
            answer = client.get("/v1/search?q=upload")
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "overloaded")
            assert answer.headers["retry-after"] == "1"
            assert client.get("/metrics").status_code == 200
        assert client.get("/v1/search?q=upload").status_code == 200
        assert client.get("/v1/diff").status_code == 200


def test_an_answer_that_takes_too_long_is_given_up_and_its_place_is_free_again(running: Served) -> None:
    with serving(running, max_concurrent_requests=1, request_seconds=0.000001) as one, one.client() as client:
        answer = client.get("/v1/status")
        assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline")
        while True:
            try:
                with one.service.admitted():
                    break
            except OverloadedError as error:  # the thread hasn't noticed yet
                assert "at once" in str(error)


def test_answers_are_cut_or_refused_to_be_no_larger_than_they_may(running: Served) -> None:
    with running.client() as client:
        size = len(client.get("/v1/search?q=upload+files").content)
    with serving(running, max_response_bytes=size - 1) as one, one.client() as client:
        answer = client.get("/v1/search?q=upload+files")
        assert len(answer.content) < size
        assert answer.json()["truncated"]
        assert answer.json()["hits"]
        answer = client.get("/v1/status?skipped=true")
        assert answer.status_code == 200
    with serving(running, max_response_bytes=250) as one, one.client() as client:
        answer = client.get("/v1/status?skipped=true")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "usage")
        assert "at most 250" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "path", "status"),
    [
        ({"x-filler": "x" * 20_000}, "/v1/roots", 431),
        ({f"x-{number}": "" for number in range(150)}, "/v1/roots", 431),
        ({}, "/v1/search?q=" + "x" * 9_000, 414),
        ({}, "/v1/search?q=%ff", 400),
        ({}, "/v1/%c3%28", 400),
    ],
)
def test_a_request_has_its_limits(client: httpx.Client, headers: dict[str, str], path: str, status: int) -> None:
    answer = client.get(path, headers=headers)
    assert (answer.status_code, answer.json()["ok"]) == (status, False)


async def reading(scope: Any, receive: Any, send: Any) -> None:
    """Read the whole body, and tell how much it was: what a mounted application may do."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{scope['path']} {size}".encode()})


def test_a_body_is_bounded_however_it_comes(running: Served) -> None:
    with serving(running, mounts={"/mcp": Mounted(reading)}, max_body_bytes=1_000) as one, one.client() as client:
        assert client.post("/mcp", content=b"x" * 1_000).text == "/mcp 1000"
        assert client.post("/mcp/below", content=iter([b"x" * 400] * 2)).text == "/mcp/below 800"
        head = b"POST /mcp HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
        declared = b"GET /v1/roots HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1001\r\n\r\n"
        assert b" 413 " in sent(one, declared).splitlines()[0]
        answer = sent(one, head + b"3e8\r\n" + b"x" * 1_000 + b"\r\n1\r\nx\r\n0\r\n\r\n")
        assert b" 413 " in answer.splitlines()[0]
        assert b"connection: close" in answer
        assert client.get("/mcpx").status_code == 404


def test_who_is_slow_is_told_so_and_left(running: Served) -> None:
    with serving(running, mounts={"/mcp": Mounted(reading)}, client_seconds=0.2) as one:
        before = refusals("slow")
        assert b" 408 " in sent(one, b"GET /healthz HT").splitlines()[0]
        assert b" 408 " in sent(one, b"").splitlines()[0]
        answer = sent(one, b"POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nx")
        assert b" 408 " in answer.splitlines()[0]
        both = sent(one, b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\nGET /healthz HT")
        assert [line.split()[1] for line in both.splitlines() if line.startswith(b"HTTP/1.1 ")] == [b"200", b"408"]
        assert refusals("slow") == before + 4


def test_an_answer_that_nobody_takes_is_dropped(running: Served) -> None:
    ended = threading.Event()

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while (await asyncio.wait_for(receive_or_none(receive), 5))["type"] != "http.disconnect":
                await send({"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": True})
        finally:
            ended.set()

    async def receive_or_none(receive: Any) -> dict[str, str]:
        try:
            async with asyncio.timeout(0.001):
                message: dict[str, str] = await receive()
                return message
        except TimeoutError:
            return {"type": ""}

    with (
        serving(running, mounts={"/mcp": Mounted(endless)}, client_seconds=0.2) as one,
        socket.create_connection(("127.0.0.1", one.port)) as connection,
    ):
        connection.sendall(b"GET /mcp HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert ended.wait(30)


def test_there_are_only_so_many_connections(running: Served) -> None:
    with (
        serving(running, max_connections=2) as one,
        socket.create_connection(("127.0.0.1", one.port)),
        socket.create_connection(("127.0.0.1", one.port)) as second,
    ):
        second.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert second.recv(15) == b"HTTP/1.1 200 OK"
        answer = sent(one, b"")
        assert b" 503 " in answer.splitlines()[0]
        assert b"retry-after: 1" in answer


@pytest.mark.parametrize(
    "request_line",
    [
        b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\n bad: x\r\n\r\n", b"GET / HTTP/1.1\r\nh\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_no_http_is_refused_with_a_document(running: Served, request_line: bytes) -> None:
    head, _, body = sent(running, request_line + b"\r\n").partition(b"\r\n\r\n")
    assert b" 400 " in head.splitlines()[0]
    assert json.loads(body)["error"]["code"] == "usage"


def test_a_request_keeps_its_id_and_gets_one_otherwise(client: httpx.Client) -> None:
    assert client.get("/healthz", headers={"x-request-id": "abc-1.2:3"}).headers["x-request-id"] == "abc-1.2:3"
    for bad in ("x" * 65, "a b", "<script>", ""):
        made = client.get("/healthz", headers={"x-request-id": bad}).headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{16}", made)


def test_the_log_has_a_line_a_request_and_never_what_was_asked(running: Served) -> None:
    written = io.StringIO()
    log = Log("json", written)
    with serving(running, log=log) as one, one.client() as client:
        client.get("/v1/search?q=very+private+question", headers={"x-request-id": "first"})
        client.get("/v1/lines?path=lib/net.py&start=1&end=2")
        client.get("/unheard/of/path")
        client.get("/healthz", headers={"host": "evil.example"})
    log.close()
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    asked = [line for line in lines if line["event"] == "request"]
    assert [(one["method"], one["route"], one["status"]) for one in asked] == [
        ("GET", "/v1/search", 200), ("GET", "/v1/lines", 200), ("GET", "other", 404), ("GET", "/healthz", 403),
    ]  # fmt: skip
    assert asked[0]["request"] == "first"
    assert asked[0]["client"] == "127.0.0.1"
    assert asked[0]["bytes"] > 100
    assert asked[0]["seconds"] > 0
    assert set(asked[0]) == {"time", "event", "request", "client", "method", "route", "status", "seconds", "bytes"}
    assert not {word for word in ("private", "net.py", "unheard") if word in written.getvalue()}


@pytest.mark.parametrize("path", ["/v1/status", "/v1/search?q=upload"])  # the second goes around the framework
def test_an_unforeseen_failure_is_a_document_for_the_client_and_a_trace_in_the_log(
    running: Served, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("unforeseen")

    written = io.StringIO()
    log = Log("json", written)
    with serving(running, log=log) as one, one.client() as client:
        engine = one.service.root().engine
        monkeypatch.setattr(engine, "search", fail)
        monkeypatch.setattr(engine, "status", fail)
        answer = client.get(path)
        assert client.get("/healthz").status_code == 200
    log.close()
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    assert "ZeroDivisionError" in written.getvalue()


def test_labels_are_few_whatever_is_asked(running: Served) -> None:
    with running.client() as client:
        for path in ("/a", "/b/c", "/assets/x", "/assets/y", "/v1/none"):
            client.request("BREW", path)
    counters, histograms = telemetry.snapshot()
    routes = {dict(labels)["route"] for name, labels in counters if name == "treeseek_http_requests_total"}
    methods = {dict(labels)["method"] for name, labels in counters if name == "treeseek_http_requests_total"}
    assert {"other", "/assets/*"} <= routes
    assert not {"/a", "/b/c", "/assets/x", "/v1/none"} & routes
    assert "other" in methods
    assert "BREW" not in methods
    assert any(name == "treeseek_http_request_seconds" for name, _ in histograms)
    while telemetry.gauges()["treeseek_http_in_flight", ()]:  # an answer is there before its request is counted out
        time.sleep(0.01)
