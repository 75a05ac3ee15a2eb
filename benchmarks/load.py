"""How many may ask at once? `python -m benchmarks.load --tree DIR… [--seconds 30] [--connections 6]`, on one machine.

A copy of the trees, in one root, is indexed and served by a real `treeseek serve`, which watches it. Files are edited
all the while, and the commits go on behind the searches. `wrk` asks: so many connections, each with its next question
as soon as it has an answer. The questions are taken from the tree's own comments and names, and asked as often as words
in a text are (the n-th most frequent one 1/n as often); or, with `uncached`, each once. Beside them one client reads
what it gets in full: JSON, and all of one version of the index.

Told are searches a second, latencies, answers that were lost, refused or torn, what the server took, and how many
answers came out of a cache. Ends with 1 if one was lost or torn, or the bar is missed: 150 searches a second, p95 below
100 ms.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from benchmarks.plain_queries import of_tree
from benchmarks.processes import REPOSITORY, tree_bytes
from benchmarks.provenance import provenance

BAR_PER_SECOND, BAR_P95 = 150.0, 0.1
QUESTIONS = 400
ASKED = 20_000
"""So many questions are drawn before they begin anew."""
CHECKS_PER_SECOND = 4.0
WARM_SECONDS = 5.0
SCRIPT = Path(__file__).with_suffix(".lua")
MARKER = "marker.py"
SUFFIXES = (".py", ".rb", ".go", ".ts", ".js", ".rs", ".java")


def marked(number: int) -> str:
    """Return a file that says in two places how often it was written: an answer must not mix two versions of it."""
    pause = "\n".join(f"# line {line} between the two" for line in range(120))
    both = (f"def torn_{name}_{number}():\n    return {number}\n" for name in ("alpha", "beta"))
    return f"\n\n{pause}\n\n\n".join(both)


class Editor(threading.Thread):
    """Changes files, some a minute, of the kinds that people make: lines added, functions added, files put back."""

    def __init__(self, root: Path, per_minute: float) -> None:
        super().__init__(daemon=True)
        self._root, self._pause = root, 60 / per_minute if per_minute else 0.0
        self._files = sorted(path for path in root.rglob("*") if path.suffix in SUFFIXES and path.is_file())
        self._ended = threading.Event()
        self.count = 0

    def run(self) -> None:
        """Edit until told to stop."""
        draw = random.Random(1)
        while self._pause and not self._ended.wait(self._pause):
            self.count += 1
            if self.count % 3 == 0:
                fresh = self._root / f".{MARKER}.new"
                fresh.write_text(marked(self.count))
                fresh.replace(self._root / MARKER)
            else:
                path = draw.choice(self._files)
                path.write_bytes(path.read_bytes() + f"\n# freshly saved {self.count}\n".encode())

    def stop(self) -> None:
        """Stop, and wait for it."""
        self._ended.set()
        self.join()


class Checker(threading.Thread):
    """Reads answers in full: each must be JSON with what it should have, and tell of one version of the marked file."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._ended = threading.Event()
        self._number_of: dict[int, int] = {}
        self.count = 0
        self.torn: list[str] = []

    def run(self) -> None:
        """Check until told to stop."""
        while not self._ended.wait(1 / CHECKS_PER_SECOND):
            try:
                self._connection.request("GET", f"/v1/search?q=torn+alpha+beta&include={MARKER}&limit=5")
                document = json.loads(self._connection.getresponse().read())
                self._check(document)
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                self.torn.append(f"{type(error).__name__}: {error}")
                self._connection.close()
            self.count += 1

    def _check(self, document: dict[str, Any]) -> None:
        numbers = {
            int(found) for hit in document["hits"] for found in re.findall(r"torn_(?:alpha|beta)_(\d+)", hit["text"])
        }
        version = document["index_version"]
        if len(numbers) != 1 or self._number_of.setdefault(version, *numbers) not in numbers:
            self.torn.append(
                f"version {version} tells of {sorted(numbers)}, and told of {self._number_of.get(version)}"
            )

    def stop(self) -> None:
        """Stop, and wait for it."""
        self._ended.set()
        self.join()


@contextmanager
def serving(root: Path, scratch: Path) -> Iterator[tuple[int, int]]:
    """Serve a root by the real command; yield its process and port once it is ready."""
    variables = {
        "TREESEEK_DATA_DIR": str(scratch / "data"), "TREESEEK_CACHE_DIR": str(scratch / "cache"),
        "TREESEEK_CLIENT_RATE": "0", "TREESEEK_CONFIG": str(scratch / "none.toml"),
    }  # fmt: skip
    errors = scratch / "log.txt"
    with errors.open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "treeseek", "serve", str(root), "--port", "0", "--log-format", "json"],
            stderr=log, env={**os.environ, **variables}, cwd=REPOSITORY,
        )  # fmt: skip
    try:
        port = _port(errors, server)
        _until_ready(port)
        yield server.pid, port
    finally:
        server.terminate()
        if server.wait(60):
            print(f"the server ended with {server.returncode}", file=sys.stderr)


