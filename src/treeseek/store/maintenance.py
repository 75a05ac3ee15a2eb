"""How does an index stay small and quick without anyone asking? Small pieces joined, old versions dropped, in passing.

Each commit leaves a piece of a table, a list of deletions and a manifest behind. Left alone, the directory grows with
every save. So after a commit it is looked, at the cost of a listing, whether something is worth doing; and it is done
under the writer's lock, in versions of their own, while readers go on with theirs.
"""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from treeseek import telemetry
from treeseek.errors import StoreCorruptError
from treeseek.model import Maintenance
from treeseek.store.aliases import ALIASES, Aliases
from treeseek.store.directory import generations
from treeseek.store.durable import bytes_below, inventory
from treeseek.store.faults import as_store_error
from treeseek.store.journal import Entry, FileState
from treeseek.store.lock import dropping
from treeseek.store.recovery import QUARANTINE, manifest_version
from treeseek.store.steps import reached
from treeseek.store.table import TEXT_INDEX, VECTOR_INDEX, UnitStore

if TYPE_CHECKING:
    import lance

__all__ = ["OLD_SECONDS", "drop_old_generations", "is_due", "maintain", "references", "sweep_quarantine"]

KEPT_VERSIONS = 2
"""Versions that stay, unless what they alone hold gets large: `repair` may go back to one."""
GRACE = timedelta(seconds=2)
"""Younger versions stay too: somebody may be reading one. When much is dead, only if somebody is (`lock.dropping`)."""

DEAD_SHARE, DEAD_BYTES = 0.2, 64 << 10
"""Bytes that no current row needs, as a share of the others and beside that, from which old versions are dropped."""
URGENT_SHARE = 0.35
"""Such a share from which they are dropped without grace: the table stays under one and a half of what it must be."""

SMALL_FRAGMENTS = 16
"""Pieces of a table from which they are joined: each costs a reader an open and a seek a column."""
SMALL_ROWS = 4_096
"""A piece of fewer rows is small: joining all pieces would write the whole table again for every few saves."""
DELETED_SHARE = 0.15
"""A piece is written anew when so many of its rows are deleted; pieces are joined when so much of all is."""

UNINDEXED_ROWS = 2_000
"""Rows outside an index that a search scans, until they are added to it."""
SEGMENTS = 8
"""Additions to an index, each a segment of its own that every query visits, from which they are joined."""

ALIAS_SHARE, ALIAS_BYTES = 0.05, 128 << 10
"""Of earlier ids so many bytes stay, as a share of the table or in all, before those that lead nowhere go."""

OLD_SECONDS = 7 * 86_400.0
"""How long what was set aside is kept for whoever wants to look at it, and a generation to go back to."""


def references(dataset: lance.LanceDataset) -> set[str]:
    """Return the files, relative to the table, that the rows and indexes of this version are in."""
    files: set[str] = set()
    for fragment in dataset.get_fragments():
        files.update(f"data/{file.path}" for file in fragment.data_files())
        deletions = fragment.deletion_file()
        if deletions:
            files.add(deletions)
    return files


def index_folders(dataset: lance.LanceDataset) -> set[str]:
    """Return the folders, relative to the table, that hold the indexes of this version."""
    return {f"_indices/{segment.uuid}/" for index in dataset.describe_indices() for segment in index.segments}


def live_bytes(dataset: lance.LanceDataset, found: dict[str, int]) -> int:
    """Return how many of the table's bytes are in files that this version needs."""
    needed, folders = references(dataset), tuple(index_folders(dataset))
    return sum(size for name, size in found.items() if name in needed or name.startswith(folders or ("\0",)))


def is_due(store: UnitStore) -> bool:
    """Whether maintenance would do something worth its cost. Costs a listing of the table's files."""
    dataset = store.snapshot().dataset
    with as_store_error(f"can't read {store.table}", StoreCorruptError):
        found = inventory(store.table)
        return (
            _has_dead_bytes(dataset, found, DEAD_SHARE)
            or _is_scattered(dataset)
            or bool(_outdated_indexes(dataset, UNINDEXED_ROWS))
        )


