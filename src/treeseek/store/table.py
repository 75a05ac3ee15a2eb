"""The `units` table: one atomic version per commit for the writer, a pinned version for each reader.

Writing methods expect their caller to hold `writer_lock`; reading needs no lock. What the journal names is committed,
and nothing else: what Lance calls its latest version may be half a commit, or none that outlived a power cut.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from treeseek import telemetry
from treeseek.errors import FormatError, StoreCorruptError, StoreError
from treeseek.model import UnitColumns
from treeseek.store.columns import FILE_KINDS, encode_path, to_batches
from treeseek.store.directory import current_generation, flip_current, new_generation
from treeseek.store.durable import bytes_below, has_end, hash_file, inventory, private_directory, sync_files
from treeseek.store.faults import as_store_error
from treeseek.store.journal import Entry, FileState, Journal
from treeseek.store.recovery import manifest_name, recover
from treeseek.store.schema import IndexIdentity, is_older, read_identity, units_schema
from treeseek.store.snapshot import IS_CHUNK, Snapshot, where_path
from treeseek.store.steps import reached

if TYPE_CHECKING:
    import lance
    import pyarrow as pa

__all__ = ["TABLE", "UnitStore"]

TABLE = "units.lance"
FILE_FORMAT: Literal["2.2"] = "2.2"
TEXT_INDEX = "text_idx"
VECTOR_INDEX = "vector_idx"

VECTOR_INDEX_ROWS = 200_000
"""Rows from which an approximate vector index is built; below, an exact scan is quick enough."""

MAX_LOOSE_IDS = 5_000
"""So many rows whose files aren't replaced are looked for by id; with more, joining with all ids is quicker."""

FALLBACKS = 3
"""How many versions back a reader looks for one that opens, if the last one doesn't."""

INDEX_CACHE_BYTES = 256 << 20
METADATA_CACHE_BYTES = 64 << 20


