"""Counting tokens from above, and cutting to a budget at lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treeseek.model import Hit
from treeseek.retrieval.budget import count_tokens, fit


def hit(text: str) -> Hit:
    lines = text.count("\n") + 1
    return Hit("id", "a.py", "python", "function", "f", "def f()", 10, 9 + lines, 0.5, text, (10, 9 + lines))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("word", 1),
        ("words", 2),
        ("getHTTP", 2),
        ("a = b", 3),
        ("x\n", 2),
        ("    ", 0),
        ("日本", 2),
        ("f(x)", 4),
    ],
)
def test_tokens(text: str, tokens: int) -> None:
    assert count_tokens(text) == tokens


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_longer_text_never_counts_less(a: str, b: str) -> None:
    assert count_tokens(a + "\n" + b) >= max(count_tokens(a), count_tokens(b))


def test_very_long_texts_are_counted_whole() -> None:
    assert count_tokens("word " * 500_000) == pytest.approx(500_000, rel=0.001)


def test_without_a_budget_nothing_is_cut() -> None:
    hits = [hit("one\ntwo")] * 3
    assert fit(hits, None) == (hits, False)


def test_the_last_hit_is_cut_at_a_line() -> None:
    text = "".join(f"line number {i}\n" for i in range(50))
    (first,), truncated = fit([hit(text), hit(text)], 100)
    assert truncated
    assert text.startswith(first.text)
    assert first.text.endswith("\n")
    assert first.end_line == first.start_line + first.text.count("\n") - 1
    assert first.matched_lines == (10,)
