"""What would a walk say of these few paths?

A look is a walk that lists only what it was asked for: on the way to a path it checks each directory for the names
that decide (rule files, marks of tools), and at the path it walks on as ever. So it costs a few system calls a level,
and its verdicts are the walk's own. Some changes decide over more than their own path; of those it says that only a
walk can tell.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from treeseek.workspace.exclusions import METADATA, bears_on_others
from treeseek.workspace.files import RootReader
from treeseek.workspace.walk import GIT_RULES, OWN_RULES, Entry, Lister, Listing, Walk, entered, list_all, survey

__all__ = ["directories", "look", "may_matter"]

_RULES = frozenset({GIT_RULES.encode(), OWN_RULES.encode()})

_GIT_RULES_AT = frozenset({b"info", b"exclude", b"config", b"commondir"})
_GIT_DATA = frozenset({b"objects", b"refs", b"logs", b"hooks", b"lfs"})
_GIT_FILES = frozenset({b"index", b"HEAD", b"ORIG_HEAD", b"FETCH_HEAD", b"packed-refs"})

Wanted = dict[bytes, set[bytes]]
"""By the path of a directory on the way, empty or with `/` at the end: the names in it that were asked for."""


class _OnlyAWalkCanTellError(Exception):
    pass


def look(root: Path, paths: Iterable[str], *, max_file_bytes: int) -> Walk | None:
    """Return what a walk without a limit on files reports of `paths`, or None if only a walk can tell.

    `paths` are relative to `root`, with `/`, in any order; they need not exist, and may be directories, also one within
    another. The answer holds, of all that a walk would report, what lies at, beneath or above one of them: of a path
    below a directory that is left out, the entry of that directory; of one below what is no directory, what that is.

    None is for changes that decide over more than their own path, unless a directory above that is among `paths`:
    rule files; what a checkout's rules are read from (`.git` itself, `.git/info/exclude`, `.git/config`); a name that
    marks the directory that holds it as a tool's (`pyvenv.cfg`) or a `vendor` beside it as others' code (`go.mod`);
    the root itself; and for what can be listed but not entered. Not seen are changes of rules outside the root, in
    git directories by other names or in files that git's configuration names, and that a link's target has come to lie
    outside. Which files a walk returns of more than it may return, only a walk can tell. Raises RootError if the root
    can't be listed.
    """
    wanted = _wanted(paths)
    if wanted is None:
        return None
    if not wanted:
        return Walk((), ())
    try:
        return survey(root, _lister(wanted), max_file_bytes=max_file_bytes)
    except _OnlyAWalkCanTellError:
        return None


def directories(root: Path, paths: Iterable[str] | None = None) -> list[str] | None:
    """Return the directories that a walk enters: "" for the root, and others with `/` at the end.

    With `paths`, only those at, beneath or above one of them, or None when `look` says None. Files aren't looked at.
    Raises RootError if the root can't be listed.
    """
    if paths is None:
        return entered(root, list_all)
    wanted = _wanted(paths)
    if not wanted:
        return None if wanted is None else []
    try:
        return entered(root, _lister(wanted))
    except _OnlyAWalkCanTellError:
        return None


def may_matter(path: str) -> bool:
    """Whether a change at `path` can be one of what a walk says. Most changes in `.git` can't."""
    parts = _parts(path)
    return parts is None or _git_says(parts) in (None, True)


def _wanted(paths: Iterable[str]) -> Wanted | None:
    """Return what to go to in which directory, without paths beneath others; None if only a walk can tell."""
    asked = {_parts(path) for path in paths}
    wanted: Wanted = {}
    for parts in asked:
        if parts is None:
            return None
        if any(parts[:depth] in asked for depth in range(1, len(parts))):
            continue
        if _git_says(parts) or (not _RULES.isdisjoint(parts) and _git_says(parts) is None):
            return None
        for depth, name in enumerate(parts):
            wanted.setdefault(b"".join(part + b"/" for part in parts[:depth]), set()).add(name)
            if name in METADATA:
                break
    return wanted


def _parts(path: str) -> tuple[bytes, ...] | None:
    """Return a path's components, or None if it is the root or climbs out of it."""
    parts = tuple(_encoded(part) for part in path.split("/") if part not in ("", "."))
    return None if not parts or b".." in parts or path.startswith("/") else parts


def _encoded(name: str) -> bytes:
    try:
        return os.fsencode(name)
    except UnicodeEncodeError:
        return b"\0"  # like the name given, one that no file can have


def _git_says(parts: tuple[bytes, ...]) -> bool | None:
    """Return whether a change in version control's own directories may be one of rules; None if it isn't in one.

    Git directories of worktrees and submodules lie within the main one's, by any name.
    """
    at = next((i for i, part in enumerate(parts) if part in METADATA), None)
    if at is None:
        return None
    inside = parts[at + 1 :]
    if parts[at] != b".git" or (inside and inside[0] in _GIT_DATA):
        return False
    if not inside or inside[-1] in _GIT_RULES_AT:
        return True
    if inside[0] == b"modules":
        return not (_GIT_DATA & set(inside) or inside[-1] in _GIT_FILES or inside[-1].endswith(b".lock"))
    return inside[0] == b"worktrees" and len(inside) <= 2


def _lister(wanted: Wanted) -> Lister:
    def listing(reader: RootReader, path: bytes) -> Listing:
        names = wanted.get(path)
        return list_all(reader, path) if names is None else _list_some(reader, path, names)

    return listing


def _list_some(reader: RootReader, path: bytes, names: Collection[bytes]) -> Listing:
    """Look up some names in a directory. What can't be listed fails here as it fails in a walk."""
    there = _Names(reader, path)
    entries: list[Entry] = []
    with reader.directory(path) as directory:
        names = [name for name in names if name not in METADATA]
        if any(bears_on_others(name, path, there) for name in names):
            raise _OnlyAWalkCanTellError
        for name in names:
            status = there.status(directory, name)
            if status is not None:
                entries.append(Entry(name, stat.S_ISDIR(status.st_mode), status))
    return Listing(there, entries, whole=False)


@dataclass(frozen=True, slots=True)
class _Names(Collection[bytes]):
    """The names in a directory: each is looked up when it is asked for, and they are listed only to go through all."""

    reader: RootReader
    path: bytes

    def __contains__(self, name: object) -> bool:
        try:
            with self.reader.directory(self.path) as directory:
                return isinstance(name, bytes) and self.status(directory, name) is not None
        except OSError:  # it was there a moment ago
            raise _OnlyAWalkCanTellError from None

    def __iter__(self) -> Iterator[bytes]:
        return iter(list_all(self.reader, self.path).names)

    def __len__(self) -> int:
        return len(list_all(self.reader, self.path).names)

    def status(self, directory: int, name: bytes) -> os.stat_result | None:
        """Return a name's status, None if no entry is called so."""
        try:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL
            return None
        except OSError:  # it may well be listed
            raise _OnlyAWalkCanTellError from None
        return status if self._is_spelled_so(directory, name, status) else None

    def _is_spelled_so(self, directory: int, name: bytes, status: os.stat_result) -> bool:
        """Whether an entry has this very name: where case doesn't count, a look-up also finds others."""
        other = name.swapcase()
        try:
            if other == name:
                return True
            if not os.path.samestat(os.stat(other, dir_fd=directory, follow_symlinks=False), status):
                return True
        except OSError:
            return True
        return name in list_all(self.reader, self.path).names
