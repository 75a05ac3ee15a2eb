"""The files of a root, and what was left out of them and why.

Ignore rules are applied to what is on disk, as ripgrep does; git's index isn't read. So a file that is
tracked although a pattern ignores it is left out, unless `.treeseekignore` brings it back.

Asked in this order, the first that speaks decides: `.treeseekignore` files, from the deepest up; git's rules
(`.gitignore` from the deepest up to the checkout's top, `.git/info/exclude`, the user's global excludes);
the tables of `exclusions`. A directory that is left out isn't entered. A checkout within the root has rules
of its own, like a submodule; without any checkout, `.gitignore` files count from the root down. Names are
compared as bytes, case and all.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from treeseek.errors import RootError, UnreadableError
from treeseek.model import Skipped, SourceFile
from treeseek.workspace.checkout import MAX_RULE_BYTES, contents, enclosing_top, standard_excludes
from treeseek.workspace.exclusions import METADATA, content_reason, directory_reason, file_reason
from treeseek.workspace.files import RootReader, open_root
from treeseek.workspace.ignore import Pattern, Scope, decide, parse

__all__ = ["Walk", "repository_of", "resolve_root", "walk"]

OWN_RULES = ".treeseekignore"
GIT_RULES = ".gitignore"

Entry = os.DirEntry[bytes]
Verdict = tuple[str, str]
_KEPT: Verdict = ("", "")
_BROUGHT_BACK: Verdict = ("", OWN_RULES)


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
    names: frozenset[bytes]
    entries: Iterator[tuple[bytes, Entry]]
    own: tuple[Scope, ...]
    git: tuple[Scope, ...]


def resolve_root(path: str | Path, *, force: bool = False) -> Path:
    """Return the absolute, real path of a directory that may be a root.

    Raises RootError if it doesn't exist, isn't a directory, can't be listed or entered, or is `/` or the home
    directory and `force` is false.
    """
    try:
        root = Path(path).resolve(strict=True)
        status = root.stat()
    except FileNotFoundError:
        raise RootError(f"{path} does not exist") from None
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a loop of links; ValueError: a NUL
        reason = error.strerror if isinstance(error, OSError) else error
        raise RootError(f"{str(path)!r} can't be a root: {reason}") from None
    if not stat.S_ISDIR(status.st_mode):
        raise RootError(f"{path} is not a directory; name the directory that holds it")
    if not os.access(root, os.R_OK | os.X_OK):
        raise RootError(f"{path} can't be read: you lack permission to list or enter it")
    if not force and _is_refused(root):
        raise RootError(f"{root} is {'the home directory' if root.parent != root else 'all of the disk'}; "
                        "name a project in it")  # fmt: skip
    return root


def repository_of(path: Path) -> Path:
    """Return the top of the checkout that holds `path`, or `path` itself.

    A checkout of the home directory or of `/`, where people keep their configuration, doesn't count.
    """
    top = enclosing_top(path)
    return path if top is None or _is_refused(top) else top


def _is_refused(root: Path) -> bool:
    try:
        home = Path.home().resolve()
    except (OSError, RuntimeError):
        return root.parent == root
    return root in (home, Path(root.anchor))


def walk(root: Path, *, max_file_bytes: int, max_files: int) -> Walk:
    """Return the files beneath `root`, which must be absolute and real, and what was left out.

    Reasons: ignored, vendored, cache, binary, lockfile, generated, minified, too-large, symlink,
    symlink-outside, special (FIFO, socket, device), name (not UTF-8), unreadable, too-many (only the first
    `max_files` by path are returned). What vanishes meanwhile is no part of the result. Raises RootError if
    the root can't be listed.
    """
    files: list[SourceFile] = []
    skipped: list[Skipped] = []
    brought_back: set[str] = set()
    beyond = 0
    base = os.fsencode(root).rstrip(b"/") + b"/"
    try:
        with open_root(root) as reader:
            own, git = _rules_above(root)
            top = _enter(reader, base, b"", "", own, git, skipped)
            for path, entry, wanted in _candidates(reader, base, top, skipped):
                found = _inspect(base, entry, path, max_file_bytes)
                if isinstance(found, Skipped):
                    skipped.append(found)
                elif found is not None and len(files) >= max_files:
                    beyond += 1
                elif found is not None:
                    files.append(found)
                    if wanted:
                        brought_back.add(path)
    except (OSError, UnreadableError) as error:
        raise RootError(f"{root} can't be read: {getattr(error, 'strerror', None) or error}") from None
    if beyond:
        skipped.append(Skipped("", "too-many", f"{beyond} files beyond the first {max_files}"))
    return Walk(tuple(files), tuple(sorted(skipped, key=lambda left: left.path)), frozenset(brought_back))


def _candidates(
    reader: RootReader, base: bytes, top: _Directory, skipped: list[Skipped]
) -> Iterator[tuple[str, Entry, bool]]:
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
                skipped.append(Skipped(path, reason, detail))
            elif not is_dir:
                yield path, entry, bool(detail)
            elif inner := _descend(reader, base, here, key, path, skipped, wanted=bool(detail)):
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


def _descend(
    reader: RootReader,
    base: bytes,
    here: _Directory,
    key: bytes,
    path: str,
    skipped: list[Skipped],
    *,
    wanted: bool,
) -> _Directory | None:
    """Enter a directory, unless it has vanished, can't be read, or holds a tool's mark and isn't `wanted`."""
    try:
        inner = _enter(reader, base, here.path + key, path, here.own, here.git, skipped)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        skipped.append(Skipped(path, "unreadable", error.strerror or ""))
        return None
    reason = "" if wanted else content_reason(key[:-1], inner.names)
    if reason:
        skipped.append(Skipped(path, reason))
    return None if reason else inner


def _enter(
    reader: RootReader, base: bytes, path: bytes, text: str, own: tuple[Scope, ...], git: tuple[Scope, ...],
    skipped: list[Skipped],
) -> _Directory:  # fmt: skip
    """List a directory in the order of full paths, and put its own rules before those of its parents."""
    with os.scandir((base + path).rstrip(b"/") or b"/") as listing:
        entries = list(listing)
    names = frozenset([entry.name for entry in entries])
    if path and b".git" in names:
        git = _standard_scopes(Path(os.fsdecode(base + path)), skip=len(path))
    if GIT_RULES.encode() in names:
        git = (*_scope(reader, text + GIT_RULES, len(path), skipped), *git)
    if OWN_RULES.encode() in names:
        own = (*_scope(reader, text + OWN_RULES, len(path), skipped), *own)
    ordered = sorted((e.name + b"/" if e.is_dir(follow_symlinks=False) else e.name, e) for e in entries)
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
    """Look at what isn't a directory; None if it has vanished."""
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Skipped(path, "unreadable", error.strerror or "")
    if stat.S_ISREG(status.st_mode):
        if status.st_size > max_file_bytes:
            return Skipped(path, "too-large", f"{status.st_size} bytes")
        return SourceFile(path, status.st_size, status.st_mtime_ns, status.st_ino)
    if stat.S_ISLNK(status.st_mode):
        # What a link within the root points to is walked in its own place.
        inside = (os.path.realpath(entry.path) + b"/").startswith(base)
        return Skipped(path, "symlink" if inside else "symlink-outside")
    return None if stat.S_ISDIR(status.st_mode) else Skipped(path, "special")
