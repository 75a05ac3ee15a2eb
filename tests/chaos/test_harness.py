"""The chaos suite itself: it knows a sound index from every kind of broken one, and what a power cut leaves."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import lance
import pytest
from chaos import preload, run
from chaos.campaign import Campaign
from chaos.child import Child, Order
from chaos.contents import Place, expected, faults, rebuilt
from chaos.flips import CLASSES, files_of, flip
from chaos.power import Disk
from chaos.sources import Files, edited, planted, write

from treeseek.store import UnitStore


@pytest.fixture
def indexed(tmp_path: Path) -> tuple[Place, Files]:
    place, files = Place(tmp_path), planted(random.Random(1))
    write(place.root, {}, files)
    place.engine().sync()
    return place, files


def test_the_same_seed_gives_the_same_trees() -> None:
    one, other = (edited(rng := random.Random(5), planted(rng)) for _ in range(2))
    assert one == other
    assert 30 <= len(one) <= 60


def test_a_sound_index_has_no_faults_and_equals_a_fresh_one(indexed: tuple[Place, Files]) -> None:
    place, files = indexed
    assert list(faults(place.index, [expected(files)])) == []
    assert list(rebuilt(place, files)) == []
    after = edited(random.Random(2), files)
    write(place.root, files, after)
    assert list(faults(place.index, [expected(after)]))
    place.engine().sync()
    assert list(faults(place.index, [expected(files), expected(after)])) == []


@pytest.mark.parametrize("act", ["delete", "twice", "text"])
def test_rows_that_are_lost_doubled_or_changed_are_faults(indexed: tuple[Place, Files], act: str) -> None:
    place, files = indexed
    store = UnitStore.open(place.index)
    assert store is not None
    table = lance.dataset(str(store.table))
    where = f"id = '{store.snapshot().ids()[0]}'"
    if act == "delete":
        table.delete(where)
    elif act == "twice":
        lance.write_dataset(table.to_table(filter=where), str(store.table), mode="append")
    else:
        table.update({"name": "'another'"}, where=where)
    store.acknowledge("commit", lance.dataset(str(store.table)), None)
    told = list(faults(place.index, [expected(files)]))
    assert any("its content is none that it may have" in line for line in told)
    assert any("twice" in line for line in told) == (act == "twice")


def test_an_index_that_is_gone_or_unreadable_is_a_fault(indexed: tuple[Place, Files]) -> None:
    place, files = indexed
    (place.index / "CURRENT").write_bytes(b"nonsense")
    assert "it can't be read" in next(faults(place.index, [expected(files)]))
    (place.index / "CURRENT").unlink()
    assert list(faults(place.index, [expected(files)])) == ["there is no index any more"]
    assert list(faults(place.index, [None])) == []


def test_every_class_of_file_is_there_to_be_flipped(indexed: tuple[Place, Files]) -> None:
    place, files = indexed
    for path in list(files)[:3]:
        (place.root / path).write_text(f"changed {path}\n")
    place.engine().sync()
    assert [kind for kind in CLASSES if not files_of(place.index, kind)] in ([], ["aliases.log"])
    path = files_of(place.index, "data")[0]
    before = path.read_bytes()
    flip(path, 12)
    assert [bin(one ^ other).count("1") for one, other in zip(before, path.read_bytes(), strict=True)].count(1) == 1


def test_a_worker_dies_where_it_is_told_to_and_another_one_goes_on(tmp_path: Path) -> None:
    place = Place(tmp_path)
    write(place.root, {}, files := planted(random.Random(1)))
    child = Child(tmp_path / "log")
    answer, lives = child.ask(Order("sync", str(tmp_path), strike=("current.written", 1)))
    assert (answer.outcome, answer.signal, lives) == ("died", 9, False)
    assert list(faults(place.index, [None])) == []
    answer, lives = child.ask(Order("sync", str(tmp_path), strike=("current.written", 2)))
    assert (answer.outcome, lives) == ("done", True)
    assert answer.steps[0] == "lock.acquired" and "current.flipped" in answer.steps
    assert list(faults(place.index, [expected(files)])) == []
    child.close()


def test_what_was_written_and_not_synced_is_told() -> None:
    disk = Disk({"old": -2})
    for operation in (("open", "a", ""), ("write", "a", ""), ("open", "new", ""), ("write", "new", "")):
        disk.apply(*operation)
    assert (disk.unsynced(), disk.names) == (["a", "new"], {"a", "new"})
    disk.apply("fsync", "new", "")
    disk.apply("rename", "new", "old")
    assert (disk.unsynced(), disk.names) == (["a"], {"a", "new", "old"})
    disk.apply("link", "a", "b")
    disk.apply("unlink", "a", "")
    disk.apply("fsync", "", "")
    assert (disk.unsynced(), disk.names) == (["b"], set())
    disk.apply("open", "folder/c", "")
    disk.apply("fsync", "", "")
    assert disk.names == {"folder/c"}


WRITE = """
import sys
with open(sys.argv[1], "w") as file:
    file.write("x")
"""


def test_an_operation_below_a_directory_fails_and_no_other(tmp_path: Path) -> None:
    library = preload.built(tmp_path)
    for nth, where, ends in ((1, "here", 1), (2, "here", 1), (3, "here", 0), (1, "there", 0)):
        (tmp_path / where).mkdir(exist_ok=True)
        told = preload.armed(library, nth, "ENOSPC", False, [str(tmp_path / "here")])
        done = subprocess.run(
            [sys.executable, "-c", WRITE, str(tmp_path / where / "file")],
            env={**os.environ, **told}, capture_output=True, text=True,
        )  # fmt: skip
        assert (done.returncode, "No space left" in done.stderr) == (ends, bool(ends)), (nth, where, done.stderr)


def test_without_a_compiler_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(preload.NoCompilerError, match="needs a C compiler") as caught:
        preload.built(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_violation_is_kept_told_and_decides_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    campaign = Campaign("flips", tmp_path / "flips", 1)
    base = campaign.place("index")
    (base / "root" / "file").write_text("as it was")
    assert not campaign.judge("nothing", [], base)
    assert campaign.judge("something", ["it broke"], base)
    assert (tmp_path / "flips" / "broken-000" / "root" / "file").read_text() == "as it was"
    campaign.counts["flips: data"] += 3
    (tmp_path / "flips" / "told.json").write_text(json.dumps(campaign.told()))
    assert run._report("flips", 0, tmp_path)
    assert run._report("kills", -6, tmp_path)
    out = capsys.readouterr().out
    assert "flips 3: data 3" in out and "something: it broke" in out and "ended with -6" in out
