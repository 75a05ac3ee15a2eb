"""What fuzzing found once stays fixed: every kept input, named by what broke, goes through its target again."""

import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.targets import TARGETS

from treeseek.syntax import analyse

ROOT = Path(__file__).resolve().parents[2]
KEPT = sorted(path for path in (ROOT / "fuzz/regressions").glob("*/*") if path.is_file())


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_it_stays_fixed(path: Path) -> None:
    TARGETS[path.parent.name].check(path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_accepts_what_it_begins_with(name: str) -> None:
    seeds = list(TARGETS[name].seeds())
    assert len(seeds) >= 10
    for seed in (*seeds[:8], b"", b"\0"):
        TARGETS[name].check(seed)


def test_a_finding_is_reported(tmp_path: Path) -> None:
    """The command that replays one ends well if nothing is wrong, and with a traceback if something is."""
    right = tmp_path / "right"
    right.write_bytes(b"a = 1\n")
    command = [sys.executable, "-m", "fuzz.replay", "analysis-python", str(right)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    code = "from dataclasses import replace; import fuzz.replay as r; r.TARGETS['decode'] = replace(\n" \
           "r.TARGETS['decode'], check=lambda data: 1 / len(data)); r.main()"  # fmt: skip
    right.write_bytes(b"")
    run = subprocess.run([sys.executable, "-c", code, "decode", str(right)], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 1
    assert "ZeroDivisionError" in run.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "fuzz/parser-findings").glob("*/*")), ids=lambda path: path.name)
def test_a_grammar_that_hangs_is_stopped_by_its_deadline(path: Path) -> None:
    language = path.parent.name.removeprefix("analysis-")
    assert analyse(path.read_bytes(), language, deadline_seconds=0.2).fallback == "parse-timeout"
