"""The `units` table: one atomic version per commit for the writer, a pinned version for each reader.

Writing methods expect their caller to hold `writer_lock`; reading needs no lock.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from treeseek import telemetry
from treeseek.errors import StoreCorruptError, StoreError
from treeseek.model import UnitColumns
from treeseek.store.columns import (
    FILE_KINDS,
    MANIFEST_COLUMNS,
    Manifest,
    encode_path,
    order_by_place,
    strings,
    to_batches,
    to_manifest,
    to_units,
)
from treeseek.store.directory import bytes_below, current_generation, flip_current, new_generation
from treeseek.store.schema import IndexIdentity, read_identity, units_schema

if TYPE_CHECKING:
    import lance
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["Snapshot", "UnitStore"]

TABLE = "units.lance"
FILE_FORMAT: Literal["2.2"] = "2.2"
TEXT_INDEX = "text_idx"
VECTOR_INDEX = "vector_idx"

UNINDEXED_ROWS = 200
"""Rows that a search may have to scan before they are added to the index: 30 µs a row and query against 40 ms."""

SEGMENTS = 16
"""Additions to an index, each a segment of its own that every query visits, from which they are joined."""

VECTOR_INDEX_ROWS = 200_000
"""Rows from which an approximate vector index is built; below, an exact scan is quick enough."""

COLD_READS = 8
"""Times that a snapshot reads texts from the disk before it holds them in memory."""

KEPT_VERSIONS = 3
KEPT_TIME = timedelta(minutes=10)
"""A reader's version outlives it as long as it is one of the last versions, or younger than this."""

FRAGMENTS = 32
"""Pieces of a table from which `clean` joins them: each costs a reader an open and a seek a column."""

ONE_BATCH = 1 << 20
"""Rows a batch when reading columns: one batch a fragment lets numpy view it without a copy."""

INDEX_CACHE_BYTES = 256 << 20
METADATA_CACHE_BYTES = 64 << 20

_SOURCE_PLACE = re.compile(r",? \S+\.rs:\d+")
"""The place in Lance's own source that its messages end with."""

_IS_FILE = f"kind in {FILE_KINDS!r}"
_IS_CHUNK = f"kind not in {FILE_KINDS!r}"


