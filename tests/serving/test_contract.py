"""One answer, whoever asks: over HTTP, from the library, and from the command line as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import httpx
import pytest
from pydantic import BaseModel

from treeseek.frontends import documents
from treeseek.frontends.cli.main import main
from treeseek.frontends.http import schemas
from treeseek.model import Filters
from treeseek.workspace import client_path

from .conftest import Served

QUESTIONS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("search", {"q": "retry a failed upload"}, ["retry a failed upload"]),
    ("search", {"q": "upload", "limit": 2, "language": ["python"], "explain": True},
     ["upload", "-k", "2", "--lang", "python", "--explain"]),
    ("search", {"q": "files", "include": ["*.{py,go}"], "exclude": ["lib/*.go"], "min_score": 0.001},
     ["files", "--include", "*.{py,go}", "--exclude", "lib/*.go", "--min-score", "0.001"]),
    ("search", {"q": "files", "max_tokens": 300, "path": "lib"}, ["files", "--max-tokens", "300", "--path", "lib"]),
    ("symbols", {"name": "uploader", "kind": ["class,method"]}, ["uploader", "--kind", "class,method"]),
    ("related", {"path": "lib/net.py", "line": 7}, ["lib/net.py:7"]),
    ("outline", {"path": "lib/net.py"}, ["lib/net.py"]),
    ("diff", {}, []),
    ("diff", {"old": "HEAD", "path": ["lib"], "nodes": True}, ["HEAD", "--path", "lib", "--nodes"]),
    ("diff", {"stat": True}, ["--stat"]),
    ("status", {"skipped": True}, ["--skipped"]),
]  # fmt: skip


def printed(
    running: Served, command: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> dict[str, Any]:  # fmt: skip
    """Return what the command line prints for the same root and index."""
    monkeypatch.chdir(running.service.root().engine.root)
    for name in ("data_dir", "cache_dir"):
        monkeypatch.setenv(f"TREESEEK_{name.upper()}", str(getattr(running.service.settings, name)))
    capfdbinary.readouterr()
    plain = ["--no-refresh"] if command in ("search", "symbols", "related") else []
    assert main([command, *arguments, *plain, "--json"]) in (0, 1)
    document: dict[str, Any] = json.loads(capfdbinary.readouterr().out)
    return document


@pytest.mark.parametrize(("command", "question", "arguments"), QUESTIONS)
def test_http_answers_what_the_command_line_prints(
    running: Served, client: httpx.Client, command: str, question: dict[str, Any], arguments: list[str],
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes],
) -> None:  # fmt: skip
    answer = client.get(f"/v1/{command}", params=question)
    assert answer.status_code == 200
    assert answer.json() == printed(running, command, arguments, monkeypatch, capfdbinary)


def test_http_answers_what_the_library_returns(running: Served, client: httpx.Client) -> None:
    engine = running.service.root().engine
    top = str(engine.root)
    asked = client.get("/v1/search", params={"q": "upload files", "include": "*.{py,md}", "limit": 3}).json()
    result = engine.search("upload files", limit=3, filters=Filters(include=("*.py", "*.md")))
    assert asked == json.loads(documents.dumped(documents.answer("search", top, result)))
    assert len(asked["hits"]) >= 2
    asked = client.get("/v1/lines", params={"path": "lib/net.py", "start": 4, "end": 6}).json()
    assert asked == json.loads(documents.dumped(documents.lines(top, engine.lines("lib/net.py", 4, 6))))
    assert asked["text"].split("\n") == (engine.root / "lib/net.py").read_text().split("\n")[3:6]
    assert client.get("/v1/outline", params={"path": f"{top}/lib/./net.py"}).json()["path"] == "lib/net.py"
    assert client_path(f"{top}/lib/./net.py", engine.root) == "lib/net.py"


@pytest.mark.parametrize(
    ("url", "model"),
    [
        ("/v1/search?q=upload&explain=true", schemas.Hits),
        ("/v1/outline?path=lib/net.py", schemas.Outline),
        ("/v1/lines?path=lib/net.py&start=1&end=2", schemas.Lines),
        ("/v1/diff?nodes=true", schemas.Diff),
        ("/v1/status?skipped=true", schemas.Status),
        ("/v1/roots", schemas.Roots),
        ("POST /v1/refresh", schemas.Index),
        ("/v1/outline?path=nothing", schemas.Failure),
    ],
)
def test_the_schemas_have_every_key_that_the_documents_have(
    client: httpx.Client, url: str, model: type[BaseModel]
) -> None:
    method, _, path = url.rpartition(" ")
    document = client.request(method or "GET", path).json()
    assert model.model_validate(document)
    assert undescribed(document, model) == []


def undescribed(value: Any, kind: Any) -> list[str]:
    """Return the keys of a document that its schema doesn't know, however deep."""
    if get_origin(kind) is list:
        return [key for one in value for key in undescribed(one, get_args(kind)[0])]
    inner = next((one for one in get_args(kind) if isinstance(one, type) and issubclass(one, BaseModel)), kind)
    if value is None or not (isinstance(inner, type) and issubclass(inner, BaseModel)):
        return []
    assert isinstance(value, Mapping)
    fields = inner.model_fields
    unknown = [key for key in value if key not in fields]
    return unknown + [
        key for name, part in value.items() if name in fields for key in undescribed(part, fields[name].annotation)
    ]