def _port(errors: Path, server: subprocess.Popen[bytes]) -> int:
    for _ in range(600):
        if found := re.search(r"listening at http://[^:]+:(\d+)", errors.read_text()):
            return int(found[1])
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise SystemExit(f"the server doesn't start: {errors.read_text()}")


def _until_ready(port: int) -> None:
    while True:
        roots = json.loads(fetched(port, "/v1/roots"))["roots"]
        if all(root["phase"] == "ready" for root in roots):
            return
        time.sleep(0.2)


def fetched(port: int, path: str) -> bytes:
    """Return the body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    body = connection.getresponse().read()
    connection.close()
    return body


def series(port: int) -> dict[str, float]:
    """Return what the server counts, by the series' name and labels."""
    found = {}
    for line in fetched(port, "/metrics").decode().splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


def drawn(questions: list[str], *, once: bool) -> list[str]:
    """Return the paths that are asked, in order: each question once, or the n-th of them 1/n as often as the first."""
    if once:
        asked = questions
    else:
        weights = [1 / rank for rank in range(1, len(questions) + 1)]
        asked = random.Random(7).choices(questions, weights, k=ASKED)
    return [f"/v1/search?q={quote_plus(question)}" for question in asked]


def loaded(port: int, paths: list[str], scratch: Path, seconds: float, connections: int) -> dict[str, Any]:
    """Have wrk ask the paths for a time; return what it saw."""
    listed = scratch / "paths.txt"
    listed.write_text("\n".join(paths) + "\n")
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds:g}s", "--timeout", "30s", "-s", str(SCRIPT),
               f"http://127.0.0.1:{port}", "--", str(listed)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seen: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return seen


def measured(pid: int, port: int, root: Path, scratch: Path, told: argparse.Namespace, *, once: bool) -> dict[str, Any]:
    """Load the server once; return the figures."""
    questions = of_tree(root, QUESTIONS if not once else 4 * QUESTIONS)
    editor, checker = Editor(root, told.edits_per_minute), Checker(port)
    before, cpu = series(port), _cpu_seconds(pid)
    editor.start()
    checker.start()
    seen = loaded(port, drawn(questions, once=once), scratch, told.seconds, told.connections)
    cpu = _cpu_seconds(pid) - cpu
    editor.stop()
    checker.stop()
    after = series(port)
    grown = {name: after[name] - before.get(name, 0) for name in after if "query_cache" in name or "refused" in name}
    return {
        "questions": len(questions), "per_second": round(seen["answers"] / seen["seconds"], 1),
        **{name: seen[name] for name in ("p50", "p95", "p99", "max", "answers", "lost", "bad")},
        "kilobytes_each": round(seen["bytes"] / max(1, seen["answers"]) / 1000, 1),
        "cpu_ms_each": round(1000 * cpu / max(1, seen["answers"]), 2), "cpu_share": round(cpu / seen["seconds"], 2),
        "memory_mb": round(tree_bytes(pid) / 1e6), "cpu_waited_for": pressure(),
        "edits": editor.count, "read_in_full": checker.count, "torn": checker.torn,
        "counted": {name: amount for name, amount in grown.items() if amount},
    }  # fmt: skip


def pressure() -> float | None:
    """Return the share of the last minute that something waited for a processor; about 1 means that others took it."""
    try:
        some = Path("/proc/pressure/cpu").read_text().split("avg60=")[1]
    except (OSError, IndexError):
        return None
    return round(float(some.split()[0]) / 100, 2)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Run the command line; return 1 if something is lost, torn, or too slow."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__.partition("\n")[0])
    parser.add_argument("--tree", type=Path, action="append", required=True, help="a tree; repeat for several")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--connections", type=int, default=6)
    parser.add_argument("--edits-per-minute", type=float, default=30.0)
    parser.add_argument("--uncached", action="store_true", help="measure with questions that are each asked once, too")
    told = parser.parse_args()
    if shutil.which("wrk") is None:
        parser.error("wrk is not on PATH; on Debian and Ubuntu: apt install wrk")
    with tempfile.TemporaryDirectory(prefix="treeseek-load-") as place:
        scratch, root = Path(place), Path(place) / "root"
        for tree in told.tree:
            shutil.copytree(tree, root / tree.name, symlinks=True, ignore=shutil.ignore_patterns(".git"))
        (root / ".git").mkdir()
        (root / MARKER).write_text(marked(0))
        with serving(root, scratch) as (pid, port):
            chunks = sum(one["chunks"] for one in json.loads(fetched(port, "/v1/roots"))["roots"])
            asked = {"often": False} | ({"once": True} if told.uncached else {})
            loaded(port, drawn(of_tree(root, QUESTIONS), once=False), scratch, WARM_SECONDS, told.connections)
            figures = {name: measured(pid, port, root, scratch, told, once=once) for name, once in asked.items()}
    print(
        json.dumps({"chunks": chunks, "connections": told.connections, **figures, "provenance": provenance()}, indent=2)
    )
    main_one = figures["often"]
    is_whole = not any(one["lost"] or one["bad"] or one["torn"] for one in figures.values())
    return int(not is_whole or main_one["per_second"] < BAR_PER_SECOND or main_one["p95"] >= BAR_P95)


if __name__ == "__main__":
    sys.exit(main())
