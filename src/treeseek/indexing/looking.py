"""What is there to do? A root compared with its index by stat alone: no lock, no bytes of files, nothing written."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from treeseek import telemetry
from treeseek.indexing.ledger import Ledger, Page, known_files
from treeseek.indexing.plan import Plan, plan
from treeseek.indexing.reading import Changes
from treeseek.indexing.reports import Done, report_of
from treeseek.model import Skipped, SyncReport
from treeseek.settings import Settings
from treeseek.store import Manifest, UnitStore
from treeseek.workspace import Walk, walk

__all__ = ["Look", "left_out", "look_again", "look_at", "pending", "unchanged", "without"]

STALE_SECONDS = 1.0
"""A walk that is older than this when the index may be written was overtaken by waiting: it is done again."""


@dataclass(frozen=True, slots=True)
class Look:
    """A root compared with what a version of its index knows.

    `beneath` are the paths that it is limited to, if it is; `is_given` tells that the walk was the caller's, who alone
    can do it again. It was taken at `at` (on the monotonic clock), in `seconds`.
    """

    store: UnitStore
    found: Walk
    page: Page
    todo: Plan
    beneath: Collection[str] | None
    is_given: bool
    at: float
    seconds: float


def look_at(
    root: Path,
    store: UnitStore,
    settings: Settings,
    *,
    ledger: Ledger | None = None,
    found: Walk | None = None,
    beneath: Collection[str] | None = None,
    fresh: bool = False,
) -> Look:
    """Walk the root and compare it with the index.

    `found` spares the walk. With `beneath`, relative paths of files or directories, it holds only what is at or beneath
    them, and nothing else is compared. A `ledger` that is kept between syncs spares reading what the index knows;
    `fresh` says that it knows nothing: the store has no version yet. Raises RootError, StoreError.
    """
    started = time.monotonic()
    walked = found or walk(root, max_file_bytes=settings.max_file_bytes, max_files=settings.max_files)
    walked = without(walked, root, store)
    at = time.monotonic()
    page = Page(0, 0, {}) if fresh else (ledger or Ledger()).page(store)
    todo = plan(walked.files, page.files, beneath)
    seconds = time.monotonic() - started
    telemetry.observe("treeseek_look_seconds", seconds, scope="all" if beneath is None else "hints")
    return Look(store, walked, page, todo, beneath, found is not None, at, seconds)


def look_again(look: Look, root: Path, store: UnitStore, settings: Settings, ledger: Ledger) -> Look:
    """Return a look that still holds for the writer of `store`: the same, unless somebody wrote or waited meanwhile."""
    is_known = look.store is store and store.snapshot().sequence == look.page.sequence
    if is_known and (look.is_given or time.monotonic() - look.at < STALE_SECONDS):
        return look
    found = look.found if look.is_given else None
    return look_at(root, store, settings, ledger=ledger, found=found, beneath=look.beneath)


def unchanged(look: Look) -> SyncReport | None:
    """Return a report if there is nothing to do; None if a sync must look closer.

    Takes no lock and writes nothing, so it neither waits for a writer nor needs to be allowed to write.
    """
    if look.todo.read or look.todo.deleted or not look.store.has_indexes():
        return None
    return report_of(look.found, look.page, look.page, look.todo, Changes(), Done(), look.seconds,
                     is_whole=look.beneath is None)  # fmt: skip


def without(found: Walk, root: Path, store: UnitStore) -> Walk:
    """Return the walk without the index's own files, should they lie inside the root."""
    try:
        own = store.directory.resolve().relative_to(root).as_posix() + "/"
    except ValueError:
        return found
    files = tuple(file for file in found.files if not file.path.startswith(own))
    skipped = (*(left for left in found.skipped if not left.path.startswith(own)), Skipped(own, "index"))
    return replace(found, files=files, skipped=skipped)


def left_out(found: Walk, manifest: Manifest) -> list[Skipped]:
    """Return everything that is not indexed, or in a lesser way, with its reason, sorted by path."""
    of_files = [
        Skipped(path, note, "" if kind == "skipped" else "indexed by lines")
        for path, kind, note in zip(manifest.path, manifest.kind, manifest.note, strict=True)
        if note
    ]
    return sorted([*found.skipped, *of_files], key=lambda skipped: skipped.path)


def pending(found: Walk, manifest: Manifest) -> dict[str, int]:
    """Count, by stat alone, the files that a sync would look at."""
    known = known_files(manifest)
    todo = plan(found.files, known)
    new = sum(file.path not in known for file in todo.read)
    racy = sum(file.path in known and known[file.path].mtime_ns == 0 for file in todo.read)
    return {"new": new, "changed": len(todo.read) - new - racy, "deleted": len(todo.deleted)}
