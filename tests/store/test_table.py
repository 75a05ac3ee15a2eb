"""The table of units: what goes in comes out, versions are atomic, and only replaced paths go."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import lance
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from treeseek.errors import StoreCorruptError, StoreError
from treeseek.model import UnitColumns
from treeseek.store import UnitStore
from treeseek.store.columns import to_units
from treeseek.store.maintenance import is_due, maintain
from treeseek.store.snapshot import COLD_READS

HARD_NAMES = [
    "it's.py",
    'say "hi".py',
    "new\nline.py",
    "tab\tand\rreturn.py",
    "naïve/名前/🦀.rs",
    "100%_done.py",
    "back\\slash.py",
    "semi; drop table units; --.py",
    "''; '' or 1=1.py",
    "bytes\udcff\udc80.py",
    " leading and trailing ",
    "$HOME/{brace}/`tick`.sh",
]


def texts_by_path(rows: UnitColumns) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path, text in zip(rows.path, rows.text, strict=True):
        found.setdefault(path, set()).update([text] if text else [])
    return found


def assert_same(left: UnitColumns, right: UnitColumns) -> None:
    for field in fields(UnitColumns):
        one, other = getattr(left, field.name), getattr(right, field.name)
        if isinstance(one, list):
            assert one == other, field.name
        else:
            assert one.dtype == other.dtype, field.name
            np.testing.assert_array_equal(one, other, err_msg=field.name)


def test_rows_with_fewer_counts_than_terms_are_corrupt(store, units):
    """As damage can make them, and ranking took them for granted."""
    rows = units({"a.py": ["alpha one"]})
    store.commit(rows, [])
    table = lance.dataset(str(store.table)).to_table()
    at = table.column_names.index("term_counts")
    assert len(to_units(table)) == 2
    shorter = pa.array([counts[:-1] if counts else counts for counts in table["term_counts"].to_pylist()])
    with pytest.raises(ValueError, match="counts"):
        to_units(table.set_column(at, "term_counts", shorter.cast(table.schema.field(at).type)))


def test_every_column_comes_back_as_it_went_in(store, units):
    rows = units({"a.py": ["alpha one", "beta two three"], "b.py": [], "c.py": ["gamma"]}, {"d.bin": "binary"})
    store.commit(rows, [])
    got = store.snapshot().rows()
    assert sorted(got.id) == sorted(rows.id)
    order = [rows.id.index(unit) for unit in got.id]
    for name in ("path", "language", "kind", "name", "signature", "text", "note", "content_hash"):
        assert getattr(got, name) == [getattr(rows, name)[i] for i in order]
    for name in (
        "start_line",
        "end_line",
        "start_byte",
        "end_byte",
        "size",
        "mtime_ns",
        "inode",
        "has_vector",
    ):
        np.testing.assert_array_equal(getattr(got, name), getattr(rows, name)[order])
        assert getattr(got, name).dtype == getattr(rows, name).dtype
    np.testing.assert_array_equal(got.vector, rows.vector[order])
    for i, j in enumerate(order):
        for flat, offsets in (
            ("terms", "term_offsets"),
            ("term_counts", "term_offsets"),
            ("declaration_kind", "declaration_offsets"),
            ("declaration_name", "declaration_offsets"),
            ("declaration_start_line", "declaration_offsets"),
            ("declaration_end_line", "declaration_offsets"),
        ):
            here, there = getattr(got, offsets), getattr(rows, offsets)
            assert list(getattr(got, flat)[here[i] : here[i + 1]]) == list(getattr(rows, flat)[there[j] : there[j + 1]])


def test_columns_hold_the_chunks_in_order_without_text(store, units):
    store.commit(units({"b.py": ["two", "three"], "a.py": ["one"]}, {"x": "binary"}), [])
    columns = store.snapshot().columns()
    assert list(zip(columns.path, columns.start_byte, strict=True)) == [
        ("a.py", 0),
        ("b.py", 0),
        ("b.py", 100),
    ]
    assert columns.text == []
    assert columns.name == ["one", "two", "three"]
    assert columns.has_vector.all()
    assert columns.declaration_name == ["Thing.one", "Thing.two", "Thing.three"]
    assert columns.term_offsets.tolist() == [0, 1, 2, 3]


def test_order_does_not_depend_on_the_history(store, units, tmp_path, identity):
    files = {f"f{i}.py": [f"text{i} a", f"text{i} b"] for i in range(6)}
    for path in ("f5.py", "f1.py", "f3.py", "f0.py", "f4.py", "f2.py"):
        store.commit(units({path: ["old"]}), [])
        store.commit(units({path: files[path]}), [path])
    fresh = UnitStore.create(tmp_path / "fresh", tmp_path, identity)
    fresh.commit(units(files), [])
    assert_same(store.snapshot().columns(), fresh.snapshot().columns())
    assert_same(store.snapshot().rows(), fresh.snapshot().rows())


def test_a_file_touched_after_its_chunks_keeps_its_place(store, units, tmp_path, identity):
    files = {f"f{i}.py": [f"text{i}"] for i in range(6)}
    store.commit(units(files), [])
    for path in files:
        store.commit(units({path: []}), [])
    fresh = UnitStore.create(tmp_path / "fresh", tmp_path, identity)
    fresh.commit(units(files), [])
    assert_same(store.snapshot().rows(), fresh.snapshot().rows())


def test_manifest_tells_files_and_what_was_left_out(store, units):
    store.commit(units({"b.py": ["two"], "a.py": []}, {"aa.bin": "binary"}), [])
    manifest = store.snapshot().manifest()
    assert manifest.path == ["a.py", "aa.bin", "b.py"]
    assert manifest.kind == ["file", "skipped", "file"]
    assert manifest.note == ["", "binary", ""]
    assert manifest.mtime_ns.tolist() == [1_700_000_000_123_456_789] * 3
    assert manifest.inode.tolist() == [2**63 + 5] * 3
    assert len(manifest) == 3


def test_texts_by_id_before_and_after_columns(store, units):
    store.commit(units({"a.py": ["alpha", "beta"], "b.py": ["gamma"]}), [])
    store.commit(units({"a.py": ["alpha", "delta"]}), ["a.py"])
    snapshot = store.snapshot()
    rows = snapshot.rows()
    wanted = {unit: text for unit, text in zip(rows.id, rows.text, strict=True) if text}
    asked = [*reversed(rows.id), "unknown"]
    assert snapshot.texts(asked) == wanted
    snapshot.columns()
    assert snapshot.texts(asked) == wanted
    assert snapshot.texts([]) == snapshot.texts(["unknown"]) == {}


def test_replaced_paths_lose_their_other_rows_and_only_they(store, units):
    store.commit(units({"a.py": ["one", "two"], "b.py": ["three"], "gone.py": ["four"]}), [])
    version = store.commit(units({"a.py": ["two", "five"], "new.py": ["six"]}), ["a.py", "gone.py", "never.py"])
    snapshot = store.snapshot()
    assert snapshot.version == version
    assert texts_by_path(snapshot.rows()) == {"a.py": {"two", "five"}, "b.py": {"three"}, "new.py": {"six"}}


def test_a_row_that_is_not_replaced_is_updated_in_place(store, units):
    store.commit(units({"a.py": ["one"], "b.py": ["two"]}), [])
    touched = units({"a.py": ["one"]})
    store.commit(replace(touched, mtime_ns=touched.mtime_ns + 7), [])
    snapshot = store.snapshot()
    assert texts_by_path(snapshot.rows()) == {"a.py": {"one"}, "b.py": {"two"}}
    assert snapshot.manifest().mtime_ns.tolist() == [1_700_000_000_123_456_796, 1_700_000_000_123_456_789]


def test_deleting_files_alone(store, units):
    store.commit(units({"a.py": ["one"], "b.py": ["two"]}), [])
    store.commit([], ["a.py"])
    assert texts_by_path(store.snapshot().rows()) == {"b.py": {"two"}}
    store.commit([], ["b.py"])
    snapshot = store.snapshot()
    assert len(snapshot.rows()) == len(snapshot.columns()) == len(snapshot.manifest()) == 0
    assert snapshot.columns().vector.shape == (0, 8)
    store.commit(units({"c.py": ["three"]}), [])
    assert texts_by_path(store.snapshot().rows()) == {"c.py": {"three"}}


@pytest.mark.parametrize("name", HARD_NAMES)
def test_hard_names_come_back_and_are_replaced_alone(store, units, name):
    everything = {other: [f"text of {i}"] for i, other in enumerate(HARD_NAMES)}
    store.commit(units(everything), [])
    assert store.snapshot().manifest().path == sorted(HARD_NAMES)
    store.commit(units({name: ["replaced"]}), [name])
    assert texts_by_path(store.snapshot().rows()) == {
        path: {"replaced"} if path == name else set(texts) for path, texts in everything.items()
    }
    store.commit([], [name])
    assert name not in store.snapshot().manifest().path
    assert len(store.snapshot().manifest()) == len(HARD_NAMES) - 1


def test_thousands_of_replaced_paths(store, units):
    paths = [f'dir {i % 7}/it\'s "{i}"\n.py' for i in range(6_000)]
    store.commit(units({path: ["old"] for path in [*paths[:50], "kept.py"]}), [])
    store.commit(units({paths[0]: ["new"]}), paths)
    assert texts_by_path(store.snapshot().rows()) == {"kept.py": {"old"}, paths[0]: {"new"}}


def test_several_parts_are_one_version(store, units):
    first = store.commit([units({"a.py": ["one"]}), units({}), units({"b.py": ["two"]})], [])
    second = store.commit([units({"a.py": ["three"]}), units({"c.py": ["four"]})], ["a.py"])
    assert second == first + 1
    assert texts_by_path(store.snapshot().rows()) == {"a.py": {"three"}, "b.py": {"two"}, "c.py": {"four"}}


def test_a_snapshot_stays_as_it_was(store, units):
    store.commit(units({"a.py": ["one"], "b.py": ["two"]}), [])
    before = store.snapshot()
    rows = before.rows()
    store.commit(units({"a.py": ["three"]}), ["a.py"])
    store.build_indexes()
    store.commit([], ["b.py"])
    maintain(store)
    assert_same(before.rows(), rows)
    assert set(before.texts(rows.id).values()) == {"one", "two"}
    assert [unit for unit, _ in before.full_text("two", 5)] == [rows.id[rows.text.index("two")]]
    assert store.snapshot().version > before.version


def test_nothing_to_commit_makes_no_version(store, units):
    version = store.commit(units({"a.py": ["one"]}), [])
    assert store.commit([], []) == version
    assert store.commit(units({}), []) == version
    assert store.commit([], ["never.py"]) == version
    assert store.snapshot().version == version


def test_an_empty_root_is_indexed_by_its_first_commit(store, directory, units):
    store.commit([], [])
    opened = UnitStore.open(directory)
    assert opened is not None and len(opened.snapshot().rows()) == 0
    opened.build_indexes()
    assert opened.snapshot().full_text("anything", 3) == []


def test_two_rows_of_one_id_are_refused(store, units):
    rows = units({"a.py": ["one"]})
    with pytest.raises(ValueError, match="same id"):
        store.commit([rows, rows], [])
    store.commit(rows, [])
    with pytest.raises(ValueError, match="same id"):
        store.commit([rows, rows], ["a.py"])
    assert len(store.snapshot().rows()) == 2


def test_identity_and_key_survive_merges_and_indexes(store, directory, units, identity):
    store.commit(units({"a.py": ["one"]}), [])
    store.commit(units({"a.py": ["two"]}), ["a.py"])
    store.build_indexes()
    maintain(store, force=True)
    opened = UnitStore.open(directory)
    assert opened is not None
    assert opened.identity == opened.snapshot().identity == store.identity == identity
    key = lance.dataset(str(opened.generation / "units.lance")).schema.field("id")
    assert not key.nullable and key.metadata == {b"lance-schema:unenforced-primary-key": b"true"}


def test_full_text_splits_identifiers_and_ranks(store, units):
    texts = ["getHTTPResponse of server", "parse_config file", "nothing here", "response response response"]
    store.commit(units({"a.py": texts[:2]}), [])
    store.build_indexes()
    # What comes after the index was built is outside it, and found all the same.
    store.commit(units({"b.py": texts[2:]}), [])
    snapshot = store.snapshot()
    hits = snapshot.full_text("response", 5)
    assert [snapshot.texts([unit])[unit] for unit, _ in hits] == [texts[3], texts[0]]
    assert hits[0][1] > hits[1][1] > 0
    assert len(snapshot.full_text("response", 1)) == 1
    assert len(snapshot.full_text("Config parsing", 5)) == 1
    assert snapshot.full_text("%% ()", 5) == []


def test_identifiers_outside_the_text_index_are_split_too(store, units):
    store.commit(units({"a.py": ["first"]}), [])
    store.build_indexes()
    store.commit(units({"b.py": ["getHTTPResponse"]}), [])
    assert len(store.snapshot().full_text("response", 5)) == 1


def test_full_text_sees_rows_outside_the_index_and_not_deleted_ones(store, units):
    store.commit(units({"a.py": ["walrus swims"], "b.py": ["otter swims"]}), [])
    store.build_indexes()
    store.commit(units({"a.py": ["heron flies"]}), ["a.py"])
    snapshot = store.snapshot()
    assert snapshot.full_text("walrus", 5) == []
    assert len(snapshot.full_text("heron", 5)) == 1


def text_index(store: UnitStore) -> dict[str, int]:
    return lance.dataset(str(store.generation / "units.lance")).stats.index_stats("text_idx")


def test_the_text_index_catches_up_when_many_rows_are_outside(store, units, monkeypatch):
    monkeypatch.setattr("treeseek.store.maintenance.UNINDEXED_ROWS", 5)
    monkeypatch.setattr("treeseek.store.maintenance.SEGMENTS", 3)
    store.commit(units({"a.py": ["one"]}), [])
    store.build_indexes()
    store.commit(units({"b.py": ["two"]}), [])
    version = store.snapshot().version
    store.build_indexes()
    assert not is_due(store)
    maintain(store)
    assert store.snapshot().version == version
    segments = []
    for name in "cdef":
        store.commit(units({f"{name}.py": [f"three {name}{i}" for i in range(8)]}), [])
        assert is_due(store)
        maintain(store)
        assert text_index(store)["num_unindexed_rows"] == 0
        segments.append(text_index(store)["num_indices"])
    assert segments == [2, 3, 1, 2]
    assert len(store.snapshot().full_text("three", 50)) == 32


def test_nearest_is_by_cosine_best_first_and_chunks_only(store, units):
    rows = units({"a.py": [f"text{i}" for i in range(20)]})
    store.commit(rows, [])
    query = rows.vector[7].astype(np.float32)
    hits = store.snapshot().nearest(query, 30)
    vectors = rows.vector.astype(np.float64)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    cosine = vectors @ (query / np.linalg.norm(query))
    assert hits[0][0] == rows.id[7]
    assert len(hits) == 20
    assert [score for _, score in hits] == sorted((score for _, score in hits), reverse=True)
    for unit, score in hits:
        assert score == pytest.approx(cosine[rows.id.index(unit)], abs=5e-3)


def test_a_vector_index_gives_the_same_nearest(store, units, monkeypatch):
    monkeypatch.setattr("treeseek.store.table.VECTOR_INDEX_ROWS", 200)
    monkeypatch.setattr("treeseek.store.maintenance.UNINDEXED_ROWS", 5)
    rows = units({"a.py": [f"text{i}" for i in range(400)]})
    store.commit(rows, [])
    exact = store.snapshot().nearest(rows.vector[9].astype(np.float32), 1)
    store.build_indexes()
    table = lance.dataset(str(store.generation / "units.lance"))
    assert {index.name for index in table.describe_indices()} == {"text_idx", "vector_idx"}
    assert store.snapshot().nearest(rows.vector[9].astype(np.float32), 1)[0][0] == exact[0][0]
    store.commit(units({"b.py": [f"more{i}" for i in range(10)]}), [])
    maintain(store)
    table = lance.dataset(str(store.generation / "units.lance"))
    assert table.stats.index_stats("vector_idx")["num_unindexed_rows"] == 0


def test_many_small_commits_become_one_piece_and_old_versions_go(store, units, monkeypatch):
    monkeypatch.setattr("treeseek.store.maintenance.GRACE", timedelta(0))
    monkeypatch.setattr("treeseek.store.maintenance.DEAD_BYTES", 1_000)
    for i in range(17):
        store.commit(units({f"f{i}.py": ["same text " * 50]}), [])
    rows = store.snapshot().rows()
    size = store.bytes_on_disk()
    assert size == sum(path.stat().st_size for path in store.directory.rglob("*") if path.is_file()) > 0
    assert is_due(store)
    done = maintain(store)
    assert (done.pieces_before, done.pieces_after) == (17, 1)
    assert done.versions_dropped >= 14
    assert done.bytes_after == sum(path.stat().st_size for path in store.generation.rglob("*") if path.is_file())
    maintain(store, force=True)
    assert store.bytes_on_disk() < size / 3
    assert_same(store.snapshot().rows(), rows)
    opened = UnitStore.open(store.directory)
    assert opened is not None
    assert_same(opened.snapshot().rows(), rows)


def test_what_a_reader_may_hold_is_kept_for_a_while(store, units):
    store.commit(units({"a.py": ["one"]}), [])
    first = store.snapshot()
    rows = first.rows()
    for i in range(6):
        store.commit(units({"a.py": [f"text{i}"]}), ["a.py"])
    maintain(store)
    assert_same(first.rows(), rows)


def test_what_a_change_of_everything_leaves_behind_goes(store, units, monkeypatch):
    monkeypatch.setattr("treeseek.store.maintenance.GRACE", timedelta(0))
    monkeypatch.setattr("treeseek.store.maintenance.DEAD_BYTES", 1_000)
    paths = [f"f{i}.py" for i in range(200)]
    store.commit(units({path: ["some text " * 20] for path in paths}), [])
    size = store.bytes_on_disk()
    for word in ("other", "third"):
        store.commit(units({path: [f"{word} text " * 20] for path in paths}), paths)
    assert store.bytes_on_disk() > 2.5 * size
    maintain(store)
    assert store.bytes_on_disk() < 1.5 * size


def test_a_piece_of_which_much_is_deleted_is_written_anew(store, units, monkeypatch):
    monkeypatch.setattr("treeseek.store.maintenance.SMALL_ROWS", 100)
    store.commit(units({f"f{i}.py": ["some text"] for i in range(100)}), [])
    assert not is_due(store)
    store.commit([], [f"f{i}.py" for i in range(30)])
    assert is_due(store)
    maintain(store)
    assert [fragment.num_deletions for fragment in store.snapshot().dataset.get_fragments()] == [0]
    assert len(store.snapshot().columns()) == 70


def test_tidying_does_not_hide_that_a_file_was_lost(store, units):
    for i in range(3):
        store.commit(units({f"f{i}.py": ["text"]}), [])
    next((store.table / "_transactions").iterdir()).unlink()
    with pytest.raises(StoreCorruptError, match="repair"):
        maintain(store, force=True)


def test_damaged_data_is_reported_in_one_line(store, units):
    store.commit(units({"a.py": ["one"]}), [])
    for path in (store.generation / "units.lance" / "data").iterdir():
        path.write_bytes(b"")
    opened = UnitStore.open(store.directory)
    assert opened is not None
    with pytest.raises(StoreCorruptError, match="can't read") as caught:
        opened.snapshot().rows()
    assert "\n" not in str(caught.value)


def test_a_failed_write_leaves_the_last_version(store, units, tmp_path):
    store.commit(units({"a.py": ["one"]}), [])
    broken = units({"b.py": ["two"]})
    broken.name[0] = "lone \udcff surrogate"
    with pytest.raises(StoreError, match="can't write"):
        store.commit(broken, ["a.py"])
    assert texts_by_path(store.snapshot().rows()) == {"a.py": {"one"}}
    with pytest.raises(StoreError, match="nothing is committed"):
        UnitStore.create(tmp_path / "other", tmp_path, store.identity).snapshot()


PATHS = st.sampled_from(["a.py", "b's.py", "c\n.py", "d%\udcfe.py", "ü/e.py"])
COMMITS = st.lists(
    st.tuples(
        st.dictionaries(PATHS, st.lists(st.sampled_from("uvwxyz"), max_size=3, unique=True), max_size=3),
        st.sets(PATHS, max_size=3),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(commits=COMMITS)
def test_any_sequence_of_commits_equals_a_dictionary(tmp_path_factory, units, identity, commits):
    directory: Path = tmp_path_factory.mktemp("model")
    store = UnitStore.create(directory, directory, identity)
    model: dict[str, tuple[str, str]] = {}
    for files, replaced, tidy in commits:
        rows = units(files)
        store.commit(rows, replaced)
        new = dict(zip(rows.id, zip(rows.path, rows.text, strict=True), strict=True))
        model = {unit: row for unit, row in model.items() if row[0] not in replaced} | new
        if tidy:
            store.build_indexes()
            maintain(store, force=True)
        snapshot = store.snapshot()
        got = snapshot.rows()
        assert dict(zip(got.id, zip(got.path, got.text, strict=True), strict=True)) == model
        assert len(got) == len(model)
        assert sorted(snapshot.manifest().path) == sorted(path for path, text in model.values() if not text)
        texts = {unit: text for unit, (_, text) in model.items() if text}
        assert snapshot.texts(list(model)) == texts
        columns = snapshot.columns()
        assert set(columns.id) == set(texts)
        assert snapshot.texts(list(model)) == texts
    reopened = UnitStore.open(directory)
    assert reopened is not None
    assert_same(reopened.snapshot().rows(), store.snapshot().rows())


def test_texts_are_the_same_from_the_disk_and_from_memory(store, units):
    store.commit(units({"a.py": ["one two", "three"], "b.py": ["four"]}), set())
    snapshot = store.snapshot()
    ids = ["no such unit", *snapshot.columns().id]
    cold = snapshot.texts(ids)
    assert sorted(cold.values()) == ["four", "one two", "three"]
    for _ in range(2 * COLD_READS):
        assert snapshot.texts(ids) == cold
    assert snapshot._texts is not None
