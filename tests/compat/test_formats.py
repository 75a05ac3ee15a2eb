"""Indexes of every format that there ever was: each is kept in `indexes/`, opens, and becomes one of now.

They were made at /srv/example/project: three files, one left out, one changed since.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import lance
import numpy as np
import pytest

from treeseek.errors import FormatError, StoreError
from treeseek.store import SCHEMA_VERSION, UnitStore
from treeseek.store.migration import migrate, roll_back
from treeseek.store.verification import verify

INDEXES = Path(__file__).parent / "indexes"
FORMATS = sorted(path.name.removeprefix("format-").removesuffix(".tar.xz") for path in INDEXES.iterdir())
OLDER = [one for one in FORMATS if one.split(".")[0] != SCHEMA_VERSION.split(".")[0]]


def unpacked(version: str, into: Path) -> Path:
    """Return the directory of the kept index of a format."""
    with tarfile.open(INDEXES / f"format-{version}.tar.xz") as archive:
        archive.extractall(into, filter="data")
    (directory,) = (into / "data").iterdir()
    return directory


def test_there_is_one_of_each_format() -> None:
    assert FORMATS == ["1.0", "2.0"]
    assert SCHEMA_VERSION in FORMATS


@pytest.mark.parametrize("version", FORMATS)
def test_it_can_be_read_as_it_is(tmp_path: Path, version: str) -> None:
    store = UnitStore.open(unpacked(version, tmp_path))
    assert store is not None
    rows = store.snapshot().rows()
    assert store.is_outdated == (version in OLDER)
    assert {path: rows.kind[i] for i, path in enumerate(rows.path) if not rows.has_vector[i]} == {
        "README.md": "file", "blob.txt": "skipped", "lib/io.go": "file", "lib/net.py": "file",
    }  # fmt: skip
    assert "def fetch(url)" in "".join(rows.text)
    assert rows.vector[rows.has_vector].shape[1] == store.identity.dims == 256


@pytest.mark.parametrize("version", OLDER)
def test_it_is_not_written_before_it_is_migrated(tmp_path: Path, version: str) -> None:
    store = UnitStore.open(unpacked(version, tmp_path))
    assert store is not None
    with pytest.raises(FormatError, match="migrate"):
        store.commit([], ["lib/net.py"])


@pytest.mark.parametrize("version", OLDER)
def test_a_dry_run_says_what_would_be_done_and_does_nothing(tmp_path: Path, version: str) -> None:
    directory = unpacked(version, tmp_path)
    before = sorted(directory.rglob("*"))
    told = migrate(directory, dry_run=True)
    assert told is not None
    assert (told.from_format, told.to_format, told.generation) == (version, SCHEMA_VERSION, "")
    assert told.rows > told.vectors > 0 and told.bytes_needed > 0
    assert sorted(directory.rglob("*")) == before


@pytest.mark.parametrize("version", OLDER)
def test_migrating_takes_over_every_row_and_vector_and_can_be_undone(tmp_path: Path, version: str) -> None:
    directory = unpacked(version, tmp_path)
    store = UnitStore.open(directory)
    assert store is not None
    before = store.snapshot().rows()
    done = migrate(directory)
    assert done is not None and (done.rows, done.generation) == (len(before), "gen-0002")
    now = UnitStore.open(directory)
    assert now is not None and not now.is_outdated
    after = now.snapshot().rows()
    assert (after.id, after.text, after.content_hash) == (before.id, before.text, before.content_hash)
    assert np.array_equal(after.vector.view(np.uint16), before.vector.view(np.uint16))
    assert now.identity == store.identity and now.has_indexes()
    found = verify(directory, percent=100)
    assert found is not None and found.problems == ()
    now.commit([], ["lib/net.py"])
    assert "lib/net.py" not in now.snapshot().rows().path
    assert migrate(directory) is None
    left, entered = roll_back(directory)
    assert (left.name, entered.name) == ("gen-0002", "gen-0001")
    again = UnitStore.open(directory)
    assert again is not None and again.is_outdated
    assert again.snapshot().rows().id == before.id
    assert roll_back(directory)[1].name == "gen-0002"


def test_a_migration_that_dies_leaves_the_old_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = unpacked("1.0", tmp_path)
    monkeypatch.setattr(UnitStore, "begin", lambda *_: (_ for _ in ()).throw(OSError(28, "no space")))
    with pytest.raises(StoreError, match="no space"):
        migrate(directory)
    store = UnitStore.open(directory)
    assert store is not None and store.is_outdated
    assert sorted(path.name for path in directory.glob("gen-*")) == ["gen-0001"]


def test_there_is_nothing_to_roll_back_to_at_first(tmp_path: Path) -> None:
    directory = unpacked("2.0", tmp_path)
    with pytest.raises(StoreError, match="no other generation"):
        roll_back(directory)
    with pytest.raises(StoreError, match="no index"):
        migrate(tmp_path)


def test_a_newer_format_is_refused_in_one_line(tmp_path: Path) -> None:
    directory = unpacked("2.0", tmp_path)
    store = UnitStore.open(directory)
    assert store is not None
    lance.dataset(str(store.table)).update_schema_metadata({"treeseek.schema_version": "3.0"})
    store.acknowledge("commit", lance.dataset(str(store.table)), None)
    with pytest.raises(FormatError, match=r"format 3\.0, newer than 2\.0: upgrade treeseek") as caught:
        UnitStore.open(directory)
    assert "\n" not in str(caught.value)
