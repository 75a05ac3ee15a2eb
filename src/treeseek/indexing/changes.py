"""Which files differ between two revisions, or a revision and the disk, and what changed in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from treeseek import telemetry
from treeseek.errors import UnreadableError, UsageError
from treeseek.indexing.differences import Pair, Version, compared
from treeseek.indexing.trees import Text
from treeseek.model import Difference
from treeseek.syntax import detect
from treeseek.workspace import classify, matcher, open_root, revisions, walk
from treeseek.workspace.exclusions import directory_reason, file_reason
from treeseek.workspace.files import read
from treeseek.workspace.revisions import FileChange, open_repository

if TYPE_CHECKING:
    from treeseek.indexing.trees import Trees
    from treeseek.settings import Settings

__all__ = ["between_files", "between_revisions", "matching"]

SIMILAR = 0.5
"""From this share of bytes in common lines on, a new file is taken for a renamed one, as git does it."""
_MOST_COMPARED = 40_000
"""Among more pairs than this, renamed and edited files aren't looked for: the work grows with the square."""
_GUESSED_BYTES = 16_000
"""What a changed file is taken to hold, when it is decided whether to start worker processes."""

Read = Callable[[str, str], bytes]
"""Returns the bytes of (path, git's id)."""


def between_revisions(
    root: Path, settings: Settings, trees: Trees, old: str, new: str, *, paths: Sequence[str] = (), nodes: bool = False
) -> Difference:
    """Return what changed in `root` from one revision to another, or, if `new` is empty, to the files on disk.

    `old` may be a range, `A..B` or `A...B`, if `new` is empty. `paths` are globs; a renamed file is meant by either
    name.

    Raises UsageError for a revision or glob that can't be read, RootError if there is no repository.
    """
    with telemetry.timed("treeseek_diff_seconds"), ExitStack() as opened:
        repository = opened.enter_context(open_repository(root))
        reader = opened.enter_context(open_root(root))
        limit = settings.max_file_bytes
        read_old: Read = lambda _, blob: repository.read(blob, limit)  # noqa: E731
        read_new = read_old
        left_out: Counter[str] = Counter()
        if ".." in old and not new:
            changes = repository.changed(*repository.trees_of_range(old))
            changes = _without_excluded(changes, left_out)
        elif new:
            changes = repository.changed(repository.tree(old), repository.tree(new))
            changes = _without_excluded(changes, left_out)
        else:
            found = walk(root, max_file_bytes=limit, max_files=settings.max_files)
            changes = repository.changed_since(repository.tree(old), found, reader, limit)
            read_new = lambda path, _: reader.read(path, limit)  # noqa: E731
        is_meant = matching(paths) if paths else lambda _: True
        pairs = [pair for pair in _with_renames(changes, read_old, read_new) if any(map(is_meant, _paths_of(pair)))]
        pairs.sort(key=lambda pair: _paths_of(pair)[-1])
        files = compared(
            _loaded(pairs, read_old, read_new, trees), trees, total_bytes=2 * _GUESSED_BYTES * len(pairs), nodes=nodes
        )
    return Difference(old, new, tuple(files), dict(left_out))


def between_files(root: Path, settings: Settings, trees: Trees, old: Path, new: Path, *, nodes: bool) -> Difference:
    """Return what changed from one file to another; paths are told relative to `root` where they lie beneath it.

    Raises UnreadableError.
    """
    names = [_told(root, path) for path in (old, new)]
    before, after = (
        _judged(name, read(path.parent, path.name, max_bytes=settings.max_file_bytes), trees)
        for name, path in zip(names, (old, new), strict=True)
    )
    if before.text.digest == after.text.digest:
        return Difference(names[0], names[1], ())
    files = compared([Pair("modified", before, after)], trees, total_bytes=0, nodes=nodes)
    return Difference(names[0], names[1], tuple(files))


