"""Many threads of many processes over one directory, and what can happen to the directory and to them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tree_codec import content_hash, fresh, program

PROCESS = Path(__file__).with_name("process.py")


def start(directory: Path, kind: str, seed: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROCESS), str(directory), kind, str(seed)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, output + errors
    return output


def test_four_processes_of_sixteen_threads(directory: Path, new_cache: Any) -> None:
    outputs = [finish(process) for process in [start(directory, "hammer", seed) for seed in range(4)]]
    assert all("failures=0" in output for output in outputs), outputs
    cache = new_cache()
    found = [cache.load("", content_hash(program(number)), "python") for number in range(30)]
    assert found == [fresh(program(number)) for number in range(30)]


@pytest.mark.parametrize("kind", ["fork", "delete", "limited"])
def test_what_happens_meanwhile_changes_speed_only(directory: Path, kind: str) -> None:
    processes = [start(directory, "hammer", 1), start(directory, kind, 2)]
    outputs = [finish(process) for process in processes]
    assert kind == "delete" or "failures=0" in outputs[0], outputs
    if kind != "delete":
        assert ("failures=0" in outputs[1]) == (kind == "fork"), outputs


def test_a_writer_that_is_killed_costs_nobody_anything(directory: Path, new_cache: Any) -> None:
    for seed in range(3):
        process = start(directory, "write", seed)
        assert process.stdout is not None
        process.stdout.readline()
        data = directory / "data.mdb"
        deadline = time.monotonic() + 30
        while not (data.exists() and data.stat().st_size > (seed + 1) * 100_000) and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    cache = new_cache()
    found = 0
    for seed in range(3):
        for number in range(seed * 1_000_000 + 1, seed * 1_000_000 + 20):
            tree = cache.load("", content_hash(program(number)), "python")
            found += tree is not None
            assert tree is None or tree == fresh(program(number))
    statistics = cache.statistics()
    assert found > 20
    assert (statistics.failures, statistics.tiers["frozen"].damaged) == (0, 0)


def test_a_writer_that_is_stopped_makes_nobody_wait_for_long(
    directory: Path, new_cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("treeseek.cache.environment.WRITER_PATIENCE_SECONDS", 0.05)
    cache = new_cache()
    data = program(1)
    cache.get_or_parse("a.py", data, "python", content_hash(data))
    cache.flush()
    holder = (
        "import fcntl, sys\nfile = open(sys.argv[1])\nfcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\nsys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", holder, str(directory / "writer.lock")], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    other = program(2)
    cache.get_or_parse("b.py", other, "python", content_hash(other))
    cache.flush()
    assert cache.statistics().failures == 1
    assert cache.load("a.py", content_hash(data), "python") == fresh(data)
    process.communicate()
    assert process.returncode == 0


def test_a_child_of_a_fork_opens_for_itself(new_cache: Any) -> None:
    cache = new_cache()
    data, other = program(1), program(2)
    cache.get_or_parse("a.py", data, "python", content_hash(data))
    cache.flush()
    if (child := os.fork()) == 0:
        try:
            is_right = cache.load("a.py", content_hash(data), "python") == fresh(data)
            cache.get_or_parse("b.py", other, "python", content_hash(other))
            cache.close()
            is_right = is_right and cache.statistics().failures == 0
        finally:
            os._exit(0 if is_right else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert cache.load("b.py", content_hash(other), "python") == fresh(other)
    assert cache.statistics().tiers["frozen"].hits == 1
