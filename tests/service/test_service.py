"""Roots behind one service: found by name, indexed behind the callers, kept up to date, and closed cleanly."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from treeseek import telemetry
from treeseek.errors import OverloadedError, RootError, UsageError
from treeseek.service import Service
from treeseek.service.service import named
from treeseek.settings import load


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it doesn't come to that"
        time.sleep(0.01)


@pytest.fixture
def trees(tmp_path: Path) -> list[Path]:
    tops = [tmp_path / "a" / "app", tmp_path / "b" / "app", tmp_path / "lib"]
    for top in tops:
        top.mkdir(parents=True)
        (top / "code.py").write_text(f"def of_{top.parent.name}_{top.name}():\n    return 1\n")
    return tops


def test_roots_are_indexed_and_followed_behind_the_callers(tmp_path: Path, trees: list[Path]) -> None:
    told = threading.Event()
    with Service(trees, load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")) as service:
        assert not service.is_ready
        service.subscribe(told.set)
        service.start()
        until(lambda: service.is_ready)
        assert told.is_set()
        until(lambda: {root.state.phase for root in service.roots.values()} == {"ready"})
        assert service.root("lib").engine.search("of lib").hits[0].path == "code.py"
        (trees[2] / "more.py").write_text("def another_thing():\n    return 2\n")
        until(lambda: [hit.path for hit in service.root("lib").engine.search("another thing").hits[:1]] == ["more.py"])
        assert service.root("lib").refresh().version > 0
    assert {root.state.phase for root in service.roots.values()} == {"stopped"}


def test_what_is_asked_often_is_answered_from_memory_after_a_commit(tmp_path: Path, trees: list[Path]) -> None:
    def counted(event: str) -> float:
        return telemetry.snapshot()[0].get((f"treeseek_query_cache_{event}_total", ()), 0)

    with Service(trees[2:], load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")) as service:
        service.start()
        until(lambda: service.is_ready)
        root, before = service.root("lib"), counted("renewals")
        for _ in range(4):
            root.engine.search("another thing")
        (trees[2] / "more.py").write_text("def another_thing():\n    return 2\n")
        until(lambda: counted("renewals") > before)
        asked = counted("misses")
        assert [hit.path for hit in root.engine.search("another thing").hits[:1]] == ["more.py"]
        assert counted("misses") == asked


def test_a_root_is_known_by_its_name_or_path_and_no_other_is(tmp_path: Path, trees: list[Path]) -> None:
    settings = load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")
    with Service([*trees, trees[0]], settings) as service:
        assert list(service.roots) == ["a/app", "b/app", "lib"]
        assert service.root(str(trees[1])) is service.root("b/app")
        for unknown in ("c", "..", "/", str(tmp_path), "lib/../lib", "app"):
            with pytest.raises(RootError, match="not served"):
                service.root(unknown)
        with pytest.raises(UsageError, match="name the root"):
            service.root()
    with Service(trees[2:], settings) as service:
        assert service.root() is service.root("lib")
    with pytest.raises(UsageError, match="no root"):
        Service([], settings)


def test_names_differ_however_alike_the_paths() -> None:
    tops = [Path(top) for top in ("/x/a/app", "/y/a/app", "/app", "/")]
    assert named(tops) == ["x/a/app", "y/a/app", "app", "root"]


def test_there_is_room_for_so_many_at_once(tmp_path: Path, trees: list[Path]) -> None:
    settings = load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache", max_concurrent_requests=1)
    with Service(trees[2:], settings) as service:
        with service.admitted(), pytest.raises(OverloadedError, match="at once"), service.admitted():
            raise AssertionError("there was room")
        with service.admitted():
            pass


def test_a_first_index_that_nobody_waits_for_is_given_up(tmp_path: Path) -> None:
    top = tmp_path / "many"
    top.mkdir()
    for number in range(3_000):
        (top / f"f{number}.py").write_text(f"def f{number}():\n    return {number}\n" * 5)
    service = Service([top], load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache"))
    service.start()
    root = service.root()
    until(lambda: root.state.progress is not None)
    service.close()
    assert root.state.phase == "stopped"
    assert not root.state.has_answers


def test_what_goes_wrong_is_told_and_tried_again(
    tmp_path: Path, trees: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("treeseek.service.roots.RETRY_SECONDS", 0.05)
    data = tmp_path / "data"
    data.write_text("no directory")
    with Service(trees[2:], load({}, data_dir=data, cache_dir=tmp_path / "cache")) as service:
        service.start()
        root = service.root()
        until(lambda: root.state.phase == "failing")
        assert root.state.error
        assert root.state.error_code == "store"
        data.unlink()
        until(lambda: root.state.phase == "ready")
        assert root.state.error == ""


def test_nothing_is_sent_to_a_remote_embedder_unasked(
    tmp_path: Path, trees: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("treeseek.engine.UNASKED_TEXTS", 0)
    settings = load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache",
                    embedder="openai:model?url=http://127.0.0.1:9/v1&dims=8")  # fmt: skip
    with Service(trees[2:], settings) as service:
        service.start()
        until(lambda: service.root().state.phase == "failing")
        assert "treeseek index --yes" in service.root().state.error
