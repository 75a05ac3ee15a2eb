"""How much of an answer fits? Tokens of language models, counted from above without any model's own tokeniser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from treeseek.model import Hit
from treeseek.tokens import batches

__all__ = ["count_tokens", "fit"]

CHARACTERS_PER_TOKEN = 4
HIT_OVERHEAD = 12
"""Tokens for a hit's line numbers, kind, score and separators."""


def count_tokens(text: str) -> int:
    """Return a number of tokens that tokenisers of current language models seldom exceed on code.

    A sub-token counts one for every four bytes begun; every other visible byte and every line break counts one.
    """
    if not text:
        return 0
    raw = text.encode("utf-8", "replace")
    total = 0
    in_words = 0
    for batch in batches([raw[i : i + 100_000] for i in range(0, len(raw), 100_000)]):
        lengths = batch.end - batch.start
        total += int((-(-lengths // CHARACTERS_PER_TOKEN)).sum())
        in_words += int(lengths.sum())
    bytes_ = np.frombuffer(raw, np.uint8)
    visible = int((bytes_ > 0x20).sum())
    return total + visible - in_words + int((bytes_ == 0x0A).sum())


def fit(hits: Sequence[Hit], max_tokens: int | None) -> tuple[list[Hit], bool]:
    """Return as many first hits as fit the budget, the last one's text cut at a line, and whether any was cut."""
    if max_tokens is None:
        return list(hits), False
    kept: list[Hit] = []
    left = max_tokens
    for hit in hits:
        head = HIT_OVERHEAD + count_tokens(f"{hit.path} {hit.name} {hit.signature}")
        if head > left:
            return kept, True
        text = _cut(hit.text, left - head)
        if text != hit.text:
            if text:
                last = hit.start_line + text.count("\n") - (1 if text.endswith("\n") else 0)
                lines = tuple(line for line in hit.matched_lines if line <= last)
                kept.append(replace(hit, text=text, end_line=last, matched_lines=lines))
            return kept, True
        kept.append(hit)
        left -= head + count_tokens(hit.text)
    return kept, False


def _cut(text: str, max_tokens: int) -> str:
    """Return as many whole first lines as fit."""
    if count_tokens(text) <= max_tokens:
        return text
    lines = text.splitlines(keepends=True)
    low, high = 0, len(lines)
    while low < high:
        middle = (low + high + 1) // 2
        if count_tokens("".join(lines[:middle])) <= max_tokens:
            low = middle
        else:
            high = middle - 1
    return "".join(lines[:low])
