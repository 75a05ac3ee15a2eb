"""Over HTTP: many sessions at once, no more than there is room for, ended with the server; and what is counted."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from speaking import over_http, served

from treeseek import telemetry
from treeseek.frontends.mcp import mounted
from treeseek.settings import load

INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
    "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}  # fmt: skip
ACCEPT = {"accept": "application/json, text/event-stream"}


def test_sessions_are_bounded_and_guarded(project: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounted, "MAX_SESSIONS", 2)
    settings = load({}, data_dir=place / "data", cache_dir=place / "cache", workers=1, client_rate=0)
    with served([project], settings) as (url, _), httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        first, second, third = (client.post("/mcp", json=INITIALIZE, headers=ACCEPT) for _ in range(3))
        assert (first.status_code, second.status_code, third.status_code) == (200, 200, 503)
        session = {"mcp-session-id": first.headers["mcp-session-id"]}
        assert client.delete("/mcp", headers=ACCEPT | session).status_code == 200
        assert client.post("/mcp", json=INITIALIZE, headers=ACCEPT).status_code == 200
        listed = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
        assert client.post("/mcp", json=listed, headers=ACCEPT | session).status_code == 404
        for headers in ({"host": "evil.example"}, {"origin": "http://evil.example"}):
            assert client.post("/mcp", json=INITIALIZE, headers=ACCEPT | headers).status_code == 403
        large = INITIALIZE | {"params": {"x": "y" * settings.max_body_bytes}}
        assert client.post("/mcp", json=large, headers=ACCEPT).status_code == 413


def test_many_ask_at_once_and_are_counted(project: Path, place: Path) -> None:
    telemetry.reset()
    settings = load({}, data_dir=place / "data", cache_dir=place / "cache", workers=1, client_rate=0)
    with served([project], settings) as (url, service):
        ready = threading.Event()
        service.subscribe(lambda: service.is_ready and ready.set())

        def ask(number: int) -> bool:
            with over_http(url) as agent:
                results = [agent.call("symbols", name="checksum") for _ in range(5)]
                agent.call("search")
                return all(result.structured_content["hits"] for result in results)

        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(ask, range(4)))
        counters, histograms = telemetry.snapshot()
        name = "treeseek_mcp_calls_total"
        assert counters[name, (("outcome", "found"), ("tool", "symbols"))] == 20
        assert counters[name, (("outcome", "usage"), ("tool", "search"))] == 4
        assert histograms["treeseek_mcp_call_seconds", (("tool", "symbols"),)].count == 20
        assert "treeseek_mcp_calls_total" in httpx.get(f"{url}/metrics", trust_env=False).text
