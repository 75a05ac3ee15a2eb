"""Does every picture show something? `python -m deploy.smoke [--short]` (needs Prometheus on PATH).

A real server over a small tree, a real Prometheus that scrapes it, an embedder on this machine that throttles and
fails, searches, edits, secrets, a file that kills its worker, refused and failing requests. Then every panel's query
and every rule's selectors are asked of Prometheus. Ends with 1 if a panel has no data, a selector no series, or a rule
an error.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml
from benchmarks.loopback import Loopback
from benchmarks.made_tree import make

from deploy import dashboard
from deploy.expressions import selectors

__all__ = ["main"]

RULES = Path(__file__).parent / "prometheus"
WINDOW = "20s"
PATIENCE_SECONDS = 60.0
MEASURED_SECONDS = 18.0
"""By then what is measured behind the scrapes has been, once more than at the start."""


def plant(root: Path, files: int) -> None:
    """Write a small tree with secrets, a file that no parser ends with, and a history."""
    make(root, files)
    chance = random.Random(3)
    key = "AKIA" + "".join(chance.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=16))
    (root / "deploy.env").write_text(f"AWS_ACCESS_KEY_ID={key}\nOWNER=ann.smith@mailbox.org\n")
    (root / "hostile.cpp").write_bytes(b"a<b," * 100_000)
    (root / "bundle.min.js").write_text("var a=1;" * 8_000)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all of it"]):
        subprocess.run(
            ["git", "-c", "user.name=smoke", "-c", "user.email=smoke@localhost", *command], cwd=root, check=True
        )


@contextmanager
def server(root: Path, scratch: Path, embedder: str) -> Iterator[str]:
    """Serve a root in a process of its own; yield its address."""
    variables = {
        "TREESEEK_DATA_DIR": str(scratch / "data"), "TREESEEK_CACHE_DIR": str(scratch / "cache"),
        "TREESEEK_EMBEDDER": embedder, "TREESEEK_REDACT_STORE": "high", "TREESEEK_PARSE_SECONDS": "1.5",
        "TREESEEK_WORKER_MEMORY_BYTES": str(256 << 20), "TREESEEK_MAX_CONCURRENT_REQUESTS": "4",
        "TREESEEK_CLIENT_RATE": "150", "TREESEEK_CLIENT_BURST": "150", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    with (scratch / "server.log").open("w+") as log:
        command = [sys.executable, "-m", "treeseek", "serve", str(root), "--port", "0", "--log-format", "json"]
        child = subprocess.Popen(command, env={**os.environ, **variables}, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield _awaited(lambda: re.search(r"http://[\w.:]+", (scratch / "server.log").read_text()), child)[0]
        finally:
            child.terminate()
            child.wait(30)
        if child.returncode:
            raise RuntimeError(
                f"the server ended with {child.returncode}: {(scratch / 'server.log').read_text()[-800:]}"
            )


@contextmanager
def prometheus(target: str, scratch: Path) -> Iterator[httpx.Client]:
    """Run Prometheus with the rules, scraping the server every second; yield a client of its API."""
    for name in ("recordings.yml", "alerts.yml"):
        groups = yaml.safe_load((RULES / name).read_text())
        for group in groups["groups"]:
            group["interval"] = "1s"
        (scratch / name).write_text(yaml.safe_dump(groups))
    (scratch / "prometheus.yml").write_text(yaml.safe_dump({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["recordings.yml", "alerts.yml"],
        "scrape_configs": [
            {"job_name": "treeseek", "static_configs": [{"targets": [target.removeprefix("http://")]}]}
        ],
    }))  # fmt: skip
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=series", "--log.level=error",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with (scratch / "prometheus.log").open("w") as log:
        child = subprocess.Popen(command, cwd=scratch, stdout=log, stderr=subprocess.STDOUT)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client:
                _awaited(lambda: _is_ready(client), child)
                yield client
        finally:
            child.terminate()
            child.wait(30)


def _is_ready(client: httpx.Client, path: str = "/-/ready") -> bool:
    try:
        return client.get(path).status_code == 200
    except httpx.TransportError:
        return False


def _awaited(look: Any, child: subprocess.Popen[Any] | None = None) -> Any:
    """Return what a look gives as soon as it gives something. Raises TimeoutError, RuntimeError if the child died."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        if child is not None and child.poll() is not None:
            raise RuntimeError(f"a process ended with {child.returncode} before it was ready")
        time.sleep(0.1)
    raise TimeoutError("what was waited for didn't come")


