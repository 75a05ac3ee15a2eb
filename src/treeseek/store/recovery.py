"""What did a writer leave that died, or failed, in the middle of a commit? Set aside before anybody writes again.

Whatever the journal doesn't know was never committed: newer manifests, by which Lance would count on, and files that no
version holds. They are moved out of the table, not deleted, so that a mistake here costs nothing.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from treeseek import telemetry
from treeseek.store.durable import VERSION_HINT, inventory, sync_directory
from treeseek.store.journal import Journal
from treeseek.store.steps import reached

__all__ = ["QUARANTINE", "manifest_name", "manifest_version", "recover", "set_aside"]

QUARANTINE = "quarantine"
_HIGHEST = 2**64 - 1


def manifest_version(name: str) -> int | None:
    """Return the version whose manifest has this name, by either of Lance's schemes; None if it is no manifest."""
    stem, _, extension = name.rpartition("/")[2].partition(".")
    if extension != "manifest" or not stem.isdigit():
        return None
    number = int(stem)
    return _HIGHEST - number if len(stem) == 20 else number


def manifest_name(version: int) -> str:
    """Return the path below the table of the manifest of a version that this treeseek wrote."""
    return f"_versions/{_HIGHEST - version:020}.manifest"


def recover(generation: Path, table: Path, journal: Journal) -> list[str]:
    """Set aside what was never committed; return its paths below the table. The caller holds the writer's lock.

    Raises OSError, StoreCorruptError if the journal can't be read.
    """
    last = journal.last()
    if last is None:
        return []
    found = inventory(table)
    newer = [name for name in found if (manifest_version(name) or 0) > last.version]
    # Where a line in the middle of the journal is lost, a file that it doesn't name may well belong to the table.
    known = journal.files() if journal.is_whole() else found
    unknown = [name for name in found if name not in known and name not in newer]
    if not newer and not unknown:
        return []
    reached("recovery.begun")
    telemetry.count("treeseek_store_recoveries_total")
    set_aside(generation, table, newer)  # first: with them out of the way, the table is again as it was
    reached("recovery.manifests-set-aside")
    with suppress(OSError):
        (table / VERSION_HINT).unlink(missing_ok=True)
    set_aside(generation, table, unknown)
    return [*newer, *unknown]


def set_aside(generation: Path, table: Path, names: Iterable[str]) -> None:
    """Move files of a table into the generation's quarantine, under the same names. Raises OSError.

    What has vanished needs no moving. Where there is no room even for a directory, the files are deleted instead:
    nothing else could be written until they are gone.
    """
    names = list(names)
    if not names:
        return
    home = generation / QUARANTINE / f"{time.time_ns()}-{os.getpid()}"
    touched = set()
    for name in names:
        with suppress(FileNotFoundError):
            _move(table / name, home / name)
            touched.add((table / name).parent)
    for directory in touched:
        sync_directory(directory)
    telemetry.count("treeseek_store_quarantined_files_total", len(names))


def _move(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        source.unlink()
