"""What does one committed version hold? A reader that sees the same rows whatever writers do meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from treeseek.errors import StoreCorruptError
from treeseek.model import UnitColumns
from treeseek.store.columns import (
    FILE_KINDS,
    MANIFEST_COLUMNS,
    Manifest,
    encode_path,
    order_by_place,
    strings,
    to_manifest,
    to_units,
)
from treeseek.store.faults import as_store_error
from treeseek.store.journal import Entry
from treeseek.store.memory import give_back_memory
from treeseek.store.schema import IndexIdentity

if TYPE_CHECKING:
    import lance
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["IS_CHUNK", "IS_FILE", "Snapshot", "where_path"]

IS_FILE = f"kind in {FILE_KINDS!r}"
IS_CHUNK = f"kind not in {FILE_KINDS!r}"

COLD_READS = 8
"""Times that a snapshot reads texts from the disk before it holds them in memory."""

ONE_BATCH = 1 << 20
"""Rows a batch when reading columns: one batch a fragment lets numpy view it without a copy."""

MAX_OVERLAY = 4_000
"""Texts that a snapshot holds beside those of the version that it was made from; with more it reads all anew."""


class Snapshot:
    """One committed version. Threads share it.

    `version` is the table's, `sequence` that of the journal's entry, which alone is never used twice. `is_fallback`: a
    later version was committed and can't be opened.
    """

    def __init__(
        self, dataset: lance.LanceDataset, identity: IndexIdentity, entry: Entry | None = None, *,
        is_fallback: bool = False,
    ) -> None:  # fmt: skip
        """Not for callers: use `UnitStore.snapshot`."""
        self._dataset = dataset
        self._lock = threading.Lock()
        self._addresses: dict[str, int] = {}
        self._knows_all_addresses = False
        self._texts: pa.Array | None = None
        self._place_of_text: dict[str, int] = {}
        self._overlay: dict[str, str] = {}
        self._reads = 0
        self.version = int(dataset.version)
        self.sequence = self.version if entry is None else entry.sequence
        self.identity = identity
        self.is_fallback = is_fallback

    @property
    def dataset(self) -> lance.LanceDataset:
        """The table at this version, for the store."""
        return self._dataset

    @property
    def uri(self) -> str:
        """Where the table lies."""
        return str(self._dataset.uri)

    @property
    def schema(self) -> pa.Schema:
        """The table's schema, which tells what made it."""
        return self._dataset.schema

    def manifest(self) -> Manifest:
        """Return what the version knows of each file, those left out included."""
        with self._reading():
            return to_manifest(self._scan(columns=list(MANIFEST_COLUMNS), filter=IS_FILE))

    def columns(self) -> UnitColumns:
        """Return the chunks without their text, ordered by path and place. Arrays may be read-only."""
        with self._reading():
            return self._columns({})

    def columns_of(self, paths: Collection[str], since: Snapshot | None = None) -> UnitColumns:
        """Return the chunks of some files like `columns`.

        With `since`, an earlier version after which no rows were moved and no others written than those of `paths`,
        only what was written after it is looked at.
        """
        fragments = None
        if since is not None:
            old = {fragment.fragment_id for fragment in since._dataset.get_fragments()}
            fragments = [one for one in self._dataset.get_fragments() if one.fragment_id not in old]
        with self._reading():
            return self._columns({} if fragments is None else {"fragments": fragments}, f" and {where_path(paths)}")

    def _columns(self, options: Mapping[str, Any], where: str = "") -> UnitColumns:
        names = [name for name in self._dataset.schema.names if name != "text"]
        if options.get("fragments") == []:
            table = self._dataset.schema.empty_table().select(names)
            return to_units(table)
        table = self._scan(columns=[*names, "_rowid"], filter=IS_CHUNK + where, batch_size=ONE_BATCH, **options)
        table = order_by_place(table)
        units = to_units(table)
        with self._lock:
            self._addresses |= zip(units.id, table["_rowid"].to_pylist(), strict=True)
            self._knows_all_addresses |= not where
        return units

    def ids(self) -> list[str]:
        """Return the ids of all rows, in no order."""
        with self._reading():
            return strings(self._scan(columns=["id"])["id"])

    def chunk_count(self) -> int:
        """Return the number of chunks."""
        with self._reading():
            return int(self._dataset.count_rows(IS_CHUNK))

    def texts(self, ids: Sequence[str]) -> dict[str, str]:
        """Return the texts of these chunks; ids that aren't chunks of this version are left out.

        A snapshot that is asked again and again comes to hold all texts: reading ten from the disk costs as much as
        ranking them.
        """
        with self._reading(), self._lock:
            found = {unit: self._overlay[unit] for unit in ids if unit in self._overlay}
            rest = [unit for unit in ids if unit not in found]
            if self._texts is None and self._reads >= COLD_READS:
                self._hold_texts()
            if self._texts is not None:
                held = ((unit, self._place_of_text[unit]) for unit in rest if unit in self._place_of_text)
                return found | {unit: self._texts[place].as_py() or "" for unit, place in held}
            self._reads += 1
            return found | self._read_texts(rest)

    def _hold_texts(self) -> None:
        table = self._scan(columns=["id", "text"], filter=IS_CHUNK)
        self._texts = table["text"].combine_chunks()
        places = dict(zip(strings(table["id"]), range(len(table)), strict=True))
        # The ids that others hold already, if they do, instead of as many new ones; addresses aren't needed any more.
        self._place_of_text = {unit: places.pop(unit) for unit in self._addresses if unit in places} | places
        self._addresses, self._knows_all_addresses, self._overlay = {}, False, {}
        del table, places
        give_back_memory()

    def _read_texts(self, ids: Sequence[str]) -> dict[str, str]:
        if not self._knows_all_addresses and any(unit not in self._addresses for unit in ids):
            table = self._scan(columns=["id", "_rowid"], filter=IS_CHUNK)
            self._addresses = dict(zip(strings(table["id"]), table["_rowid"].to_pylist(), strict=True))
            self._knows_all_addresses = True
        addresses = [str(self._addresses[unit]) for unit in ids if unit in self._addresses]
        if not addresses:
            return {}
        table = self._scan(columns=["id", "text"], filter=f"_rowid in ({','.join(addresses)})")
        return dict(zip(strings(table["id"]), strings(table["text"]), strict=True))

    def take_over(self, earlier: Snapshot, written: UnitColumns, *, moved: bool) -> None:
        """Take what an earlier snapshot holds in memory, where it is still true.

        `written` are the chunks of the files that changed in between, read by `columns_of`; `moved` says that rows may
        have other addresses. Ids that are gone may stay behind: nobody asks for them.
        """
        with earlier._lock:
            addresses, texts = dict(earlier._addresses) if earlier._knows_all_addresses else {}, earlier._texts
            places, overlay, reads = earlier._place_of_text, dict(earlier._overlay), earlier._reads
        with self._lock:
            self._reads = reads
            if not moved and addresses:
                self._addresses, self._knows_all_addresses = addresses | self._addresses, True
            if texts is None or len(overlay) + len(written) > MAX_OVERLAY:
                return
            with self._reading():
                self._texts, self._place_of_text = texts, places
                self._overlay = overlay | self._read_texts(written.id)

    def rows(self) -> UnitColumns:
        """Return all rows whole, ordered by path, place and id."""
        with self._reading():
            return to_units(order_by_place(self._scan(columns=self._dataset.schema.names)))

    def equals(self, other: Snapshot) -> bool:
        """Whether another version, which may be of another table, holds the same rows in every column."""
        names = [name for name in self._dataset.schema.names if name in other._dataset.schema.names]
        mine, others = (order_by_place(one._scan(columns=names)).replace_schema_metadata(None) for one in (self, other))
        return bool(mine.num_rows == others.num_rows) and all(
            mine[name].combine_chunks().equals(others[name].combine_chunks()) for name in names
        )

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

    def _scan(self, **options: Any) -> pa.Table:
        table = self._dataset.scanner(**options).to_table()
        table.validate(full=True)  # what Lance makes of damaged data may reach beyond its own memory
        return table

    def _reading(self) -> AbstractContextManager[None]:
        return as_store_error(f"can't read {self._dataset.uri}", StoreCorruptError)


def where_path(paths: Collection[str]) -> str:
    """Return the filter for the rows of these files."""
    quoted = (encode_path(path).replace("'", "''") for path in paths)
    return "path in ({})".format(",".join(f"'{path}'" for path in quoted)) if paths else "false"
