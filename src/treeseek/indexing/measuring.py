"""How large is an index, and what is held of it in memory? For who operates a server; the root isn't looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from treeseek.model import Measures
from treeseek.store import SCHEMA_VERSION, UnitStore, reading
from treeseek.store.measures import measured as measured_store

if TYPE_CHECKING:
    from treeseek.indexing.trees import Trees

__all__ = ["measured"]


def measured(store: UnitStore | None, loaded: int | None, trees: Trees | None, before: Measures) -> Measures:
    """Return the measures of an index, without one those of what is in memory alone.

    `loaded` is the version that searches have in memory, None if none has searched yet; what only a new version can
    have changed is taken from `before`. Takes some milliseconds of reading directories. Raises StoreError.
    """
    caches = {} if trees is None else trees.cache.statistics().tiers
    sizes = {name: (tier.entries, tier.nbytes, tier.budget) for name, tier in caches.items()}
    if store is None:
        return Measures(caches=sizes)
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
        caches=sizes,
    )
