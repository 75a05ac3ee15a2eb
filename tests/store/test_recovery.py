"""What a dead or failed writer leaves: never seen by a reader, and out of the way of the next writer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from treeseek.errors import StoreError
from treeseek.store import UnitStore, steps, writer_lock
from treeseek.store.durable import inventory
from treeseek.store.lock import lease_of
from treeseek.store.maintenance import maintain
from treeseek.store.recovery import manifest_version
from treeseek.store.verification import verify

OF_A_COMMIT = [step for step in steps.STEPS if step.startswith(("commit", "acknowledge", "journal"))]


@pytest.fixture(autouse=True)
def no_strike():
    yield
    steps.strike_with(None)


class Died(BaseException):
    """As good as a kill for whoever looks at the disk afterwards."""


def strike_at(wanted: str, error: BaseException) -> None:
    def strike(step: str) -> None:
        if step == wanted:
            raise error

    steps.strike_with(strike)


@pytest.mark.parametrize("step", OF_A_COMMIT)
def test_a_writer_that_dies_at_any_step_leaves_the_old_version_or_the_new_one(store, units, step):
    store.commit(units({"a.py": ["one"], "b.py": ["two"]}), [])
    before = store.snapshot().version
    strike_at(step, Died())
    with pytest.raises(Died):
        store.commit(units({"a.py": ["three"]}), ["a.py"])
    steps.strike_with(None)
    opened = UnitStore.open(store.directory)
    assert opened is not None
    names = sorted(opened.snapshot().columns().name)
    assert names == (["three", "two"] if step in ("journal.written", "journal.synced") else ["one", "two"])
    found = verify(store.directory, percent=100)
    assert found is not None and found.is_clean, found.problems
    opened.commit(units({"c.py": ["four"]}), [])
    assert sorted(opened.snapshot().columns().name) == sorted([*names, "four"])
    assert opened.snapshot().version > before
    found = verify(store.directory, percent=100)
    assert found is not None and found.problems == ()


@pytest.mark.parametrize("step", OF_A_COMMIT)
def test_a_writer_that_fails_at_any_step_can_go_on(store, units, step):
    store.commit(units({"a.py": ["one"]}), [])
    strike_at(step, OSError(28, "no space left"))
    with pytest.raises(StoreError, match="no space left"):
        store.commit(units({"a.py": ["two"]}), ["a.py"])
    steps.strike_with(None)
    assert store.snapshot().columns().name in (["one"], ["two"])
    store.commit(units({"a.py": ["three"]}), ["a.py"])
    assert store.snapshot().columns().name == ["three"]
    found = verify(store.directory, percent=100)
    assert found is not None and found.problems == ()


@pytest.mark.parametrize("step", ["journal.before-append", "journal.synced", "clean.versions-dropped"])
def test_a_writer_that_dies_while_it_drops_versions_has_lost_no_file(store, units, step):
    for name in ("one", "two", "three"):
        store.commit(units({"a.py": [name]}), ["a.py"])
    strike_at(step, Died())
    with pytest.raises(Died):
        maintain(store, force=True)
    steps.strike_with(None)
    found = verify(store.directory, percent=100)
    assert found is not None and found.is_clean, found.problems
    store.commit(units({"b.py": ["four"]}), [])
    assert maintain(store, force=True).versions_dropped
    found = verify(store.directory, percent=100)
    assert found is not None and found.problems == ()
    assert sorted(store.snapshot().columns().name) == ["four", "three"]


@pytest.mark.parametrize("step", ["recovery.begun", "recovery.manifests-set-aside"])
def test_a_writer_that_dies_while_it_recovers_leaves_a_sound_index(store, units, step):
    store.commit(units({"a.py": ["one"]}), [])
    strike_at("acknowledge.files-synced", Died())
    with pytest.raises(Died):
        store.commit(units({"b.py": ["two"]}), [])
    strike_at(step, Died())
    with pytest.raises(Died):
        store.commit(units({"c.py": ["three"]}), [])
    steps.strike_with(None)
    found = verify(store.directory, percent=100)
    assert found is not None and found.is_clean, found.problems
    store.commit(units({"c.py": ["three"]}), [])
    found = verify(store.directory, percent=100)
    assert found is not None and found.problems == ()


def test_what_was_never_committed_is_set_aside_not_deleted(store, units):
    store.commit(units({"a.py": ["one"]}), [])
    strike_at("acknowledge.files-synced", Died())
    with pytest.raises(Died):
        store.commit(units({"b.py": ["two"]}), [])
    steps.strike_with(None)
    left = set(inventory(store.table)) - set(store.journal.files())
    assert any(manifest_version(name) for name in left)
    store.commit(units({"c.py": ["three"]}), [])
    aside = {str(path.relative_to(home)) for home in (store.generation / "quarantine").iterdir()
             for path in home.rglob("*") if path.is_file()}  # fmt: skip
    assert aside == left


def test_readers_go_on_while_a_writer_recovers(store, units):
    store.commit(units({"a.py": ["one"]}), [])
    reader = UnitStore.open(store.directory)
    assert reader is not None
    strike_at("acknowledge.files-hashed", Died())
    with pytest.raises(Died):
        store.commit(units({"a.py": ["two"]}), ["a.py"])
    steps.strike_with(None)
    held = reader.snapshot()
    assert held.columns().name == ["one"]
    store.commit(units({"a.py": ["three"]}), ["a.py"])
    assert held.columns().name == ["one"]
    assert reader.snapshot().columns().name == ["three"]


def test_manifests_are_told_by_both_of_their_names():
    assert manifest_version("_versions/18446744073709551613.manifest") == 2
    assert manifest_version("_versions/7.manifest") == 7
    assert manifest_version("_versions/latest_version_hint.json") is None
    assert manifest_version("data/7.lance") is None


DIE_WITH_THE_LOCK = """
import os, sys
from pathlib import Path
from treeseek.store import writer_lock
with writer_lock(Path(sys.argv[1]), 5, "treeseek test"):
    os.kill(os.getpid(), 9)
