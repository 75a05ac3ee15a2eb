"""What must be looked at again? A pure comparison of what the walk found with what the index knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from treeseek.model import SourceFile

__all__ = ["KnownFile", "Plan", "at_or_beneath", "batched", "by_recency", "is_racy", "plan"]

RACY_NS = 100_000_000
"""A file written this shortly before it was read may change again without its time stamp changing: file systems
stamp in steps of some milliseconds. Its row is stored with mtime 0, so that it is hashed again next time."""

BATCH_BYTES = 384 * 1024
BATCH_FILES = 64
SMALL_BATCH_BYTES = 64 * 1024
SMALL_BATCH_FILES = 8
"""Batches of a sync that must end in time: what is begun is finished, some 20 ms of it."""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What the index remembers of a file: its row's kind and note, its content hash, and its stat."""

    kind: str
    language: str
    note: str
    content_hash: str
    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Plan:
    """`read`: files to read, since they are new or their stat differs; `deleted`: paths that are gone."""

    read: tuple[SourceFile, ...]
    deleted: tuple[str, ...]
    unchanged: int


def plan(found: Sequence[SourceFile], known: Mapping[str, KnownFile], beneath: Collection[str] | None = None) -> Plan:
    """Compare by (size, mtime, inode). Files whose stat is equal are taken to be unchanged, as git does.

    `beneath`: the paths, of files or directories, that `found` is limited to; other known files aren't missed.
    """
    read = tuple([file for file in found if not _same_stat(file, known.get(file.path))])
    expected = known if beneath is None else at_or_beneath(beneath, known)
    paths = {file.path for file in found}
    deleted = tuple(sorted([path for path in expected if path not in paths]))
    return Plan(read, deleted, len(found) - len(read))


def _same_stat(file: SourceFile, known: KnownFile | None) -> bool:
    return (
        known is not None and file.mtime_ns == known.mtime_ns and file.size == known.size and file.inode == known.inode
    )


def at_or_beneath(names: Collection[str], paths: Collection[str]) -> list[str]:
    """Return those of `paths`, a set or a mapping, that are among `names` or lie in a directory that is."""
    names = {name.strip("/") for name in names}
    if names & {"", "."}:
        return list(paths)
    files = [name for name in names if name in paths]
    if len(files) == len(names):  # what was a file has nothing beneath it, and looking for that would take a pass
        return files
    directories = tuple(f"{name}/" for name in names)
    return [path for path in paths if path in names or path.startswith(directories)]


def is_racy(file: SourceFile, read_at_ns: int) -> bool:
    """Whether the file was written so shortly before `read_at_ns` that its stat can't prove it unchanged later."""
    return file.mtime_ns > read_at_ns - RACY_NS


def batched(
    files: Sequence[SourceFile], *, most_bytes: int = BATCH_BYTES, most_files: int = BATCH_FILES
) -> list[list[SourceFile]]:
    """Cut files, in order, into batches of about `most_bytes` and at most `most_files`."""
    batches: list[list[SourceFile]] = []
    size = 0
    for file in files:
        if not batches or size + file.size > most_bytes or len(batches[-1]) == most_files:
            batches.append([])
            size = 0
        batches[-1].append(file)
        size += file.size
    return batches


def by_recency(files: Sequence[SourceFile]) -> list[list[SourceFile]]:
    """Cut files into small batches, those modified last first: where time is short, they are what is asked about."""
    latest_first = sorted(files, key=lambda file: -file.mtime_ns)
    return batched(latest_first, most_bytes=SMALL_BATCH_BYTES, most_files=SMALL_BATCH_FILES)
