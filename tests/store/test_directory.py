"""Where an index lies, which generation counts, who may write, and what is refused in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import lance
import pytest

from treeseek.errors import FormatError, StoreCorruptError, StoreError, StoreLockedError
from treeseek.store import IndexIdentity, UnitStore, index_directory, writer_lock

HOLD_THE_LOCK = """
import sys, time
from pathlib import Path
from treeseek.store import writer_lock
with writer_lock(Path(sys.argv[1]), 5):
    print("held", flush=True)
    sys.stdin.read()
"""

DIE_BEFORE_CURRENT = """
import os, sys
from pathlib import Path
import treeseek.store.table as table
from treeseek.store import IndexIdentity, UnitStore
table.flip_current = lambda *args: os._exit(9)
store = UnitStore.create(Path(sys.argv[1]), Path(sys.argv[1]), IndexIdentity("other", 8, "other"))
store.commit([], [])
"""


def test_directory_is_one_per_real_root(tmp_path):
    root = tmp_path / "my project (1)"
    root.mkdir()
    (tmp_path / "link").symlink_to(root)
    directory = index_directory(tmp_path / "data", root)
    assert directory.parent == tmp_path / "data"
    assert directory.name.startswith("my_project_1_-")
    assert index_directory(tmp_path / "data", tmp_path / "link") == directory
    assert index_directory(tmp_path / "data", root / ".." / root.name) == directory
    other = tmp_path / "elsewhere" / root.name
    assert index_directory(tmp_path / "data", other) != directory
    assert index_directory(tmp_path, Path("/")).name.startswith("root-")
    assert len(index_directory(tmp_path, tmp_path / ("x" * 200)).name) < 80
    assert index_directory(tmp_path, tmp_path / "bytes\udcff").name.startswith("bytes_-")


def test_nothing_indexed_is_not_an_error(tmp_path):
    assert UnitStore.open(tmp_path / "missing") is None
    assert UnitStore.open(tmp_path) is None
    (tmp_path / "gen-0001").mkdir()
    assert UnitStore.open(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"\0\0\0\0", b"../../etc", b"gen-0007\n", b"\xff\xfe"])
def test_a_current_that_names_nothing_is_corrupt_until_indexed_again(tmp_path, identity, content):
    (tmp_path / "CURRENT").write_bytes(content)
    with pytest.raises(StoreCorruptError, match="repair"):
        UnitStore.open(tmp_path)
    UnitStore.create(tmp_path, tmp_path, identity).commit([], [])
    assert UnitStore.open(tmp_path) is not None


def test_a_current_that_is_a_directory_is_corrupt(tmp_path):
    (tmp_path / "CURRENT").mkdir()
    with pytest.raises(StoreCorruptError, match="CURRENT"):
        UnitStore.open(tmp_path)


@pytest.mark.parametrize("manifest", [b"", b"garbage" * 30, b"\0" * 500])
def test_a_table_of_garbage_is_corrupt(store, units, manifest):
    store.commit(units({"a.py": ["one"]}), [])
    for path in (store.generation / "units.lance" / "_versions").iterdir():
        path.write_bytes(manifest)
    with pytest.raises(StoreCorruptError) as caught:
        UnitStore.open(store.directory)
    assert "\n" not in str(caught.value) and ".rs:" not in str(caught.value)
    with pytest.raises(StoreCorruptError):
        store.snapshot()


def test_a_generation_without_table_is_corrupt_and_a_new_one_cures_it(tmp_path, units, identity):
    (tmp_path / "gen-0001").mkdir()
    (tmp_path / "CURRENT").write_text("gen-0001\n")
    with pytest.raises(StoreCorruptError):
        UnitStore.open(tmp_path)
    UnitStore.create(tmp_path, tmp_path, identity).commit(units({"a.py": ["one"]}), [])
    opened = UnitStore.open(tmp_path)
    assert opened is not None and len(opened.snapshot().rows()) == 2


def rewrite_metadata(store: UnitStore, **values: str) -> None:
    table = lance.dataset(str(store.generation / "units.lance"))
    table.update_schema_metadata({f"treeseek.{name}": value for name, value in values.items()})
    store.acknowledge("commit", lance.dataset(str(store.generation / "units.lance")), None)


def test_a_newer_major_format_is_refused_and_a_newer_minor_read(store, units):
    store.commit(units({"a.py": ["one"]}), [])
    rewrite_metadata(store, schema_version="2.9")
    opened = UnitStore.open(store.directory)
    assert opened is not None and len(opened.snapshot().columns()) == 1
    rewrite_metadata(store, schema_version="3.0")
    with pytest.raises(FormatError, match=r"format 3\.0.*upgrade treeseek or re-index"):
        UnitStore.open(store.directory)
    with pytest.raises(FormatError):
        opened.snapshot()


def overwrite(store: UnitStore) -> None:
    """Put somebody else's rows in place of ours, as the version that counts."""
    uri = str(store.generation / "units.lance")
    made = lance.write_dataset(lance.dataset(uri).to_table().replace_schema_metadata({}), uri, mode="overwrite")
    store.acknowledge("commit", made, None)


