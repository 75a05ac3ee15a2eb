"""One engine, several frontends: the same question gets the same document, whoever carries it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from speaking import Agent, over_http, over_stdio, served, variables

import treeseek
from treeseek import Engine, Filters
from treeseek.frontends import documents
from treeseek.settings import load

Document = dict[str, Any]
EACH = "import json, sys; from treeseek.frontends.cli.main import main; [main(one) for one in json.load(sys.stdin)]"
"""The command line's entry, called for each question in a process of its own."""


@pytest.fixture(scope="module")
def settings(place: Path) -> treeseek.Settings:
    return load({}, data_dir=place / "data", cache_dir=place / "cache", workers=1, client_rate=0)


@pytest.fixture(scope="module")
def engine(project: Path, settings: treeseek.Settings, agent_ready: None) -> Iterator[Engine]:
    with treeseek.open(project, settings) as one:
        yield one


@pytest.fixture(scope="module")
def agent_ready(near: Agent) -> None:
    """There is an index, since an agent was answered."""
    assert near.call("search", query="upload").structured_content["hits"]


@pytest.fixture(scope="module")
def ways(
    project: Path, place: Path, settings: treeseek.Settings, near: Agent, agent_ready: None
) -> Iterator[dict[str, Callable[[str, list[str], Document], Document]]]:
    """The ways to ask, each given the command, the arguments of the command line, and those of servers."""

    asked = [[*arguments, "--json"] for _, arguments, _, _ in QUESTIONS]
    done = subprocess.run(
        [sys.executable, "-c", EACH], input=json.dumps(asked), text=True, cwd=project, env=variables(place),
        capture_output=True, check=True,
    )  # fmt: skip
    printed = dict(zip(map(tuple, asked), done.stdout.splitlines(), strict=True))

    def command(_: str, arguments: list[str], __: Document) -> Document:
        return dict(json.loads(printed[*arguments, "--json"]))

    with served([project], settings) as (url, _), over_http(url) as far, httpx.Client(trust_env=False) as client:

        def http(name: str, _: list[str], given: Document) -> Document:
            renamed = {"q" if key == "query" else key: value for key, value in given.items()}
            renamed |= {} if name in ("search", "symbols", "related") else {"max_tokens": None}
            asked = {key: value for key, value in renamed.items() if value is not None}
            path = {"changes": "diff", "index_status": "status"}.get(name, name)
            return dict(client.get(f"{url}/v1/{path}", params=asked, timeout=60).json())

        def agents(agent: Agent) -> Callable[[str, list[str], Document], Document]:
            return lambda name, _, given: dict(agent.call(name, **given).structured_content)

        yield {"command": command, "http": http, "near": agents(near), "far": agents(far)}


QUESTIONS: list[tuple[str, list[str], Document, Callable[[Engine], Document]]] = [
    (
        "search", ["search", "retry a failed upload", "--no-refresh", "--max-tokens", "4000"],
        {"query": "retry a failed upload", "max_tokens": 4000},
        lambda engine: documents.answer("search", str(engine.root), engine.search("retry a failed upload")),
    ),
    (
        "search", ["search", "close", "--no-refresh", "--lang", "go", "-k", "2", "--include", "*.{go,c}",
                   "--path", "lib"],
        {"query": "close", "language": ["go"], "limit": 2, "include": ["*.{go,c}"], "path": "lib", "max_tokens": 4000},
        lambda engine: documents.answer("search", str(engine.root), engine.search(
            "close", limit=2, filters=Filters(languages=("go",), include=("*.go", "*.c"), path="lib"))),
    ),
    (
        "search", ["search", "upload", "--no-refresh", "--max-tokens", "400"], {"query": "upload", "max_tokens": 400},
        lambda engine: {},
    ),
    (
        "symbols", ["symbols", "upload", "--no-refresh", "-k", "10"], {"name": "upload", "limit": 10},
        lambda engine: documents.answer("symbols", str(engine.root), engine.symbols("upload", limit=10)),
    ),
    (
        "related", ["related", "lib/net.py:8", "--no-refresh"], {"path": "lib/net.py", "line": 8},
        lambda engine: documents.answer("related", str(engine.root), engine.related("lib/net.py", 8)),
    ),
    (
        "outline", ["outline", "lib/net.py"], {"path": "lib/net.py"},
        lambda engine: documents.outline(str(engine.root), "lib/net.py", engine.outline("lib/net.py")),
    ),
    (
        "changes", ["diff"], {},
        lambda engine: documents.difference(str(engine.root), engine.diff(), stat=False, nodes=False),
    ),
    (
        "index_status", ["status", "--skipped"], {"skipped": True},
        lambda engine: documents.status(engine.status(skipped=True), skipped=True),
    ),
    ("search", ["search", " ", "--no-refresh"], {"query": " "}, lambda engine: {}),
    ("outline", ["outline", "--root", ".", "lib"], {"path": "lib"}, lambda engine: {}),
    ("changes", ["diff", "no-such"], {"old": "no-such"}, lambda engine: {}),
    ("symbols", ["symbols", "x", "--lang", "klingon", "--no-refresh"], {"name": "x", "language": ["klingon"]},
     lambda engine: {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "given", "asked"), QUESTIONS, ids=[f"{one[0]}-{n}" for n, one in enumerate(QUESTIONS)]
)
def test_all_say_the_same(
    name: str, arguments: list[str], given: Document, asked: Callable[[Engine], Document],
    ways: dict[str, Callable[[str, list[str], Document], Document]], engine: Engine,
) -> None:  # fmt: skip
    found = {way: ask(name, arguments, given) for way, ask in ways.items()}
    if found["command"]["ok"]:
        if library := asked(engine):
            found["library"] = json.loads(documents.dumped(library))
    else:  # what may help differs: one client has a shell, the other has not
        for document in found.values():
            document["error"].pop("hint", None)
    for way, document in found.items():
        assert document == found["command"], way


def test_secrets_are_painted_over_for_all(tmp_path: Path) -> None:
    """As the settings ask for; the key is made here, so that none stands in a file."""
    root, place = tmp_path / "root", tmp_path / "place"
    root.mkdir()
    secret = "ghp_" + "a1B2c3D4e5" * 3 + "F6g7H8"
    (root / "a.py").write_text(f"def token():\n    return {secret!r}\n")
    (place).mkdir()
    (place / "treeseek.toml").write_text('redact_answers = "low"\n')
    environment = variables(place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("speaking.variables", lambda _: environment | {"TREESEEK_CONFIG": str(place / "treeseek.toml")})
        with over_stdio([root], place) as agent:
            for tool, given in (
                ("search", {"query": "token"}),
                ("symbols", {"name": "token"}),
                ("outline", {"path": "a.py"}),
            ):
                result = agent.call(tool, **given)
                assert not result.is_error
                assert secret not in result.model_dump_json()
            assert "def token" in agent.call("search", query="token").model_dump_json()
