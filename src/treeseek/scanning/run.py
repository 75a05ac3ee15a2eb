"""A scan from end to end: which contents, what is in them, what of it is news.

Of a root every text that the walk finds is looked into, with what an index leaves out as generated, minified or a lock
file: it is published like the rest, and bundles and lock files are where tokens get stuck. What is ignored, vendored or
a tool's cache isn't. Of a history every content is looked into once, whatever the ignore rules say now, but for names
of binaries.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from treeseek.errors import UnreadableError, UsageError
from treeseek.safety.baseline import Baseline, read_baseline, write_baseline
from treeseek.safety.rules import KINDS, TIERS
from treeseek.scanning.judge import Content, Judge, is_binary
from treeseek.scanning.pool import judged
from treeseek.scanning.report import Place, ScanReport
from treeseek.settings import Settings
from treeseek.workspace import matcher, open_root, walk
from treeseek.workspace.exclusions import file_reason
from treeseek.workspace.history import brought
from treeseek.workspace.revisions import open_repository

__all__ = ["MAX_FILE_BYTES", "ScanOptions", "scan"]

MAX_FILE_BYTES = 64 << 20
_ALL_THE_SAME = ("generated", "minified", "lockfile")
"""Why an index leaves out a file that is looked into here."""
_UNKNOWN_BYTES = 1 << 40
"""A history is taken to be large."""


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """What to look for, where, and what is known.

    `history` is None for the files on disk, "" for all that all commits hold, or a revision or range. `files` are paths
    relative to the root that are meant instead of all; `exclude` are globs. `without` names rules that don't count.
    """

    tier: str = "medium"
    pii: bool = False
    history: str | None = None
    files: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    baseline: Path | None = None
    write_baseline: Path | None = None


@dataclass(slots=True)
class _Tally:
    """What was looked at so far."""

    files: int
    bytes_read: int
    left_out: Counter[str]

    def took(self, content: Content) -> Content:
        self.files += 1
        self.bytes_read += len(content.data)
        return content


def scan(root: Path, settings: Settings, options: ScanOptions = ScanOptions()) -> ScanReport:
    """Return what is found beneath `root`, which is absolute and real.

    Raises UsageError for options that can't be, RootError if the root or its history can't be read, WorkerError.
    """
    started = time.monotonic()
    if options.tier not in TIERS:
        raise UsageError(f"{options.tier!r} is no tier; there are {', '.join(TIERS)}")
    known = Baseline() if options.baseline is None else read_baseline(options.baseline)
    judge = Judge(options.tier, KINDS if options.pii else KINDS[:1], known.key)
    tally = _Tally(0, 0, Counter())
    contents, total = _contents(root, settings, options, tally)
    found: list[Place] = []
    allowed = 0
    for one in judged(contents, judge, settings.workers, total):
        found += one.places
        allowed += one.allowed
    found = [place for place in found if place.rule not in options.without]
    found.sort(key=lambda place: (place.path, place.commit, place.start_byte))
    if options.write_baseline is not None:
        write_baseline(options.write_baseline, known.key, map(_entry, found))
    new = [place for place in found if place.fingerprint not in known.known]
    return ScanReport(
        str(root), tuple(new), tally.files, tally.bytes_read, len(found) - len(new), allowed,
        time.monotonic() - started, dict(tally.left_out.most_common()),
    )  # fmt: skip


def _entry(place: Place) -> dict[str, object]:
    return {"fingerprint": place.fingerprint, "rule": place.rule, "path": place.path, "line": place.line}


def _contents(root: Path, settings: Settings, options: ScanOptions, tally: _Tally) -> tuple[Iterator[Content], int]:
    """Return what to look into, and about how many bytes that will be."""
    is_excluded = _matching(options.exclude)
    if options.history is not None:
        if options.files is not None:
            raise UsageError("files are scanned as they are; --history scans commits")
        return _history(root, options.history, is_excluded, tally), _UNKNOWN_BYTES
    if options.files is not None:
        named = [path for path in options.files if not is_excluded(path)]
        return _files(root, named, tally), len(named) * (64 << 10)
    found = walk(root, max_file_bytes=MAX_FILE_BYTES, max_files=settings.max_files)
    paths = [file.path for file in found.files if not is_excluded(file.path)]
    for left in found.skipped:
        if left.reason in _ALL_THE_SAME and not left.path.endswith("/"):
            if not is_excluded(left.path):
                paths.append(left.path)
        else:
            tally.left_out[left.reason] += 1
    return _files(root, sorted(paths), tally), sum(file.size for file in found.files)


def _matching(globs: Sequence[str]) -> Callable[[str], bool]:
    try:
        return matcher(list(globs)) if globs else lambda _: False
    except ValueError as error:
        raise UsageError(f"a glob can't be read: {error}") from error


def _files(root: Path, paths: Iterable[str], tally: _Tally) -> Iterator[Content]:
    with open_root(root) as reader:
        for path in paths:
            try:
                data = reader.read(path, MAX_FILE_BYTES)
            except UnreadableError as error:
                tally.left_out[error.reason] += 1
                continue
            if is_binary(data):
                tally.left_out["binary"] += 1
            else:
                yield tally.took(Content(path, data))


def _history(root: Path, span: str, is_excluded: Callable[[str], bool], tally: _Tally) -> Iterator[Content]:
    with open_repository(root) as repository:
        for path, blob, commit in brought(repository, span):
            if is_excluded(path):
                continue
            if file_reason(path.rpartition("/")[2].encode()) == "binary":
                tally.left_out["binary"] += 1
                continue
            try:
                data = repository.read(blob, MAX_FILE_BYTES)
            except UnreadableError as error:
                tally.left_out[error.reason] += 1
                continue
            if is_binary(data):
                tally.left_out["binary"] += 1
            else:
                yield tally.took(Content(path, data, blob, commit))
