"""Which id has a declaration now that had another before: it was renamed, moved, or its anchor was taken?

Beside the units, not among them: what was renamed when is history, which a fresh index doesn't know, and the units
equal those of a fresh index. Losing the file loses old links and nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from pathlib import Path

from treeseek.store import log
from treeseek.store.durable import replace_durably
from treeseek.store.faults import as_store_error

__all__ = ["ALIASES", "Aliases"]

ALIASES = "aliases.log"
MAX_STEPS = 1_000
"""There are no circles, but a damaged file may hold anything."""
MAX_BYTES = 64 << 10
"""A larger file is rewritten if most of it says what is no longer so."""
_PAIR_BYTES = 50


class Aliases:
    """The aliases of one index, in `directory`. One process writes at a time (under the index's lock); any may read."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / ALIASES
        self._lock = threading.Lock()
        self._followed = log.Followed(self.path)
        self._renamed: dict[str, str] = {}
        self._damaged = 0
        self._is_torn = False

    def record(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Note that each first id is now the second.

        Raises:
            StoreError: they can't be written.
        """
        renamed = [(old, new) for old, new in pairs if old != new]
        if not renamed:
            return
        with as_store_error(f"can't write {self.path}"):
            self._current()
            if self._is_torn:
                log.truncate(self.path, self._followed.end)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            log.append(self.path, [" ".join(f"{old}:{new}" for old, new in renamed).encode()])
            if self.path.stat().st_size > max(MAX_BYTES, 3 * _PAIR_BYTES * len(self._current())):
                self.rewrite()

    def resolve(self, name: str) -> str:
        """Return the id that `name` has become, by however many steps; `name` itself if nothing is known of it.

        Raises:
            StoreError: the aliases can't be read.
        """
        renamed = self._current()
        for _ in range(MAX_STEPS):
            following = renamed.get(name)
            if following is None:
                break
            name = following
        return name

    def damage(self) -> tuple[int, bool]:
        """Return how many entries are damaged, and whether the last one is unfinished. Raises StoreError."""
        self._current()
        return self._damaged, self._is_torn

    def prune(self, units: Collection[str], most_bytes: int) -> bool:
        """Let go, if the file has more bytes, of aliases that lead to none of these units; return whether it was done.

        The youngest of them stay, in half of the room: a branch that is left may be come back to. Raises StoreError.
        """
        try:
            size = self.path.stat().st_size
        except OSError:
            return False
        if size <= most_bytes:
            return False
        renamed = self._current()
        ends = {old: self.resolve(old) for old in renamed}
        lost = [old for old, end in ends.items() if end not in units]
        gone = set(lost[: max(len(lost) - most_bytes // 2 // _PAIR_BYTES, 0)])
        if not gone:
            return False
        with as_store_error(f"can't write {self.path}"):
            pairs = (f"{old}:{new}".encode() for old, new in renamed.items() if old not in gone)
            replace_durably(self.path, log.rewritten(pairs))
        return True

    def rewrite(self) -> None:
        """Write anew what is sound and still so. Raises OSError, StoreError."""
        pairs = self._current().items()
        replace_durably(self.path, log.rewritten(f"{old}:{new}".encode() for old, new in pairs))

    def _current(self) -> dict[str, str]:
        """Return what the file says, of which only what is new is read."""
        with self._lock:
            with as_store_error(f"can't read {self.path}"):
                news = self._followed.news()
            if news is not None:
                found, is_all = news
                if is_all:
                    self._renamed, self._damaged = {}, 0
                _replay(found.texts, self._renamed)
                self._damaged, self._is_torn = self._damaged + len(found.damaged), found.is_torn
            return self._renamed


def _replay(texts: Iterable[bytes], renamed: dict[str, str]) -> None:
    for text in texts:
        for pair in text.decode("ascii", "replace").split():
            old, _, new = pair.partition(":")
            renamed.pop(new, None)  # renamed back: it is itself again
            renamed[old] = new
