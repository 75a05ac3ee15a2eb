"""Ids of units: all different, the same everywhere, and still the same after edits that leave the anchor alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from treeseek.indexing.identity import chunk_ids, file_id
from treeseek.model import Chunk


def chunk(name: str, kind: str = "function", signature: str = "", *, declares: bool = True) -> Chunk:
    return Chunk(kind, name, signature, 0, 1, 1, 1, (0,) if declares else ())


def test_an_edited_body_keeps_the_id() -> None:
    before = chunk_ids("a.py", [chunk("f"), chunk("g")], [b"one", b"two"])
    after = chunk_ids("a.py", [chunk("new"), chunk("f"), chunk("g")], [b"zero", b"one, edited", b"two"])
    assert after[1:] == before


def test_the_path_the_kind_the_name_and_the_signature_make_the_anchor() -> None:
    base = chunk_ids("a.py", [chunk("f")], [b""])
    assert base != chunk_ids("b.py", [chunk("f")], [b""])
    assert base != chunk_ids("a.py", [chunk("f", "method")], [b""])
    assert base != chunk_ids("a.py", [chunk("g")], [b""])
    assert base != chunk_ids("a.py", [chunk("f", signature="f(x)")], [b""])
    assert base != [file_id("a.py")]


def test_what_has_no_name_is_known_by_its_text() -> None:
    block = chunk("", "block", declares=False)
    first = chunk_ids("a.py", [block], [b"import os"])
    assert first != chunk_ids("a.py", [block], [b"import sys"])
    assert first == chunk_ids("a.py", [chunk("f"), block], [b"def f", b"import os"])[1:]


def test_an_id_is_not_handed_to_another_thing_when_a_twin_goes() -> None:
    twins = chunk_ids("a.py", [chunk("f"), chunk("f")], [b"one", b"two"])
    assert len(set(twins)) == 2
    again = chunk_ids("a.py", [chunk("f"), chunk("f")], [b"two", b"three"])
    assert again[0] == twins[1], "the declaration with that text keeps its id, wherever its twin went"


@given(st.lists(st.tuples(st.sampled_from("fg"), st.sampled_from([b"1", b"2"]), st.booleans()), max_size=12))
def test_ids_are_unique_whatever_a_file_holds(parts: list[tuple[str, bytes, bool]]) -> None:
    chunks = [chunk(name, declares=declares) for name, _, declares in parts]
    ids = chunk_ids("a.py", chunks, [text for _, text, _ in parts])
    assert len(set(ids)) == len(ids)
