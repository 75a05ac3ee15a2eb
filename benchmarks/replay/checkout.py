"""A working tree that follows a repository's history, file by file as git would write it, without a git checkout."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.cst.histories import Repository

__all__ = ["Tree"]

_LINK = b"120000"
_REGULAR = (b"100644", b"100755")


class Tree:
    """The files of one commit below a directory, which is this object's own. Blobs that are missing are left out."""

    def __init__(self, repository: Repository, directory: Path) -> None:
        self.directory = directory
        self._repository = repository
        self._commit: str | None = None
        directory.mkdir(parents=True, exist_ok=True)

    def go_to(self, commit: str) -> int:
        """Make the directory that of a commit, touching only what differs; return how many files that were."""
        changes = self._repository.changes(self._commit, commit)
        for path, mode, blob in changes:
            self._write(path, mode, blob)
        self._commit = commit
        return len(changes)

    def rewrite(self, commit: str, suffixes: tuple[str, ...]) -> int:
        """Write the files of a commit with these endings anew; return how many."""
        entries = [one for one in self._repository.changes(None, commit) if one[0].endswith(suffixes)]
        for path, mode, blob in entries:
            self._write(path, mode, blob)
        return len(entries)

    def _write(self, path: str, mode: bytes, blob: str) -> None:
        where = self.directory / path
        if where.is_symlink() or where.is_file():
            where.unlink()
            self._prune(where.parent)
        data = self._repository.blob(blob) if mode in (*_REGULAR, _LINK) else None
        if data is None:
            return
        self._clear_way(where)
        if mode == _LINK:
            where.symlink_to(os.fsdecode(data))
        else:
            where.write_bytes(data)

    def _clear_way(self, where: Path) -> None:
        """Make the folders of a file; a file that stands where one must be was removed in the same commit."""
        for folder in reversed(where.relative_to(self.directory).parents[:-1]):
            if (self.directory / folder).is_symlink() or (self.directory / folder).is_file():
                (self.directory / folder).unlink()
        where.parent.mkdir(parents=True, exist_ok=True)

    def _prune(self, folder: Path) -> None:
        """Remove folders that are empty now, as git does."""
        while folder != self.directory:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent
