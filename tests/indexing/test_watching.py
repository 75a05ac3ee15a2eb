"""Whatever happens beneath a watched root, what is known of it becomes what a walk finds; nothing ends the watch."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import treeseek
from treeseek.errors import StoreError, StoreLockedError, TreeseekError
from treeseek.indexing.watching import watch
from treeseek.model import SourceFile
from treeseek.settings import load
from treeseek.workspace import look, walk

DEADLINE_SECONDS = 60.0
LIMIT = 10**6


def files(root: Path) -> dict[str, SourceFile]:
    return {file.path: file for file in walk(root, max_file_bytes=LIMIT, max_files=LIMIT).files}


def is_related(path: str, hint: str) -> bool:
    return path == hint or path.startswith(hint + "/") or hint.startswith(path + "/")


def eventually(condition: Callable[[], bool], what: object = "") -> None:
    end = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


@dataclass
class Known:
    """A sync that keeps what it knows up to date, from walks and looks alone, and remembers what it was asked."""

    root: Path
    files: dict[str, SourceFile] = field(default_factory=dict)
    rounds: list[Sequence[str] | None] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    errors: list[TreeseekError] = field(default_factory=list)
    failures: list[TreeseekError] = field(default_factory=list)
    """What the next rounds raise, the last first."""

    def sync(self, hints: Sequence[str] | None) -> None:
        self.rounds.append(hints)
        if self.failures:
            raise self.failures.pop()
        found = None if hints is None else look(self.root, hints, max_file_bytes=LIMIT)
        if hints is None or found is None:
            self.files = files(self.root)
        else:
            kept = {
                path: file for path, file in self.files.items() if not any(is_related(path, hint) for hint in hints)
            }
            self.files = kept | {file.path: file for file in found.files}
        self.happened.append("sync")

    def idle(self) -> None:
        self.happened.append("idle")

    def converges(self) -> None:
        eventually(lambda: self.files == files(self.root), self.rounds[-5:])

    def hints(self) -> set[str]:
        return {hint for hints in self.rounds if hints for hint in hints}


@contextlib.contextmanager
def watched(root: Path, **terms: float) -> Iterator[Known]:
    """Watch `root` in a thread, from when it is known for the first time; what the watch raises is raised here."""
    known, stop, raised = Known(root), threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            watch(
                root, known.sync, stop=stop, idle=known.idle, on_error=known.errors.append,
                on_notice=known.notices.append, **terms,
            )  # fmt: skip
        except BaseException as error:  # noqa: BLE001
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        eventually(lambda: bool(known.rounds) or bool(raised))
        eventually(lambda: known.files == files(root) or bool(raised))
        yield known
    finally:
        stop.set()
        thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive(), "it did not stop"
    if raised:
        raise raised[0]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path.resolve() / "root"
    (root / "lib").mkdir(parents=True)
    (root / "lib/a.py").write_text("x = 1\n")
    (root / "lib/b.py").write_text("y = 1\n")
    return root


@pytest.fixture
def known(root: Path) -> Iterator[Known]:
    with watched(root, reconcile_seconds=3600) as known:
        yield known


def write_in_place(path: Path) -> None:
    path.write_text("z = 22\n")


def write_and_rename(path: Path) -> None:
    path.with_name(".a.tmp").write_text("z = 22\n")
    path.with_name(".a.tmp").rename(path)


def delete_and_create(path: Path) -> None:
    path.unlink()
    path.write_text("z = 22\n")


def rename_to_a_backup(path: Path) -> None:
    """As vim does with `backupcopy=no`."""
    backup = path.rename(path.with_name("a.py~"))
    path.write_text("z = 22\n")
    backup.unlink()


def write_slowly(path: Path) -> None:
    with path.open("w") as file:
        for part in ("z", " =", " 22\n"):
            file.write(part)
            file.flush()
            time.sleep(0.02)


@pytest.mark.parametrize(
    "save", [write_in_place, write_and_rename, delete_and_create, rename_to_a_backup, write_slowly]
)
def test_a_save_is_told_by_its_path(root: Path, known: Known, save: Callable[[Path], None]) -> None:
    save(root / "lib/a.py")
    eventually(lambda: "lib/a.py" in known.hints())
    known.converges()
    assert known.files["lib/a.py"].size == 7
    assert None not in known.rounds[1:]
    assert known.hints() <= {"lib/a.py", "lib/.a.tmp", "lib/a.py~"}


def test_directories_that_come_go_and_move(root: Path, known: Known, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "deep/er").mkdir(parents=True)
    (outside / "deep/er/c.py").write_text("c = 1\n")
    outside.rename(root / "inside")
    known.converges()
    (root / "inside/deep/er/d.py").write_text("d = 1\n")
    known.converges()
    (root / "inside").rename(root / "lib/elsewhere")
    known.converges()
    (root / "lib/elsewhere/deep/er/d.py").write_text("d = 11\n")
    known.converges()
    (root / "lib").rename(outside)
    known.converges()
    assert known.files == {}
    assert None not in known.rounds[1:]


def test_a_file_becomes_a_directory_and_a_link_and_a_file_again(root: Path, known: Known) -> None:
    path = root / "lib/a.py"
    path.unlink()
    path.mkdir()
    (path / "inner.py").touch()
    known.converges()
    (path / "inner.py").unlink()
    path.rmdir()
    path.symlink_to("b.py")
    known.converges()
    path.unlink()
    path.touch()
    known.converges()
    assert known.files.keys() == {"lib/a.py", "lib/b.py"}


def test_ignore_rules_that_change_are_followed(root: Path, known: Known) -> None:
    (root / ".gitignore").write_text("/lib\n")
    known.converges()
    assert known.files.keys() == {".gitignore"}
    (root / ".gitignore").write_text("a.py\n")
    known.converges()
    (root / "lib/b.py").write_text("y = 22\n")
    known.converges()
    assert known.files.keys() == {".gitignore", "lib/b.py"}


def test_twelve_thousand_files_at_once(root: Path, known: Known) -> None:
    for i in range(12_000):
        if i % 100 == 0:
            (root / f"many/{i // 100}").mkdir(parents=True)
        (root / f"many/{i // 100}/{i}.py").touch()
    known.converges()
    assert len(known.files) == 12_002


WATCH_AND_SAVE = """
import json, sys, threading
from pathlib import Path
from treeseek.indexing.watching import watch
from treeseek.workspace import walk

