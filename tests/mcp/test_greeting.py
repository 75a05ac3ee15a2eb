"""The first answer is given before the SDK is loaded: it must be the SDK's, and everything else left to that."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.server.stdio import stdio_server
from mcp.types import version
from speaking import Wire, variables

from treeseek.frontends.mcp import greeting
from treeseek.frontends.mcp.desk import Desk
from treeseek.frontends.mcp.greeting import greeting_for
from treeseek.frontends.mcp.server import create_server
from treeseek.service import Service

CLIENT = {"name": "t", "title": "T", "version": "1"}
META = "io.modelcontextprotocol/"


def request(method: str, params: Any, number: Any = 7) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})


def initialize(asked: str, **more: Any) -> str:
    return request("initialize", {"protocolVersion": asked, "capabilities": {}, "clientInfo": CLIENT} | more)


def discover(asked: str = "2026-07-28") -> str:
    about = {f"{META}protocolVersion": asked, f"{META}clientInfo": CLIENT, f"{META}clientCapabilities": {}}
    return request("server/discover", {"_meta": about})


def of_the_sdk(line: str) -> dict[str, Any]:
    """Return what the SDK's server answers to a first line."""
    said: list[str] = []

    class Lines:
        async def __aiter__(self) -> Any:
            yield line
            while not said:
                await anyio.sleep(0.001)

    class Output:
        async def write(self, text: str) -> None:
            said.append(text)

        async def flush(self) -> None:
            pass

    async def nobody() -> Service:
        raise AssertionError

    async def run() -> None:
        server = create_server(Desk(nobody, print))
        async with stdio_server(Lines(), Output()) as streams:  # type: ignore[arg-type]
            await server.run(*streams, server.create_initialization_options())

    anyio.run(run)
    answer = json.loads(said[0])
    assert isinstance(answer, dict)
    return answer


@pytest.mark.parametrize(
    "line",
    [
        *map(initialize, version.HANDSHAKE_PROTOCOL_VERSIONS), initialize("1999-01-01"), initialize("2026-07-28"),
        initialize("2025-06-18", capabilities={"roots": {"listChanged": True}, "sampling": {}}),
        request("initialize", json.loads(initialize("2025-06-18"))["params"], "a-b"), discover(),
    ],
)  # fmt: skip
def test_it_is_word_for_word_what_the_sdk_says(line: str) -> None:
    found = greeting_for(line.encode())
    assert found is not None
    assert found.answer == of_the_sdk(line)


def test_the_versions_are_those_of_the_sdk() -> None:
    assert greeting.HANDSHAKE_VERSIONS == version.HANDSHAKE_PROTOCOL_VERSIONS
    assert greeting.DISCOVER_VERSIONS == version.MODERN_PROTOCOL_VERSIONS


@pytest.mark.parametrize(
    "line",
    [
        "", "{", "[]", "null", '"x"', "1", request("ping", {}), request("tools/list", {}), request("initialize", []),
        request("initialize", {}), initialize("2025-06-18", clientInfo={"name": "t"}),
        initialize("2025-06-18", capabilities=1),
        initialize("2025-06-18", capabilities={"roots": 1}), request("initialize", {"protocolVersion": 3}),
        request("initialize", json.loads(initialize("2025-06-18"))["params"], None),
        request("initialize", json.loads(initialize("2025-06-18"))["params"], 1.5), discover("2027-01-01"),
        request("server/discover", {}), '{"jsonrpc": "1.0", "id": 1, "method": "initialize", "params": {}}', "\xff",
    ],
)  # fmt: skip
def test_what_is_not_sure_is_left_to_the_sdk(line: str) -> None:
    assert greeting_for(line.encode("latin-1")) is None


def test_the_sdk_is_not_loaded_before_the_greeting(project: Path, place: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from treeseek.frontends.mcp import stdio, wire\n"
        "from treeseek.settings import load\n"
        "class Pipe(wire.Pipe):\n"
        "    def write(self, data):\n"
        "        super().write(data)\n"
        "        heavy = {'mcp', 'mcp_types', 'pydantic', 'numpy', 'lance'}\n"
        "        print(*sorted(heavy & set(sys.modules)), 'early', file=sys.stderr)\n"
        "        raise OSError\n"
        "wire.Pipe = Pipe\n"
        "stdio.serve([Path(sys.argv[1])], load(), print)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(project)], input=initialize("2025-06-18") + "\n", text=True,
                          capture_output=True, env=variables(place), check=True)  # fmt: skip
    assert done.stderr == "early\n"
    assert json.loads(done.stdout)["result"]["protocolVersion"] == "2025-06-18"


def test_it_is_said_once_and_what_follows_is_answered(project: Path, place: Path) -> None:
    with Wire([project], place) as wire:
        assert wire.begin()["result"]["instructions"]
        wire.send(request("tools/list", {}, "list").encode())
        wire.send(request("ping", {}, "ping").encode())
        assert {wire.receive()["id"], wire.receive()["id"]} == {"list", "ping"}
        assert wire.end() == 0
        assert wire.process.stdout is not None
        assert wire.process.stdout.read() == b""


def test_a_client_of_the_version_without_a_handshake_is_served(project: Path, place: Path) -> None:
    with Wire([project], place) as wire:
        about = json.loads(discover())["params"]
        found = wire.ask("server/discover", **about)["result"]
        assert found["supportedVersions"] == ["2026-07-28"]
        result = wire.ask("tools/call", name="outline", arguments={"path": "lib/io.go"}, **about)["result"]
        assert result["isError"] is False, result
        assert result["structuredContent"]["declarations"][0]["name"] == "Shut"


def test_nonsense_first_does_no_harm(project: Path, place: Path) -> None:
    with Wire([project], place) as wire:
        wire.send(b"nonsense")
        wire.send(b"\xff" * 100)
        wire.send(b"x" * 3_000_000)
        assert wire.begin()["result"]["serverInfo"]["name"] == "treeseek"
        assert len(wire.ask("tools/list")["result"]["tools"]) == 6
