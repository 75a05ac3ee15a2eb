"""Live trees: parsed again after an edit, they are what a full parse gives."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import treeseek
from treeseek.syntax.columns import parse_tree, to_columns
from treeseek.syntax.live import LiveFile, parse_live, reparse

SOURCES = sorted(Path(treeseek.__file__).parent.rglob("*.py"))
PIECES = st.sampled_from(["", "\n", "    ", "(", ")", '"""', "# note", "def f():\n", "x = 1\n", ":", "\\", "é", "\t"])


def live(data: bytes, language: str = "python") -> LiveFile:
    file = parse_live(data, language, deadline_seconds=10)
    assert file is not None
    return file


@given(st.sampled_from(SOURCES), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), PIECES), max_size=4))
@settings(max_examples=60, deadline=None)
def test_parsed_again_is_parsed_afresh(source: Path, edits: list[tuple[float, int, str]]) -> None:
    data = source.read_bytes()[:6000]
    file = live(data)
    for where, removed, put in edits:
        at = int(where * len(data))
        data = data[:at] + put.encode() + data[at + removed :]
        again = reparse(file, data, deadline_seconds=10)
        assert again is not None
        assert to_columns(again.tree, "python", data) == parse_tree(data, "python", deadline_seconds=10)
        assert again.columns == to_columns(again.tree, "python", data)
        file = again


def test_the_old_tree_stays_what_it_was() -> None:
    old = b"def f(a):\n    return a\n" * 50
    file = live(old)
    before = to_columns(file.tree, "python", old)
    assert reparse(file, old.replace(b"return a", b"yield a + 1"), deadline_seconds=10) is not None
    assert to_columns(file.tree, "python", old) == before


def test_memory_is_measured() -> None:
    small, large = live(b"x = 1\n" * 10), live(b"x = 1\n" * 20_000)
    assert large.nbytes > 100_000 > small.nbytes > 60


def test_after_an_edit_what_is_shared_is_still_charged() -> None:
    old = live(b"x = 1\n" * 5_000)
    new = reparse(old, old.data[:-2] + b"2\n", deadline_seconds=10)
    assert new is not None
    assert new.nbytes > 0.9 * old.nbytes


def test_a_live_tree_gives_the_form_that_is_kept() -> None:
    file = live(b"class A:\n    def b(self): ...\n").parsed()
    assert [one.name for one in file.declarations] == ["A", "A.b"]
    assert file.language == "python"