def _told(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _without_excluded(changes: Sequence[FileChange], left_out: Counter[str]) -> list[FileChange]:
    """Leave out what a walk would by its name, and count that. Ignore files of old revisions aren't applied."""
    kept = []
    for change in changes:
        path = (change.new or change.old or ("",))[0]
        reason = _excluded(path)
        if reason:
            left_out[reason] += 1
        else:
            kept.append(change)
    return kept


def _excluded(path: str) -> str:
    *directories, name = path.encode().split(b"/")
    parent = b""
    for directory in directories:
        if reason := directory_reason(directory, parent, ()):
            return reason
        parent += directory + b"/"
    return file_reason(name)


# -- which file was which ------------------------------------------------------------------------------------------


def _with_renames(changes: Sequence[FileChange], read_old: Read, read_new: Read) -> list[FileChange]:
    """Join removed files with new ones that are the same, or nearly so."""
    gone = {change.old.path: change.old.blob for change in changes if change.old and not change.new}
    come = {change.new.path: change.new.blob for change in changes if change.new and not change.old}
    partners = _same(gone, come)
    rest_gone = [path for path in gone if path not in set(partners.values())]
    rest_come = [path for path in come if path not in partners]
    if 0 < len(rest_gone) * len(rest_come) <= _MOST_COMPARED:
        ours = {path: lines for path in rest_gone if (lines := _line_sizes(path, gone[path], read_old))}
        theirs = {path: lines for path in rest_come if (lines := _line_sizes(path, come[path], read_new))}
        partners |= _similar(ours, theirs)
    taken = set(partners.values())
    old_of = {change.old.path: change.old for change in changes if change.old}
    joined = []
    for change in changes:
        if change.old and not change.new and change.old.path in taken:
            continue
        is_renamed = change.new is not None and change.new.path in partners and not change.old
        joined.append(
            FileChange(old_of[partners[change.new.path]], change.new) if change.new and is_renamed else change
        )
    return joined


def _same(gone: dict[str, str], come: dict[str, str]) -> dict[str, str]:
    """Return for new paths the old ones of the same bytes, preferably of the same name."""
    by_blob: dict[str, list[str]] = {}
    for path, blob in gone.items():
        by_blob.setdefault(blob, []).append(path)
    partners = {}
    for path, blob in come.items():
        waiting = by_blob.get(blob)
        if waiting:
            same_name = [old for old in waiting if old.rpartition("/")[2] == path.rpartition("/")[2]]
            partners[path] = (same_name or waiting)[0]
            waiting.remove(partners[path])
    return partners


def _line_sizes(path: str, blob: str, read_bytes: Read) -> Counter[bytes]:
    """Return how many bytes there are of each line of a text; nothing of what can't be read or is binary."""
    try:
        data = read_bytes(path, blob)
    except UnreadableError:
        return Counter()
    if classify(path, data) == "binary":
        return Counter()
    sizes: Counter[bytes] = Counter()
    for line in data.split(b"\n"):
        sizes[line] += len(line) + 1
    return sizes


def _similar(ours: dict[str, Counter[bytes]], theirs: dict[str, Counter[bytes]]) -> dict[str, str]:
    """Return for new paths the old ones whose lines are most like theirs."""
    old_sizes, new_sizes = ({path: lines.total() for path, lines in side.items()} for side in (ours, theirs))
    scored = []
    for new, lines in theirs.items():
        for old, before in ours.items():
            larger, smaller = max(new_sizes[new], old_sizes[old]), min(new_sizes[new], old_sizes[old])
            if smaller >= SIMILAR * larger and (share := (lines & before).total() / larger) >= SIMILAR:
                scored.append((-share, new, old))
    partners: dict[str, str] = {}
    taken: set[str] = set()
    for _, new, old in sorted(scored):
        if new not in partners and old not in taken:
            partners[new] = old
            taken.add(old)
    return partners


def matching(globs: Collection[str]) -> Callable[[str], bool]:
    """Return what tells whether a path is meant by one of the globs. Raises UsageError for one that can't be read."""
    try:
        return matcher(list(globs))
    except ValueError as error:
        raise UsageError(f"a glob can't be read: {error}") from error


def _paths_of(change: FileChange) -> list[str]:
    return [version.path for version in change if version]


# -- reading -------------------------------------------------------------------------------------------------------


def _loaded(changes: Sequence[FileChange], read_old: Read, read_new: Read, trees: Trees) -> Iterator[Pair]:
    """Yield the changes with their texts."""
    for old, new in changes:
        status = "added" if old is None else "removed" if new is None else "modified"
        if old and new and old.path != new.path:
            status = "renamed"
        yield Pair(status, old and _version(old, read_old, trees), new and _version(new, read_new, trees))


def _version(revision: revisions.Version, read_bytes: Read, trees: Trees) -> Version:
    """Return the text of a file, or the reason for which there is none."""
    try:
        return _judged(revision.path, read_bytes(*revision), trees)
    except UnreadableError as error:
        return Version(Text(revision.path, b"", detect(revision.path, b""), revision.blob), error.reason)


def _judged(path: str, data: bytes, trees: Trees) -> Version:
    return Version(trees.text_of(path, data), classify(path, data))
