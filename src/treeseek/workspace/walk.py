"""The files of a root, and what was left out of them and why.

Ignore rules are applied to what is on disk, as ripgrep does; git's index isn't read. So a file that is
tracked although a pattern ignores it is left out, unless `.treeseekignore` brings it back.

Asked in this order, the first that speaks decides: `.treeseekignore` files, from the deepest up; git's rules
(`.gitignore` from the deepest up to the checkout's top, `.git/info/exclude`, the user's global excludes);
the tables of `exclusions`. A directory that is left out isn't entered. A checkout within the root has rules
of its own, like a submodule; without any checkout, `.gitignore` files count from the root down. Names are
compared as bytes, case and all.

How a directory is listed is left to a `Lister`: the walk lists all of it, `look` only what it was asked for, and the
verdicts are the same.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from treeseek.errors import RootError, UnreadableError
from treeseek.model import Skipped, SourceFile
from treeseek.workspace.checkout import MAX_RULE_BYTES, contents, enclosing_top, standard_excludes
from treeseek.workspace.exclusions import METADATA, content_reason, directory_reason, file_reason
from treeseek.workspace.files import RootReader, open_root
from treeseek.workspace.ignore import Pattern, Scope, decide, parse

__all__ = ["GIT_RULES", "OWN_RULES", "Lister", "Listing", "Walk", "entered", "list_all", "survey", "walk"]

OWN_RULES = ".treeseekignore"
GIT_RULES = ".gitignore"

Verdict = tuple[str, str]
_KEPT: Verdict = ("", "")
_BROUGHT_BACK: Verdict = ("", OWN_RULES)


class Entry(NamedTuple):
    """A name in a directory, and what it was when that was listed: a directory, or a status, or why there is none."""

    name: bytes
    is_dir: bool
    status: os.stat_result | OSError | None


@dataclass(frozen=True, slots=True)
class Listing:
    """A directory's names, and the entries to go through: all, or without `whole` some of them."""

    names: Collection[bytes]
    entries: Sequence[Entry]
    whole: bool = True


