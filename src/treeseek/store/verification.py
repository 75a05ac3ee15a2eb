"""Does the index hold together? Everything that can be wrong with one, found by looking, changed by nobody."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from treeseek.errors import FormatError, StoreCorruptError, StoreError
from treeseek.model import Problem, Verification
from treeseek.store.aliases import Aliases
from treeseek.store.directory import current_generation
from treeseek.store.durable import VERSION_HINT, hash_file, inventory
from treeseek.store.journal import FileState
from treeseek.store.recovery import manifest_version
from treeseek.store.table import UnitStore

__all__ = ["verify"]


def verify(directory: Path, *, percent: float = 0.0) -> Verification | None:
    """Check the current generation of an index; None if there is none. The caller keeps writers out.

    Always looked at: that CURRENT, the journal and the aliases can be read, that every file the journal names is there
    with its size, that the committed version opens with as many rows as were committed. With `percent`, so much of the
    table's bytes, chosen at random, is compared with the hashes of when it was written, and ids are counted.
    """
    try:
        generation = current_generation(directory)
    except StoreCorruptError as error:
        return Verification(0, 0, 0, 0, (Problem("current", "CURRENT", str(error)),))
    if generation is None:
        return None
    problems = list(_aliases(directory))
    try:
        store = UnitStore.at(directory, generation)
    except FormatError as error:
        return Verification(0, 0, 0, 0, (*problems, Problem("format", generation.name, str(error))))
    except StoreError as error:
        store = None
        problems.append(Problem("version", generation.name, str(error)))
    if store is None or not store.journal.exists():
        return _without_store(directory, generation, problems)
    return _checked(store, problems, percent)


def _without_store(directory: Path, generation: Path, problems: list[Problem]) -> Verification:
    """Say what can be said of a generation that doesn't open, or has no journal as it is of the first format."""
    del directory, generation
    return Verification(0, 0, 0, 0, tuple(problems))


def _checked(store: UnitStore, problems: list[Problem], percent: float) -> Verification:
    problems += _journal(store)
    known = store.journal.files()
    found = inventory(store.table)
    problems += _sizes(known, found)
    problems += _leftovers(store, known, found)
    sample = _sample(known, percent)
    bytes_read = 0
    for name in sample:
        size, problem = _compare(store.table, name, known[name])
        bytes_read += size
        if problem is not None and not any(one.path == name and one.kind != "leftover" for one in problems):
            problems.append(problem)
    # Rows are read only if nothing is wrong so far: of damaged data Lance may not survive the reading.
    problems += _version(store, count_ids=percent > 0 and all(one.is_harmless for one in problems))
    last = store.journal.last()
    version = 0 if last is None else last.version
    return Verification(version, len(known), len(sample), bytes_read, tuple(problems))


def _aliases(directory: Path) -> Iterator[Problem]:
    damaged, is_torn = Aliases(directory).damage()
    if damaged:
        yield Problem("aliases", "aliases", f"{damaged} damaged entries: links to ids of before renames may be lost")
    if is_torn:
        yield Problem("leftover", "aliases", "an unfinished entry, left by a crash", is_harmless=True)


def _journal(store: UnitStore) -> Iterator[Problem]:
    damaged, is_torn = store.journal.damage()
    if damaged:
        yield Problem("journal", "journal", f"{len(damaged)} damaged entries")
    if is_torn:
        yield Problem("leftover", "journal", "an unfinished entry, left by a crash", is_harmless=True)


def _sizes(known: dict[str, FileState], found: dict[str, int]) -> Iterator[Problem]:
    for name, (size, _) in known.items():
        if name not in found:
            yield Problem("missing", name, "is gone")
        elif found[name] != size:
            yield Problem("size", name, f"has {found[name]:,} bytes where {size:,} were written")


def _leftovers(store: UnitStore, known: dict[str, FileState], found: dict[str, int]) -> Iterator[Problem]:
    for name in found:
        if name not in known:
            kind = "version" if manifest_version(name) else "file"
            yield Problem("leftover", name, f"a {kind} that was never committed", is_harmless=True)
    hint = store.table / VERSION_HINT
    try:
        data = hint.read_bytes()
    except OSError:
        return
    newest = max([version for name in found if (version := manifest_version(name))], default=0)
    if data != b'{"version":%d}' % newest:
        yield Problem("hint", VERSION_HINT, "is not the newest version: Lance finds that by itself", is_harmless=True)


def _version(store: UnitStore, *, count_ids: bool) -> Iterator[Problem]:
    """Check that the committed version itself opens, and that it holds each id once."""
    try:
        snapshot = store.snapshot()
        if snapshot.is_fallback:
            last = store.journal.last()
            yield Problem("version", "units.lance", f"version {last.version if last else 0} can't be opened")
        if count_ids:
            ids = snapshot.ids()
            if len(set(ids)) != len(ids):
                yield Problem("duplicate", "units.lance", f"{len(ids) - len(set(ids)):,} rows have an id of others")
    except StoreError as error:
        yield Problem("version", "units.lance", str(error))


def _sample(known: dict[str, FileState], percent: float) -> list[str]:
    """Choose files that hold so much of the bytes, at random, at least one; all of them at 100."""
    names = list(known)
    if percent >= 100:
        return names
    random.shuffle(names)
    wanted = sum(size for size, _ in known.values()) * percent / 100
    chosen: list[str] = []
    for name in names:
        if wanted <= 0:
            break
        chosen.append(name)
        wanted -= known[name][0]
    return chosen


def _compare(table: Path, name: str, state: FileState) -> tuple[int, Problem | None]:
    try:
        size, digest = hash_file(table / name)
    except FileNotFoundError:
        return 0, Problem("missing", name, "is gone")
    except OSError as error:
        return 0, Problem("unreadable", name, error.strerror or str(error))
    return size, None if (size, digest) == state else Problem("hash", name, "isn't what was written")