class UnitStore:
    """The current generation of one index, or one being made that becomes current with its first commit."""

    def __init__(self, directory: Path, generation: Path, identity: IndexIdentity, schema: pa.Schema) -> None:
        """Not for callers: use `open`, `create` or `at`."""
        self.directory = directory
        self.generation = generation
        self.identity = identity
        self.table = generation / TABLE
        self.journal = Journal(generation)
        self._uri = str(self.table)
        self._schema = schema
        self._lock = threading.Lock()
        self._latest: Snapshot | None = None
        self._has_indexes = False

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
        return None if generation is None else cls.at(directory, generation)

    @classmethod
    def at(cls, directory: Path, generation: Path) -> UnitStore:
        """Open one generation of an index. Raises like `open`."""
        store = cls.bare(directory, generation)
        snapshot = store.snapshot()
        store.identity, store._schema = snapshot.identity, snapshot.schema
        return store

    @classmethod
    def bare(cls, directory: Path, generation: Path) -> UnitStore:
        """Return the store of a generation without opening it, which may not be possible."""
        import pyarrow as pa

        return cls(directory, generation, IndexIdentity("", 0, ""), pa.schema([]))

    @classmethod
    def create(cls, directory: Path, root: Path, identity: IndexIdentity) -> UnitStore:
        """Start a new generation for `root`. Readers keep the old one until its first commit."""
        from importlib.metadata import version

        with as_store_error(f"can't write {directory}"):
            private_directory(directory)
            generation = new_generation(directory)
        extra = {"root": encode_path(str(root.resolve())), "writer": version("treeseek")}
        return cls(directory, generation, identity, units_schema(identity, extra))

    # -- reading -----------------------------------------------------------------------------------------------

    @property
    def is_outdated(self) -> bool:
        """Whether an older treeseek wrote this: it can be read, and written only once it is migrated."""
        return is_older(self._schema)

    def snapshot(self) -> Snapshot:
        """Return a reader of the committed version, the same one as long as that doesn't change.

        If that version can't be opened, the last one before it that can answers, with `is_fallback` set.
        Raises StoreError if nothing is committed yet, StoreCorruptError if no version can be opened, FormatError.
        """
        entries = self.journal.entries()
        if not entries:
            return self._unjournaled()
        with self._lock:
            latest = self._latest
        if latest is not None and latest.sequence == entries[-1].sequence:
            return latest
        try:
            snapshot = self._opened(entries)
        except StoreCorruptError:
            if self._is_last(entries[-1]):
                raise
            return self.snapshot()
        if snapshot.is_fallback and not self._is_last(entries[-1]):
            return self.snapshot()  # it was not damaged, but followed by others and dropped, since the journal was read
        if self.journal.damage()[0]:
            snapshot.is_fallback |= self.journal.is_whole()  # what was committed last is what is damaged
        with self._lock:
            self._latest = snapshot
        return snapshot

    def _is_last(self, entry: Entry) -> bool:
        last = self.journal.last()
        return last is None or last.sequence == entry.sequence

    def _opened(self, entries: Sequence[Entry]) -> Snapshot:
        """Open the last version that can be."""
        tried: set[int] = set()
        first: StoreError | None = None
        for entry in reversed(entries):
            if entry.version in tried:
                continue
            if len(tried) > FALLBACKS:
                break
            tried.add(entry.version)
            try:
                return self.open_version(entry, is_fallback=first is not None)
            except StoreCorruptError as error:
                telemetry.count("treeseek_store_unreadable_versions_total")
                first = first or error
        assert first is not None
        raise first

    def open_version(self, entry: Entry, *, is_fallback: bool = False) -> Snapshot:
        """Open the version of an entry. Raises StoreCorruptError if it can't be, FormatError."""
        with as_store_error(f"can't open {self._uri}", StoreCorruptError):
            known = self.journal.files()
            self._check(manifest_name(entry.version), known)
            dataset = self._dataset(entry.version)
            for fragment in dataset.get_fragments():
                self._check(fragment.deletion_file() or "", known)
            rows = dataset.count_rows()
            identity = read_identity(dataset.schema, self._uri)
        if rows != entry.rows:
            raise StoreCorruptError(f"{self._uri} has {rows:,} rows where {entry.rows:,} were committed")
        return Snapshot(dataset, identity, entry, is_fallback=is_fallback)

    def _check(self, name: str, known: Mapping[str, FileState]) -> None:
        """Raise StoreCorruptError unless a file by which Lance finds others, or takes sizes from, is what was written.

        What Lance makes of a damaged manifest may be another table, and of a damaged list of deleted rows an attempt to
        allocate terabytes, which ends the process. Both are small. Raises OSError.
        """
        state = known.get(name)
        if state is not None and hash_file(self.table / name) != state:
            raise StoreCorruptError(f"{self.table / name} isn't what was written")

    def reading(self, dataset: lance.LanceDataset) -> Snapshot:
        """Return a reader of a version that isn't committed. Raises StoreCorruptError, FormatError."""
        return Snapshot(dataset, read_identity(dataset.schema, self._uri))

    def _unjournaled(self) -> Snapshot:
        """Open a table of the first format, which had no journal."""
        if not self.table.is_dir():
            if current_generation(self.directory) == self.generation:
                raise StoreCorruptError(f"{self.generation} holds no table: re-index to replace it")
            raise StoreError(f"nothing is committed yet in {self.generation}")
        with as_store_error(f"can't open {self._uri}", StoreCorruptError):
            dataset = self._dataset(None)
        identity = read_identity(dataset.schema, self._uri)
        if not is_older(dataset.schema):
            raise StoreCorruptError(f"{self.generation} has lost its journal: `treeseek repair` mends it")
        return Snapshot(dataset, identity)

    def _dataset(self, version: int | None) -> lance.LanceDataset:
        import lance

        return lance.dataset(self._uri, version=version, session=self._session)

    def bytes_on_disk(self) -> int:
        """Return the size of everything in the index's directory, older generations included."""
        return bytes_below(self.directory)

    # -- writing -----------------------------------------------------------------------------------------------

    def commit(self, rows: UnitColumns | Sequence[UnitColumns], replaced_paths: Collection[str]) -> int:
        """Make one new version, whole or not at all, and return its number.

        Rows are inserted, or replace the row of their id. Rows of `replaced_paths` whose id is not among
        `rows` are deleted. Without rows and without anything to delete there is no new version, except that
        the first commit of a generation always makes one, and makes the generation current.
        Raises ValueError for a repeated id, StoreError when the version can't be written, FormatError if the index
        must be migrated first.
        """
        parts = [rows] if isinstance(rows, UnitColumns) else list(rows)
        count = sum(map(len, parts))
        if len({unit for part in parts for unit in part.id}) != count:
            raise ValueError("two rows to commit have the same id")
        with as_store_error(f"can't write {self._uri}"), telemetry.timed("treeseek_store_commit_seconds"):
            reached("commit.begun")
            if self.journal.exists():
                version = self._write(parts, count, replaced_paths)
            else:
                version = self._write_first(parts)
        telemetry.count("treeseek_store_rows_total", count)
        return version

    def writable(self) -> lance.LanceDataset:
        """Return the committed version to write on, with whatever a dead writer left set aside.

        Raises StoreCorruptError if it can't be opened, FormatError if it must be migrated, OSError.
        """
        last = self.journal.last()
        if last is None:
            raise FormatError(f"{self.generation} is of an older format: `treeseek migrate` brings it up to date")
        if recover(self.generation, self.table, self.journal):
            self.recycle()
        snapshot = self.open_version(last)
        return snapshot.dataset

    def _write_first(self, parts: Sequence[UnitColumns]) -> int:
        import lance
        import pyarrow as pa

        if self.table.exists() and is_older(self._schema):
            self.writable()
        source = pa.RecordBatchReader.from_batches(self._schema, to_batches(parts, self._schema))
        return self.begin(lance.write_dataset(source, self._uri, mode="create", data_storage_version=FILE_FORMAT))

    def begin(self, made: lance.LanceDataset, kind: str = "commit") -> int:
        """Make a table that was just written the first version of its generation, and the generation current."""
        reached("commit.rows-written")
        self.acknowledge(kind, made, None)
        flip_current(self.directory, self.generation)
        return int(made.version)

    def _write(self, parts: Sequence[UnitColumns], count: int, replaced_paths: Collection[str]) -> int:
        dataset = self.writable()
        replaced = set(replaced_paths)
        loose = [unit for part in parts for unit, path in zip(part.id, part.path, strict=True) if path not in replaced]
        if len(loose) > MAX_LOOSE_IDS:
            made = self._merged(dataset, parts, replaced)
        else:
            made = self._replaced(dataset, parts, count, replaced, loose)
        if made is None:
            return int(dataset.version)
        self.acknowledge("commit", made, tuple(sorted(replaced.union(*map(_paths_of_chunks, parts)))))
        return int(made.version)

    def _replaced(
        self, dataset: lance.LanceDataset, parts: Sequence[UnitColumns], count: int, replaced: set[str],
        loose: Sequence[str],
    ) -> lance.LanceDataset | None:  # fmt: skip
        """Delete and insert in one version, at a cost that depends on what changes, not on what is there.

        A merge would do the same, but joins with the ids of all rows: 60 ms at 50,000 rows, where this takes 9.
        """
        import lance
        import pyarrow as pa
        from lance.fragment import write_fragments

        clauses = [where_path(replaced) if replaced else "", _where_id(loose)]
        gone = " or ".join(clause for clause in clauses if clause)
        emptied, shrunk = [], []
        for fragment in _holding(dataset, gone) if gone else ():
            left = fragment.delete(gone)
            if left is None:
                emptied.append(fragment.fragment_id)
            elif left.deletion_file != fragment.metadata.deletion_file:
                shrunk.append(left)
        written = []
        if count:
            source = pa.RecordBatchReader.from_batches(self._schema, to_batches(parts, self._schema))
            written = list(write_fragments(source, dataset, schema=self._schema, data_storage_version=FILE_FORMAT))
        if not (written or emptied or shrunk):
            return None
        reached("commit.rows-written")
        operation = lance.LanceOperation.Update(
            removed_fragment_ids=emptied, updated_fragments=shrunk, new_fragments=written, fields_modified=[]
        )
        return lance.LanceDataset.commit(dataset, operation, read_version=dataset.version, max_retries=0)

    def _merged(
        self, dataset: lance.LanceDataset, parts: Sequence[UnitColumns], replaced: Collection[str]
    ) -> lance.LanceDataset:
        import lance
        import pyarrow as pa

        source = pa.RecordBatchReader.from_batches(self._schema, to_batches(parts, self._schema))
        if not dataset.count_rows():
            return lance.write_dataset(source, dataset, mode="append")
        merge = dataset.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        if replaced:
            merge = merge.when_not_matched_by_source_delete(where_path(replaced))
        # The lock keeps other writers out; allowing retries would hold a second copy of all rows.
        merge.conflict_retries(0).execute(source)
        return self.newest(dataset)

    def acknowledge(self, kind: str, made: lance.LanceDataset, paths: tuple[str, ...] | None) -> None:
        """Commit a version that Lance has made: hash its files, sync them, note it in the journal.

        `paths` are those whose chunks may differ now, None if they are many. Raises OSError; then the version before
        stays the committed one, and the next writer sets this one aside.
        """
        reached("commit.version-made")
        known = self.journal.files()
        found = inventory(self.table)
        added = {name: hash_file(self.table / name) for name in found if name not in known}
        self._check_written(made, added)
        reached("acknowledge.files-hashed")
        sync_files(self.table, added)
        if not known:
            sync_files(self.generation, ())
        reached("acknowledge.files-synced")
        self.journal.append(Entry(int(made.version), kind, made.count_rows(), added, paths=paths))

    def _check_written(self, made: lance.LanceDataset, added: Mapping[str, FileState]) -> None:
        """Raise OSError if a new file isn't whole, which Lance doesn't always notice when the disk is full."""
        said = {f"data/{file.path}": file.file_size_bytes for one in made.get_fragments() for file in one.data_files()}
        for name, (size, _) in added.items():
            if (said.get(name) or size) != size or not has_end(self.table / name):
                raise OSError(f"{name} was not written whole: is the disk full?")
        if any(name.endswith(".bin") for name in added):  # lists of deleted rows, whose end says nothing
            made.validate()

    def has_indexes(self) -> bool:
        """Whether the full-text index was made, or there is nothing to make it of."""
        if not self._has_indexes:
            dataset = self.snapshot().dataset
            with as_store_error(f"can't read {self._uri}", StoreCorruptError):
                names = {index.name for index in dataset.describe_indices()}
                self._has_indexes = TEXT_INDEX in names  # and it stays, as long as the generation does
                return self._has_indexes or not dataset.count_rows(IS_CHUNK)
        return True

    def build_indexes(self) -> None:
        """Make the search indexes that don't exist yet and are worth their cost.

        Rows that come later are found by a scan until `maintain` adds them. Before it is made, `full_text` knows plain
        words only, not the parts of identifiers.
        """
        last = self.journal.last()
        rows = 0 if last is None else last.rows
        if self.has_indexes() and rows < VECTOR_INDEX_ROWS:
            return
        with as_store_error(f"can't index {self._uri}"), telemetry.timed("treeseek_store_index_seconds"):
            dataset = self.writable()
            names = {index.name for index in dataset.describe_indices()}
            chunks = dataset.count_rows(IS_CHUNK)
            if TEXT_INDEX not in names and chunks:
                _build_text_index(dataset)
            if VECTOR_INDEX not in names and chunks >= VECTOR_INDEX_ROWS:
                build_vector_index(dataset)
            self.acknowledge_newest("index", "index.made")

    def build_vector_index(self) -> None:
        """Make the approximate vector index, whatever the number of rows."""
        with as_store_error(f"can't index {self._uri}"):
            dataset = self.writable()
            build_vector_index(dataset)
            self.acknowledge_newest("index", "index.made")

    def newest(self, written: lance.LanceDataset) -> lance.LanceDataset:
        """Return the version that Lance made last, on top of `written`; not committed until it is acknowledged."""
        return self._dataset(written.latest_version)

    def acknowledge_newest(self, kind: str, step: str) -> None:
        """Commit what Lance made on top of the committed version, if it made anything, where no row differs."""
        last = self.journal.last()
        made = self._dataset(None)
        if last is not None and made.version != last.version:
            reached(step)
            self.acknowledge(kind, made, ())

    def recycle(self) -> None:
        """Drop what Lance holds of files that aren't there any more, and the handles that its optimisations leak."""
        self.__dict__.pop("_session", None)
        with self._lock:
            self._latest, self._has_indexes = None, False


def _paths_of_chunks(rows: UnitColumns) -> Iterator[str]:
    return (path for path, kind in zip(rows.path, rows.kind, strict=True) if kind not in FILE_KINDS)


def _holding(dataset: lance.LanceDataset, clause: str) -> Iterator[lance.LanceFragment]:
    """Yield the pieces that hold such rows: looking for them once is quicker than deleting nothing from most pieces."""
    found = dataset.to_table(columns=[], filter=clause, with_row_address=True)["_rowaddr"].to_numpy()
    for fragment in sorted(set((found >> 32).tolist())):
        yield dataset.get_fragment(fragment)


def _where_id(ids: Sequence[str]) -> str:
    return "id in ({})".format(",".join(f"'{unit}'" for unit in ids)) if ids else ""


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


def build_vector_index(dataset: lance.LanceDataset) -> None:
    """Make the approximate index of the vectors."""
    dataset.create_index("vector", "IVF_SQ", name=VECTOR_INDEX, metric="cosine")
