"""What goes to its route at once is answered as FastAPI would have had it answered."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from treeseek.frontends.http.app import create_app
from treeseek.frontends.http.guard import Guard

from .conftest import Served

URLS = [
    "/v1/search?q=retry+upload", "/v1/search?q=a&q=retry", "/v1/search?q=retry&language=python&language=go",
    "/v1/search?q=retry&language=", "/v1/search?q=", "/v1/search", "/v1/search?q", "/v1/search?q=%2B+%26&limit=2",
    "/v1/search?q=retry&limit=", "/v1/search?q=retry&limit=2.0", "/v1/search?q=retry&limit=+2",
    "/v1/search?q=retry&x=1",
    "/v1/search?q=retry&explain=yes", "/v1/search?q=retry&explain=maybe", "/v1/search?q=retry&min_score=nan",
    "/v1/search?q=retry&min_score=1e-3", "/v1/search?q=retry&max_tokens=", "/v1/search?q=retry&&=&limit=1",
    "/v1/search?q=retry;limit=1", "/v1/search?Q=retry", "/v1/search?q=retry&query=x", "/v1/roots", "/v1/roots?x=1",
    "/v1/related?path=lib/net.py&line=7", "/v1/related?path=lib/net.py&line=0", "/v1/outline?path=lib/net.py",
    "/v1/diff?path=lib&path=README.md&stat=1", "/v1/status?root=none", "/v1/lines?path=lib/net.py&start=1&end=x",
]  # fmt: skip


@pytest.mark.parametrize("url", URLS)
def test_both_ways_give_the_same(running: Served, url: str) -> None:
    guard = create_app(running.service)
    assert isinstance(guard, Guard)

    async def both() -> list[tuple[int, dict[str, object]]]:
        answers = []
        for app in (guard, guard._app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                answer = await client.get(url)
                answers.append((answer.status_code, answer.json()))
        return answers

    one, other = asyncio.run(both())
    if url != "/v1/roots":  # how it stands there may change from one moment to the next
        assert one == other
    assert one[0] == other[0]


def test_every_route_below_v1_is_asked_directly(running: Served, client: httpx.Client) -> None:
    guard = create_app(running.service)
    assert isinstance(guard, Guard)
    described = client.get("/openapi.json").json()["paths"]
    declared = {(method.upper(), path) for path in described for method in described[path] if path.startswith("/v1/")}
    assert set(guard._direct) == declared