def test_an_undescribed_key_is_seen() -> None:
    assert undescribed({"ok": False, "error": {"code": "", "where": ""}}, schemas.Failure) == ["where"]


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        ("/v1/search?q=+", 400, "usage"),
        ("/v1/search", 422, "usage"),
        ("/v1/search?q=a&lagnuage=python", 422, "usage"),
        ("/v1/search?q=a&limit=x", 422, "usage"),
        ("/v1/search?q=a&language=klingon", 400, "usage"),
        ("/v1/search?q=a&root=/etc", 404, "root"),
        ("/v1/search?q=files&max_tokens=1", 400, "usage"),
        ("/v1/outline?path=no/such.py", 404, "unreadable"),
        ("/v1/outline?path=../secret", 400, "usage"),
        ("/v1/lines?path=logo.bin&start=1&end=2", 400, "usage"),
        ("/v1/lines?path=lib/net.py&start=3&end=2", 400, "usage"),
        ("/v1/lines?path=lib/net.py&start=900&end=901", 400, "usage"),
        ("/v1/diff?old=--output=x", 400, "usage"),
        ("/v1/diff?path=/etc", 400, "usage"),
        ("/v2/search?q=a", 404, "not-found"),
        ("/assets/none.js", 404, "not-found"),
        ("/assets/..%2f..%2fhttp%2fapp.py", 404, "not-found"),
    ],
)
def test_what_cannot_be_is_refused_with_a_document(client: httpx.Client, url: str, status: int, code: str) -> None:
    answer = client.get(url)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert (document["schema_version"], document["ok"], document["error"]["code"]) == (1, False, code)
    assert "\n" not in document["error"]["message"]


def test_a_method_that_a_path_lacks_is_refused(client: httpx.Client) -> None:
    answer = client.delete("/v1/search?q=a")
    assert (answer.status_code, answer.json()["error"]["code"], answer.headers["allow"]) == (405, "method", "GET")


def test_a_file_elsewhere_is_never_read(client: httpx.Client, project: Path) -> None:
    (project.parent / "secret.py").write_text("def secret():\n    return 1\n")
    (project / "lib/link.py").symlink_to(project.parent / "secret.py")
    try:
        for url in ("/v1/lines?start=1&end=2&path=lib/link.py", "/v1/outline?path=lib/link.py"):
            assert client.get(url).status_code == 404
    finally:
        (project / "lib/link.py").unlink()
