"""An incremental sync does nothing again: neither what the bytes gave before, anywhere, nor what it needn't look at."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import treeseek
from treeseek import Engine, telemetry
from treeseek.cache.environment import environment_at
from treeseek.indexing import looking, run
from treeseek.indexing.ledger import Ledger, known_files
from treeseek.indexing.plan import SMALL_BATCH_FILES, at_or_beneath
from treeseek.model import Progress, SyncReport, UnitColumns
from treeseek.settings import Settings
from treeseek.store import Snapshot, UnitStore, writer_lock
from treeseek.workspace import Walk, walk

STAT = {"mtime_ns", "inode"}


def function(name: str) -> str:
    """A function of about the size of a chunk."""
    return f"def {name}(x):\n" + "".join(f"    x = {name}_{i}(x) + {i}\n" for i in range(60)) + "    return x\n\n\n"


SECONDS = count(10**9)
"""Times of writing, long ago: of a file only just written a sync isn't sure, and reads it again."""


def write(root: Path, path: str, *names: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text("".join(map(function, names)))
    age(root / path)


def age(path: Path) -> None:
    os.utime(path, (now := next(SECONDS), now))


def opened(tmp_path: Path, root: Path, data: str = "data", cache: str = "cache", **more: Any) -> Engine:
    return treeseek.open(root, Settings(tmp_path / data, tmp_path / cache, workers=1, **more))


def units(engine: Engine) -> dict[str, object]:
    """All rows, without the stat, which differs from file to file of the same content."""
    store = engine._current_store()
    assert store is not None
    rows: UnitColumns = store.snapshot().rows()
    return {
        field.name: value.tobytes() if isinstance(value := getattr(rows, field.name), np.ndarray) else value
        for field in fields(rows)
        if field.name not in STAT
    }


def rebuilt(tmp_path: Path, root: Path) -> dict[str, object]:
    """What an index made from nothing holds, by one that has nothing cached."""
    with opened(tmp_path, root, "fresh", "none", cache_artifact_bytes=0) as engine:
        report = engine.sync(rebuild=True)
        assert (report.reused, report.chunks_reused) == (0, 0)
        return units(engine)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    write(root, "a.py", "one", "two", "three")
    write(root, "b/c.py", "four")
    (root / "notes.md").write_text("# Notes\n\nText.\n")
    age(root / "notes.md")
    return root


@pytest.fixture
def engine(tmp_path: Path, root: Path) -> Iterator[Engine]:
    with opened(tmp_path, root) as engine:
        engine.sync()
        yield engine


# -- files ---------------------------------------------------------------------------------------------------------


def test_a_reverted_edit_is_neither_parsed_nor_embedded(engine: Engine, root: Path, tmp_path: Path) -> None:
    before = units(engine)
    write(root, "a.py", "one", "other", "three")
    assert engine.sync().parsed == 1
    write(root, "a.py", "one", "two", "three")
    report = engine.sync()
    assert (report.changed, report.parsed, report.reused, report.chunks_embedded) == (1, 0, 1, 0)
    assert report.chunks_reused == 3
    assert units(engine) == before == rebuilt(tmp_path, root)


def test_a_second_root_of_the_same_files_is_only_read(engine: Engine, root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "worktree")
    with opened(tmp_path, tmp_path / "worktree") as other:
        report = other.sync()
        assert (report.added, report.parsed, report.reused, report.chunks_embedded) == (3, 0, 3, 0)
        assert units(other) == units(engine)


def test_an_index_that_is_made_again_is_only_read(engine: Engine) -> None:
    before = units(engine)
    report = engine.sync(rebuild=True)
    assert (report.parsed, report.reused) == (0, 3)
    assert units(engine) == before


def test_moved_and_copied_files_are_placed_anew(engine: Engine, root: Path, tmp_path: Path) -> None:
    (root / "a.py").rename(root / "b/moved.py")
    shutil.copy(root / "b/c.py", root / "copied.py")
    report = engine.sync()
    assert (report.added, report.deleted, report.parsed, report.reused) == (2, 1, 0, 2)
    assert units(engine) == rebuilt(tmp_path, root)


def test_many_reused_files_may_be_such_that_have_no_syntax(engine: Engine, root: Path, tmp_path: Path) -> None:
    for number in range(20):
        (root / f"notes{number}.md").write_text(f"# Notes {number}\n\nSome words.\n")
    engine.sync()
    for number in range(20):
        (root / f"notes{number}.md").rename(root / f"moved{number}.md")
    assert engine.sync().reused == 20
    assert units(engine) == rebuilt(tmp_path, root)


def test_the_same_bytes_in_another_language_are_another_matter(engine: Engine, root: Path, tmp_path: Path) -> None:
    shutil.copy(root / "a.py", root / "a.txt")
    assert engine.sync().parsed == 1
    assert units(engine) == rebuilt(tmp_path, root)


def test_a_parse_that_had_no_time_is_tried_again_elsewhere(root: Path, tmp_path: Path) -> None:
    with opened(tmp_path, root, "hasty", parse_seconds=0.0) as hasty:
        assert hasty.sync().reasons == {"parse-timeout": 2}
    with opened(tmp_path, root) as patient:
        report = patient.sync()
        assert (report.parsed, report.reused, report.reasons) == (2, 1, {})
        assert units(patient) == rebuilt(tmp_path, root)


def damage(directory: Path, seed: int) -> None:
    """Flip a bit of each artifact."""
    chosen = random.Random(seed)

    def work(transaction: Any) -> None:
        for key, value in [pair for pair in transaction.cursor() if pair[0].startswith(b"t")]:
            broken = bytearray(value)
            broken[chosen.randrange(len(broken))] ^= 1 << chosen.randrange(8)
            transaction.put(key, bytes(broken))

    environment_at(directory, 1 << 20).write(work)


def test_a_damaged_cache_costs_time_only(engine: Engine, root: Path, tmp_path: Path) -> None:
    damage(tmp_path / "cache/artifacts", seed=7)
    with opened(tmp_path, root, "again") as again:
        report = again.sync()
        assert (report.parsed, report.reused) == (3, 0)
        assert units(again) == units(engine) == rebuilt(tmp_path, root)
    with opened(tmp_path, root, "and again") as again:
        assert again.sync().reused == 3, "the damaged artifacts were replaced"


def test_workers_make_the_artifacts_that_this_process_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "project"
    for i in range(30):
        write(root, f"f{i}.py", f"name{i}", "same")
    monkeypatch.setattr("treeseek.indexing.renew.SMALL_BYTES", 0)
    monkeypatch.setattr("treeseek.indexing.analysing.SMALL_BYTES", 0)
    monkeypatch.setattr("treeseek.indexing.plan.BATCH_FILES", 7)
    engine = treeseek.open(root, Settings(tmp_path / "data", tmp_path / "cache", workers=2))
    assert engine.sync().parsed == 30
    write(root, "f3.py", "name3", "another")
    report = engine.sync()
    assert (report.parsed, report.chunks_embedded, report.chunks_reused) == (1, 1, 1)
    assert units(engine) == rebuilt(tmp_path, root)
    with opened(tmp_path, root, "again") as again:
        assert again.sync().reused == 30
        assert units(again) == units(engine)


# -- chunks --------------------------------------------------------------------------------------------------------


def test_only_the_chunks_that_changed_are_embedded(engine: Engine, root: Path, tmp_path: Path) -> None:
    write(root, "a.py", "zero", "one", "two", "drei")
    report = engine.sync()
    assert (report.parsed, report.chunks_embedded, report.chunks_reused) == (1, 2, 2)
    assert units(engine) == rebuilt(tmp_path, root)


@pytest.mark.parametrize("new_path", ["elsewhere/a.py", "renamed.py"])
def test_a_file_that_was_moved_and_edited_keeps_what_it_can(
    engine: Engine, root: Path, tmp_path: Path, new_path: str
) -> None:
    (root / "a.py").unlink()
    write(root, new_path, "one", "zwei", "three")
    report = engine.sync()
    assert (report.parsed, report.chunks_embedded, report.chunks_reused) == (1, 1, 2)
    assert units(engine) == rebuilt(tmp_path, root)


# -- reports -------------------------------------------------------------------------------------------------------


def test_a_report_tells_why_files_were_looked_at(root: Path, tmp_path: Path) -> None:
    (root / "new.py").write_text("x = 1\n")  # only just written
    with opened(tmp_path, root) as engine:
        assert engine.sync().causes == {"new": 4}
        write(root, "a.py", "other")
        age(root / "b/c.py")
        (root / "notes.md").unlink()
        telemetry.reset()
        report = engine.sync()
        assert report.causes == {"content": 1, "stat-only": 1, "deleted": 1, "retry": 1}
        assert (report.scanned, report.committed) == (3, True)
        counters, _ = telemetry.snapshot()
        assert counters["treeseek_artifacts_misses_total", ()] == 1
        assert counters["treeseek_files_looked_at_total", (("cause", "stat-only"),)] == 1


def test_hits_are_counted(engine: Engine, root: Path) -> None:
    shutil.copy(root / "a.py", root / "z.py")
    telemetry.reset()
    engine.sync()
    counters, _ = telemetry.snapshot()
    names = ("treeseek_artifacts_hits_total", "treeseek_files_reused_total", "treeseek_chunks_reused_total")
    assert [counters[name, ()] for name in names] == [1, 1, 3]


def test_a_file_read_again_for_its_age_is_settled_with_the_next_commit(tmp_path: Path) -> None:
    root = tmp_path / "project"
    write(root, "old.py", "two")
    (root / "young.py").write_text("x = 1\n")
    with opened(tmp_path, root) as engine:
        engine.sync()
        age(root / "young.py")  # its row bears no time stamp, whichever it has
        report = engine.sync()
        assert (report.causes, report.committed) == ({"retry": 1}, False)
        write(root, "old.py", "three")
        assert engine.sync().causes == {"content": 1, "retry": 1}
        report = engine.sync()
        assert (report.causes, report.bytes_read) == ({}, 0)


# -- what is looked at ---------------------------------------------------------------------------------------------


def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[None]:
    """Return a list that grows with every call of a function."""
    calls: list[None] = []
    real: Callable[..., Any] = getattr(owner, name)

    def counting(*arguments: Any, **options: Any) -> Any:
        calls.append(None)
        return real(*arguments, **options)

    monkeypatch.setattr(owner, name, counting)
    return calls


def test_a_sync_walks_once_and_what_the_index_knows_is_read_once(
    engine: Engine, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.sync()  # an index that was just made is opened, and its manifest read, at the next look
    walks, manifests = counted(monkeypatch, looking, "walk"), counted(monkeypatch, Snapshot, "manifest")
    for i in range(3):
        write(root, "a.py", f"version{i}")
        assert engine.sync().parsed == 1
        engine.sync()
    assert (len(walks), len(manifests)) == (6, 0)


def test_another_writers_commit_is_seen(engine: Engine, root: Path, tmp_path: Path) -> None:
    write(root, "a.py", "edited")
    with opened(tmp_path, root) as other:
        assert other.sync().parsed == 1
        assert not engine.sync().committed
        write(root, "a.py", "again")
        (root / "b/c.py").unlink()
        assert engine.sync().deleted == 1
        report = other.sync()
        assert (report.committed, report.files) == (False, 2)


def test_a_look_that_was_overtaken_is_taken_again(engine: Engine, root: Path, tmp_path: Path) -> None:
    store, ledger = engine._current_store(), Ledger()
    assert store is not None
    write(root, "a.py", "edited")
    look = run.look_at(root, store, engine.settings, ledger=ledger)
    with opened(tmp_path, root) as other:
        other.sync()
    write(root, "b/c.py", "edited too")
    with writer_lock(store.directory, 5):
        report = run.sync(root, store, engine.settings, look=look, ledger=ledger)
    assert (report.changed, report.parsed) == (1, 1)
    assert units(engine) == rebuilt(tmp_path, root)
    aged = replace(run.look_at(root, store, engine.settings, ledger=ledger), at=0.0)
    write(root, "new.py", "five")
    with writer_lock(store.directory, 5):
        assert run.sync(root, store, engine.settings, look=aged, ledger=ledger).added == 1


# -- limits --------------------------------------------------------------------------------------------------------


@contextmanager
def writing(engine: Engine) -> Iterator[UnitStore]:
    store = engine._current_store()
    assert store is not None
    with writer_lock(store.directory, 5):
        yield store


def partial(engine: Engine, ledger: Ledger, beneath: set[str]) -> SyncReport:
    """Sync what lies beneath some paths, with a walk limited to them."""
    found = walk(engine.root, max_file_bytes=1 << 20, max_files=1000)
    kept = set(at_or_beneath(beneath, [file.path for file in found.files]))
    limited = Walk(tuple(file for file in found.files if file.path in kept), ())
    with writing(engine) as store:
        return run.sync(engine.root, store, engine.settings, found=limited, beneath=beneath, ledger=ledger)


def test_a_partial_sync_leaves_all_else_as_it_is(engine: Engine, root: Path, tmp_path: Path) -> None:
    ledger = Ledger()
    write(root, "b/new.py", "five")
    (root / "b/c.py").unlink()
    write(root, "a.py", "edited")
    write(root, "bb/new.py", "six")
    report = partial(engine, ledger, {"b"})
    assert (report.added, report.deleted, report.changed, report.scanned) == (1, 1, 0, 1)
    assert report.files == 3
    report = partial(engine, ledger, {"a.py", "bb/"})
    assert (report.added, report.deleted, report.changed) == (1, 0, 1)
    assert units(engine) == rebuilt(tmp_path, root)
    assert partial(engine, ledger, {"nothing/there"}).committed is False


def bounded(engine: Engine, seconds: float) -> SyncReport:
    with writing(engine) as store:
        return run.sync(engine.root, store, engine.settings, seconds=seconds)


def test_a_sync_without_time_does_nothing_and_says_what_is_left(engine: Engine, root: Path, tmp_path: Path) -> None:
    before = units(engine)
    write(root, "a.py", "edited")
    write(root, "new.py", "five")
    report = bounded(engine, 0.0)
    assert (report.pending, report.committed, report.parsed, report.files) == (2, False, 0, 3)
    assert units(engine) == before
    assert engine.status().pending["new"] == 1
    report = bounded(engine, 60.0)
    assert (report.pending, report.parsed) == (0, 2)
    assert units(engine) == rebuilt(tmp_path, root)


def test_a_sync_that_ends_in_time_begins_with_the_latest_and_goes_on_the_next_time(
    engine: Engine, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(3 * SMALL_BATCH_FILES):
        (root / f"f{i}.py").write_text(f"x = {i}\n")
        age(root / f"f{i}.py")
    clock = [0.0]
    monkeypatch.setattr("treeseek.indexing.renew.time.monotonic", lambda: clock[0])

    def pass_time(progress: Progress) -> None:
        clock[0] += 1.0 if progress.files_done else 0.0

    with writing(engine) as store:
        report = run.sync(root, store, engine.settings, pass_time, seconds=2.0)
    assert (report.added, report.pending) == (2 * SMALL_BATCH_FILES, SMALL_BATCH_FILES)
    known = known_files(store.snapshot().manifest())
    assert [i for i in range(3 * SMALL_BATCH_FILES) if f"f{i}.py" not in known] == [*range(SMALL_BATCH_FILES)]
    monkeypatch.undo()
    assert engine.sync().added == SMALL_BATCH_FILES
    assert units(engine) == rebuilt(tmp_path, root)


def test_a_first_sync_without_time_makes_no_index(root: Path, tmp_path: Path) -> None:
    with opened(tmp_path, root) as engine:
        store = UnitStore.create(engine.directory, root, engine._identity())
        report = run.sync(root, store, engine.settings, fresh=True, seconds=0.0)
        assert (report.version, report.pending, report.committed) == (0, 3, False)
        assert not engine.indexed


def test_an_interrupted_sync_leaves_the_index_and_keeps_what_it_analysed(
    engine: Engine, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("treeseek.indexing.plan.batched.__kwdefaults__", {"most_bytes": 1, "most_files": 1})
    for i in range(6):
        write(root, f"f{i}.py", f"name{i}")
    before = units(engine)

    def interrupt(progress: Progress) -> None:
        if progress.files_done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.sync(interrupt)
    assert units(engine) == before
    report = engine.sync()
    assert (report.added, report.parsed, report.reused) == (6, 2, 4)
    assert units(engine) == rebuilt(tmp_path, root)


# -- whatever happens ----------------------------------------------------------------------------------------------

PATHS = st.sampled_from(["a.py", "b/c.py", "b/d.py", "b/e/f.txt", "g.js"])
NAMES = st.lists(st.sampled_from(["one", "two", "three", "four"]), max_size=4)
STEPS = st.one_of(
    st.tuples(st.just("write"), PATHS, NAMES),
    st.tuples(st.just("binary"), PATHS),
    st.tuples(st.just("delete"), PATHS),
    st.tuples(st.just("rename"), PATHS, PATHS),
    st.tuples(st.just("copy"), PATHS, PATHS),
    st.tuples(st.just("sync")),
    st.tuples(st.just("partial"), st.sets(PATHS | st.sampled_from(["b", "b/e/"]), min_size=1, max_size=2)),
    st.tuples(st.just("bounded"), st.sampled_from([0.0, 60.0])),
    st.tuples(st.just("cache"), st.sampled_from(["on", "off", "gone", "damaged"])),
)


def edit(root: Path, step: tuple[Any, ...]) -> None:
    what, path, *more = step
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    if what == "write":
        write(root, path, *more[0])
    elif what == "binary":
        place.write_bytes(b"\0\1\2")
        age(place)
    elif what == "delete":
        place.unlink(missing_ok=True)
    elif place.exists() and path != more[0]:
        (root / more[0]).parent.mkdir(parents=True, exist_ok=True)
        (shutil.move if what == "rename" else shutil.copy)(place, root / more[0])


def switch(engine: Engine, tmp_path: Path, mode: str) -> None:
    """Change what the cache holds, or whether there is one."""
    if mode == "gone":
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    elif mode == "damaged":
        damage(tmp_path / "cache/artifacts", seed=1)
    else:
        engine.settings = replace(engine.settings, cache_artifact_bytes=64 << 20 if mode == "on" else 0)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, max_size=14))
def test_incremental_equals_rebuild_whatever_was_cached_limited_or_left(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]]
) -> None:
    tmp_path = tmp_path_factory.mktemp("reuse")
    root = tmp_path / "project"
    root.mkdir()
    ledger = Ledger()
    with opened(tmp_path, root) as engine:
        engine.sync()
        for step in [*steps, ("sync",)]:
            if step[0] == "sync":
                with writing(engine) as store:
                    run.sync(root, store, engine.settings, ledger=ledger)
            elif step[0] == "partial":
                partial(engine, ledger, step[1])
            elif step[0] == "bounded":
                bounded(engine, step[1])
            elif step[0] == "cache":
                switch(engine, tmp_path, step[1])
            else:
                edit(root, step)
            store = engine._current_store()
            assert store is not None
            snapshot = store.snapshot()
            assert ledger.page(store).files == known_files(snapshot.manifest())
        assert units(engine) == rebuilt(tmp_path, root)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(PATHS, st.none() | NAMES), min_size=1, max_size=5))
def test_a_partial_sync_of_all_that_changed_is_a_full_one(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[str, list[str] | None]]
) -> None:
    tmp_path = tmp_path_factory.mktemp("partial")
    root = tmp_path / "project"
    for i, path in enumerate(["a.py", "b/c.py", "kept.py"]):
        write(root, path, f"first{i}")
    with opened(tmp_path, root) as engine:
        engine.sync()
        for path, names in edits:
            edit(root, ("delete", path) if names is None else ("write", path, names))
        partial(engine, Ledger(), {path for path, _ in edits})
        assert units(engine) == rebuilt(tmp_path, root)
