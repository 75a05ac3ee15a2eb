"""Ids of declarations and nodes: stable under every edit that isn't about them, and never of two things."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import treeseek
from treeseek.indexing.identity import chunk_ids
from treeseek.model import DECLARATION_KINDS
from treeseek.syntax import analyse
from treeseek.syntax.identity import NodeIds, declaration_ids
from treeseek.syntax.parsed import ParsedFile, parse_file

SOURCES = sorted(Path(treeseek.__file__).parent.rglob("*.py"))


def parsed(text: str) -> ParsedFile:
    file = parse_file(text.encode(), "python", deadline_seconds=10)
    assert file is not None
    return file


def ids(text: str, path: str = "a.py") -> dict[str, str]:
    file = parsed(text)
    found = declaration_ids(path, file.declarations)
    assert len(set(found)) == len(found)
    return {one.name: name for one, name in zip(file.declarations, found, strict=True)}


TEXT = "def first(a):\n    return a + 1\n\n\nclass Box:\n    def open(self):\n        self.lid = None\n"


def test_an_id_survives_edits_elsewhere_moves_layout_and_its_own_body() -> None:
    before = ids(TEXT)
    assert ids("import os\n\n\n" + TEXT)["Box.open"] == before["Box.open"]
    assert ids(TEXT.replace("a + 1", "a + 2"))["Box.open"] == before["Box.open"]
    assert ids(TEXT.replace("a + 1", "a + 2"))["first"] == before["first"]
    assert ids(TEXT.replace("    ", "  "))["Box.open"] == before["Box.open"]
    function, box = TEXT.split("\n\n\n")
    assert ids(box + "\n\n" + function) == before


def test_another_path_name_or_signature_is_another_id() -> None:
    before = ids(TEXT)
    assert not set(ids(TEXT, "b.py").values()) & set(before.values())
    assert ids(TEXT.replace("first(a)", "first(a, b)"))["first"] != before["first"]
    assert ids(TEXT.replace("def first", "def second"))["second"] != before["first"]


def test_twins_have_different_ids_and_an_edit_of_one_leaves_the_other() -> None:
    twins = "if x:\n    def run():\n        return 1\nelse:\n    def run():\n        return 2\n"
    first, second = declaration_ids("a.py", parsed(twins).declarations)
    assert first != second
    edited = declaration_ids("a.py", parsed(twins.replace("return 2", "return 3")).declarations)
    assert edited[0] == first
    identical = declaration_ids("a.py", parsed(twins.replace("return 2", "return 1")).declarations)
    assert len(set(identical)) == 2


def test_a_unit_of_the_index_has_the_id_of_its_declaration() -> None:
    text = "\n\n".join(f"def step_{n}(value):\n" + "    value = value * 3 + 1\n" * 30 for n in range(3))
    data = text.encode()
    chunks = analyse(data, "python", deadline_seconds=10).chunks
    units = chunk_ids("a.py", chunks, [data[one.start_byte : one.end_byte] for one in chunks])
    by_name = {one.name: unit for one, unit in zip(chunks, units, strict=True) if one.kind in DECLARATION_KINDS}
    assert by_name == ids(text)


@given(st.sampled_from(SOURCES), st.data())
@settings(max_examples=25, deadline=None)
def test_ids_of_real_files_are_unique_and_survive_lines_put_between(source: Path, data: st.DataObject) -> None:
    text = source.read_text()
    before = ids_in_order(text)
    tops = [match.start() for match in re.finditer(r"^(?=def |class |@)", text, re.MULTILINE)] or [len(text)]
    at = data.draw(st.sampled_from(tops))
    after = ids_in_order(text[:at] + "\n\n" + text[at:])
    assert after == before


def ids_in_order(text: str) -> list[str]:
    found = declaration_ids("a.py", parsed(text).declarations)
    assert len(set(found)) == len(found)
    return found


@given(st.sampled_from(SOURCES))
@settings(max_examples=15, deadline=None)
def test_every_node_is_found_by_its_id(source: Path) -> None:
    file = parsed(source.read_text())
    names = NodeIds("a.py", file)
    rows = range(0, len(file.tree), 7)
    assert [names.find(names.of(row)) for row in rows] == list(rows)


def test_a_node_keeps_its_id_when_something_else_changes() -> None:
    before, after = parsed(TEXT), parsed("import os\n" + TEXT.replace("a + 1", "a  +  1"))
    old, new = NodeIds("a.py", before), NodeIds("a.py", after)
    (row,) = before.tree.by_kind("binary_operator")
    (now,) = after.tree.by_kind("binary_operator")
    assert old.of(int(row)) == new.of(int(now))
    assert new.find("0" * 16) is None
    assert new.find("no id") is None
