"""Parsed files, stored and loaded: exactly the same, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import treeseek
from treeseek.errors import TreeCorruptError, TreeError, TreeMismatchError
from treeseek.indexing.identity import content_hash
from treeseek.syntax.parsed import ParsedFile, parse_file
from treeseek.syntax.stored import decode_file, encode_file

SOURCES = sorted(Path(treeseek.__file__).parent.rglob("*.py"))


def stored(data: bytes) -> tuple[ParsedFile, bytes]:
    file = parse_file(data, "python", deadline_seconds=10)
    assert file is not None
    return file, encode_file(file, content_hash(data))


@given(st.sampled_from(SOURCES))
@settings(max_examples=20, deadline=None)
def test_a_stored_file_is_the_same_file(source: Path) -> None:
    data = source.read_bytes()
    file, kept = stored(data)
    again = decode_file(kept, content_hash(data))
    assert again.tree == file.tree
    assert again.declarations == file.declarations
    assert encode_file(again, content_hash(data)) == kept


def test_names_that_are_no_text_are_kept() -> None:
    data = "class Gr\udcc3e:\n    x = 1\n".encode("utf-8", "surrogateescape")
    file, kept = stored(data)
    assert decode_file(kept).declarations == file.declarations


def test_nothing_but_an_error_comes_of_a_flipped_bit() -> None:
    data = b"def f(a):\n    return a\n"
    _, kept = stored(data)
    for at in range(len(kept) * 8):
        flipped = bytearray(kept)
        flipped[at // 8] ^= 1 << at % 8
        with pytest.raises(TreeError):
            decode_file(bytes(flipped), content_hash(data))


def test_nothing_but_an_error_comes_of_a_truncation() -> None:
    data = b"def f(a):\n    return a\n"
    _, kept = stored(data)
    for length in range(len(kept)):
        with pytest.raises(TreeCorruptError):
            decode_file(kept[:length], content_hash(data))
    with pytest.raises(TreeCorruptError):
        decode_file(kept + b"\0", content_hash(data))


def test_the_tree_of_other_bytes_is_refused() -> None:
    data = b"def f(a):\n    return a\n"
    _, kept = stored(data)
    with pytest.raises(TreeMismatchError, match="not of"):
        decode_file(kept, content_hash(data + b" "))


def test_a_file_without_declarations() -> None:
    file, kept = stored(b"")
    assert decode_file(kept) == file
