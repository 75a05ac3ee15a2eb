"""What commits, comments and markup say, as one could ask it."""

from __future__ import annotations

import pytest

from treeseek.learning.prose import of_commit, of_documentation, of_markup


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("fix(router): match longest prefix first (#123)", "router match longest prefix first"),
        ("Fixes #12: keep the socket open", "keep the socket open"),
        ("HTTP-451: refuse requests without a host", "refuse requests without a host"),
        ("[core] Close idle connections", "core Close idle connections"),
        ("Merge branch 'main' into dev", ""),
        ("Bump left-pad from 1.0 to 1.1", ""),
        ("docs: explain how retries work", ""),
        ("typo", ""),
    ],
)
def test_subjects(subject: str, said: str) -> None:
    assert of_commit(subject) == said


def test_a_short_body_is_part_of_what_a_commit_says() -> None:
    assert of_commit("Keep the socket open", "Opening it took long.") == "Keep the socket open. Opening it took long."
    assert of_commit("Keep the socket open", "Signed-off-by: A <a@example.com>") == "Keep the socket open"


@pytest.mark.parametrize(
    ("doc", "said"),
    [
        ("Opens a file\nfor reading only.\n\n@param path the file", "Opens a file for reading only."),
        ('<summary>Opens a <see cref="T:IO.File"/> for reading.</summary>', "Opens a IO.File for reading."),
        ("Copyright 2020 by the authors of this program", ""),
        ("noqa", ""),
        ("=====================", ""),
    ],
)
def test_documentation(doc: str, said: str) -> None:
    assert of_documentation(doc) == said


def test_markup() -> None:
    assert of_markup("Use [`open`](https://example.com) to *read* a file") == "Use open to read a file"
