"""What did a root hold at another time? Files of git revisions, and which of them differ.

Git itself is asked, by its plumbing commands, which write nothing. A repository is untrusted: its configuration must
not make git run a program or reach for the network, so all that could is turned off, and the process's own `GIT_*`
variables don't count. Only regular files are seen: no links, no submodules; names that aren't UTF-8 are left out.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, NamedTuple

from platformdirs.unix import Unix

from treeseek.errors import RootError, UnreadableError, UsageError
from treeseek.workspace.checkout import is_top
from treeseek.workspace.clients import client_range, client_revision, is_beneath
from treeseek.workspace.files import RootReader
from treeseek.workspace.walk import Walk

__all__ = ["Commit", "FileChange", "Repository", "Version", "open_repository"]

_OPTIONS = (
    "--no-pager", "--literal-pathspecs", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null",
    "-c", "diff.external=", "-c", "diff.orderFile=",
)  # fmt: skip
_NO_FETCHING = {"GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
"""Of a partial clone git would fetch what is missing, by a program that the repository's configuration names."""
_QUIET = {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
_DRAINED_AT_ONCE = 1 << 20


class Version(NamedTuple):
    """A file's content: its path beneath the root, and git's id of its bytes."""

    path: str
    blob: str


class FileChange(NamedTuple):
    """A file that differs; without `old` it is new, without `new` it is gone. Both have the same path."""

    old: Version | None
    new: Version | None


class Commit(NamedTuple):
    """A commit with one parent: the ids of both, and the first line of what was said of it."""

    id: str
    parent: str
    subject: str


class Repository:
    """The repository around a root. Use it from `open_repository`; threads may share it."""

    def __init__(self, root: Path, git: str) -> None:
        self._root = root
        self._git = git
        self._environment = _environment(git)
        self._lock = threading.Lock()
        self._errors: IO[bytes] | None = None
        self._objects: subprocess.Popen[bytes] | None = None
        self._prefix = self._asked("rev-parse", "--show-prefix").rstrip(b"\n")

    def tree(self, revision: str) -> str:
        """Return the id of the tree that is the root in a revision.

        Raises UsageError when there is no such revision.
        """
        return self._tree(self._commit(revision))

    def trees_of_range(self, span: str) -> tuple[str, str]:
        """Return the trees of both ends of `A..B`, or of `A...B`: since B left A. Nothing is the same as HEAD."""
        first, last, dots = client_range(span)
        old, new = self._commit(first), self._commit(last)
        if dots == "...":
            base = self._run("merge-base", old, new)
            if base.returncode:
                raise UsageError(f"{span!r} have no common ancestor")
            old = base.stdout.decode().strip()
        return self._tree(old), self._tree(new)

    def commits(self, count: int, revision: str = "HEAD") -> list[Commit]:
        """Return the last commits with exactly one parent that lead to a revision, the newest first, at most `count`.

        Raises UsageError when there is no such revision.
        """
        listed = self._asked(
            "rev-list", "--min-parents=1", "--max-parents=1", f"--max-count={count}", "--format=%H %P %s",
            "--end-of-options", self._commit(revision),
        )  # fmt: skip
        told = [line.split(" ", 2) for line in listed.decode("utf-8", "replace").splitlines()[1::2]]
        return [Commit(*parts) for parts in told if len(parts) == 3]

    def files(self, tree: str) -> dict[str, str]:
        """Return git's ids of all files of a tree, by path."""
        listed = self._asked("ls-tree", "-r", "-z", "--full-tree", tree)
        found = {}
        for entry in listed.split(b"\0")[:-1]:
            mode, _, rest = entry.partition(b" ")
            if mode.startswith(b"100"):
                blob, _, name = rest.removeprefix(b"blob ").partition(b"\t")
                if (path := _decoded(name)) is not None:
                    found[path] = blob.decode()
        return found

    def changed(self, old: str, new: str) -> list[FileChange]:
        """Return the files that differ between two trees, sorted by path."""
        listed = self._asked(
            "diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv",
            "--end-of-options", old, new,
        ).split(b"\0")  # fmt: skip
        changes = []
        for told, name in zip(listed[0:-1:2], listed[1::2], strict=True):
            path = _decoded(name)
            if path is not None:
                old_mode, new_mode, old_blob, new_blob, _ = told.removeprefix(b":").decode().split(" ")
                before = Version(path, old_blob) if old_mode.startswith("100") else None
                after = Version(path, new_blob) if new_mode.startswith("100") else None
                if before and after and old_blob == new_blob:
                    continue  # only its permissions
                if before or after:
                    changes.append(FileChange(before, after))
        return sorted(changes, key=_path_of)

    def changed_since(self, tree: str, found: Walk, reader: RootReader, max_bytes: int) -> list[FileChange]:
        """Return the files of a walk that differ from those of a tree, sorted by path.

        What the walk left out counts on neither side, nor do new files in checkouts of their own, such as submodules.
        Every file is read, as git's own idea of what is on disk can't
        be asked for without letting the repository's filters run.
        """
        before = self.files(tree)
        now: dict[str, str] = {}
        for file in found.files:
            try:
                now[file.path] = _blob_id(reader.read(file.path, max_bytes), len(tree))
            except UnreadableError as error:
                if error.reason != "vanished":
                    before.pop(file.path, None)
        is_checkout = cache(lambda directory: is_top(self._root / directory))
        changes = [
            FileChange(_version(path, before.get(path)), Version(path, blob))
            for path, blob in now.items()
            if before.get(path) != blob and (path in before or not any(map(is_checkout, _directories(path))))
        ]
        left_out = _left_out(found, self._root)
        changes += [
            FileChange(Version(path, blob), None)
            for path, blob in before.items()
            if path not in now and not left_out(path)
        ]
        return sorted(changes, key=_path_of)

    def read(self, blob: str, max_bytes: int) -> bytes:
        """Return the bytes that an id stands for.

        Raises UnreadableError, whose reason is "too-large" or "vanished".
        """
        with self._lock:
            process = self._objects or self._started()
            assert process.stdin is not None and process.stdout is not None
            try:
                process.stdin.write(blob.encode() + b"\n")
                process.stdin.flush()
                told = process.stdout.readline().split()
                if len(told) != 3 or told[1] != b"blob":
                    raise UnreadableError(f"git has no object {blob}", reason="vanished")
                return _content(process.stdout, int(told[2]), blob, max_bytes)
            except OSError as error:
                raise UnreadableError(f"git can't read object {blob}: {error.strerror}") from None

    def close(self) -> None:
        """End the process that reads objects."""
        process, self._objects = self._objects, None
        if process is not None:
            process.kill()
            process.communicate()

    def _started(self) -> subprocess.Popen[bytes]:
        self._objects = subprocess.Popen(
            self._command("cat-file", "--batch"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env=self._environment, process_group=0,
        )  # fmt: skip
        return self._objects

    def _commit(self, revision: str) -> str:
        asked = client_revision(revision) + "^{commit}"
        done = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", asked)
        if done.returncode:
            raise UsageError(f"git knows no revision {revision!r} here")
        return done.stdout.decode().strip()

    def _tree(self, commit: str) -> str:
        """Return the id of the root's tree in a commit; of an empty tree if there was no such directory."""
        place = b"%b:%b" % (commit.encode(), self._prefix.rstrip(b"/"))
        done = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", place)
        kind = self._run("cat-file", "-t", done.stdout.strip()).stdout.strip() if not done.returncode else b""
        return done.stdout.decode().strip() if kind == b"tree" else _empty_tree(len(commit))

    def _asked(self, *arguments: str | bytes) -> bytes:
        done = self._run(*arguments)
        if done.returncode:
            if b"not a git repository" in done.stderr:
                raise RootError(f"{self._root} is in no git repository")
            said = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0].removeprefix("fatal: ")
            raise RootError(f"git can't read {self._root}: {said or 'it gives no reason'}")
        return done.stdout

    def _run(self, *arguments: str | bytes) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            self._command(*arguments), stdin=subprocess.DEVNULL, capture_output=True, env=self._environment, check=False
        )

    def _command(self, *arguments: str | bytes) -> list[str | bytes]:
        return [self._git, "-C", str(self._root), *_OPTIONS, *arguments]


