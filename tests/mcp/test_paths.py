"""The path attacks of `tests/safety`, once more: as arguments of tools, over both transports, and of HTTP's routes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from path_attacks import ATTACKS, SECRET, path_of, planted
from speaking import Agent, Wire, over_http, served

from treeseek.settings import load

ARGUMENTS: list[tuple[str, str, dict[str, Any]]] = [
    ("outline", "path", {}),
    ("related", "path", {"line": 1}),
    ("search", "path", {"query": "inside secret"}),
    ("search", "include", {"query": "inside secret"}),
    ("search", "exclude", {"query": "inside secret"}),
    ("symbols", "path", {"name": SECRET}),
    ("changes", "path", {}),
    ("changes", "old", {}),
]
ROUTES: list[tuple[str, str, dict[str, Any]]] = [
    ("outline", "path", {}),
    ("lines", "path", {"start": 1, "end": 9}),
    ("related", "path", {"line": 1}),
    ("search", "path", {"q": "inside secret"}),
    ("search", "include", {"q": "inside secret"}),
    ("symbols", "path", {"name": SECRET}),
    ("diff", "path", {}),
    ("diff", "new", {}),
    ("search", "root", {"q": "inside secret"}),
]
OUTSIDE = (f"def {SECRET}", "root:x:0:0", "PATH=")
"""What would be in an answer that got out: the secret's code, the system's users, somebody's environment."""


@pytest.fixture(scope="module")
def trapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted(tmp_path_factory.mktemp("trapped").resolve())


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("held")


@pytest.fixture(scope="module")
def wire(trapped: Path, held: Path) -> Iterator[Wire]:
    with Wire([trapped], held) as one:
        one.begin()
        assert one.call("search", query="inside")["structuredContent"]["hits"][0]["path"] == "good.py"
        yield one


@pytest.fixture(scope="module")
def address(trapped: Path, held: Path, wire: Wire) -> Iterator[str]:
    settings = load({}, data_dir=held / "data", cache_dir=held / "cache", workers=1, client_rate=0)
    with served([trapped], settings) as (url, _):
        yield url


@pytest.fixture(scope="module")
def far(address: str) -> Iterator[Agent]:
    with over_http(address) as agent:
        yield agent


def is_no_unicode(text: str) -> bool:
    return any("\ud800" <= sign <= "\udfff" for sign in text)


def judged(answer: str) -> None:
    """Hold that an answer, as JSON, has nothing of what is outside, and hits in files of the root alone."""
    for outside in OUTSIDE:
        assert outside not in answer
    paths = {hit["path"] for hits in _hits(json.loads(answer)) for hit in hits}
    assert paths <= {"good.py"}


def _hits(value: Any) -> Iterator[list[Any]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from [part] if name == "hits" else _hits(part)
    elif isinstance(value, list):
        for part in value:
            yield from _hits(part)


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_argument_of_a_tool_gets_out(attack: str, trapped: Path, wire: Wire) -> None:
    """The lines are written by hand: the SDK's client wouldn't send some of these paths."""
    given = path_of(attack, trapped)
    for number, (tool, argument, others) in enumerate(ARGUMENTS):
        call = {"name": tool, "arguments": {argument: given, **others}}
        request = {"jsonrpc": "2.0", "id": f"a{number}", "method": "tools/call", "params": call}
        wire.send(json.dumps(request).encode())
        wire.send(json.dumps({"jsonrpc": "2.0", "id": f"p{number}", "method": "ping"}).encode())
        wanted, answers = {f"a{number}", f"p{number}"}, []
        if is_no_unicode(given):
            wanted = {f"p{number}"}  # no JSON to the SDK, so that there is nothing to answer
        while wanted:
            answers.append(wire.receive())
            wanted -= {answers[-1].get("id")}
        for answer in answers:
            judged(json.dumps(answer))
            if "result" in answer and answer["result"].get("isError"):
                assert "\n" not in answer["result"]["content"][0]["text"]


@pytest.mark.parametrize("attack", [one for one in ATTACKS if not is_no_unicode(path_of(one, Path()))])
def test_nor_over_http(attack: str, trapped: Path, far: Agent) -> None:
    for tool, argument, others in ARGUMENTS[:3]:  # what carries them differs, what judges them doesn't
        result = far.call(tool, **{argument: path_of(attack, trapped)}, **others)
        judged(result.model_dump_json())


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as one:
        yield one


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_parameter_of_a_route_gets_out(attack: str, trapped: Path, client: httpx.Client) -> None:
    given = path_of(attack, trapped).encode("utf-8", "surrogatepass")
    spelled = "".join(f"%{byte:02x}" for byte in given)
    for route, parameter, others in ROUTES:
        answer = client.get(f"/v1/{route}?{httpx.QueryParams(others)}&{parameter}={spelled}")
        assert answer.status_code < 500, (route, parameter, answer.text)
        judged(answer.text)
    for prefix in ("/", "/assets/", "/v1/", "/mcp/"):
        answer = client.get(f"{prefix}{spelled}")
        for outside in OUTSIDE:
            assert outside not in answer.text


def test_there_are_enough_of_them() -> None:
    assert len(ATTACKS) * (len(ARGUMENTS) + 3 + len(ROUTES)) >= 1_300
