"""What must be looked at again? A pure comparison of what the walk found with what the index knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from treeseek.model import SourceFile

__all__ = ["KnownFile", "Plan", "batched", "is_racy", "plan"]

RACY_NS = 100_000_000
"""A file written this shortly before it was read may change again without its time stamp changing: file systems
stamp in steps of some milliseconds. Its row is stored with mtime 0, so that it is hashed again next time."""

BATCH_BYTES = 384 * 1024
BATCH_FILES = 64


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


def plan(found: Sequence[SourceFile], known: Mapping[str, KnownFile]) -> Plan:
    """Compare by (size, mtime, inode). Files whose stat is equal are taken to be unchanged, as git does."""
    read = tuple(file for file in found if not _same_stat(file, known.get(file.path)))
    paths = {file.path for file in found}
    deleted = tuple(sorted(path for path in known if path not in paths))
    return Plan(read, deleted, len(found) - len(read))


def _same_stat(file: SourceFile, known: KnownFile | None) -> bool:
    return known is not None and (file.size, file.mtime_ns, file.inode) == (
        known.size,
        known.mtime_ns,
        known.inode,
    )


def is_racy(file: SourceFile, read_at_ns: int) -> bool:
    """Whether the file was written so shortly before `read_at_ns` that its stat can't prove it unchanged later."""
    return file.mtime_ns > read_at_ns - RACY_NS


def batched(files: Sequence[SourceFile]) -> list[list[SourceFile]]:
    """Cut files, in order, into batches of about BATCH_BYTES and at most BATCH_FILES."""
    batches: list[list[SourceFile]] = []
    size = 0
    for file in files:
        if not batches or size + file.size > BATCH_BYTES or len(batches[-1]) == BATCH_FILES:
            batches.append([])
            size = 0
        batches[-1].append(file)
        size += file.size
    return batches
