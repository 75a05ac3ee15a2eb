"""The command as a process: where it says that it listens, what it needs, and how it ends."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FILES = 400
Start = Callable[..., "Process"]


class Process:
    """A `treeseek serve` that listens at a port of its own, and what it wrote until it said so."""

    def __init__(self, root: Path, environment: dict[str, str], *arguments: str) -> None:
        self.running = subprocess.Popen(
            [sys.executable, "-m", "treeseek", "serve", str(root), "--port", "0", *arguments],
            env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.running.stderr is not None
        self.line = self.running.stderr.readline()
        found = re.fullmatch(r"treeseek: listening at http://127\.0\.0\.1:(\d+)\n", self.line)
        assert found, self.line + self.running.stderr.read()
        self.port = int(found[1])

    def asked(self, path: str, method: str = "GET") -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path)
        answer = connection.getresponse()
        document = json.loads(answer.read())
        connection.close()
        return answer.status, document

    def until(self, phase: str) -> None:
        while self.asked("/v1/roots")[1]["roots"][0]["phase"] != phase:
            pass

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Tell it to end; return its exit code, and what it wrote since it began to listen."""
        self.running.send_signal(number)
        _, errors = self.running.communicate(timeout=60)
        return self.running.returncode, errors


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TREESEEK_", "XDG_"))}
    places = {"TREESEEK_DATA_DIR": str(tmp_path / "data"), "TREESEEK_CACHE_DIR": str(tmp_path / "cache")}
    return kept | places | {"HOME": str(tmp_path), "TREESEEK_WORKERS": "1", "TREESEEK_CLIENT_RATE": "0"}


@pytest.fixture
def start(tmp_path: Path, environment: dict[str, str]) -> Iterator[Start]:
    started: list[Process] = []

    def one(*arguments: str) -> Process:
        started.append(Process(tmp_path / "root", environment, *arguments))
        return started[-1]

    yield one
    for process in started:
        if process.running.poll() is None:
            process.running.kill()
            process.running.communicate()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    top = tmp_path / "root"
    top.mkdir()
    for number in range(FILES):
        write(top, number, "first")
    return top


def write(top: Path, number: int, word: str) -> None:
    (top / f"f{number}.py").write_text("".join(f"def {word}_{number}_{n}():\n    return {n}\n\n\n" for n in range(8)))


def verified(root: Path, environment: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "treeseek", "verify", str(root), "--read-data", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_it_ends_well_while_a_sync_runs_and_what_it_answers_is_finished(
    start: Start, root: Path, environment: dict[str, str]
) -> None:
    process = start("--log-format", "json")
    process.until("ready")
    for number in range(FILES):
        write(root, number, "second")
    answered: list[tuple[int, dict[str, Any]]] = []
    asking = threading.Thread(target=lambda: answered.append(process.asked("/v1/refresh", "POST")))
    asking.start()
    while process.asked("/v1/roots")[1]["roots"][0]["progress"] is None and asking.is_alive():
        pass
    code, errors = process.end()
    asking.join()
    assert code == 0
    (status, document), *_ = answered
    assert status == 200 or document["error"]["code"] in ("overloaded", "store-locked")
    assert "Traceback" not in errors
    assert all(json.loads(line)["event"] == "request" for line in errors.splitlines())
    found = verified(root, environment)
    assert found["clean"], found


def test_it_ends_well_while_the_first_index_is_made(start: Start, root: Path, environment: dict[str, str]) -> None:
    process = start()
    process.until("indexing")
    status, document = process.asked("/v1/search?q=first")
    assert (status, document["error"]["code"]) == (409, "not-indexed") or document["ok"]
    code, errors = process.end(signal.SIGINT)
    assert code == 0
    assert "Traceback" not in errors
    found = verified(root, environment)
    assert found["ok"] is False or found["clean"], found


def test_what_is_saved_is_found_while_it_serves(start: Start, root: Path) -> None:
    process = start()
    process.until("ready")
    (root / "fresh.py").write_text("def freshly_saved_function():\n    return 1\n")
    while process.asked("/v1/symbols?name=freshly_saved_function")[1]["hits"] == []:
        pass
    assert process.asked("/readyz")[0] == 200
    assert process.end()[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "needs a token"),
        (["no/such/root"], "no/such/root"),
    ],
)
def test_what_cannot_be_served_is_one_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "treeseek", "serve", "--port", "0", *arguments], cwd=tmp_path, capture_output=True,
        text=True, env={**os.environ, "TREESEEK_DATA_DIR": str(tmp_path / "data")},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert message in done.stderr


def test_without_its_libraries_it_says_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['uvicorn'] = None; from treeseek.frontends.cli.main import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "serve", str(tmp_path), "--port", "0"], capture_output=True, text=True,
        env={**os.environ, "TREESEEK_DATA_DIR": str(tmp_path / "data")},
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "pip install 'treeseek[server]'" in done.stderr