"""


def test_the_lease_of_a_dead_writer_is_taken_over(tmp_path: Path):
    died = subprocess.run([sys.executable, "-c", DIE_WITH_THE_LOCK, str(tmp_path)], check=False)
    assert died.returncode == -9
    left = lease_of(tmp_path)
    assert left is not None and (left.command, left.pid != os.getpid()) == ("treeseek test", True)
    with writer_lock(tmp_path, 0, "successor") as predecessor:
        assert predecessor == left
        mine = lease_of(tmp_path)
        assert mine is not None and (mine.pid, mine.command) == (os.getpid(), "successor")
    assert lease_of(tmp_path) is None
    with writer_lock(tmp_path, 0) as predecessor:
        assert predecessor is None


def test_a_lease_that_says_nothing_sensible_is_none(tmp_path: Path):
    for content in (b"", b"[]", b'{"pid": 1}', b"\xff"):
        (tmp_path / "lease").write_bytes(content)
        assert lease_of(tmp_path) is None
        with writer_lock(tmp_path, 0):
            pass


@pytest.mark.parametrize(("folder", "rows"), [
    ("data", 1), ("_deletions", 1), ("_deletions", 8_000), ("_versions", 1), ("_transactions", 1), ("_indices", 1),
])  # fmt: skip
def test_a_file_that_lance_left_unfinished_is_never_committed(store, units, folder, rows):
    """A full disk lets the last write of a file fail, and Lance goes on: it had learnt of none of the writes before."""
    store.commit(units({"a.py": [f"one {i}" for i in range(rows)], "b.py": ["two"]}), [])
    before = set(inventory(store.table))
    if folder != "_indices":
        strike_with_cut(store, before, folder, "commit.version-made")
        with pytest.raises(StoreError, match=r"whole|corrupt"):
            store.commit(units({"a.py": ["three"]}), ["a.py"])
    else:
        strike_with_cut(store, before, folder, "index.made")
        with pytest.raises(StoreError, match="whole"):
            store.build_indexes()
    steps.strike_with(None)
    opened = UnitStore.open(store.directory)
    assert opened is not None and len(opened.snapshot().rows()) == rows + 3
    opened.commit(units({"a.py": ["three"]}), ["a.py"])
    assert sorted(opened.snapshot().columns().name) == ["three", "two"]
    found = verify(store.directory, percent=100)
    assert found is not None and found.problems == ()


def strike_with_cut(store: UnitStore, before: set[str], folder: str, wanted: str) -> None:
    def strike(step: str) -> None:
        if step == wanted:
            new = [name for name in inventory(store.table) if name not in before and name.startswith(folder)]
            assert new
            for name in new:
                data = (store.table / name).read_bytes()
                (store.table / name).write_bytes(b"" if folder == "_transactions" else data[: len(data) // 2])

    steps.strike_with(strike)
