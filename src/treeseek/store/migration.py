"""How does an index of an older format become one of now? By copying its rows, embeddings included, into a generation
of its own, which counts only once it is proven equal; the old one stays beside it to go back to.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from treeseek import telemetry
from treeseek.errors import FormatError, StoreError
from treeseek.model import Migration
from treeseek.store.directory import current_generation, flip_current, generations, new_generation
from treeseek.store.durable import bytes_below
from treeseek.store.faults import as_store_error
from treeseek.store.schema import SCHEMA_VERSION, format_of
from treeseek.store.table import FILE_FORMAT, UnitStore

if TYPE_CHECKING:
    import pyarrow as pa

    from treeseek.store.snapshot import Snapshot

__all__ = ["migrate", "roll_back"]


def migrate(directory: Path, *, dry_run: bool = False) -> Migration | None:
    """Bring an index to the format of now; None if it has it already. The caller holds the writer's lock.

    Raises StoreError if there is none, or no room for it, or it can't be written; FormatError if it is a newer one.
    Whatever happens, the index that was there stays the current one until the new one is proven equal.
    """
    store = UnitStore.open(directory)
    if store is None:
        raise StoreError(f"there is no index in {directory} to migrate")
    if not store.is_outdated:
        return None
    snapshot = store.snapshot()
    vectors = snapshot.chunk_count()
    told = Migration(
        format_of(snapshot.schema), SCHEMA_VERSION, len(snapshot.ids()), vectors, bytes_below(store.generation)
    )
    free = shutil.disk_usage(directory).free
    if free < told.bytes_needed:
        raise StoreError(f"{directory} has {free:,} bytes free; migrating takes about {told.bytes_needed:,}")
    if dry_run:
        return told
    with as_store_error(f"can't migrate {store.generation}"):
        made = _copied(directory, store, snapshot)
    telemetry.count("treeseek_store_migrations_total")
    return Migration(
        told.from_format, told.to_format, told.rows, told.vectors, told.bytes_needed, made.generation.name
    )  # fmt: skip


def _copied(directory: Path, store: UnitStore, snapshot: Snapshot) -> UnitStore:
    """Write all rows into a new generation, prove it, and make it current."""
    import lance

    schema = _schema_of_now(snapshot.schema)
    made = UnitStore(directory, new_generation(directory), store.identity, schema)
    try:
        table = lance.write_dataset(
            snapshot.dataset.scanner(batch_size=4096).to_reader(), str(made.table), mode="create", schema=schema,
            data_storage_version=FILE_FORMAT,
        )  # fmt: skip
        table.replace_schema_metadata({key.decode(): value.decode() for key, value in schema.metadata.items()})
        _prove_equal(snapshot, made.reading(table))
        made.begin(table, "migrate")
    except BaseException:
        if current_generation(directory) == store.generation:
            shutil.rmtree(made.generation, ignore_errors=True)
        raise
    made.build_indexes()
    return made


def _schema_of_now(schema: pa.Schema) -> pa.Schema:
    """Return the schema with the format of now in its metadata. Formats 1 and 2 have the same columns."""
    metadata = dict(schema.metadata or {}) | {b"treeseek.schema_version": SCHEMA_VERSION.encode()}
    return schema.with_metadata(metadata)


def _prove_equal(before: Snapshot, after: Snapshot) -> None:
    """Raise StoreError unless two snapshots hold the same rows, vectors bit by bit."""
    if sorted(before.ids()) != sorted(after.ids()) or not before.equals(after):
        raise StoreError("the migrated index differs from the one before, which stays as it is")


def roll_back(directory: Path) -> tuple[Path, Path]:
    """Make the generation before the current one current again; return the one left and the one entered.

    The caller holds the writer's lock. Raises StoreError if there is none that opens. Rolling back twice is going
    forward again.
    """
    current = current_generation(directory)
    others = [generation for generation in reversed(generations(directory)) if generation != current]
    for generation in others:
        try:
            UnitStore.at(directory, generation)
        except FormatError:
            raise
        except StoreError:
            continue
        with as_store_error(f"can't write {directory / 'CURRENT'}"):
            flip_current(directory, generation)
        telemetry.count("treeseek_store_rollbacks_total")
        return current or generation, generation
    raise StoreError(f"{directory} holds no other generation to go back to; `treeseek index --rebuild` makes a new one")
