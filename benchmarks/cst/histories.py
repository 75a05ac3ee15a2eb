"""Real edits: what each commit of a repository's main line did to the files that treeseek parses."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from treeseek.syntax import detect
from treeseek.syntax.languages import LANGUAGES
from treeseek.workspace import classify

__all__ = ["Commit", "Repository", "Touched"]

_MOST_BYTES = 4 << 20
_NO_BLOB = "0" * 40


class Touched(NamedTuple):
    """A file before and after a commit; None where it didn't exist, or isn't a text that is parsed."""

    path: str
    language: str
    old: bytes | None
    new: bytes | None


class Commit(NamedTuple):
    """A commit and the parsed files that it touched, by path."""

    name: str
    files: tuple[Touched, ...]


class Repository(AbstractContextManager["Repository"]):
    """A git directory, read by git's own commands and never written. Raises CalledProcessError if git fails."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve()
        self._blobs = subprocess.Popen(self._git("cat-file", "--batch"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, env=self._variables())  # fmt: skip

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._blobs.communicate()

    @property
    def name(self) -> str:
        """What the repository is called: its directory's name, or where that says nothing, the one around it."""
        found = self._directory
        return found.parent.name if found.name in (".git", "repo") else found.name

    def head(self) -> str:
        """Return the commit that was checked out."""
        return self._output("rev-parse", "HEAD").decode().strip()

    def commits(self, count: int) -> Iterator[Commit]:
        """Yield the last `count` commits of the main line, the oldest first, each against its first parent."""
        for name in self.names(count):
            yield Commit(name, tuple(self._touched(name)))

    def names(self, count: int) -> list[str]:
        """Return the last `count` commits of the main line, the oldest first."""
        return self._output("rev-list", "--first-parent", f"--max-count={count}", "HEAD").decode().split()[::-1]

    def changes(self, old: str | None, new: str) -> list[tuple[str, bytes, str]]:
        """Return path, mode and blob of what differs from one commit (None: from nothing) to another.

        What is gone comes first, with the mode 000000.
        """
        if old is None:
            listed = self._output("ls-tree", "-r", "-z", "--full-tree", new).split(b"\0")
            entries = (entry.split(b"\t", 1) for entry in listed if entry)
            return [(os.fsdecode(path), about.split()[0], about.split()[2].decode()) for about, path in entries]
        fields = self._output("diff-tree", "-r", "-z", "--no-renames", "--raw", "--no-abbrev", old, new).split(b"\0")
        found = [
            (os.fsdecode(path), about.split()[1], about.split()[3].decode())
            for about, path in zip(fields[::2], fields[1::2], strict=False)
        ]
        return sorted(found, key=lambda one: one[1] != b"000000")

    def files(self, name: str, folders: Sequence[str] = ()) -> dict[str, str]:
        """Return the blob of each path that a commit has, all or those directly in some folders ("" is the top)."""
        where = [f"{folder}/" if folder else "." for folder in folders]
        depth = ["-r"] if not folders else []
        listed = self._output("ls-tree", "-z", "--full-tree", *depth, name, *where)
        entries = (entry.split(b"\t", 1) for entry in listed.split(b"\0") if entry)
        return {
            os.fsdecode(path): about.split()[2].decode()
            for about, path in entries
            if about.startswith((b"100644", b"100755"))
        }

    def blob(self, name: str) -> bytes | None:
        """Return a blob's bytes; None if the repository lacks it."""
        assert self._blobs.stdin is not None
        assert self._blobs.stdout is not None
        self._blobs.stdin.write(name.encode() + b"\n")
        self._blobs.stdin.flush()
        head = self._blobs.stdout.readline().split()
        if len(head) < 3:
            return None
        data = self._blobs.stdout.read(int(head[2]))
        self._blobs.stdout.read(1)
        return data

    def text(self, path: str, blob: str) -> tuple[str, bytes] | None:
        """Return language and bytes of a file that is parsed; None if it isn't."""
        if blob == _NO_BLOB or not _may_be_parsed(path):
            return None
        data = self.blob(blob)
        if not data or len(data) > _MOST_BYTES:
            return None
        language = detect(path, data[:4096])
        wanted = LANGUAGES[language].reader == "syntax" and not classify(path, data)
        return (language, data) if wanted else None

    def _touched(self, name: str) -> Iterator[Touched]:
        raw = self._output("diff-tree", "-r", "-z", "--root", "--no-renames", "--no-commit-id", "--raw", "--no-abbrev",
                           *self._against(name))  # fmt: skip
        fields = raw.split(b"\0")
        for about, path in zip(fields[::2], fields[1::2], strict=False):
            modes = about.lstrip(b":").split()
            if modes[0] not in _FILES or modes[1] not in _FILES:
                continue  # links and submodules
            where = os.fsdecode(path)
            old, new = (self.text(where, blob.decode()) for blob in modes[2:4])
            if old and new and old[0] != new[0]:
                continue  # a header that became one of another language
            language = (new or old or ("",))[0]
            if language:
                yield Touched(where, language, old and old[1], new and new[1])

    def parent(self, name: str) -> str | None:
        """Return the first parent of a commit, if it has one."""
        parents = self._output("rev-list", "--parents", "--max-count=1", name).decode().split()[1:]
        return parents[0] if parents else None

    def _against(self, name: str) -> list[str]:
        parent = self.parent(name)
        return [parent, name] if parent else [name]

    def _git(self, *arguments: str) -> list[str]:
        return ["git", "-c", "safe.directory=*", "-C", str(self._directory), *arguments]

    def _output(self, *arguments: str) -> bytes:
        return subprocess.run(self._git(*arguments), check=True, capture_output=True, env=self._variables()).stdout

    @staticmethod
    def _variables() -> dict[str, str]:
        """Return an environment in which git fetches nothing, takes no lock, and heeds no user's settings."""
        quiet = {"GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_CONFIG_GLOBAL": os.devnull}
        return {**os.environ, **quiet, "LC_ALL": "C"}


_FILES = (b"000000", b"100644", b"100755")


def _may_be_parsed(path: str) -> bool:
    """Whether a name could be that of a parsed file: those without an extension may have a first line that says so."""
    language = detect(path, b"")
    return LANGUAGES[language].reader == "syntax" or "." not in path.rpartition("/")[2]
