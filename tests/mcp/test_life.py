"""How a server lives that an agent has started: it indexes meanwhile, shares the index, and ends with its client."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from speaking import COMMAND, Wire, over_stdio, text_of, variables

import treeseek
from treeseek.settings import load


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it doesn't come to that"
        time.sleep(0.02)


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A tree that takes a while to index."""
    root = tmp_path / "many"
    root.mkdir()
    for number in range(600):
        (root / f"f{number}.py").write_text(f"def function_{number}():\n    return {number}\n" * 8)
    return root


def test_who_asks_before_there_is_an_index_waits_and_hears_of_it(many: Path, tmp_path: Path) -> None:
    with over_stdio([many], tmp_path / "place") as agent:
        assert "needs the argument" in text_of(agent.call("search"))
        result, said = agent.told("symbols", name="function_77")
        while "still indexing" in text_of(result):
            assert not result.is_error
            assert result.structured_content["notes"][0].startswith("still indexing")
            result, _ = agent.told("symbols", name="function_77")
        assert result.structured_content["hits"][0]["path"] == "f77.py"
        assert said
        assert [done for done, _, _ in said] == sorted({done for done, _, _ in said})
        assert "still indexing" in str(said[0][2])


def test_an_answer_comes_in_time_even_without_an_index(
    many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process whose patience is none."""
    code = ("import sys; from pathlib import Path; from treeseek.frontends.mcp import stdio, waiting\n"
            "from treeseek.settings import load\n"
            "waiting.FIRST_INDEX_SECONDS = 0.0\n"
            "stdio.serve([Path(sys.argv[1])], load(), print)\n")  # fmt: skip
    monkeypatch.setattr("speaking.COMMAND", [sys.executable, "-c", code])
    with Wire([many], tmp_path / "place") as wire:
        wire.begin()
        result = wire.call("search", query="function")
        assert result["isError"] is False
        assert "still indexing" in result["content"][0]["text"]
        assert "grep meanwhile" in result["content"][0]["text"]
        assert result["structuredContent"]["hits"] == []
        assert wire.call("outline", path="f1.py")["structuredContent"]["declarations"]


def test_what_is_edited_is_found(project: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(project, root)
    with over_stdio([root], tmp_path / "place") as agent:
        assert agent.call("symbols", name="fresh_thing").structured_content["hits"] == []
        (root / "new.py").write_text("def fresh_thing():\n    return 1\n")
        until(lambda: agent.call("symbols", name="fresh_thing").structured_content["hits"])
        (root / "new.py").write_text("def stale_thing():\n    return 1\n")
        until(lambda: agent.call("symbols", name="stale_thing").structured_content["hits"])


def test_an_index_of_yesterday_is_brought_up_to_date_before_the_first_answer(project: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(project, root)
    settings = load({}, data_dir=tmp_path / "place/data", cache_dir=tmp_path / "place/cache", workers=1)
    with treeseek.open(root, settings) as engine:
        engine.sync()
    (root / "new.py").write_text("def fresh_thing():\n    return 1\n")
    with over_stdio([root], tmp_path / "place") as agent:
        assert agent.call("symbols", name="fresh_thing").structured_content["hits"][0]["path"] == "new.py"


def test_three_share_an_index_while_files_change(project: Path, tmp_path: Path) -> None:
    root, place = tmp_path / "copy", tmp_path / "place"
    shutil.copytree(project, root)
    with Wire([root], place) as one, Wire([root], place) as two, Wire([root], place) as three:
        wires = [one, two, three]
        for wire in wires:
            wire.begin()

        def found(wire: Wire, name: str) -> bool:
            result = wire.call("symbols", name=name)
            assert result["isError"] is False, result
            return any(hit["name"] == name for hit in result["structuredContent"]["hits"])

        for number in range(4):
            (root / f"n{number}.py").write_text(f"def thing_{number}():\n    return {number}\n")
            if number:
                (root / f"n{number - 1}.py").unlink()
            for wire in wires:
                until(lambda wire=wire, name=f"thing_{number}": found(wire, name))  # type: ignore[misc]
        for wire in wires:
            until(lambda wire=wire: not found(wire, "thing_2"))  # type: ignore[misc]
        assert [wire.end() for wire in wires] == [0, 0, 0]
        assert [wire.process.stderr.read() for wire in wires if wire.process.stderr] == [b"", b"", b""]
    settings = load({}, data_dir=place / "data", cache_dir=place / "cache", workers=1)
    with treeseek.open(root, settings) as engine:
        assert not engine.sync().committed
        assert engine.verify(percent=100).is_clean


def test_it_ends_cleanly_when_told(project: Path, tmp_path: Path) -> None:
    with Wire([project], tmp_path / "place") as wire:
        wire.begin()
        wire.call("search", query="upload")
        wire.process.send_signal(signal.SIGINT)
        assert wire.process.wait(60) == 0
        assert wire.process.stderr is not None
        assert wire.process.stderr.read() == b""


def test_a_commit_that_is_under_way_is_finished(many: Path, tmp_path: Path) -> None:
    with Wire([many], tmp_path / "place") as wire:
        wire.begin()
        assert wire.call("index_status")["isError"] is False
        wire.process.terminate()
        assert wire.process.wait(60) == 0
    settings = load({}, data_dir=tmp_path / "place/data", cache_dir=tmp_path / "place/cache", workers=1)
    with treeseek.open(many, settings) as engine:
        engine.sync()
        assert engine.verify(percent=100).is_clean


def test_it_ends_when_its_parent_does_though_somebody_holds_its_input(project: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    parent = subprocess.Popen(
        [sys.executable, "-c",
         "import subprocess, sys, time\n"
         "child = subprocess.Popen(sys.argv[1:], stdin=0, stdout=subprocess.DEVNULL)\n"
         "print(child.pid, flush=True)\n"
         "time.sleep(600)", *COMMAND, str(project)],
        stdin=reading, stdout=subprocess.PIPE, env=variables(tmp_path / "place"),
    )  # fmt: skip
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    os.write(writing, b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
    until(lambda: any((tmp_path / "place").rglob("units.lance")))  # so it serves
    assert is_alive(child)
    parent.kill()
    parent.communicate()
    until(lambda: not is_alive(child))
    os.close(writing)
    os.close(reading)


def test_nothing_but_the_protocol_is_printed(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = ("import sys, os; from pathlib import Path; from treeseek.frontends.mcp import stdio\n"
            "from treeseek.settings import load\n"
            "from treeseek.engine import Engine\n"
            "outline = Engine.outline\n"
            "def loud(self, path):\n"
            "    print('printed'); os.write(1, b'written\\n'); os.system('echo by a child')\n"
            "    assert sys.stdin.read() == ''\n"
            "    return outline(self, path)\n"
            "Engine.outline = loud\n"
            "stdio.serve([Path(sys.argv[1])], load(), print)\n")  # fmt: skip
    monkeypatch.setattr("speaking.COMMAND", [sys.executable, "-c", code])
    with Wire([project], tmp_path / "place") as wire:
        wire.begin()
        assert wire.call("outline", path="lib/io.go")["isError"] is False
        assert wire.end() == 0
        assert wire.process.stderr is not None
        lines = wire.process.stderr.read().split()
        assert {b"printed", b"written", b"child"} <= set(lines)


@pytest.mark.parametrize("root", ["gone", "/"])
def test_a_root_that_can_not_be_is_told_in_a_line(root: str, project: Path, tmp_path: Path) -> None:
    with Wire([tmp_path / root], tmp_path / "place") as wire:
        assert wire.process.wait(60) == 2
        assert wire.process.stdout is not None
        assert wire.process.stderr is not None
        assert wire.process.stdout.read() == b""
        assert wire.process.stderr.read().count(b"\n") == 1


def test_the_repository_around_is_the_root(project: Path, tmp_path: Path) -> None:
    with Wire([], tmp_path / "place", cwd=project / "lib") as wire:
        wire.begin()
        assert wire.call("outline", path="lib/io.go")["structuredContent"]["root"] == str(project)