Lister = Callable[[RootReader, bytes], Listing]
"""From what reads beneath a root and a directory's path beneath it, empty or with `/` at the end, to its listing.
Raises OSError if it can't be listed."""


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk found, sorted by path. A skipped directory's path ends in `/`; its content isn't listed.

    `brought_back` are the files that a `!` line of a `.treeseekignore` names: they are wanted whatever their
    name or content looks like.
    """

    files: tuple[SourceFile, ...]
    skipped: tuple[Skipped, ...]
    brought_back: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Directory:
    """A directory being walked. `path` and `text` are relative to the root; they are empty or end in `/`."""

    path: bytes
    text: str
    names: Collection[bytes]
    entries: Iterator[tuple[bytes, Entry]]
    own: tuple[Scope, ...]
    git: tuple[Scope, ...]


@dataclass(frozen=True, slots=True)
class _Visit:
    """One way through the tree: where, by what means, and what was left out and entered so far."""

    base: bytes
    reader: RootReader
    lister: Lister
    skipped: list[Skipped] = field(default_factory=list)
    entered: list[str] = field(default_factory=list)


def walk(root: Path, *, max_file_bytes: int, max_files: int) -> Walk:
    """Return the files beneath `root`, which must be absolute and real, and what was left out.

    Reasons: ignored, vendored, cache, binary, lockfile, generated, minified, too-large, symlink,
    symlink-outside, special (FIFO, socket, device), name (not UTF-8), unreadable, too-many (only the first
    `max_files` by path are returned). What vanishes meanwhile is no part of the result. Raises RootError if
    the root can't be listed.
    """
    return survey(root, list_all, max_file_bytes=max_file_bytes, max_files=max_files)


def list_all(reader: RootReader, path: bytes) -> Listing:
    """List a directory, as a walk does. What its entries are is asked at once: later, the path may lead elsewhere."""
    with reader.directory(path) as descriptor, os.scandir(descriptor) as listing:
        entries = [_seen(entry) for entry in listing]
    return Listing(frozenset([entry.name for entry in entries]), entries)


def _seen(entry: os.DirEntry[str]) -> Entry:
    is_dir = entry.is_dir(follow_symlinks=False)
    try:
        return Entry(os.fsencode(entry.name), is_dir, None if is_dir else entry.stat(follow_symlinks=False))
    except OSError as error:
        return Entry(os.fsencode(entry.name), is_dir, error)


def survey(root: Path, lister: Lister, *, max_file_bytes: int, max_files: int | None = None) -> Walk:
    """Return what a walk reports of that part of the tree which the lister lists; see `walk`."""
    files: list[SourceFile] = []
    brought_back: set[str] = set()
    beyond = 0
    with _visiting(root, lister) as (visit, candidates):
        for path, entry, wanted in candidates:
            found = _inspect(visit.base, entry, path, max_file_bytes)
            if isinstance(found, Skipped):
                visit.skipped.append(found)
            elif found is not None and max_files is not None and len(files) >= max_files:
                beyond += 1
            elif found is not None:
                files.append(found)
                if wanted:
                    brought_back.add(path)
    skipped = visit.skipped
    if beyond:
        skipped.append(Skipped("", "too-many", f"{beyond} files beyond the first {max_files}"))
    return Walk(tuple(files), tuple(sorted(skipped, key=lambda left: left.path)), frozenset(brought_back))


def entered(root: Path, lister: Lister) -> list[str]:
    """Return the directories that a walk enters, of those that the lister lists: "" for the root, then `a/`, `a/b/`.

    Raises RootError if the root can't be listed.
    """
    with _visiting(root, lister) as (visit, candidates):
        for _ in candidates:
            pass
    return visit.entered


@contextmanager
def _visiting(root: Path, lister: Lister) -> Iterator[tuple[_Visit, Iterator[tuple[str, Entry, bool]]]]:
    """Hold the root open and yield the visit with its candidates. Raises RootError if the root can't be listed."""
    try:
        with open_root(root) as reader:
            visit = _Visit(os.fsencode(root).rstrip(b"/") + b"/", reader, lister)
            own, git = _rules_above(root)
            top = _enter(visit, b"", "", own, git)
            visit.entered.append("")
            yield visit, _candidates(visit, top)
    except (OSError, UnreadableError) as error:
        raise RootError(f"{root} can't be read: {getattr(error, 'strerror', None) or error}") from None


def _candidates(visit: _Visit, top: _Directory) -> Iterator[tuple[str, Entry, bool]]:
    """Yield what isn't a directory and isn't excluded, by path, and whether it was brought back by name."""
    stack = [top]
    while stack:
        here = stack[-1]
        for key, entry in here.entries:
            if entry.name in METADATA:
                continue
            is_dir = key.endswith(b"/")
            reason, detail = _verdict(here, entry.name, is_dir)
            try:
                path = here.text + key.decode()
            except UnicodeDecodeError:
                path = here.text + key.decode(errors="backslashreplace")
                reason, detail = (reason, detail) if reason else ("name", "not UTF-8")
            if reason:
                visit.skipped.append(Skipped(path, reason, detail))
            elif not is_dir:
                yield path, entry, bool(detail)
            elif inner := _descend(visit, here, key, path, wanted=bool(detail)):
                stack.append(inner)
                break
        else:
            stack.pop()


def _verdict(here: _Directory, name: bytes, is_dir: bool) -> Verdict:
    """Return the reason to leave an entry out and its detail; with no reason, a detail means brought back."""
    path = here.path + name
    if here.own and (decision := decide(here.own, name, path, is_dir=is_dir)):
        return _BROUGHT_BACK if decision[1].negated else ("ignored", _told(*decision))
    if here.git and (decision := decide(here.git, name, path, is_dir=is_dir)) and not decision[1].negated:
        return "ignored", _told(*decision)
    reason = directory_reason(name, here.path, here.names) if is_dir else file_reason(name)
    return (reason, "") if reason else _KEPT


def _told(scope: Scope, pattern: Pattern) -> str:
    return f"{scope.source}: {pattern.text[:200].decode(errors='backslashreplace')}"


