"""How large is an index, and what is held of it in memory? For who operates a server; the root isn't looked at."""

from __future__ import annotations

from treeseek.model import Measures
from treeseek.store import SCHEMA_VERSION, UnitStore, reading
from treeseek.store.measures import measured as measured_store

__all__ = ["measured"]


def measured(store: UnitStore | None, loaded: int | None, before: Measures) -> Measures:
    """Return the measures of an index, none without one.

    `loaded` is the version that searches have in memory, None if none has searched yet; what only a new version can
    have changed is taken from `before`. Takes some milliseconds of reading directories. Raises StoreError.
    """
    if store is None:
        return Measures()
    files, chunks = before.files, before.chunks
    with reading(store.directory):
        snapshot = store.snapshot()
        if snapshot.sequence != before.sequence or not before.format:
            files = snapshot.manifest().kind.count("file")
            chunks = snapshot.chunk_count()
    disk = measured_store(store)
    return Measures(
        files=files,
        chunks=chunks,
        sequence=snapshot.sequence,
        behind=0 if loaded is None else max(0, snapshot.sequence - loaded),
        versions=disk.versions,
        generations=disk.generations,
        bytes_on_disk=store.bytes_on_disk(),
        set_aside_bytes=disk.set_aside_bytes,
        format=SCHEMA_VERSION,
    )
