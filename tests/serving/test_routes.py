"""Every route, over real HTTP."""

from __future__ import annotations

import httpx
import pytest


@pytest.mark.parametrize(
    ("url", "command"),
    [
        ("/v1/search?q=retry+a+failed+upload", "search"),
        ("/v1/related?path=lib/net.py&line=7", "related"),
        ("/v1/symbols?name=Uploader", "symbols"),
        ("/v1/outline?path=lib/net.py", "outline"),
        ("/v1/lines?path=lib/net.py&start=4&end=9", "lines"),
        ("/v1/status", "status"),
        ("/v1/roots", "roots"),
        ("/healthz", "health"),
        ("/readyz", "ready"),
    ],
)
def test_every_route_answers_with_its_document(client: httpx.Client, url: str, command: str) -> None:
    answer = client.get(url)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert (document["ok"], document["command"]) == (True, command)


def test_the_page_and_its_files_come_with_a_strict_policy(client: httpx.Client) -> None:
    for path in ("/", "/assets/app.js", "/assets/style.css"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        again = client.get(path, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert client.get("/assets/../app.py").status_code == 404
