"""Declarations followed over syncs: an id that somebody noted still leads to its declaration."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import treeseek
from treeseek.engine import Engine
from treeseek.settings import Settings
from treeseek.syntax.identity import declaration_ids
from treeseek.syntax.parsed import parse_file

LOAD = """def load(path):
    with open(path) as file:
        rows = [line.strip() for line in file]
    return sorted(rows)
"""
BOX = """class Box:
    def put(self, thing, times=1):
        for _ in range(times):
            self.things.append(thing)
        self.count = len(self.things)
"""


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    root = tmp_path / "root"
    root.mkdir()
    settings = Settings(data_dir=tmp_path / "data", cache_dir=tmp_path / "cache", workers=1)
    engine = treeseek.open(root, settings)
    write(engine, "a.py", LOAD + "\n\n" + BOX)
    engine.sync()
    write(engine, "a.py", "# known from here on\n" + LOAD + "\n\n" + BOX)
    engine.sync()
    return engine


def write(engine: Engine, path: str, text: str) -> None:
    (engine.root / path).write_text(text)


def ids(path: str, text: str) -> dict[str, str]:
    file = parse_file(text.encode(), "python", deadline_seconds=10)
    assert file is not None
    names = [one.name for one in file.declarations]
    return dict(zip(names, declaration_ids(path, file.declarations), strict=True))


def test_a_renamed_function_is_found_by_its_old_id(engine: Engine) -> None:
    before = ids("a.py", LOAD + BOX)["load"]
    write(engine, "a.py", LOAD.replace("load", "read_rows") + "\n\n" + BOX)
    assert engine.sync().aliases == 1
    after = ids("a.py", LOAD.replace("load", "read_rows"))["read_rows"]
    assert engine.resolve(before) == after
    assert engine.resolve(after) == after


def test_steps_add_up_and_going_back_is_no_circle(engine: Engine) -> None:
    first = ids("a.py", LOAD)["load"]
    for name in ("read_rows", "rows_of"):
        write(engine, "a.py", LOAD.replace("load", name) + "\n\n" + BOX)
        engine.sync()
    assert engine.resolve(first) == ids("a.py", LOAD.replace("load", "rows_of"))["rows_of"]
    write(engine, "a.py", LOAD + "\n\n" + BOX)
    engine.sync()
    assert engine.resolve(ids("a.py", LOAD.replace("load", "rows_of"))["rows_of"]) == first
    assert engine.resolve(first) == first


def test_members_follow_a_renamed_class_and_a_moved_file(engine: Engine) -> None:
    before = ids("a.py", LOAD + "\n\n" + BOX)
    (engine.root / "a.py").unlink()
    write(engine, "b.py", LOAD + "\n\n" + BOX.replace("Box", "Crate"))
    engine.sync()
    after = ids("b.py", LOAD + "\n\n" + BOX.replace("Box", "Crate"))
    assert engine.resolve(before["load"]) == after["load"]
    assert engine.resolve(before["Box.put"]) == after["Crate.put"]


def test_an_edit_that_leaves_the_anchor_alone_makes_no_alias(engine: Engine) -> None:
    write(engine, "a.py", LOAD.replace("sorted", "list") + "\n\n" + BOX)
    assert engine.sync().aliases == 0


def test_a_deleted_function_becomes_nothing_else(engine: Engine) -> None:
    before = ids("a.py", LOAD + "\n\n" + BOX)["load"]
    write(engine, "a.py", BOX)
    engine.sync()
    assert engine.resolve(before) == before


def test_without_the_cache_nothing_is_followed_and_nothing_fails(engine: Engine, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "cache")
    write(engine, "a.py", LOAD.replace("load", "read_rows") + "\n\n" + BOX)
    assert engine.sync().aliases == 0
    assert engine.search("read rows of a file").hits[0].path == "a.py"
