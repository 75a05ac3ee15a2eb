"""A sync makes the index equal to the root: whatever changed, in one version, and nothing when nothing did."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import treeseek
from treeseek import Engine
from treeseek.model import Progress, UnitColumns
from treeseek.settings import load
from treeseek.store import UnitStore

MakeEngine = Callable[[Path], Engine]

STAT = {"mtime_ns", "inode"}


@pytest.fixture
def engine_at(tmp_path: Path) -> MakeEngine:
    return lambda root: treeseek.open(root, load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "lib").mkdir(parents=True)
    (root / "lib/net.py").write_text("def retry_upload(path):\n    '''Retry a failed upload.'''\n    return path\n")
    (root / "lib/io.go").write_text("package io\n\n// Close closes it.\nfunc Close() error {\n\treturn nil\n}\n")
    (root / "README.md").write_text("# Project\n\nUploads files.\n\n## Retrying\n\nIt retries.\n")
    return root


def units(engine: Engine) -> dict[str, object]:
    """All rows, without the stat, which differs from machine to machine."""
    store = engine._current_store()
    assert store is not None
    rows: UnitColumns = store.snapshot().rows()
    return {
        field.name: value.tolist() if isinstance(value := getattr(rows, field.name), np.ndarray) else value
        for field in fields(rows)
        if field.name not in STAT
    }


def rebuilt(engine: Engine, tmp_path: Path) -> dict[str, object]:
    """What an index made from nothing, with nothing cached, holds."""
    elsewhere = {"data_dir": tmp_path / "fresh", "cache_dir": tmp_path / "no-cache", "cache_artifact_bytes": 0}
    fresh = treeseek.open(engine.root, load({}, **elsewhere))
    fresh.sync(rebuild=True)
    return units(fresh)


def test_a_first_sync_indexes_and_a_second_does_nothing(root: Path, engine_at: MakeEngine) -> None:
    engine = engine_at(root)
    assert not engine.indexed
    first = engine.sync()
    assert (first.files, first.added, first.parsed, first.committed) == (3, 3, 3, True)
    assert first.chunks_embedded >= 3
    second = engine.sync()
    assert (second.parsed, second.chunks_embedded, second.rows_written, second.committed) == (0, 0, 0, False)
    assert second.version == first.version


def test_another_process_sees_the_same_index_and_has_nothing_to_do(root: Path, engine_at: MakeEngine) -> None:
    version = engine_at(root).sync().version
    again = engine_at(root).sync()
    assert (again.version, again.parsed) == (version, 0)


def test_changed_added_and_deleted_files(root: Path, engine_at: MakeEngine, tmp_path: Path) -> None:
    engine = engine_at(root)
    engine.sync()
    (root / "lib/net.py").write_text("def download(url):\n    return url\n")
    (root / "lib/new.rs").write_text("fn fresh() -> u8 { 1 }\n")
    (root / "lib/io.go").unlink()
    report = engine.sync()
    assert (report.added, report.changed, report.deleted, report.parsed) == (1, 1, 1, 2)
    assert [hit.name for hit in engine.symbols("download").hits] == ["download"]
    assert not engine.symbols("retry_upload").hits
    assert not engine.symbols("Close").hits
    assert units(engine) == rebuilt(engine, tmp_path)


def test_a_touched_file_is_hashed_but_not_parsed(root: Path, engine_at: MakeEngine) -> None:
    engine = engine_at(root)
    old = time.time() - 1000
    for path in root.rglob("*.*"):
        os.utime(path, (old, old))
    engine.sync()
    os.utime(root / "lib/net.py", (old + 5, old + 5))
    report = engine.sync()
    assert (report.touched, report.parsed, report.chunks_embedded) == (1, 0, 0)
    assert engine.search("retry upload").hits[0].path == "lib/net.py"
    assert engine.sync().bytes_read == 0, "the new stat was stored"


def test_a_change_that_leaves_the_stat_alone_is_seen_when_it_follows_at_once(root: Path, engine_at: MakeEngine) -> None:
    engine = engine_at(root)
    path = root / "lib/net.py"
    path.write_text("def aaaa(): pass\n")
    stat = path.stat()
    engine.sync()
    with path.open("r+") as file:
        file.write("def bbbb(): pass\n")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert engine.sync().changed == 1
    assert engine.symbols("bbbb").hits


def test_a_file_that_vanishes_between_walk_and_read_is_as_good_as_never_there(
    root: Path, engine_at: MakeEngine, tmp_path: Path
) -> None:
    engine = engine_at(root)

    def vanish(progress: Progress) -> None:
        if progress.stage == "analyse":
            (root / "lib/net.py").unlink(missing_ok=True)

    report = engine.sync(vanish)
    assert (report.files, report.added) == (2, 2)
    assert units(engine) == rebuilt(engine, tmp_path)
    (root / "lib/net.py").write_text("def back(): pass\n")
    engine.sync()
    (root / "lib/net.py").write_text("def again(): pass\n")
    report = engine.sync(vanish)
    assert (report.deleted, report.changed) == (1, 0)
    assert not engine.symbols("back").hits


def test_files_left_out_by_content_are_remembered_and_not_read_again(root: Path, engine_at: MakeEngine) -> None:
    (root / "blob.txt").write_bytes(b"\0\1\2" * 100)
    os.utime(root / "blob.txt", (1e9, 1e9))
    engine = engine_at(root)
    assert engine.sync().reasons == {"binary": 1}
    again = engine.sync()
    assert (again.reasons, again.committed) == ({"binary": 1}, False)
    assert [(s.path, s.reason) for s in engine.status(skipped=True).skipped] == [("blob.txt", "binary")]
    (root / "blob.txt").write_text("now it is text about uploads\n")
    assert engine.sync().reasons == {}
    assert engine.status().files == 4


def test_text_that_turns_binary_leaves_no_chunk_behind(root: Path, engine_at: MakeEngine, tmp_path: Path) -> None:
    engine = engine_at(root)
    engine.sync()
    (root / "lib/net.py").write_bytes(b"\0" * 100)
    assert engine.sync().changed == 1
    assert not engine.symbols("retry_upload").hits
    assert units(engine) == rebuilt(engine, tmp_path)


def test_a_root_that_is_emptied_has_an_empty_index(root: Path, engine_at: MakeEngine) -> None:
    engine = engine_at(root)
    engine.sync()
    shutil.rmtree(root)
    root.mkdir()
    assert engine.sync().deleted == 3
    assert engine.search("retry upload").hits == ()
    assert engine.symbols("Close").hits == ()


def test_status_counts_what_a_sync_would_look_at(root: Path, engine_at: MakeEngine) -> None:
    engine = engine_at(root)
    assert engine.status().pending == {"new": 3, "changed": 0, "deleted": 0}
    for path in root.rglob("*.*"):
        os.utime(path, (1e9, 1e9))
    engine.sync()
    assert engine.status().pending == {"new": 0, "changed": 0, "deleted": 0}
    (root / "more.py").write_text("x = 1\n")
    (root / "lib/net.py").write_text("def other(): pass\n")
    (root / "lib/io.go").unlink()
    status = engine.status()
    assert status.pending == {"new": 1, "changed": 1, "deleted": 1}
    assert status.languages == {"python": 1, "go": 1, "markdown": 1}


def test_progress_tells_of_every_file_and_byte(root: Path, engine_at: MakeEngine) -> None:
    told: list[Progress] = []
    engine_at(root).sync(told.append)
    assert [progress.stage for progress in told][:1] == ["walk"]
    last = [progress for progress in told if progress.stage == "analyse"][-1]
    assert last.files_done == last.files_total == 3
    assert last.bytes_done == last.bytes_total > 0


def test_an_index_of_another_analysis_is_built_anew(root: Path, engine_at: MakeEngine) -> None:
    engine = engine_at(root)
    engine.sync()
    store = engine._current_store()
    assert store is not None
    store.identity = replace(store.identity, analysis="older")
    assert not engine.indexed
    assert engine.sync().added == 3
    assert engine.indexed


def test_an_index_inside_the_root_does_not_index_itself(root: Path) -> None:
    engine = treeseek.open(root, load({}, data_dir=root))
    assert engine.sync().files == 3
    report = engine.sync()
    assert (report.files, report.committed, report.reasons) == (3, False, {"index": 1})
    assert engine.status().pending == {"new": 0, "changed": 0, "deleted": 0}


def test_files_are_counted_as_the_index_holds_them(root: Path, engine_at: MakeEngine) -> None:
    (root / "blob.txt").write_bytes(b"\0" * 100)
    engine = engine_at(root)
    assert engine.sync().files == engine.status().files == 3
    (root / "blob.txt").write_text("text now")
    (root / "lib/io.go").unlink()
    (root / "lib/net.py").write_bytes(b"\0" * 100)
    assert engine.sync().files == engine.status().files == 2


def test_a_sync_that_was_interrupted_before_the_text_index_is_completed_later(
    root: Path, engine_at: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(store: UnitStore) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(UnitStore, "build_indexes", interrupted)
        with pytest.raises(KeyboardInterrupt):
            engine_at(root).sync()
    engine = engine_at(root)
    assert not engine.sync().committed
    store = engine._current_store()
    assert store is not None
    assert store.snapshot()._dataset.describe_indices()


def test_a_file_asked_for_by_name_is_indexed_however_it_looks(root: Path, engine_at: MakeEngine) -> None:
    (root / "made.py").write_text("# Code generated by a tool. DO NOT EDIT.\ndef made_by_a_tool(): pass\n")
    assert engine_at(root).sync().reasons == {"generated": 1}
    (root / ".treeseekignore").write_text("!made.py\n")
    (root / "made.py").write_text("# Code generated by a tool. DO NOT EDIT.\ndef made_by_a_tool(x): pass\n")
    engine = engine_at(root)
    engine.sync()
    assert engine.symbols("made_by_a_tool").hits


BODIES = st.sampled_from(
    ["", "x = 1\n", "def f():\n    pass\n", "def f():\n    return 2\n\ndef g(): pass\n", "\0bin", "é\r\n"]
)
EDITS = st.lists(st.tuples(st.sampled_from(["a.py", "b/c.py", "b/d.txt", "e.js"]), st.none() | BODIES), max_size=6)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(EDITS, min_size=1, max_size=4))
def test_incremental_equals_rebuild(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[list[tuple[str, str | None]]]
) -> None:
    tmp_path = tmp_path_factory.mktemp("sync")
    root = tmp_path / "project"
    root.mkdir()
    engine = treeseek.open(root, load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache"))
    for edits in rounds:
        for path, body in edits:
            (root / path).parent.mkdir(exist_ok=True)
            if body is None:
                (root / path).unlink(missing_ok=True)
            else:
                (root / path).write_text(body)
        engine.sync()
    assert units(engine) == rebuilt(engine, tmp_path)
