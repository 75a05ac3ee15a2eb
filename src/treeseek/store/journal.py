"""Which version is committed, and of which files does it consist? The journal of one generation.

An entry is written after a version's files are hashed and synced to disk, and only then is the version committed: it
is opened by the number in the journal's last entry, never as Lance's latest. An entry says which files came and went,
so that the entries together list every file that belongs to the table, with its size and hash.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from treeseek.errors import FormatError, StoreCorruptError, TreeseekError
from treeseek.store import log
from treeseek.store.durable import replace_durably
from treeseek.store.steps import reached

__all__ = ["Entry", "FileState", "Journal"]

JOURNAL = "journal"
FORMAT = 1

MAX_ENTRIES, MAX_BYTES = 512, 96 << 10
"""From so many entries on, or of so many bytes, the journal is rewritten with one for the oldest of them."""
KEPT_ENTRIES, KEPT_BYTES = 64, 32 << 10
"""How many of the last entries stay as they are: readers learn from them which paths changed since their version."""
MAX_PATHS = 2_000
"""A commit of more paths doesn't list them: who reads after it reads everything."""

FileState = tuple[int, str]
"""Size in bytes and BLAKE2b hash of a file."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One committed version. `sequence` counts entries and never repeats; the number of a version may, after a repair.

    `kind`: "commit" (rows changed), "index", "compact", "clean", "migrate", "repair". `rows`: how many the table then
    holds. `added` and `removed`: files of the table, relative to it. `paths`: those whose chunks may differ from the
    version before, or None for too many to list. `base`: what came before this entry doesn't count (the first one,
    or one that sums up others).
    """

    version: int
    kind: str
    rows: int
    added: Mapping[str, FileState] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    paths: tuple[str, ...] | None = ()
    base: bool = False
    sequence: int = 0

    def text(self) -> bytes:
        """Return the entry as it is written."""
        document: dict[str, Any] = {"format": FORMAT, "sequence": self.sequence, "version": self.version}
        document |= {"kind": self.kind, "rows": self.rows}
        document |= {"added": {name: list(state) for name, state in self.added.items()}} if self.added else {}
        document |= {"removed": list(self.removed)} if self.removed else {}
        document |= {"paths": None if self.paths is None else list(self.paths)} if self.paths != () else {}
        document |= {"base": True} if self.base else {}
        return json.dumps(document, separators=(",", ":")).encode()


