"""What happens beneath a root is told, or told to be unknown; what no walk sees isn't."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from treeseek.workspace.watch import RootWatch, open_watch

DEADLINE_SECONDS = 30.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = (tmp_path / "root").resolve()
    for path in (
        "lib/deep/a.py",
        "node_modules/x/y.js",
        ".git/info/exclude",
        ".git/objects/ab/cd",
        ".git/HEAD",
        "out/x.py",
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    (root / ".gitignore").write_text("out\n")
    return root


@pytest.fixture
def events(root: Path) -> Iterator[RootWatch]:
    with open_watch(root, threading.Event()) as events:
        events.refresh()
        assert events.trouble == ""
        yield events


def told_until(events: RootWatch, awaited: str) -> set[str]:
    """Return all paths told until one is; everything is no answer."""
    told: set[str] = set()
    end = time.monotonic() + DEADLINE_SECONDS
    while awaited not in told:
        assert time.monotonic() < end, f"never told of {awaited}, only of {told}"
        hints = events.wait(1.0)
        assert hints is not None, f"everything was told, after {told}"
        told.update(hints)
    return told


def is_everything_told(events: RootWatch) -> bool:
    end = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < end:
        if events.wait(1.0) is None:
            return True
    return False


def test_a_change_is_told_by_its_path(root: Path, events: RootWatch) -> None:
    (root / "lib/deep/a.py").write_text("x = 1\n")
    assert told_until(events, "lib/deep/a.py") == {"lib/deep/a.py"}
    (root / "lib/deep/a.py").unlink()
    assert told_until(events, "lib/deep/a.py") == {"lib/deep/a.py"}
    assert events.wait(0.05) == ()


def test_what_no_walk_sees_is_not_told(root: Path, events: RootWatch, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "link").symlink_to(outside)
    told_until(events, "link")
    for path in (outside / "a.py", root / "node_modules/x/y.js", root / "out/x.py", root / ".git/HEAD",
                 root / ".git/objects/ab/cd", root / ".git/index.lock"):  # fmt: skip
        path.write_text("x")
    (root / "last.py").touch()
    assert told_until(events, "last.py") == {"last.py"}


def test_a_new_directory_is_told_as_a_whole_and_watched(root: Path, events: RootWatch) -> None:
    (root / "new/er/est").mkdir(parents=True)
    (root / "new/er/a.py").touch()
    told_until(events, "new")
    (root / "new/er/est/b.py").touch()
    told_until(events, "new/er/est/b.py")


def test_directories_that_are_moved_are_told_by_their_new_names(root: Path, events: RootWatch, tmp_path: Path) -> None:
    (root / "lib").rename(root / "moved")
    told = told_until(events, "moved")
    if "lib" not in told:
        told_until(events, "lib")
    (root / "moved/deep/a.py").write_text("x = 1\n")
    assert told_until(events, "moved/deep/a.py") == {"moved/deep/a.py"}
    (root / "moved").rename(tmp_path / "outside")
    told_until(events, "moved")
    (tmp_path / "outside/deep/a.py").write_text("x = 2\n")
    (root / "last.py").touch()
    assert told_until(events, "last.py") == {"last.py"}
    (tmp_path / "outside").rename(root / "back")
    told_until(events, "back")
    (root / "back/deep/a.py").write_text("x = 3\n")
    told_until(events, "back/deep/a.py")


def test_a_directory_that_is_made_anew_is_watched_anew(root: Path, events: RootWatch) -> None:
    (root / "lib/deep/a.py").unlink()
    (root / "lib/deep").rmdir()
    (root / "lib/deep").mkdir()
    told_until(events, "lib/deep")
    (root / "lib/deep/b.py").touch()
    told_until(events, "lib/deep/b.py")


@pytest.mark.parametrize("path", [".gitignore", "lib/.treeseekignore", ".git/info/exclude", ".git/config", "lib/.git"])
def test_rules_change_everything(root: Path, events: RootWatch, path: str) -> None:
    (root / path).write_text("# nothing\n")
    assert is_everything_told(events)


def test_a_directory_that_is_no_longer_ignored_is_watched(root: Path, events: RootWatch) -> None:
    (root / ".gitignore").write_text("\n")
    assert is_everything_told(events)
    events.refresh()
    (root / "out/x.py").write_text("x = 1\n")
    told_until(events, "out/x.py")


def test_a_burst_is_told_as_everything(root: Path, events: RootWatch) -> None:
    for i in range(1_000):
        (root / f"lib/{i}.py").touch()
    assert is_everything_told(events)


def test_a_name_that_is_not_text_ends_nothing(root: Path, events: RootWatch) -> None:
    (root / os.fsdecode(b"lib/\xff.py")).touch()
    assert is_everything_told(events)
    assert events.wait(0.01) == ()
    events.refresh()
    (root / "lib/b.py").touch()
    told_until(events, "lib/b.py")


def test_a_root_that_goes_is_absent_until_it_is_back(root: Path, events: RootWatch, tmp_path: Path) -> None:
    assert events.absence() == ""
    root.rename(tmp_path / "away")
    assert events.absence() == f"{root} is gone: No such file or directory"
    assert is_everything_told(events)
    events.refresh()
    root.touch()
    assert events.absence() == f"{root} is no directory any more"
    root.unlink()
    (tmp_path / "away").rename(root)
    assert events.absence() == ""
    events.refresh()
    (root / "lib/b.py").touch()
    told_until(events, "lib/b.py")


def test_another_directory_in_the_roots_place_changes_everything(root: Path, events: RootWatch, tmp_path: Path) -> None:
    root.rename(tmp_path / "away")
    root.mkdir()
    assert is_everything_told(events)
    events.refresh()
    (root / "a.py").touch()
    told_until(events, "a.py")


def test_an_empty_root_on_another_device_has_been_unmounted(root: Path, events: RootWatch) -> None:
    (root / "lib").rename(root.parent / "lib")
    assert events._identity is not None
    events._identity = (events._identity[0] + 1, events._identity[1])
    assert events.absence() == "", "it isn't empty"
    root.rename(root.parent / "away")
    root.mkdir()
    assert events.absence() == f"{root} is empty, and not where it was: it has been unmounted"


def test_a_stop_event_ends_the_waiting(root: Path) -> None:
    stop = threading.Event()
    with open_watch(root, stop) as events:
        events.refresh()
        threading.Timer(0.05, stop.set).start()
        assert events.wait(3600) == ()


WITH_TWO_OPEN_FILES = """
import json, os, resource, sys, threading
from pathlib import Path
import watchfiles._rust_notify
from treeseek.workspace import directories, watch
from treeseek.workspace.watch import open_watch

def is_open(descriptor):
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True

root, limits, told = Path(sys.argv[1]), resource.getrlimit(resource.RLIMIT_NOFILE), []
directories(root)
watch.RETRY_SECONDS = 0.0
free = [number for number in range(100) if not is_open(number)]
with open_watch(root, threading.Event()) as events:
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[2], limits[1]))
    events.refresh()
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    told.append(events.trouble)
    (root / "lib/a.py").touch()
    told.append(events.wait(0.01))
    events.refresh()
    told.append(events.trouble)
    (root / "lib/b.py").touch()
    told.append(events.wait(30))
print(json.dumps(told))
"""


def test_a_root_that_cannot_be_watched_says_so_and_can_be_later(root: Path) -> None:
    """A process that may open two more files can walk, but a watch takes three."""
    for rules in (root / ".gitignore", root / ".git/info/exclude"):
        rules.unlink()
    command = [sys.executable, "-c", WITH_TWO_OPEN_FILES, str(root)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert told[0].startswith(f"changes beneath {root} can't be watched: ")
    assert "Too many open files" in told[0]
    assert told[1:] == [[], "", ["lib/b.py"]]
