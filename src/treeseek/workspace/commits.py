"""What was changed, and what was said of it? The commits of a git history, each with the text that it left behind.

`git log` is asked once and read as it comes, with everything turned off that could run a program (`revisions.py`).
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from treeseek.errors import RootError
from treeseek.workspace.revisions import OPTIONS, environment

__all__ = ["Commit", "Patch", "commits"]

MAX_COMMIT_BYTES = 200_000
"""A commit with a longer patch is a rewrite or an import; its subject says little of any of it."""

_OPTIONS = tuple(
    option
    for setting in OPTIONS
    if setting not in ("-c", "--literal-pathspecs", "diff.orderFile=")
    for option in (("-c", setting) if "=" in setting else (setting,))
)
"""The paths here are patterns, and `git log` wants an order file that exists where `git diff-tree` takes none."""
_START, _BODY, _DIFF = b"\x01", b"\x02", b"\x03"
_FILE = re.compile(rb"^diff --git a/", re.MULTILINE)
_PATH = re.compile(rb"^\+\+\+ b/([^\n]+?)\t?$", re.MULTILINE)
_HUNK = re.compile(rb"^@@ [^@\n]*@@ ?", re.MULTILINE)


class Patch(NamedTuple):
    """What a commit left of one file: its path, how many lines it added, and the changed places as they are then."""

    path: str
    added: int
    text: str


class Commit(NamedTuple):
    """A commit: its id, its message, and the files that it added to or created."""

    id: str
    subject: str
    body: str
    files: tuple[Patch, ...]


def commits(root: Path, patterns: Sequence[str], *, limit: int, until: str = "HEAD") -> Iterator[Commit]:
    """Yield the newest `limit` commits up to `until` that touch files of the `patterns` (`*.py`), newest first.

    Merges are left out, and so are commits that only take away. Paths are relative to the root, which is absolute.
    Raises RootError when the root is in no repository, or git isn't installed.
    """
    git = shutil.which("git")
    if git is None:
        raise RootError("git isn't installed, and a history can't be read without it")
    command = [
        git, "-C", str(root), *_OPTIONS, "log", "-O/dev/null", "--no-merges", "-n", str(limit), "-p", "-U3",
        "--relative", "--no-color", "--no-renames", "--no-ext-diff", "--no-textconv", "--diff-filter=AM",
        "--format=%x01%H %s%x02%b%x03", "--end-of-options", until, "--", *patterns,
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(git)
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        is_whole = False
        try:
            yield from map(_commit, _records(process.stdout))
            is_whole = True
        finally:
            process.stdout.close()
            if not is_whole:
                process.kill()
        said = process.stderr.read()
    if process.returncode:
        reason = said.decode("utf-8", "replace").strip().partition("\n")[0].removeprefix("fatal: ")
        raise RootError(f"git can't read the history of {root}: {reason or 'it gives no reason'}")


def _records(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield each commit's bytes; of one that is too long, its message alone."""
    lines: list[bytes] = []
    size = 0
    for line in stream:
        if line.startswith(_START) and lines:
            yield b"".join(lines)
            lines, size = [], 0
        size += len(line)
        if size <= MAX_COMMIT_BYTES:
            lines.append(line)
        elif _DIFF in b"".join(lines):
            lines = [b"".join(lines).partition(_DIFF)[0], _DIFF]
    if lines:
        yield b"".join(lines)


def _commit(record: bytes) -> Commit:
    message, _, diff = record.removeprefix(_START).partition(_DIFF)
    head, _, body = message.partition(_BODY)
    identity, _, subject = head.decode("utf-8", "replace").partition(" ")
    patches = tuple(filter(None, map(_patch, _FILE.split(diff)[1:])))
    return Commit(identity, subject.strip(), body.decode("utf-8", "replace").strip(), patches)


def _patch(diff: bytes) -> Patch | None:
    named = _PATH.search(diff)
    if named is None or named[1].startswith(b'"'):
        return None
    lines: list[bytes] = []
    added = 0
    for hunk in _HUNK.split(diff[named.end() :])[1:]:
        head, *rest = hunk.split(b"\n")
        lines += [head.strip()] if head.strip() else []
        added += sum(line.startswith(b"+") for line in rest)
        lines += [line[1:] for line in rest if line[:1] in (b"+", b" ")]
    return Patch(named[1].decode("utf-8", "replace"), added, b"\n".join(lines).decode("utf-8", "replace"))