@contextmanager
def open_repository(root: Path) -> Iterator[Repository]:
    """Yield the repository that `root`, which is absolute and real, lies in.

    Raises RootError when it lies in none, or git isn't installed or refuses to read it.
    """
    git = shutil.which("git")
    if git is None:
        raise RootError("git isn't installed, and revisions can't be read without it")
    repository = Repository(root, git)
    try:
        yield repository
    finally:
        repository.close()


def _environment(git: str) -> dict[str, str]:
    """Return all variables that git gets: where it and the user's configuration are, and what it must not do."""
    found = {"PATH": os.pathsep.join((str(Path(git).parent), os.defpath)), **_NO_FETCHING, **_QUIET}
    try:
        found["HOME"] = str(Path.home())
    except RuntimeError:
        found["HOME"] = tempfile.gettempdir()
    found["XDG_CONFIG_HOME"] = str(Path(Unix("git", appauthor=False).user_config_dir).parent)
    return found


def _content(stream: IO[bytes], size: int, blob: str, max_bytes: int) -> bytes:
    """Read an object and the line break behind it; one that is too large is read past."""
    if size <= max_bytes:
        data = stream.read(size + 1)
        if len(data) <= size:
            raise UnreadableError(f"git stopped in the middle of object {blob}")
        return data[:-1]
    left = size + 1
    while left and (data := stream.read(min(left, _DRAINED_AT_ONCE))):
        left -= len(data)
    raise UnreadableError(f"object {blob} is larger than {max_bytes} bytes", reason="too-large")


def _left_out(found: Walk, root: Path) -> Callable[[str], bool]:
    """Return what tells whether a file that the walk doesn't have was left out by it, rather than deleted."""
    skipped = {left.path for left in found.skipped}

    def tell(path: str) -> bool:
        above = (directory + "/" in skipped for directory in _directories(path))
        return path in skipped or any(above) or os.path.lexists(root / path)

    return tell


def _directories(path: str) -> Sequence[str]:
    """Return the directories that a path goes through, the outermost first."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def _blob_id(data: bytes, digits: int) -> str:
    """Return git's id for bytes, with as many hex digits as the repository's other ids have."""
    new = hashlib.sha256 if digits == 64 else hashlib.sha1
    return new(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _empty_tree(digits: int) -> str:
    new = hashlib.sha256 if digits == 64 else hashlib.sha1
    return new(b"tree 0\0", usedforsecurity=False).hexdigest()


def _version(path: str, blob: str | None) -> Version | None:
    return None if blob is None else Version(path, blob)


def _path_of(change: FileChange) -> str:
    version = change.new or change.old
    assert version is not None
    return version.path


def _decoded(name: bytes) -> str | None:
    """Return a path of a tree; None if it isn't UTF-8, or leads elsewhere, as only a forged tree's can."""
    try:
        path = name.decode()
    except UnicodeDecodeError:
        return None
    return path if is_beneath(path) else None
