"""What became of the files that were to be read? Unchanged after all, left out, gone, or text to analyse."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from treeseek.errors import UnreadableError
from treeseek.indexing.analyse import FileText
from treeseek.indexing.identity import content_hash
from treeseek.indexing.place import BareFile
from treeseek.indexing.plan import KnownFile, is_racy
from treeseek.model import SourceFile
from treeseek.syntax import detect
from treeseek.workspace import classify

__all__ = ["MAX_FOLLOWED", "Changes", "Reader"]

MAX_FOLLOWED = 500
"""Files in one sync whose declarations are followed: more are a branch switch, and nobody's links follow that."""
HEAD_BYTES = 4096
"""What of a file may decide its language."""


@dataclass(slots=True)
class Changes:
    """What was found of the planned files; filled from several threads, each appending whole entries.

    `touched` are the same bytes with a new stat, to be noted; `settled` likewise, but not worth a commit of their own.
    `analysed` are the paths that get new rows, of which `reused` were known by their content. `pending` differ but
    weren't looked at, for want of time, or got no vectors. `read` has the cause and the size of each file that was.
    """

    touched: list[BareFile] = field(default_factory=list)
    settled: list[BareFile] = field(default_factory=list)
    left_out: list[BareFile] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    analysed: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    read: list[tuple[str, int]] = field(default_factory=list)
    texts: list[FileText] = field(default_factory=list)

    def put_off(self, paths: Collection[str]) -> None:
        """Leave files to the next sync after all: they were read, but got no vectors."""
        late = [path for path in self.analysed if path in paths]
        if late:
            self.pending += late
            self.analysed = [path for path in self.analysed if path not in paths]
            self.reused = [path for path in self.reused if path not in paths]
            self.texts = [text for text in self.texts if text.source.path not in paths]


@dataclass(frozen=True, slots=True)
class Reader:
    """How the files of one sync are read and judged.

    `wanted` are files that the user asked for by name: they are read even if they look generated or minified. `key`
    gives the address of what a content hash and a language give. With `redact`, it is applied to every text before
    anything else sees it; the hashes stay those of the files.
    """

    read: Callable[..., bytes]
    known: Mapping[str, KnownFile]
    wanted: Collection[str]
    max_file_bytes: int
    max_line_bytes: int
    key: Callable[[str, str], bytes]
    changes: Changes
    redact: Callable[[bytes], bytes] | None = None

    def is_doubtful(self, path: str) -> bool:
        """Whether only a look into the file can tell that it is what it was, which it most likely is."""
        before = self.known.get(path)
        return before is not None and before.mtime_ns == 0

    def texts(self, batch: Sequence[SourceFile]) -> Iterator[FileText]:
        """Yield the files of a batch whose rows must be made anew; note all others among the changes."""
        for file in batch:
            read_at = time.time_ns()
            try:
                data = self.read(file.path, max_bytes=self.max_file_bytes)
            except UnreadableError as error:
                self._note_unreadable(file, error.reason)
                continue
            # A stat that can't prove the file unchanged later isn't kept.
            source = SourceFile(file.path, file.size, 0 if is_racy(file, read_at) else file.mtime_ns, file.inode)
            text = self._judged(source, data)
            if text is not None:
                yield text

    def _judged(self, source: SourceFile, data: bytes) -> FileText | None:
        before, changes, digest = self.known.get(source.path), self.changes, content_hash(data)
        if before is not None and before.content_hash == digest:
            self._note_same(source, before, len(data))
            return None
        changes.read.append((_cause(before, "content"), len(data)))
        language = detect(source.path, data[:HEAD_BYTES])
        reason = classify(source.path, data, max_line_bytes=self.max_line_bytes)
        if reason and (reason == "binary" or source.path not in self.wanted):
            changes.left_out.append((source, "skipped", language, reason, digest))
            return None
        changes.analysed.append(source.path)
        shown = data if self.redact is None else self.redact(data)
        text = FileText(source, shown, digest, language, self.key(digest, language))
        if self.known and len(changes.texts) <= MAX_FOLLOWED:
            changes.texts.append(text)
        return text

    def _note_same(self, source: SourceFile, before: KnownFile, size: int) -> None:
        self.changes.read.append((_cause(before, "stat-only"), size))
        row = (source, before.kind, before.language, before.note, before.content_hash)
        if before.mtime_ns:
            self.changes.touched.append(row)
        elif source.mtime_ns:
            self.changes.settled.append(row)

    def _note_unreadable(self, file: SourceFile, reason: str) -> None:
        before = self.known.get(file.path)
        if reason == "vanished":
            self.changes.vanished.append(file.path)
            return
        self.changes.read.append((_cause(before, "content"), 0))
        if before is None or (before.kind, before.note) != ("skipped", reason):
            # Stored with mtime 0: permissions can be mended without a new time stamp, so it is tried again.
            source = SourceFile(file.path, file.size, 0, file.inode)
            self.changes.left_out.append((source, "skipped", "text", reason, ""))


def _cause(before: KnownFile | None, otherwise: str) -> str:
    """Return why a file was looked at: it is new, or last time's look didn't count, or as its stat differs."""
    if before is None:
        return "new"
    if before.mtime_ns == 0 and (otherwise == "stat-only" or not before.content_hash):
        return "retry"
    return otherwise
