"""On a terminal: colours, progress, interruption. Each with a real pseudo-terminal."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest

from treeseek.frontends.cli import progress
from treeseek.frontends.cli.progress import describe, shown
from treeseek.model import Progress


def on_a_terminal(arguments: list[str], cwd: Path, environment: dict[str, str], *, stderr: bool) -> tuple[int, str]:
    """Run the command with standard output, or error, on a terminal; return its code and what the terminal got."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "treeseek", *arguments], cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if stderr else theirs, stderr=theirs if stderr else subprocess.DEVNULL,
    )  # fmt: skip
    os.close(theirs)
    received = b""
    try:
        while data := os.read(ours, 65536):
            received += data
    except OSError:  # the terminal has closed
        pass
    os.close(ours)
    return process.wait(timeout=60), received.decode()


def test_colours_are_for_terminals_that_want_them(environment: dict[str, str], project: Path) -> None:
    code, shown_ = on_a_terminal(["search", "retry upload"], project, environment, stderr=False)
    assert code == 0
    assert "\x1b[35mlib/net.py\x1b[0m:\x1b[32m" in shown_
    _, shown_ = on_a_terminal(["search", "retry upload"], project, environment | {"NO_COLOR": "1"}, stderr=False)
    assert "lib/net.py:" in shown_
    assert "\x1b" not in shown_


def test_progress_leaves_a_clean_line(environment: dict[str, str], project: Path) -> None:
    for i in range(150):
        body = "".join(f"def upload_{i}_{j}(path, retries):\n    return path * {j} + retries\n\n\n" for j in range(150))
        (project / f"m{i}.py").write_text(body)
    code, shown_ = on_a_terminal(["index", "--workers", "1"], project, environment, stderr=True)
    assert code == 0
    assert re.search(r"indexing  \d+ of 153 files|looking for files|writing the index", shown_)
    assert shown_.endswith("\r")
    assert shown_.rstrip("\r").endswith(" " * 10)


def test_ctrl_c_is_one_line_and_130(environment: dict[str, str], project: Path) -> None:
    for i in range(400):
        (project / f"m{i}.py").write_text("".join(f"def upload_{i}_{j}(p):\n    return p\n" for j in range(400)))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it, and so on down
    process = subprocess.Popen(
        [sys.executable, "-m", "treeseek", "index", "--workers", "1"], cwd=project, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    signal.signal(signal.SIGINT, before)
    lock = Path(environment["TREESEEK_DATA_DIR"])
    while not list(lock.glob("*/lock")):  # it has begun
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"treeseek: interrupted\n")


@pytest.mark.parametrize(
    ("state", "seconds", "line"),
    [
        (Progress("walk"), 0.0, "looking for files …"),
        (Progress("analyse", 0, 10, 0, 1_000_000), 0.0, "indexing  0 of 10 files"),
        (
            Progress("analyse", 1234, 5678, 4_000_000, 20_000_000),
            2.0,
            "indexing  1,234 of 5,678 files  2.0 MB/s  0:08 left",
        ),
        (Progress("analyse", 1, 9, 1_000_000, 9_000_000_000), 1.0, "indexing  1 of 9 files  1.0 MB/s  2:29:59 left"),
        (Progress("analyse", 9, 9, 9, 5), 1.0, "indexing  9 of 9 files  0.0 MB/s  0:00 left"),
        (Progress("analyse", 9, 10, 9_000_000, 10_000_000), 0.9, "indexing  9 of 10 files"),
        (Progress("analyse", 11, 10, 0, 9), 5.0, "indexing  10 of 10 files"),
        (Progress("commit"), 5.0, "writing the index …"),
        (Progress("index"), 5.0, "building the search indexes …"),
    ],
)
def test_the_line_of_a_stage(state: Progress, seconds: float, line: str) -> None:
    assert describe(state, seconds, 80) == line


def test_a_narrow_line_loses_whole_fields() -> None:
    state = Progress("analyse", 64, 49_012, 1_000_000, 9_000_000)
    whole = "indexing  64 of 49,012 files  1.0 MB/s  0:08 left"
    assert {describe(state, 1.0, columns) for columns in range(len(whole) + 1)} == {
        whole,
        "indexing  64 of 49,012 files  1.0 MB/s",
        "indexing  64 of 49,012 files",
        "indexing",
        "",
    }
    assert all(len(describe(state, 1.0, columns)) <= columns for columns in range(80))


def test_a_terminal_of_unknown_width_is_taken_for_80_columns() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        assert os.get_terminal_size(theirs).columns == 0
        assert progress._columns(stream) == 80
    os.close(ours)


def test_a_pipe_sees_no_progress() -> None:
    stream = StringIO()
    with shown(stream) as tell:
        assert tell is None
    assert stream.getvalue() == ""


def test_the_line_is_rewritten_and_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "DELAY_SECONDS", 0.0)

    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    with shown(stream) as tell:
        assert tell is not None
        tell(Progress("analyse", 100_000, 100_000, 0, 0))
        tell(Progress("commit"))
    first, second, blank, end = stream.getvalue().split("\r")[1:]
    assert second.startswith("writing the index …")
    assert len(second) == len(first), "a shorter line covers a longer one"
    assert blank.strip() == end == ""