def test_a_table_of_someone_else_is_refused(store, units):
    store.commit(units({"a.py": ["one"]}), [])
    overwrite(store)
    store.journal.rewrite(store.journal.entries()[-1:])
    with pytest.raises(StoreCorruptError, match="not a table of treeseek"):
        UnitStore.open(store.directory)


def test_a_version_that_cannot_be_opened_leaves_the_one_before_to_readers(store, units):
    store.commit(units({"a.py": ["one"]}), [])
    version = store.snapshot().version
    overwrite(store)
    opened = UnitStore.open(store.directory)
    assert opened is not None
    assert (opened.snapshot().version, opened.snapshot().is_fallback) == (version, True)
    assert opened.snapshot().columns().name == ["one"]
    with pytest.raises(StoreCorruptError):
        opened.commit(units({"b.py": ["two"]}), [])


def test_a_new_generation_counts_from_its_first_commit_on(store, units, tmp_path):
    store.commit(units({"a.py": ["old"]}), [])
    reader = store.snapshot()
    identity = IndexIdentity("other-embedder", 8, "other-analysis")
    successor = UnitStore.create(store.directory, tmp_path, identity)
    opened = UnitStore.open(store.directory)
    assert opened is not None and opened.identity == store.identity
    successor.commit(units({"a.py": ["new"], "b.py": []}), [])
    opened = UnitStore.open(store.directory)
    assert opened is not None and opened.identity == identity
    assert opened.generation.name == "gen-0002"
    assert sorted(opened.snapshot().columns().name) == ["new"]
    assert reader.columns().name == ["old"]
    assert (store.directory / "CURRENT").read_text().split()[0] == "gen-0002"


def test_only_the_generation_before_is_kept(tmp_path, units, identity):
    for text in ("one", "two", "three"):
        UnitStore.create(tmp_path, tmp_path, identity).commit(units({"a.py": [text]}), [])
    assert sorted(path.name for path in tmp_path.glob("gen-*")) == ["gen-0002", "gen-0003"]


def test_dying_before_the_first_commit_is_done_leaves_no_half_index(tmp_path, units, identity):
    for _ in range(2):
        died = subprocess.run([sys.executable, "-c", DIE_BEFORE_CURRENT, str(tmp_path)], check=False)
        assert died.returncode == 9
        assert UnitStore.open(tmp_path) is None
    UnitStore.create(tmp_path, tmp_path, identity).commit(units({"a.py": ["one"]}), [])
    died = subprocess.run([sys.executable, "-c", DIE_BEFORE_CURRENT, str(tmp_path)], check=False)
    assert died.returncode == 9
    opened = UnitStore.open(tmp_path)
    assert opened is not None and opened.identity == identity
    assert opened.snapshot().columns().name == ["one"]


def test_only_its_owner_may_enter_an_index_also_one_made_by_an_older_treeseek(tmp_path, identity):
    before = os.umask(0o022)
    try:
        made, older = tmp_path / "data" / "made", tmp_path / "data" / "older"
        UnitStore.create(made, tmp_path, identity)
        older.mkdir(parents=True)
        with writer_lock(older, 1):
            pass
        assert [one.stat().st_mode & 0o777 for one in (made, older)] == [0o700, 0o700]
    finally:
        os.umask(before)


def test_of_two_writing_processes_one_is_told_so(tmp_path):
    directory = tmp_path / "index"
    command = [sys.executable, "-c", HOLD_THE_LOCK, str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        started = time.monotonic()
        with pytest.raises(StoreLockedError, match="another process") as caught, writer_lock(directory, 0.2):
            pass
        assert time.monotonic() - started >= 0.2
        assert str(directory / "lock") in str(caught.value)
        holder.kill()
    # A process that died holds nothing.
    with writer_lock(directory, 5):
        assert (directory / "lock").exists()
    with writer_lock(directory, 0):
        pass


def test_the_lock_does_not_change_errors_from_inside(tmp_path):
    with pytest.raises(PermissionError, match="mine"), writer_lock(tmp_path, 0):
        raise PermissionError("mine")
    with writer_lock(tmp_path, 0):
        pass


def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path, identity):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="can't lock"), writer_lock(tmp_path / "file" / "index", 0):
        pass
    with pytest.raises(StoreError, match="can't write"):
        UnitStore.create(tmp_path / "file" / "index", tmp_path, identity)


def test_importing_the_store_imports_nothing_heavy():
    code = "import sys, json, treeseek.store; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"lance", "pyarrow", "lancedb", "numpy", "filelock", "asyncio"} & set(json.loads(done.stdout))
