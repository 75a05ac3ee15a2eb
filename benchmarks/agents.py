"""How long does an agent wait? `python -m benchmarks.agents --tree DIR [--starts 9] [--calls 200]`, over MCP's stdio.

A real `treeseek mcp` is started anew for each of the starts, and asked to initialize: the time from the start of the
process to its answer, which the first time comes while its modules are compiled, and before the tree is indexed. Then
tools are called, one after the other, each time with another question, name or place. Told are medians and 95th
percentiles in seconds, and how many bytes the list of tools and a search's answer take. Ends with 1 if half of the
starts take longer than 500 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import commands
from benchmarks.cst.figures import percentile
from benchmarks.provenance import provenance
from benchmarks.session_log import intents

BAR_SECONDS = 0.5
PROTOCOL = "2025-06-18"


class Client:
    """Lines to and from a server, and no more: what is measured is the server."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._count = 0

    def ask(self, method: str, **params: Any) -> Any:
        """Return the result of a request."""
        self._count += 1
        self._send({"jsonrpc": "2.0", "id": self._count, "method": method, "params": params})
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)
            if message.get("id") == self._count:
                return message["result"]
        raise SystemExit("the server has gone")

    def begin(self) -> None:
        """Initialize the session."""
        self.ask("initialize", protocolVersion=PROTOCOL, capabilities={}, clientInfo={"name": "b", "version": "1"})
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()


@contextmanager
def started(tree: Path, scratch: Path) -> Iterator[Client]:
    """Start a server over a tree; its input ends with the block, and so does it."""
    environment = {**os.environ, **commands.variables(scratch / "data", 2)}
    process = subprocess.Popen(
        commands.treeseek("mcp", tree), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    try:
        yield Client(process)
    finally:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        process.stdout.read()
        process.wait(60)
        process.stdout.close()


def starts(tree: Path, scratch: Path, count: int) -> list[float]:
    """Return how long each start takes, the first one over a tree that isn't indexed."""
    seconds = []
    for _ in range(count):
        began = time.perf_counter()
        with started(tree, scratch) as client:
            client.begin()
            seconds.append(time.perf_counter() - began)
            client.ask("tools/call", name="search", arguments={"query": "wait for the index"})
    return seconds


def calls(client: Client, tree: Path, count: int) -> Iterator[tuple[str, float, Any]]:
    """Yield the name of a tool, how long it took, and its result, for one call after the other."""
    places: list[dict[str, Any]] = []
    for number, intent in enumerate(intents(tree, count)):
        asked = [("search", {"query": intent.wordings[1]}), ("symbols", {"name": intent.wordings[0].replace(" ", "_")})]
        if places:
            place = places[number % len(places)]
            asked += [("related", {"path": place["path"], "line": place["start_line"]}),
                      ("outline", {"path": place["path"]})]  # fmt: skip
        for tool, arguments in (*asked, ("index_status", {})):
            began = time.perf_counter()
            result = client.ask("tools/call", name=tool, arguments=arguments)
            yield tool, time.perf_counter() - began, result
            if tool == "search" and not result.get("isError"):
                places += result["structuredContent"]["hits"][:1]


def main() -> int:
    """Run the command line; return 1 if a server takes too long to greet."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.agents", description=__doc__.partition("\n")[0])
    parser.add_argument("--tree", type=Path, required=True)
    parser.add_argument("--starts", type=int, default=9)
    parser.add_argument("--calls", type=int, default=200)
    told = parser.parse_args()
    tree = told.tree.resolve()
    seconds: dict[str, list[float]] = defaultdict(list)
    sizes: list[int] = []
    failed = 0
    with tempfile.TemporaryDirectory(prefix="treeseek-agents-") as place:
        greetings = starts(tree, Path(place), told.starts)
        with started(tree, Path(place)) as client:
            client.begin()
            tools = len(json.dumps(client.ask("tools/list"), separators=(",", ":")))
            for tool, took, result in calls(client, tree, told.calls):
                seconds[tool].append(took)
                failed += bool(result.get("isError"))
                if tool == "search":
                    sizes.append(len(json.dumps(result)))
    print(json.dumps({
        "initialize": {"first": round(greetings[0], 3), "median": round(statistics.median(greetings), 3)},
        "calls": {tool: {"calls": len(took), "p50": round(statistics.median(took), 4),
                         "p95": round(percentile(took, 0.95), 4)} for tool, took in seconds.items()},
        "failed": failed, "tools_bytes": tools, "search_bytes": round(statistics.median(sizes)),
        "provenance": provenance(),
    }, indent=2))  # fmt: skip
    return int(statistics.median(greetings) > BAR_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
