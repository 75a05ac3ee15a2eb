"""How is a damaged index mended? By the least that makes it sound again, moving things aside and deleting nothing.

In this order: CURRENT is pointed at a generation that can be read; what was never committed is set aside; damaged
entries of the journal or the aliases are dropped; a damaged search index is made anew; an earlier version that needs
none of the damaged files becomes the committed one again. Where none does, the generation as a whole is set aside. The
source is the truth: a sync after that brings the index to what a clean build would be.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from treeseek import telemetry
from treeseek.errors import FormatError, StoreCorruptError, StoreError
from treeseek.model import Repair
from treeseek.store.aliases import Aliases
from treeseek.store.directory import current_generation, flip_current, generations
from treeseek.store.durable import VERSION_HINT, hash_file, inventory, sync_directory
from treeseek.store.faults import as_store_error
from treeseek.store.journal import Entry
from treeseek.store.maintenance import index_folders, references
from treeseek.store.recovery import QUARANTINE, manifest_version, recover, set_aside
from treeseek.store.table import UnitStore

__all__ = ["repair"]


def repair(directory: Path) -> Repair:
    """Mend the index in `directory`. The caller holds the writer's lock, and syncs afterwards.

    Raises StoreError when the disk doesn't let itself be written, FormatError for an index of a newer treeseek.
    """
    actions: list[str] = []
    with as_store_error(f"can't repair {directory}"):
        actions += _aliases(directory)
        try:
            generation = current_generation(directory)
        except StoreCorruptError:
            generation = _readable_generation(directory)
            if generation is None:
                return _lost(directory, actions)
            flip_current(directory, generation)
            actions.append(f"CURRENT names {generation.name} again")
        if generation is None:
            return Repair("lost", tuple(actions))
        outcome, done = _generation(directory, generation)
        actions += done
    if outcome == "lost":
        return _lost(directory, actions)
    return Repair("mended" if outcome == "clean" and actions else outcome, tuple(actions))


def _readable_generation(directory: Path) -> Path | None:
    return next((one for one in reversed(generations(directory)) if _opens(directory, one)), None)


def _opens(directory: Path, generation: Path) -> bool:
    """Whether a generation can be read. Raises FormatError for a newer one, which is nobody's to repair."""
    try:
        UnitStore.at(directory, generation)
    except FormatError:
        raise
    except StoreError:
        return False
    return True


def _lost(directory: Path, actions: list[str]) -> Repair:
    """Set all generations aside: none can be trusted."""
    telemetry.count("treeseek_store_rebuilds_total")
    home = directory / QUARANTINE / str(time.time_ns())
    for generation in generations(directory):
        home.mkdir(parents=True, exist_ok=True)
        generation.rename(home / generation.name)
        actions.append(f"{generation.name} set aside: it is damaged beyond repair")
    with suppress(FileNotFoundError):
        home.mkdir(parents=True, exist_ok=True)
        (directory / "CURRENT").rename(home / "CURRENT")
    sync_directory(directory)
    return Repair("lost", tuple(actions))


def _aliases(directory: Path) -> Iterator[str]:
    aliases = Aliases(directory)
    damaged, is_torn = aliases.damage()
    if damaged or is_torn:
        aliases.rewrite()
        yield f"{damaged + is_torn} damaged entries dropped from the aliases"


def _generation(directory: Path, generation: Path) -> tuple[str, list[str]]:
    """Mend one generation; return the outcome and what was done."""
    store = UnitStore.bare(directory, generation)
    opens = _opens(directory, generation)
    try:
        if not store.journal.exists():  # of the first format: it opens or it doesn't
            return "clean" if opens else "lost", []
        if not store.journal.is_whole() or store.journal.last() is None:
            return "lost", []
    except StoreError:
        return "lost", []
    has_lost = bool(store.journal.damage()[0])
    actions = _journal(store)
    aside = recover(generation, store.table, store.journal)
    if aside:
        actions.append(f"{len(aside)} files set aside that were never committed")
    actions += _hint(store)
    damaged = _damaged(store)
    outcome, done = _files(store, damaged) if damaged else _check(store)
    if actions and outcome == "clean":
        outcome = "went-back" if has_lost else "mended"
    return outcome, actions + done


