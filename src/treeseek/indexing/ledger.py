"""What does the index know of each file? Read from a version once, and kept up to date without reading it again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from treeseek.indexing.plan import KnownFile
from treeseek.model import UnitColumns
from treeseek.store import Manifest, Snapshot, UnitStore

__all__ = ["Ledger", "Page", "known_files", "page_of", "with_rows"]

FILE_KINDS = ("file", "skipped")
"""Kinds of the rows that stand for a file as a whole."""


class Page(NamedTuple):
    """The files that one version knows, by path. Not to be changed; version 0 is that of a store without any.

    `sequence` says which commit it was: the number of a version may be given again after a repair.
    """

    version: int
    sequence: int
    files: Mapping[str, KnownFile]


class Ledger:
    """The page of the last version that was looked at. Threads may share it, and a caller keeps it between syncs.

    Whoever commits turns the page; if another process has, the store's version tells, and the page is read anew.
    """

    def __init__(self) -> None:
        self._latest: tuple[UnitStore, Page] | None = None  # replaced as a whole: no lock is needed

    def page(self, store: UnitStore) -> Page:
        """Return the files of the store's latest version. Raises StoreError if it can't be read."""
        snapshot = store.snapshot()
        latest = self._latest
        # Commits are counted for each generation, and a directory may come to hold another of the same name: what was
        # read through another store says nothing of this one.
        if latest is not None and latest[0] is store and latest[1].sequence == snapshot.sequence:
            return latest[1]
        return self.turn(store, page_of(snapshot, known_files(snapshot.manifest())))

    def turn(self, store: UnitStore, page: Page) -> Page:
        """Keep a page as the store's latest, and return it."""
        self._latest = store, page
        return page


def page_of(snapshot: Snapshot, files: Mapping[str, KnownFile]) -> Page:
    """Return the page of a version that is known to hold these files."""
    return Page(snapshot.version, snapshot.sequence, files)


def known_files(manifest: Manifest) -> dict[str, KnownFile]:
    """Return the manifest as a map by path."""
    rows = zip(
        manifest.path, manifest.kind, manifest.language, manifest.note, manifest.content_hash,
        manifest.size.tolist(), manifest.mtime_ns.tolist(), manifest.inode.tolist(), strict=True,
    )  # fmt: skip
    return {path: KnownFile(*rest) for path, *rest in rows}


def with_rows(
    known: Mapping[str, KnownFile], rows: Sequence[UnitColumns], replaced: Iterable[str]
) -> dict[str, KnownFile]:
    """Return what is known after a commit of `rows`, in which the rows of the `replaced` paths went."""
    after = dict(known)
    for path in replaced:
        after.pop(path, None)
    for part in rows:
        columns = zip(
            part.path, part.kind, part.language, part.note, part.content_hash,
            part.size.tolist(), part.mtime_ns.tolist(), part.inode.tolist(), strict=True,
        )  # fmt: skip
        after |= {path: KnownFile(*rest) for path, *rest in columns if rest[0] in FILE_KINDS}
    return after
