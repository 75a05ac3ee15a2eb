"""The benchmarks of an index that follows a changing tree, as they are run, on a tiny history and a tiny tree."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from benchmarks import saves, soak
from benchmarks.replay import __main__ as replay
from benchmarks.replay import steps

NAMED = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a",
         "GIT_COMMITTER_EMAIL": "a@example.com"}  # fmt: skip


def git(place, *arguments):
    subprocess.run(["git", "-C", str(place), *arguments], check=True, capture_output=True, env={**os.environ, **NAMED})


@pytest.fixture
def history(tree):
    """Six commits: files added, changed, renamed, replaced by a directory, deleted; a link."""
    git(tree, "init", "-q", "-b", "main")
    for number in range(6):
        (tree / "session.py").write_text((tree / "session.py").read_text() + f"\n\ndef later_{number}():\n    pass\n")
        if number == 2:
            (tree / "web").rename(tree / "site")
            (tree / "linked.py").symlink_to("session.py")
        if number == 4:
            (tree / "README.md").unlink()
            (tree / "README.md").mkdir()
            (tree / "README.md" / "inner.md").write_text("# Inner\n\nText.\n")
        git(tree, "add", "-A")
        git(tree, "commit", "-q", "-m", f"step {number}")
    return tree / ".git"


def run_replay(history, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["replay", "--history", str(history), "--commits", "5", "--every", "2",
                                      "--extras", "4"])  # fmt: skip
    monkeypatch.setattr(steps, "SWITCH_BACK", 3)
    code = replay.main()
    return code, json.loads(capsys.readouterr().out)


def test_a_replay_compares_with_fresh_indexes_and_counts_reuse(history, monkeypatch, capsys):
    code, told = run_replay(history, monkeypatch, capsys)
    assert (code, told["differences"]) == (0, [])
    assert told["commits"] == 5 and told["compared_with_fresh"] > 5
    assert set(told["reuse"]) == {"all", "commit", "switch", "switch-back", "reformat", "restore", "vendor", "move"}
    assert told["reuse"]["switch-back"]["parse_reuse"] == 100
    assert told["second_worktree"]["embedding_reuse"] == 100


def test_a_replay_tells_of_an_index_that_differs(history, monkeypatch, capsys):
    monkeypatch.setattr(replay, "STAT", set())  # of what had only just been written, time stamps aren't kept
    code, told = run_replay(history, monkeypatch, capsys)
    assert code == 1
    assert any("mtime_ns" in difference for difference in told["differences"])


def test_a_save_is_found(tree, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["saves", "--tree", str(tree), "--saves", "2", "--runs", "1"])
    saves.main()
    told = json.loads(capsys.readouterr().out)
    assert told["watch_p50_ms"] > 0 and told["command_s"] > 0


def test_a_soak_looks_at_memory_files_and_size(tree, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["soak", "--tree", str(tree), "--minutes", "0.03"])
    monkeypatch.setattr(soak, "SAMPLE_SECONDS", 0.2)
    soak.main()
    told = json.loads(capsys.readouterr().out)
    assert (told["problems"], told["verify"]) == ([], [])
    assert told["searches"] > 0 and told["edits"] > 0 and len(told["memory_mb"]) == 3