def _journal(store: UnitStore) -> list[str]:
    damaged, is_torn = store.journal.damage()
    if damaged or is_torn:
        store.journal.rewrite(store.journal.entries())
        return [f"{len(damaged) + is_torn} entries dropped from the end of the journal: damaged, or never finished"]
    return []


def _hint(store: UnitStore) -> list[str]:
    """Delete Lance's hint if it is wrong; Lance then lists the versions, and writes it again with the next one."""
    hint = store.table / VERSION_HINT
    last = store.journal.last()
    if last is None or not hint.exists() or hint.read_bytes() == b'{"version":%d}' % last.version:
        return []
    hint.unlink()
    return ["a misleading version hint removed"]


def _damaged(store: UnitStore) -> list[str]:
    """Return the files of the table that are gone or aren't what was written."""
    found = inventory(store.table)
    damaged = []
    for name, state in store.journal.files().items():
        try:
            if found.get(name) != state[0] or hash_file(store.table / name) != state:
                damaged.append(name)
        except OSError:
            damaged.append(name)
    return damaged


def _check(store: UnitStore) -> tuple[str, list[str]]:
    """Make sure that the committed version opens, now that all its files are what was written."""
    try:
        snapshot = store.snapshot()
    except StoreError:
        return "lost", []
    return ("lost" if snapshot.is_fallback else "clean"), []


def _files(store: UnitStore, damaged: list[str]) -> tuple[str, list[str]]:
    """Set damaged files aside and make a version that needs none of them the committed one."""
    entry = _usable(store, damaged)
    last = store.journal.last()
    if entry is None or last is None:
        return "lost", []
    newer = [name for name in inventory(store.table) if (manifest_version(name) or 0) > entry.version]
    aside = sorted({*damaged, *newer})
    set_aside(store.generation, store.table, aside)
    with suppress(FileNotFoundError):
        (store.table / VERSION_HINT).unlink()
    paths = store.journal.paths_between(entry.sequence, last.sequence)
    known = None if paths is None else tuple(sorted(paths))
    store.journal.append(replace(entry, kind="repair", added={}, removed=tuple(aside), paths=known))
    recover(store.generation, store.table, store.journal)  # files that only the newer versions had
    store.recycle()
    actions = [f"{len(damaged)} damaged files set aside"]
    if entry.version < last.version:
        actions.append(f"back to version {entry.version}, as {last.version} is damaged")
    actions += _indexes(store, damaged)
    return ("went-back" if entry.version < last.version else "mended"), actions


def _usable(store: UnitStore, damaged: Collection[str]) -> Entry | None:
    """Return the last entry whose version has its manifest and all its data; search indexes can be made anew."""
    manifests = {manifest_version(name): name for name in inventory(store.table) if manifest_version(name)}
    bad = set(damaged)
    seen: set[int] = set()
    for entry in reversed(store.journal.entries()):
        manifest = manifests.get(entry.version)
        if entry.version in seen or manifest is None or manifest in bad:
            continue
        seen.add(entry.version)
        with suppress(StoreError):
            snapshot = store.open_version(entry)
            if not references(snapshot.dataset) & bad:
                return entry
    return None


def _indexes(store: UnitStore, damaged: Collection[str]) -> list[str]:
    """Drop the search indexes that lost files, and make them again."""
    dataset = store.writable()
    folders = {name.rpartition("/")[0] + "/" for name in damaged}
    broken = [
        index.name
        for index in dataset.describe_indices()
        if any(f"_indices/{segment.uuid}/" in folders for segment in index.segments)
    ]
    for name in broken:
        dataset.drop_index(name)
    if broken:
        store.acknowledge_newest("index", "index.made")
        store.build_indexes()
    assert not folders & index_folders(store.snapshot().dataset)
    return [f"the search index {name} made anew" for name in broken]
