"""The table opens unchanged in the LanceDB client, and means the same there.

Holds for pyarrow >=21,<27, pylance >=14.0,<15 and lancedb >=0.40,<0.41; the versions of a run are printed and
asserted to lie in these ranges.
"""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path

import lancedb
import numpy as np
import pytest

from treeseek.model import UnitColumns
from treeseek.store import IndexIdentity, UnitStore

DIMS = 16
WORDS = (
    "parse",
    "server",
    "socket",
    "getHTTPResponse",
    "cache",
    "token",
    "walrus",
    "vector",
    "commit",
    "lock",
)
RANGES = {"pyarrow": ((21,), (27,)), "pylance": ((14, 0), (15,)), "lancedb": ((0, 40), (0, 41))}


def corpus() -> UnitColumns:
    """Thirty files of one chunk each, with distinct texts and vectors."""
    rng = np.random.default_rng(7)
    count, none = 60, [""] * 60
    is_chunk = np.arange(count) % 2 == 1
    vector = rng.standard_normal((count, DIMS)).astype(np.float16)
    vector[~is_chunk] = 0
    text = [" ".join(rng.choice(WORDS, 3 + i // 4)) if is_chunk[i] else "" for i in range(count)]
    zeros = np.zeros(count, np.int64)
    return UnitColumns(
        id=[f"id{i:03d}" for i in range(count)],
        path=[f"dir/it's {i // 2}.py" for i in range(count)],
        language=["python"] * count,
        kind=["function" if chunk else "file" for chunk in is_chunk],
        name=none,
        signature=none,
        text=text,
        note=none,
        content_hash=none,
        start_line=zeros.astype(np.int32),
        end_line=zeros.astype(np.int32),
        start_byte=zeros,
        end_byte=zeros,
        size=zeros,
        mtime_ns=zeros,
        inode=zeros.astype(np.uint64),
        terms=np.arange(count, dtype=np.uint32),
        term_counts=np.ones(count, np.uint8),
        term_offsets=np.arange(count + 1),
        declaration_kind=["function"],
        declaration_name=["Session.get"],
        declaration_start_line=np.ones(1, np.int32),
        declaration_end_line=np.ones(1, np.int32),
        declaration_offsets=np.minimum(np.arange(count + 1), 1),
        vector=vector,
        has_vector=is_chunk,
    )


@pytest.fixture
def store(tmp_path: Path) -> UnitStore:
    store = UnitStore.create(tmp_path / "index", tmp_path, IndexIdentity("embedder", DIMS, "analysis"))
    store.commit(corpus(), [])
    store.build_indexes()
    return store


def test_the_versions_are_those_stated(capsys):
    for name, (low, high) in RANGES.items():
        with capsys.disabled():
            print(f"{name} {version(name)}", end="; ")
        numbers = tuple(int(part) for part in version(name).split(".")[:2])
        assert low <= numbers < high, name


def test_rows_and_schema(store):
    table = lancedb.connect(store.generation).open_table("units")
    assert table.count_rows() == 60
    assert table.count_rows("kind = 'file'") == 30
    rows = store.snapshot().rows()
    theirs = {row["id"]: row for row in table.to_arrow().to_pylist()}
    for i, unit in enumerate(rows.id):
        assert theirs[unit]["path"] == rows.path[i]
        assert theirs[unit]["text"] == (rows.text[i] if rows.has_vector[i] else None)
        assert theirs[unit]["terms"] == [rows.terms[rows.term_offsets[i]]]
        if rows.has_vector[i]:
            assert theirs[unit]["vector"] == rows.vector[i].tolist()
        else:
            assert theirs[unit]["vector"] is None
    assert sum(len(row["declarations"]) for row in theirs.values()) == 1


def test_vector_search_gives_the_same(store):
    table = lancedb.connect(store.generation).open_table("units")
    for row in (1, 21, 59):
        query = corpus().vector[row].astype(np.float32)
        theirs = table.search(query, vector_column_name="vector").distance_type("cosine").limit(12).to_list()
        ours = store.snapshot().nearest(query, 12)
        assert [found["id"] for found in theirs] == [unit for unit, _ in ours]
        assert [1 - found["_distance"] for found in theirs] == pytest.approx([score for _, score in ours])
        assert ours[0][0] == f"id{row:03d}"


def test_full_text_search_gives_the_same(store):
    table = lancedb.connect(store.generation).open_table("units")
    for query in ("response", "walrus socket", "parses the server", "HTTPResponse"):
        theirs = table.search(query, query_type="fts", fts_columns="text").limit(100).to_list()
        ours = store.snapshot().full_text(query, 100)
        assert {found["id"]: found["_score"] for found in theirs} == pytest.approx(dict(ours))
        assert len(ours) > 3
        assert [score for _, score in ours] == sorted((score for _, score in ours), reverse=True)


def test_what_the_client_writes_is_not_committed_and_goes_with_the_next_commit(store, tmp_path):
    """Only the journal says what is committed; a client of the table is a guest."""
    shutil.copytree(store.directory, tmp_path / "copy")
    ours = UnitStore.open(tmp_path / "copy")
    assert ours is not None
    table = lancedb.connect(ours.generation).open_table("units")
    row = table.search().where("id = 'id001'").to_arrow().slice(0, 1)
    row = row.select(table.schema.names).to_pylist()[0] | {"id": "theirs", "path": "theirs.py", "text": "zebra stripes"}
    table.add([row])
    table.delete("path = 'dir/it''s 0.py'")
    assert table.count_rows() == 59
    snapshot = ours.snapshot()
    assert len(snapshot.rows()) == 60 and snapshot.texts(["theirs"]) == {}
    ours.commit([], ["dir/it's 0.py"])
    table = lancedb.connect(ours.generation).open_table("units")
    assert table.count_rows() == len(ours.snapshot().rows()) == 58
    assert len(store.snapshot().rows()) == 60