def _has_dead_bytes(dataset: lance.LanceDataset, found: dict[str, int], share: float) -> bool:
    """Whether the files that this version doesn't need are more than such a share of the others."""
    live = live_bytes(dataset, found)
    return sum(found.values()) - live > share * live + DEAD_BYTES


def _is_scattered(dataset: lance.LanceDataset) -> bool:
    """Whether the rows lie in many small pieces, or between many deleted ones."""
    small = 0
    size = dead = 0.0
    for fragment in dataset.get_fragments():
        rows, deleted = fragment.physical_rows, fragment.num_deletions
        if rows >= SMALL_ROWS and deleted > DELETED_SHARE * rows:
            return True
        small += rows < SMALL_ROWS
        nbytes = sum(file.file_size_bytes or 0 for file in fragment.data_files())
        size, dead = size + nbytes, dead + nbytes * deleted / max(rows, 1)
    return small >= SMALL_FRAGMENTS or dead > DELETED_SHARE * size + DEAD_BYTES


def _outdated_indexes(dataset: lance.LanceDataset, rows: int) -> list[tuple[str, int]]:
    """Return the indexes that lack so many rows, each with how many of its segments are to be joined."""
    names = {index.name for index in dataset.describe_indices()} & {TEXT_INDEX, VECTOR_INDEX}
    outdated = []
    for name in sorted(names):
        statistics = dataset.stats.index_stats(name)
        if statistics["num_unindexed_rows"] >= rows:
            segments = int(statistics["num_indices"])
            outdated.append((name, segments if segments >= SEGMENTS else 0))
    return outdated


def _room_for_aliases(live: int) -> int:
    return max(ALIAS_BYTES, int(ALIAS_SHARE * live))


def _has_many_aliases(store: UnitStore, live: int) -> bool:
    try:
        return (store.directory / ALIASES).stat().st_size > _room_for_aliases(live)
    except OSError:
        return False


def maintain(store: UnitStore, *, force: bool = False) -> Maintenance:
    """Do what is due; with `force` everything that can be done. The caller holds the writer's lock.

    Old versions go first: joining pieces takes room. Raises StoreError; what was done until then stays done.
    """
    started = time.perf_counter()
    with as_store_error(f"can't tidy {store.table}"), telemetry.timed("treeseek_store_maintenance_seconds"):
        dataset = store.writable()
        before = bytes_below(store.generation)
        pieces, version = len(dataset.get_fragments()), dataset.version
        dropped = _clean(store, force=force)
        _catch_up(store, force=force)  # before joining: pieces inside and outside an index aren't joined
        _compact(store, force=force)
        dropped += _clean(store, force=force)
        sweep_quarantine(store.directory, older_than=0.0 if force else OLD_SECONDS)
        if _has_many_aliases(store, live := live_bytes(store.writable(), inventory(store.table))):
            Aliases(store.directory).prune(set(store.snapshot().ids()), _room_for_aliases(live))
        if force:
            store.journal.checkpoint()
        if dropped or store.writable().version != version:
            store.recycle()
    after = bytes_below(store.generation)
    now = len(store.snapshot().dataset.get_fragments())
    return Maintenance(dropped, pieces, now, before, after, time.perf_counter() - started)


def _clean(store: UnitStore, *, force: bool) -> int:
    """Drop versions that no reader can be expected to hold, and with them the files that only they need."""
    dataset = store.writable()
    found = inventory(store.table)
    missing = [name for name in store.journal.files() if name not in found]
    if missing:
        # Once they count as removed, nothing would tell any more that they were lost.
        raise StoreCorruptError(f"{store.table} lacks {missing[0]}: `treeseek repair` mends it")
    if not force and not _has_dead_bytes(dataset, found, DEAD_SHARE):
        return 0
    if not (force or _has_dead_bytes(dataset, found, URGENT_SHARE)):
        return _drop(store, dataset, GRACE, KEPT_VERSIONS)
    with dropping(store.directory) as is_unread:
        return _drop(store, dataset, timedelta(0) if is_unread else GRACE, 1)