class UnitStore:
    """The current generation of one index, or one being made that becomes current with its first commit."""

    def __init__(self, directory: Path, generation: Path, identity: IndexIdentity, schema: pa.Schema) -> None:
        """Not for callers: use `open` or `create`."""
        self.directory = directory
        self.generation = generation
        self.identity = identity
        self._uri = str(generation / TABLE)
        self._schema = schema
        self._committed = False

    @cached_property
    def _session(self) -> lance.Session:
        import lance

        return lance.Session(index_cache_size_bytes=INDEX_CACHE_BYTES, metadata_cache_size_bytes=METADATA_CACHE_BYTES)

    def warm_up(self) -> None:
        """Load what writing needs: the caller may have something to wait for meanwhile."""
        _ = self._session

    @classmethod
    def open(cls, directory: Path) -> UnitStore | None:
        """Open the index in `directory`, or return None when nothing is indexed there.

        Raises FormatError when a newer treeseek wrote it, StoreCorruptError when it can't be read.
        """
        generation = current_generation(directory)
        if generation is None:
            return None
        import lance

        uri = str(generation / TABLE)
        with _as_store_error(f"can't open {uri}", StoreCorruptError):
            schema = lance.dataset(uri).schema
        store = cls(directory, generation, read_identity(schema, uri), schema)
        store._committed = True
        return store

    @classmethod
    def create(cls, directory: Path, root: Path, identity: IndexIdentity) -> UnitStore:
        """Start a new generation for `root`. Readers keep the old one until its first commit."""
        from importlib.metadata import version

        with _as_store_error(f"can't write {directory}"):
            directory.mkdir(parents=True, exist_ok=True)
            generation = new_generation(directory)
        extra = {"root": encode_path(str(root.resolve())), "writer": version("treeseek")}
        return cls(directory, generation, identity, units_schema(identity, extra))

    def snapshot(self) -> Snapshot:
        """Return a reader of the latest version. Raises StoreCorruptError when it can't be opened."""
        if not self._committed:
            raise StoreError(f"nothing is committed yet in {self.generation}")
        with _as_store_error(f"can't open {self._uri}", StoreCorruptError):
            dataset = self._open()
        return Snapshot(dataset, read_identity(dataset.schema, self._uri))

    def commit(self, rows: UnitColumns | Sequence[UnitColumns], replaced_paths: Collection[str]) -> int:
        """Make one new version, whole or not at all, and return its number.

        Rows are inserted, or replace the row of their id. Rows of `replaced_paths` whose id is not among
        `rows` are deleted. Without rows and without anything to delete there is no new version, except that
        the first commit of a generation always makes one, and makes the generation current.
        Raises ValueError for a repeated id, StoreError when the version can't be written.
        """
        parts = [rows] if isinstance(rows, UnitColumns) else list(rows)
        count = sum(map(len, parts))
        if len({unit for part in parts for unit in part.id}) != count:
            raise ValueError("two rows to commit have the same id")
        with _as_store_error(f"can't write {self._uri}"), telemetry.timed("treeseek_store_commit_seconds"):
            version = self._write(parts, count, replaced_paths)
        telemetry.count("treeseek_store_rows_total", count)
        return version

    def _write(self, parts: Sequence[UnitColumns], count: int, replaced_paths: Collection[str]) -> int:
        import lance
        import pyarrow as pa

        source = pa.RecordBatchReader.from_batches(self._schema, to_batches(parts, self._schema))
        if not self._committed:
            made = lance.write_dataset(source, self._uri, mode="create", data_storage_version=FILE_FORMAT)
            flip_current(self.directory, self.generation)
            self._committed = True
            return int(made.version)
        dataset = self._open()
        gone = _where_path(replaced_paths)
        if count and not dataset.count_rows():
            dataset = lance.write_dataset(source, dataset, mode="append")
        elif count:
            merge = dataset.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
            if replaced_paths:
                merge = merge.when_not_matched_by_source_delete(gone)
            # The lock keeps other writers out; allowing retries would hold a second copy of all rows.
            merge.conflict_retries(0).execute(source)
        elif replaced_paths and dataset.count_rows(gone):
            dataset.delete(gone)
        return int(dataset.version)

    def has_indexes(self) -> bool:
        """Whether the full-text index was made, or there is nothing to make it of."""
        with _as_store_error(f"can't read {self._uri}", StoreCorruptError):
            dataset = self._open()
            names = {index.name for index in dataset.describe_indices()}
            return TEXT_INDEX in names or not dataset.count_rows(_IS_CHUNK)

    def build_indexes(self) -> None:
        """Bring the search indexes up to date, where that is worth its cost.

        The full-text index is made once there is text, and updated when many rows are outside it: they are
        found all the same, by a scan. Before it is made, `full_text` knows plain words only, not the parts of
        identifiers.
        """
        with _as_store_error(f"can't index {self._uri}"), telemetry.timed("treeseek_store_index_seconds"):
            dataset = self._open()
            chunks = dataset.count_rows(_IS_CHUNK)
            names = {index.name for index in dataset.describe_indices()}
            if TEXT_INDEX not in names and chunks:
                _build_text_index(dataset)
            elif TEXT_INDEX in names:
                _catch_up(dataset, TEXT_INDEX)
            if chunks >= VECTOR_INDEX_ROWS:
                self.build_vector_index()

    def build_vector_index(self) -> None:
        """Make the approximate vector index, or bring it up to date when it exists."""
        with _as_store_error(f"can't index {self._uri}"):
            dataset = self._open()
            if VECTOR_INDEX not in {index.name for index in dataset.describe_indices()}:
                dataset.create_index("vector", "IVF_SQ", name=VECTOR_INDEX, metric="cosine")
            else:
                _catch_up(dataset, VECTOR_INDEX)

    def clean(self) -> None:
        """Join small pieces of the table and drop versions that no reader can be expected to hold."""
        with _as_store_error(f"can't clean {self._uri}"):
            dataset = self._open()
            if len(dataset.get_fragments()) >= FRAGMENTS:
                dataset.optimize.compact_files(num_threads=1)
            dataset.cleanup_old_versions(
                older_than=KEPT_TIME, retain_versions=KEPT_VERSIONS, error_if_tagged_old_versions=False
            )

    def bytes_on_disk(self) -> int:
        """Return the size of everything in the index's directory, older generations included."""
        return bytes_below(self.directory)

    def _open(self) -> lance.LanceDataset:
        import lance

        return lance.dataset(self._uri, session=self._session)