def _descend(visit: _Visit, here: _Directory, key: bytes, path: str, *, wanted: bool) -> _Directory | None:
    """Enter a directory, unless it has vanished, can't be read, or holds a tool's mark and isn't `wanted`."""
    try:
        inner = _enter(visit, here.path + key, path, here.own, here.git)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        visit.skipped.append(Skipped(path, "unreadable", error.strerror or ""))
        return None
    reason = "" if wanted else content_reason(key[:-1], inner.names)
    if reason:
        visit.skipped.append(Skipped(path, reason))
        return None
    visit.entered.append(path)
    return inner


def _enter(visit: _Visit, path: bytes, text: str, own: tuple[Scope, ...], git: tuple[Scope, ...]) -> _Directory:
    """List a directory in the order of full paths, and put its own rules before those of its parents."""
    listing = visit.lister(visit.reader, path)
    names = listing.names
    told = visit.skipped if listing.whole else []
    if path and b".git" in names:
        git = _standard_scopes(Path(os.fsdecode(visit.base + path)), skip=len(path))
    if GIT_RULES.encode() in names:
        git = (*_scope(visit.reader, text + GIT_RULES, len(path), told), *git)
    if OWN_RULES.encode() in names:
        own = (*_scope(visit.reader, text + OWN_RULES, len(path), told), *own)
    ordered = sorted((e.name + b"/" if e.is_dir else e.name, e) for e in listing.entries)
    return _Directory(path, text, names, iter(ordered), own, git)


def _scope(reader: RootReader, path: str, skip: int, skipped: list[Skipped]) -> tuple[Scope, ...]:
    """Return the rules of one file in the tree. Like git, follow no link; unlike git, tell of a failure."""
    try:
        rules = parse(reader.read(path, MAX_RULE_BYTES))
    except UnreadableError as error:
        if error.reason not in ("vanished", "symlink", "not-regular"):
            skipped.append(Skipped(path, "unreadable", f"its rules aren't applied: {error.reason}"))
        return ()
    return (Scope(rules, path, skip),) if rules.patterns else ()


def _rules_above(root: Path) -> tuple[tuple[Scope, ...], tuple[Scope, ...]]:
    """Return treeseek's and git's rules from above the root, up to the top of the checkout that it is in."""
    top = enclosing_top(root)
    if top is None:
        return (), ()
    own: list[Scope] = []
    git: list[Scope] = []
    above = [place for place in root.parents if place.is_relative_to(top)]
    for place in above:
        prefix = os.fsencode(root.relative_to(place)) + b"/"
        up = "../" * len(root.relative_to(place).parts)
        for scopes, name in ((own, OWN_RULES), (git, GIT_RULES)):
            if data := contents(place / name):
                scopes.append(Scope(parse(data), up + name, prefix=prefix))
    inside = os.fsencode(root.relative_to(top)) + b"/" if above else b""
    return tuple(own), (*git, *_standard_scopes(top, prefix=inside))


def _standard_scopes(top: Path, *, skip: int = 0, prefix: bytes = b"") -> tuple[Scope, ...]:
    return tuple(Scope(parse(data), name, skip, prefix) for name, data in standard_excludes(top))


def _inspect(base: bytes, entry: Entry, path: str, max_file_bytes: int) -> SourceFile | Skipped | None:
    """Judge what isn't a directory; None if it has vanished."""
    status = entry.status
    if status is None or isinstance(status, FileNotFoundError):
        return None
    if isinstance(status, OSError):
        return Skipped(path, "unreadable", status.strerror or "")
    if stat.S_ISREG(status.st_mode):
        if status.st_size > max_file_bytes:
            return Skipped(path, "too-large", f"{status.st_size} bytes")
        return SourceFile(path, status.st_size, status.st_mtime_ns, status.st_ino)
    if stat.S_ISLNK(status.st_mode):
        # What a link within the root points to is walked in its own place.
        return Skipped(path, "symlink" if _leads_inside(base, path) else "symlink-outside")
    return None if stat.S_ISDIR(status.st_mode) else Skipped(path, "special")


def _leads_inside(base: bytes, path: str) -> bool:
    try:
        return (os.path.realpath(base + os.fsencode(path)) + b"/").startswith(base)
    except OSError:  # it is being replaced
        return False