def _drop(store: UnitStore, dataset: lance.LanceDataset, grace: timedelta, retained: int) -> int:
    """Drop the versions that are older than `grace`, but for the last ones; return how many."""
    before = datetime.now() - grace
    if not any(version["timestamp"] <= before for version in dataset.versions()[:-retained]):
        return 0
    dispensable = _dispensable(store, dataset)
    # Noted first, or whatever goes before a crash would count as lost. After one, what is left of it is set aside.
    store.journal.append(Entry(int(dataset.version), "clean", dataset.count_rows(), removed=tuple(dispensable)))
    done = dataset.cleanup_old_versions(
        older_than=grace,
        retain_versions=retained,
        delete_unverified=True,  # under the lock nobody else is writing, so nothing unknown is anybody's
        error_if_tagged_old_versions=False,
    )
    reached("clean.versions-dropped")
    left = inventory(store.table)
    kept = {name: state for name, state in dispensable.items() if name in left}
    if kept:
        store.journal.append(Entry(int(dataset.version), "clean", dataset.count_rows(), added=kept))
    return int(done.old_versions)


def _dispensable(store: UnitStore, dataset: lance.LanceDataset) -> dict[str, FileState]:
    """Return the files without which the committed version can do."""
    needed, folders = references(dataset), tuple(index_folders(dataset)) or ("\0",)
    return {
        name: state
        for name, state in store.journal.files().items()
        if name not in needed and not name.startswith(folders) and manifest_version(name) != dataset.version
    }


def _compact(store: UnitStore, *, force: bool) -> None:
    """Write small pieces, and those of which much is deleted, together anew."""
    dataset = store.writable()
    pieces = dataset.get_fragments()
    if not (force and len(pieces) > 1) and not _is_scattered(dataset):
        return
    if shutil.disk_usage(store.table).free < 2 * live_bytes(dataset, inventory(store.table)):
        telemetry.count("treeseek_store_compactions_skipped_total", reason="disk-full")
        return
    dataset.optimize.compact_files(
        target_rows_per_fragment=1 << 20 if force else SMALL_ROWS,
        materialize_deletions_threshold=0.0 if force else DELETED_SHARE,
        num_threads=1,
    )
    store.acknowledge_newest("compact", "compact.done")


def _catch_up(store: UnitStore, *, force: bool) -> None:
    """Add the rows outside the indexes to them."""
    dataset = store.writable()
    for name, joined in _outdated_indexes(dataset, 1 if force else UNINDEXED_ROWS):
        dataset.optimize.optimize_indices(index_names=[name], num_indices_to_merge=joined)
    store.acknowledge_newest("index", "index.made")


def drop_old_generations(store: UnitStore, *, older_than: float) -> int:
    """Remove the generations that aren't current and were last written so many seconds ago; return how many.

    The caller holds the writer's lock.
    """
    dropped = 0
    for generation in generations(store.directory):
        with suppress(OSError):
            if generation != store.generation and time.time() - generation.stat().st_mtime >= older_than:
                shutil.rmtree(generation)
                dropped += 1
    return dropped


def sweep_quarantine(directory: Path, *, older_than: float) -> int:
    """Delete what was set aside more than so many seconds ago; return the bytes that this freed."""
    freed = 0
    for home in [*directory.glob(f"gen-*/{QUARANTINE}/*"), *directory.glob(f"{QUARANTINE}/*")]:
        with suppress(OSError):
            if time.time() - home.stat().st_mtime >= older_than:
                freed += bytes_below(home)
                shutil.rmtree(home, ignore_errors=True)
    return freed
