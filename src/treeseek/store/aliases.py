"""Which id a declaration has now that had another before: it was renamed, moved, or its anchor was taken.

Beside the units, not among them: what was renamed when is history, which a fresh index doesn't know, and the units
equal those of a fresh index. Losing the file loses old links and nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from treeseek.errors import StoreError

if TYPE_CHECKING:
    import lmdb

__all__ = ["Aliases"]

MAX_BYTES = 1 << 30
"""Room in the address space, not on disk: about ten million aliases."""
MAX_STEPS = 1_000
_opening = threading.Lock()
"""LMDB wants a file opened once in a process, and whoever asks is done in a moment."""


class Aliases:
    """The aliases of one index, in `directory`. One process writes at a time (under the index's lock); any may read."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "aliases"

    def record(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Note that each first id is now the second.

        Raises:
            StoreError: they can't be written.
        """
        renamed = [(bytes.fromhex(old), bytes.fromhex(new)) for old, new in pairs if old != new]
        if not renamed:
            return
        with self._open(readonly=False) as environment, environment.begin(write=True) as transaction:
            for old, new in renamed:
                transaction.delete(new)  # renamed back: it is itself again
                transaction.put(old, new)

    def resolve(self, name: str) -> str:
        """Return the id that `name` has become, by however many steps; `name` itself if nothing is known of it.

        Raises:
            StoreError: the aliases can't be read.
        """
        try:
            at = bytes.fromhex(name)
        except ValueError:
            return name
        if not at or not self._directory.is_dir():
            return name
        with self._open(readonly=True) as environment, environment.begin() as transaction:
            for _ in range(MAX_STEPS):  # there are no circles, but a damaged file may hold anything
                following = transaction.get(at)
                if following is None:
                    break
                at = bytes(following)
        return at.hex()

    @contextmanager
    def _open(self, *, readonly: bool) -> Iterator[lmdb.Environment]:
        import lmdb

        try:
            if not readonly:
                self._directory.mkdir(parents=True, exist_ok=True)
            with _opening, lmdb.open(
                str(self._directory), map_size=MAX_BYTES, readonly=readonly, max_dbs=0, lock=not readonly
            ) as environment:  # fmt: skip
                yield environment
        except (lmdb.Error, OSError) as error:
            raise StoreError(f"can't use the aliases in {self._directory}: {error}; delete it to go on") from error
