"""Cutting text without known structure: at blank lines and where the indentation is shallow."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["split"]


def split(
    data: bytes, start: int, end: int, most: int, least: int, borders: Mapping[int, int] | None = None
) -> list[tuple[int, int]]:
    """Cut data[start:end] into spans of at most `most` bytes, and where possible at least `least`.

    Each cut is at the best border in reach: the lowest rank, then the furthest on. `borders` maps starts of lines
    to ranks; without it, or where it has none in reach, lines after blank ones and with little indentation rank
    lowest. Only a line longer than `most` is cut inside, between characters.
    """
    ordered = sorted(borders) if borders else []
    spans: list[tuple[int, int]] = []
    begin, next_border = start, 0
    while end - begin > most:
        reach = min(begin + most, max(end - least, begin + least))
        best, best_rank = -1, 1 << 60
        while next_border < len(ordered) and ordered[next_border] < begin + least:
            next_border += 1
        for line in ordered[next_border:]:
            if line > reach:
                break
            if borders is not None and borders[line] <= best_rank:
                best, best_rank = line, borders[line]
        if best < 0:
            best = _by_lines(data, begin, begin + least, reach)
        if best <= begin:
            best = _inside_line(data, begin, begin + most)
        spans.append((begin, best))
        begin = best
    if end > begin:
        spans.append((begin, end))
    return [span for span in spans if not data[span[0] : span[1]].isspace()]


def _by_lines(data: bytes, begin: int, low: int, high: int) -> int:
    """Return the best start of a line in [low, high], else the last one in (begin, high], else -1."""
    best, best_rank = -1, 1 << 60
    newline = data.rfind(b"\n", begin, high)
    after_blank_of = high
    last = newline + 1 if newline >= 0 else -1
    while newline >= 0 and newline + 1 >= low:
        line = newline + 1
        text = data[line:after_blank_of]
        previous = data.rfind(b"\n", begin, newline)
        bare = text.lstrip(b" \t")
        if bare[:1] not in (b"", b"\r", b"\n"):
            is_after_blank = not data[previous + 1 : newline].strip() if previous >= 0 else False
            rank = 2 * min(len(text) - len(bare), 40) + (0 if is_after_blank else 3) + (bare[:1] in b"})]")
            if rank < best_rank:
                best, best_rank = line, rank
        newline, after_blank_of = previous, line
    return best if best >= 0 else last


def _inside_line(data: bytes, begin: int, high: int) -> int:
    """Return the last border between UTF-8 characters up to `high`, which is inside of a line."""
    newline = data.rfind(b"\n", begin, high)
    if newline > begin:
        return newline + 1
    position = high
    while position > high - 4 and position > begin + 1 and data[position] & 0xC0 == 0x80:
        position -= 1
    return position if data[position] & 0xC0 != 0x80 else high
