"""How much of an answer may be printed? The budget bounds what stands on standard output, layout and all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from treeseek.model import Hit, SearchResult

__all__ = ["cut_lines", "cut_result", "fits", "most"]


def fits(text: str, max_tokens: int | None, max_bytes: int = 0) -> bool:
    """Whether a text stays within the budget, as `treeseek.retrieval.budget` counts, and within the bytes of UTF-8.

    None is no budget, and 0 bytes are no limit.
    """
    if max_bytes and len(text) * 4 > max_bytes and len(text.encode("utf-8", "backslashreplace")) > max_bytes:
        return False
    if max_tokens is None:
        return True
    from treeseek.retrieval.budget import count_tokens

    return count_tokens(text) <= max_tokens


def cut_lines(lines: Sequence[str], max_tokens: int | None) -> list[str]:
    """Return as many of the first lines, which hold their line breaks, as stay within the budget together."""
    kept = most(len(lines), lambda count: fits("".join(lines[:count]), max_tokens))
    return list(lines[: max(kept, 0)])


def cut_result(
    result: SearchResult, max_tokens: int | None, encode: Callable[[SearchResult], str], max_bytes: int = 0
) -> SearchResult | None:
    """Return the result with the last lines and hits dropped until its encoding fits; None if nothing is left to drop.

    A cut hit keeps its place and its matched lines; only its text ends early.
    """
    if fits(encode(result), max_tokens, max_bytes):
        return result
    parts = sum(1 + hit.text.count("\n") for hit in result.hits)
    kept = most(parts - 1, lambda count: fits(encode(_first(result, count)), max_tokens, max_bytes))
    return None if kept < 0 else _first(result, kept)


def _first(result: SearchResult, parts: int) -> SearchResult:
    """Keep the first `parts` of a result: a hit is one part with its first line, and one more for each further line."""
    hits: list[Hit] = []
    for hit in result.hits:
        if parts < 1:
            break
        lines = hit.text.split("\n")
        hits.append(hit if parts >= len(lines) else replace(hit, text="\n".join(lines[:parts])))
        parts -= len(lines)
    return replace(result, hits=tuple(hits), truncated=True)


def most(count: int, fit: Callable[[int], bool]) -> int:
    """Return the largest number up to `count` that fits, if all smaller ones do; -1 if not even 0 fits."""
    low, high = -1, count
    while low < high:
        middle = (low + high + 1) // 2
        if fit(middle):
            low = middle
        else:
            high = middle - 1
    return low
