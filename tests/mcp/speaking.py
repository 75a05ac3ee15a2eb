"""Real clients of real servers: the SDK's over standard input and output or over HTTP, and one that writes lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import ClientSession, types
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from treeseek.frontends.http.app import Mounted, create_app
from treeseek.frontends.http.server import Server, bound
from treeseek.frontends.mcp.mounted import mounted
from treeseek.service import Service
from treeseek.settings import Settings

COMMAND = [sys.executable, "-m", "treeseek", "mcp"]


def variables(place: Path) -> dict[str, str]:
    """Return an environment whose indexes and caches are in a place of their own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TREESEEK_", "XDG_"))}
    return kept | {
        "TREESEEK_DATA_DIR": str(place / "data"), "TREESEEK_CACHE_DIR": str(place / "cache"), "HOME": str(place),
        "TREESEEK_WORKERS": "1", "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }  # fmt: skip


class Agent:
    """A session of the SDK's client, for tests that don't wait by themselves."""

    def __init__(self, portal: BlockingPortal, session: ClientSession, greeting: types.InitializeResult) -> None:
        self._portal = portal
        self.session = session
        self.greeting = greeting

    def tools(self) -> list[types.Tool]:
        return self._portal.call(self.session.list_tools).tools

    def call(self, tool: str, **arguments: Any) -> types.CallToolResult:
        return self._portal.call(lambda: self.session.call_tool(tool, arguments))

    def told(
        self, tool: str, **arguments: Any
    ) -> tuple[types.CallToolResult, list[tuple[float, float | None, str | None]]]:
        """Call, and return what was said of progress, too."""
        said: list[tuple[float, float | None, str | None]] = []

        async def note(done: float, total: float | None, message: str | None) -> None:
            said.append((done, total, message))

        return self._portal.call(lambda: self.session.call_tool(tool, arguments, progress_callback=note)), said


def text_of(result: types.CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, types.TextContent)
    return content.text


@contextmanager
def agent_of(transport: Any) -> Iterator[Agent]:
    """Open a session over a transport, in an event loop of its own."""

    @asynccontextmanager
    async def opened() -> Any:
        async with transport as streams, ClientSession(*streams[:2]) as session:
            yield session, await session.initialize()

    with start_blocking_portal() as portal, portal.wrap_async_context_manager(opened()) as (session, greeting):
        yield Agent(portal, session, greeting)


@contextmanager
def over_stdio(roots: list[Path], place: Path) -> Iterator[Agent]:
    """Start a server as an agent does."""
    parameters = StdioServerParameters(
        command=COMMAND[0], args=[*COMMAND[1:], *map(str, roots)], env=variables(place), cwd=roots[0]
    )
    with agent_of(stdio_client(parameters)) as agent:
        yield agent


@contextmanager
def served(roots: list[Path], settings: Settings) -> Iterator[tuple[str, Service]]:
    """Serve roots over HTTP, agents among others."""
    with Service(roots, settings) as service, bound("127.0.0.1", 0) as listener:
        service.start()
        mounts = {"/mcp": Mounted(*mounted(service, print))}
        server = Server(create_app(service, extra_mounts=mounts), settings)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        assert server.ready.wait(30)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", service
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


@contextmanager
def over_http(url: str) -> Iterator[Agent]:
    with agent_of(streamable_http_client(f"{url}/mcp")) as agent:
        yield agent


class Wire:
    """A server's process, and the lines that it is sent: whatever they are."""

    def __init__(self, roots: list[Path], place: Path, *, cwd: Path | None = None) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, roots)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=variables(place), cwd=cwd,
        )  # fmt: skip
        self._watchdog = threading.Timer(120, self.process.kill)
        self._watchdog.start()
        self._count = 0

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self._watchdog.cancel()
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()

    def send(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """Return the next message."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the server has gone"
        message = json.loads(line)
        assert isinstance(message, dict)
        return message

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the answer to a request, whatever else is said before it."""
        self._count += 1
        self.send(json.dumps({"jsonrpc": "2.0", "id": self._count, "method": method, "params": params}).encode())
        while (message := self.receive()).get("id") != self._count:
            pass
        return message

    def begin(self, version: str = "2025-06-18") -> dict[str, Any]:
        answer = self.ask(
            "initialize", protocolVersion=version, capabilities={}, clientInfo={"name": "t", "version": "1"}
        )
        self.send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
        return answer

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = self.ask("tools/call", name=tool, arguments=arguments)["result"]
        assert isinstance(result, dict)
        return result

    def end(self) -> int:
        """Close its input, as a client that goes, and return its exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(60)