class Snapshot:
    """One committed version, which stays as it is whatever writers do."""

    def __init__(self, dataset: lance.LanceDataset, identity: IndexIdentity) -> None:
        """Not for callers: use `UnitStore.snapshot`."""
        self._dataset = dataset
        self._placed: tuple[list[str], NDArray[np.uint64]] | None = None
        self._offsets: dict[str, int] = {}
        self._texts: pa.Array | None = None
        self._reads = 0
        self.version = int(dataset.version)
        self.identity = identity

    def manifest(self) -> Manifest:
        """Return what the version knows of each file, those left out included."""
        with self._reading():
            return to_manifest(self._scan(columns=list(MANIFEST_COLUMNS), filter=_IS_FILE))

    def columns(self) -> UnitColumns:
        """Return the chunks without their text, ordered by path and place. Arrays may be read-only."""
        names = [name for name in self._dataset.schema.names if name != "text"]
        with self._reading():
            table = self._scan(columns=[*names, "_rowoffset"], filter=_IS_CHUNK, batch_size=ONE_BATCH)
            table = order_by_place(table)
            units = to_units(table)
            self._placed = (units.id, table["_rowoffset"].to_numpy())
        return units

    def chunk_count(self) -> int:
        """Return the number of chunks."""
        return int(self._dataset.count_rows(_IS_CHUNK))

    def texts(self, ids: Sequence[str]) -> dict[str, str]:
        """Return the texts of these chunks; ids that aren't chunks of this version are left out.

        A snapshot that is asked again and again comes to hold all texts: reading ten from the disk costs as much as
        ranking them.
        """
        with self._reading():
            known = self._offset_by_id()
            offsets = [known[unit] for unit in ids if unit in known]
            if not offsets:
                return {}
            if self._texts is None and self._reads < COLD_READS:
                self._reads += 1
                table = self._dataset.take(offsets, columns=["id", "text"])
                return dict(zip(strings(table["id"]), strings(table["text"]), strict=True))
            if self._texts is None:
                self._texts = self._dataset.to_table(columns=["text"])["text"].combine_chunks()
            found = {unit: known[unit] for unit in ids if unit in known}
            return {unit: self._texts[offset].as_py() for unit, offset in found.items()}

    def rows(self) -> UnitColumns:
        """Return all rows whole, ordered by path, place and id."""
        with self._reading():
            return to_units(order_by_place(self._scan(columns=self._dataset.schema.names)))

    def full_text(self, query: str, limit: int) -> list[tuple[str, float]]:
        """Return the ids and BM25 scores of the `limit` best units that hold any term of `query`."""
        search = {"query": query, "columns": ["text"]}
        with self._reading():
            table = self._scan(columns=["id", "_score"], full_text_query=search, limit=limit)
            return list(zip(strings(table["id"]), table["_score"].to_pylist(), strict=True))

    def nearest(self, vector: NDArray[np.float32], limit: int) -> list[tuple[str, float]]:
        """Return the ids and cosine similarities of the `limit` units nearest to `vector`, best first."""
        nearest = {"column": "vector", "q": vector, "k": limit, "metric": "cosine"}
        with self._reading():
            table = self._scan(columns=["id", "_distance"], nearest=nearest)
            similarity = 1.0 - table["_distance"].to_numpy()
            return list(zip(strings(table["id"]), similarity.tolist(), strict=True))

    def _offset_by_id(self) -> dict[str, int]:
        """Return where each chunk stands in the table; a look-up there is quicker than a filter by id."""
        if not self._offsets:
            if self._placed is None:
                table = self._scan(columns=["id", "_rowoffset"], filter=_IS_CHUNK)
                self._placed = (strings(table["id"]), table["_rowoffset"].to_numpy())
            ids, offsets = self._placed
            self._offsets = dict(zip(ids, offsets.tolist(), strict=True))
        return self._offsets

    def _scan(self, **options: Any) -> pa.Table:
        return self._dataset.scanner(**options).to_table()

    def _reading(self) -> AbstractContextManager[None]:
        return _as_store_error(f"can't read {self._dataset.uri}", StoreCorruptError)


@contextmanager
def _as_store_error(what: str, kind: type[StoreError] = StoreError) -> Iterator[None]:
    """Turn what Lance and the file system raise into one line of ours."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise kind(f"{what}: {_SOURCE_PLACE.split(first)[0]}") from error


def _build_text_index(dataset: lance.LanceDataset) -> None:
    """Index the text for other clients: our own search has its own terms, stems included.

    Splitting identifiers is what finds code. Stems and unsplit identifiers would double the cost of the index, which
    is the largest single one after parsing.
    """
    dataset.create_scalar_index(
        "text",
        "INVERTED",
        name=TEXT_INDEX,
        analyzer="code",
        split_identifiers=True,
        preserve_original=False,
        split_on_numerics=True,
        stem=False,
        with_position=False,
    )


def _catch_up(dataset: lance.LanceDataset, name: str) -> None:
    """Add the rows outside the index to it, when they are many, and join its segments, when they are."""
    statistics = dataset.stats.index_stats(name)
    if statistics["num_unindexed_rows"] < UNINDEXED_ROWS:
        return
    segments = int(statistics["num_indices"])
    joined = segments if segments >= SEGMENTS else 0
    dataset.optimize.optimize_indices(index_names=[name], num_indices_to_merge=joined)


def _where_path(paths: Collection[str]) -> str:
    quoted = (encode_path(path).replace("'", "''") for path in paths)
    return "path in ({})".format(",".join(f"'{path}'" for path in quoted))