def load(client: httpx.Client, root: Path, embedder: Loopback, seconds: float) -> None:
    """Ask, edit, refuse and fail for a time, in rounds."""
    _awaited(lambda: _is_ready(client, "/readyz"))
    files = sorted(path for path in root.rglob("*.py"))
    began = time.monotonic()
    with ThreadPoolExecutor(24) as crowd:
        for number in itertools.count():
            at_end = time.monotonic() - began > seconds
            path = files[number % len(files)]
            with path.open("a") as file:
                file.write(f"\n\ndef added_{number}(session):\n    return session\n")
            relative = path.relative_to(root).as_posix()
            for url in (
                f"/v1/search?q=retry+the+failed+upload+{number}", "/v1/search?q=retry+the+failed+upload",
                "/v1/search?q=retry+the+failed+upload", f"/v1/related?path={relative}&line=10",
                "/v1/symbols?name=added", "/v1/diff", "/v1/outline?path=README.md", "/v1/status", "/nothing",
                "/v1/search?q=x&limit=100000", "/v1/search?q=zzyzx+qqqq+wwww",
            ):  # fmt: skip
                client.get(url)
            client.get("/v1/roots", headers={"host": "elsewhere.example"})
            client.post("/v1/refresh")
            embedder.is_down = number % 4 == 3
            if embedder.is_down:
                client.get(f"/v1/search?q=who+approves+a+refund+{number}")
            embedder.is_down = False
            urls = [f"/v1/search?q=crowd+{number}+{one}&limit=50" for one in range(24)]
            list(crowd.map(lambda url: client.get(url).status_code, urls))
            if at_end:
                return


def asked(client: httpx.Client, expression: str) -> list[Any]:
    """Return the samples that Prometheus gives now. Raises RuntimeError for an expression that it refuses."""
    answer = client.get("/api/v1/query", params={"query": expression}).json()
    if answer["status"] != "success":
        raise RuntimeError(f"{expression}: {answer.get('error')}")
    found = answer["data"]["result"]
    return [one for one in found if math.isfinite(float(one["value"][1]))]


def empty_panels(client: httpx.Client, target: str) -> list[str]:
    """Return the panels' queries that have no data."""
    found = []
    for title, query in dashboard.queries():
        expression = query.expr.replace("$__rate_interval", WINDOW).replace("$job", "treeseek")
        if not asked(client, expression.replace("$instance", target)):
            found.append(f"panel {title!r}: {expression}")
    return found


def broken_rules(client: httpx.Client) -> list[str]:
    """Return the rules that Prometheus couldn't evaluate, and their selectors without a series."""
    found = []
    for group in client.get("/api/v1/rules").json()["data"]["groups"]:
        for rule in group["rules"]:
            if rule["health"] != "ok":
                found.append(f"rule {rule['name']}: {rule.get('lastError') or rule['health']}")
            asked(client, rule["query"])
            found += [
                f"rule {rule['name']}: {selector} has no series"
                for selector in selectors(rule["query"])
                if not asked(client, f"count({selector})")
            ]
    return found


def main() -> int:
    """Run the command line; return 1 if something shows nothing."""
    parser = argparse.ArgumentParser(prog="python -m deploy.smoke", description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="a smaller tree, and less load")
    short = parser.parse_args().short
    if shutil.which("prometheus") is None:
        print("prometheus is not on PATH; on Debian: apt-get install prometheus", file=sys.stderr)
        return 2
    faults = itertools.cycle(["", "", "", "", "throttle:0", "", "", "500"])
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="treeseek-smoke-")))
        root = scratch / "made"
        root.mkdir()
        plant(root, 60 if short else 200)
        embedder = stack.enter_context(Loopback(faults, most_texts=64))
        target = stack.enter_context(server(root, scratch, embedder.setting("openai", price="0.02")))
        api = stack.enter_context(prometheus(target, scratch))
        client = stack.enter_context(httpx.Client(base_url=target, trust_env=False, timeout=60))
        load(client, root, embedder, MEASURED_SECONDS if short else 3 * MEASURED_SECONDS)
        time.sleep(2)  # two scrapes
        host = target.removeprefix("http://")
        wrong = empty_panels(api, host) + broken_rules(api)
        unknown = asked(api, "treeseek_telemetry_unknown_names > 0")
        scrape = float(asked(api, "max_over_time(scrape_duration_seconds[1m])")[0]["value"][1])
        names = json.loads(api.get("/api/v1/label/__name__/values").text)["data"]
    wrong += [f"names that series.toml lacks: {one['value'][1]}" for one in unknown]
    for line in wrong:
        print(line, file=sys.stderr)
    panels = sum(map(len, dashboard.ROWS.values()))
    queries = len(list(dashboard.queries()))
    print(
        f"{panels} panels, {queries} queries, {len(names)} names; {len(wrong)} without data; "
        f"the slowest scrape took {1000 * scrape:.0f} ms"
    )
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