def sync(hints):
    found = walk(Path(sys.argv[1]), max_file_bytes=10**6, max_files=10**6)
    Path(sys.argv[2] + ".new").write_text(json.dumps([file.path for file in found.files]))
    Path(sys.argv[2] + ".new").rename(sys.argv[2])

watch(Path(sys.argv[1]), sync, stop=threading.Event())
"""


@contextlib.contextmanager
def process(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def test_an_overflow_of_the_kernels_queue(root: Path, tmp_path: Path) -> None:
    """While the watching process is stopped, more events come than the kernel keeps (16,384), four for each file."""
    result = tmp_path / "found.json"

    def found() -> list[str]:
        return json.loads(result.read_text()) if result.exists() else []

    with process(WATCH_AND_SAVE, root, result) as running:
        eventually(lambda: found() == ["lib/a.py", "lib/b.py"])
        running.send_signal(signal.SIGSTOP)
        for i in range(12_000):
            (root / f"lib/{i}.txt").write_text("x\n")
        running.send_signal(signal.SIGCONT)
        eventually(lambda: len(found()) == 12_002)


def test_ctrl_c_ends_a_watch(root: Path, tmp_path: Path) -> None:
    result = tmp_path / "found.json"
    with process(WATCH_AND_SAVE, root, result) as running:
        eventually(result.exists)
        running.send_signal(signal.SIGINT)
        assert running.stderr is not None
        assert running.stderr.read().rstrip().endswith("KeyboardInterrupt")


def test_what_no_event_tells_is_found_by_looking(root: Path) -> None:
    """The kernel tells nothing of what is written through a mapping."""
    with watched(root, reconcile_seconds=0.2) as known, (root / "lib/a.py").open("r+b") as file:
        with mmap.mmap(file.fileno(), 0) as mapping:
            mapping[:1] = b"z"
            mapping.flush()
        known.converges()
        rounds = len(known.rounds)
        eventually(lambda: len(known.rounds) > rounds + 2)


def git(directory: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(directory), *identity, *arguments], check=True, capture_output=True)


@pytest.mark.parametrize("count", [5, 100, 1_500])
def test_a_checkout_of_another_branch(root: Path, count: int) -> None:
    git(root, "init", "-q", "-b", "one")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    git(root, "checkout", "-qb", "two")
    (root / "lib/b.py").unlink()
    for i in range(count):
        (root / f"new/{i % 7}").mkdir(parents=True, exist_ok=True)
        (root / f"new/{i % 7}/{i}.py").write_text(f"x = {i}\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "two")
    with watched(root, reconcile_seconds=3600) as known:
        git(root, "checkout", "-q", "one")
        known.converges()
        assert known.files.keys() == {"lib/a.py", "lib/b.py"}
        git(root, "checkout", "-q", "two")
        known.converges()
        assert len(known.files) == count + 1
        (root / "new/3/3.py").write_text("x = 33\n")
        known.converges()
        assert not any(".git/" in hint for hint in known.hints())


def test_a_round_that_fails_is_made_again_with_what_has_come_since(root: Path, known: Known) -> None:
    known.failures = [StoreError("the disk is full"), StoreLockedError("another process is writing")]
    (root / "lib/a.py").write_text("x = 22\n")
    eventually(lambda: len(known.errors) == 1)
    (root / "lib/b.py").write_text("y = 22\n")
    known.converges()
    assert [type(error) for error in known.errors] == [StoreLockedError, StoreError]
    first, second, last = known.rounds[-3:]
    assert first == ("lib/a.py",)
    assert second == last == ("lib/a.py", "lib/b.py")


def test_a_first_round_that_fails_is_made_again(root: Path) -> None:
    known, stop = Known(root, failures=[StoreError("the disk is full")] * 3), threading.Event()
    thread = threading.Thread(
        target=watch, args=(root, known.sync), kwargs={"stop": stop, "on_error": known.errors.append}
    )
    thread.start()
    known.converges()
    stop.set()
    thread.join(DEADLINE_SECONDS)
    assert known.rounds == [None] * 4
    assert len(known.errors) == 3


def test_what_is_asked_for_during_a_round_is_one_round(root: Path) -> None:
    known, stop, entered, go_on = Known(root), threading.Event(), threading.Event(), threading.Event()

    def sync(hints: Sequence[str] | None) -> None:
        known.sync(hints)
        if hints is not None:
            entered.set()
            assert go_on.wait(DEADLINE_SECONDS)

    thread = threading.Thread(target=watch, args=(root, sync), kwargs={"stop": stop})
    thread.start()
    known.converges()
    (root / "lib/a.py").write_text("x = 22\n")
    assert entered.wait(DEADLINE_SECONDS)
    for name in "cde":
        (root / f"lib/{name}.py").touch()
        time.sleep(0.1)
    go_on.set()
    known.converges()
    stop.set()
    thread.join(DEADLINE_SECONDS)
    assert known.rounds == [None, ("lib/a.py",), ("lib/c.py", "lib/d.py", "lib/e.py")]


def test_idle_is_called_once_after_changes_and_never_while_one_waits(root: Path) -> None:
    with watched(root, reconcile_seconds=3600, idle_seconds=0.3) as known:
        eventually(lambda: known.happened == ["sync", "idle"], known.happened)
        known.failures = [StoreError("the disk is full")] * 2
        (root / "lib/a.py").write_text("x = 22\n")
        eventually(lambda: known.happened == ["sync", "idle", "sync", "idle"], known.happened)
        time.sleep(0.7)
        assert known.happened == ["sync", "idle", "sync", "idle"]


def test_an_error_while_idle_is_told(root: Path) -> None:
    stop, errors = threading.Event(), list[TreeseekError]()

    def idle() -> None:
        raise StoreError("nothing to tidy")

    def told(error: TreeseekError) -> None:
        errors.append(error)
        stop.set()

    watch(root, lambda hints: None, stop=stop, idle=idle, on_error=told, idle_seconds=0.05)
    assert [str(error) for error in errors] == ["nothing to tidy"]


def test_other_errors_end_the_watch(root: Path) -> None:
    def sync(hints: Sequence[str] | None) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        watch(root, sync, stop=threading.Event())


def test_it_stops_while_it_waits_to_try_again(root: Path) -> None:
    stop = threading.Event()

    def sync(hints: Sequence[str] | None) -> None:
        raise StoreError("the disk is full")

    watch(root, sync, stop=stop, on_error=lambda error: threading.Timer(0.05, stop.set).start())


def test_a_root_that_goes_and_comes_back(root: Path, known: Known, tmp_path: Path) -> None:
    before = known.files
    root.rename(tmp_path / "away")
    eventually(lambda: bool(known.notices))
    (tmp_path / "away/lib/a.py").write_text("x = 22\n")
    assert known.files == before, "what has gone with its root isn't forgotten"
    (tmp_path / "away").rename(root)
    known.converges()
    eventually(lambda: len(known.notices) == 2)
    assert known.notices == [
        f"{root} is gone: No such file or directory; waiting for it to come back", "watching again",
    ]  # fmt: skip
    assert known.errors == []
    (root / "lib/b.py").write_text("y = 22\n")
    known.converges()


def test_a_root_that_cannot_be_watched_is_looked_at_every_so_often(tmp_path: Path) -> None:
    """Of a name that isn't UTF-8 nothing can be told."""
    root = tmp_path.resolve() / os.fsdecode(b"root\xff")
    root.mkdir()
    with watched(root, poll_seconds=0.1) as known:
        (root / "a.py").touch()
        known.converges()
        assert len(known.notices) == 1
        assert "can't be watched" in known.notices[0]
        assert set(known.rounds) == {None}


def test_an_index_follows_its_root(root: Path, tmp_path: Path) -> None:
    """With the real engine, which looks at everything in each round."""
    stop = threading.Event()
    with treeseek.open(root, load({}, data_dir=tmp_path / "data")) as engine:
        thread = threading.Thread(target=watch, args=(root, lambda hints: engine.sync()), kwargs={"stop": stop})
        thread.start()
        try:
            eventually(lambda: engine.indexed)
            (root / "lib/a.py").write_text("def upload_again(path):\n    return path\n")
            (root / "lib/b.py").unlink()
            eventually(lambda: bool(engine.symbols("upload_again").hits))
            (root / "lib").rename(root / "library")
            eventually(lambda: [hit.path for hit in engine.symbols("upload_again").hits] == ["library/a.py"])
        finally:
            stop.set()
            thread.join(DEADLINE_SECONDS)