def _entry(text: bytes, where: Path) -> Entry:
    try:
        document = json.loads(text)
        if document["format"] > FORMAT:
            raise FormatError(f"{where} has format {document['format']}, newer than {FORMAT}: upgrade treeseek")
        paths = document.get("paths", ())
        return Entry(
            version=int(document["version"]),
            kind=str(document["kind"]),
            rows=int(document["rows"]),
            added={name: (int(size), str(digest)) for name, (size, digest) in document.get("added", {}).items()},
            removed=tuple(document.get("removed", ())),
            paths=None if paths is None else tuple(paths),
            base=bool(document.get("base", False)),
            sequence=int(document["sequence"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StoreCorruptError(f"{where} holds an entry that isn't one: `treeseek repair` mends it") from error


class Journal:
    """The journal of a generation. Threads share it; processes read it while one of them, under the lock, writes it."""

    def __init__(self, generation: Path) -> None:
        self.path = generation / JOURNAL
        self._lock = threading.Lock()
        self._followed = log.Followed(self.path)
        self._least_bytes = 0
        self._entries: list[Entry] = []
        self._damaged: tuple[int, ...] = ()
        self._is_torn = False

    def exists(self) -> bool:
        """Whether there is one; generations of the first format have none."""
        return self.path.is_file()

    def last(self) -> Entry | None:
        """Return the entry of the committed version; None if nothing is committed.

        A damaged entry at the end doesn't count: the version before it is the last good one.
        Raises StoreCorruptError if the journal can't be read, FormatError if a newer treeseek wrote it.
        """
        entries = self.entries()
        return entries[-1] if entries else None

    def entries(self) -> list[Entry]:
        """Return all sound entries, oldest first. What was read before isn't read again. Raises like `last`."""
        with self._lock:
            try:
                self._catch_up()
            except OSError as error:
                raise StoreCorruptError(f"can't read {self.path}: {error.strerror or error}") from error
            return list(self._entries)

    def _catch_up(self) -> None:
        news = self._followed.news()
        if news is None:
            return
        found, is_all = news
        if is_all:
            self._entries, self._damaged = [], ()
        lines = len(self._entries) + len(self._damaged)
        try:
            self._entries += [_entry(text, self.path) for text in found.texts]
        except TreeseekError:
            self._followed = log.Followed(self.path)  # whoever asks next is to be told the same
            raise
        self._damaged += tuple(lines + number for number in found.damaged)
        self._is_torn = found.is_torn

    def damage(self) -> tuple[tuple[int, ...], bool]:
        """Return the numbers of damaged lines, from 0, and whether the last one is unfinished. Raises like `last`."""
        self.entries()
        return self._damaged, self._is_torn

    def files(self) -> dict[str, FileState]:
        """Return every file that belongs to the table now, with its state. Raises like `last`."""
        return files_of(self.entries())

    def is_whole(self) -> bool:
        """Whether no line before the last sound one is damaged, so that `files` tells all. Raises like `last`."""
        sound = len(self.entries())
        return not any(number < sound for number in self._damaged)

    def paths_between(self, older: int, newer: int) -> frozenset[str] | None:
        """Return the paths whose rows may differ between two entries, given by sequence; None if that isn't known."""
        changed = self._between(older, newer)
        if changed is None or any(entry.paths is None or entry.base for entry in changed):
            return None
        return frozenset(path for entry in changed for path in entry.paths or ())

    def has_moved_rows(self, older: int, newer: int) -> bool:
        """Whether rows may have other addresses after the second entry than after the first one."""
        changed = self._between(older, newer)
        return changed is None or any(entry.kind not in ("commit", "index", "clean") for entry in changed)

    def _between(self, older: int, newer: int) -> list[Entry] | None:
        """Return the entries after `older` up to `newer`; None if not all of them are there."""
        changed = [entry for entry in self.entries() if older < entry.sequence <= newer]
        return changed if len(changed) == newer - older else None

    def append(self, entry: Entry) -> None:
        """Commit a version. Raises OSError; then it isn't committed. The caller holds the writer's lock."""
        last = self.last()
        too_many = entry.paths is not None and len(entry.paths) > MAX_PATHS
        entry = replace(
            entry,
            paths=None if too_many else entry.paths,
            base=last is None,
            sequence=1 if last is None else last.sequence + 1,
        )
        if last is None:
            self.rewrite([entry])
            return
        self.mend_tail()
        if self._damaged and self.is_whole():
            self.rewrite(self._entries)  # or what is now the end would come to lie in the middle
        log.append(self.path, [entry.text()])
        if len(self._entries) >= MAX_ENTRIES or self._followed.size >= max(MAX_BYTES, 2 * self._least_bytes):
            self.checkpoint()

    def mend_tail(self) -> bytes:
        """Cut off an unfinished line, which a crash left; return it. Raises OSError."""
        with self._lock:
            self._catch_up()
            if not self._is_torn:
                return b""
            rest = log.truncate(self.path, self._followed.end)
            self._is_torn = False
            return rest

    def checkpoint(self) -> None:
        """Sum up the oldest entries in one. Raises OSError."""
        entries = self.entries()
        kept = _last(entries)
        old = entries[: len(entries) - kept]
        if old:
            self.rewrite([replace(old[-1], added=files_of(old), removed=(), base=True), *entries[len(old) :]])

    def rewrite(self, entries: Iterable[Entry]) -> None:
        """Put these entries in place of all others, in one step. Raises OSError."""
        data = log.rewritten(entry.text() for entry in entries)
        reached("checkpoint.written")
        replace_durably(self.path, data)
        self._least_bytes = len(data)
        reached("checkpoint.renamed")


def _last(entries: Sequence[Entry]) -> int:
    """Return how many of the last entries stay as they are: one at least, and no more than there is room for."""
    kept = nbytes = 0
    for entry in reversed(entries[-KEPT_ENTRIES:]):
        nbytes += len(entry.text())
        if kept and nbytes > KEPT_BYTES:
            break
        kept += 1
    return kept


def files_of(entries: Iterable[Entry]) -> dict[str, FileState]:
    """Return the files that a sequence of entries, from its base on, leaves in the table."""
    files: dict[str, FileState] = {}
    for entry in entries:
        if entry.base:
            files = {}
        for name in entry.removed:
            files.pop(name, None)
        files |= entry.added
    return files
