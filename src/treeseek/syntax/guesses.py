"""What does code seem to declare that nobody here can parse? A word such as `class` or `sub` before a name tells.

For languages without a grammar, and for files that theirs fails on. Names are taken as they stand, not qualified.
"""

from __future__ import annotations

import re

from treeseek.model import Declaration

__all__ = ["guessed"]

MAX_LINE_BYTES = 400
"""A longer line isn't written by a person who declares something."""
MAX_GUESSES = 5_000

_KINDS = {
    b"class": "class", b"object": "class", b"interface": "interface", b"protocol": "interface", b"trait": "interface",
    b"mixin": "interface", b"struct": "struct", b"structure": "struct", b"record": "struct", b"union": "struct",
    b"enum": "enum", b"module": "module", b"namespace": "module", b"package": "module", b"contract": "class",
    b"type": "type", b"typealias": "type", b"def": "function", b"defn": "function", b"defn-": "function",
    b"defun": "function", b"defmacro": "function", b"define": "function", b"fn": "function", b"fun": "function",
    b"func": "function", b"function": "function", b"sub": "function", b"subroutine": "function", b"proc": "function",
    b"procedure": "function", b"method": "function", b"template": "function", b"macro": "function",
}  # fmt: skip
_BEFORE = (
    b"public private protected internal static final abstract sealed open data inline override suspend export default "
    b"async pub extern const partial local virtual unsafe declare recursive pure elemental external expect actual "
    b"companion inner value annotation fileprivate mutating"
).split()
"""Words that may stand before the one that tells: others make a line prose."""
_DECLARES = re.compile(
    rb"^([ \t]*)\(?[ \t]*(?:(?:%s)[ \t]+){0,6}(%s)[ \t]+[\"']?([A-Za-z_$][\w$]*(?:(?:::|\.|-)\w+)*)"
    % (b"|".join(_BEFORE), b"|".join(re.escape(word) for word in _KINDS))
)


def guessed(data: bytes) -> tuple[list[Declaration], list[tuple[int, int]]]:
    """Return what lines of `data` seem to declare, in order, and where each name stands, with its number.

    A declaration is taken to end before the next one that is indented no further.
    """
    found: list[tuple[int, int, int, re.Match[bytes]]] = []
    start = 0
    for number, line in enumerate(data.split(b"\n"), 1):
        if len(line) <= MAX_LINE_BYTES and (match := _DECLARES.match(line)) and len(found) < MAX_GUESSES:
            found.append((number, start, len(match[1].expandtabs(4)), match))
        start += len(line) + 1
    lines = data.count(b"\n") + 1
    ends = _ends([depth for _, _, depth, _ in found], [place for _, place, _, _ in found], len(data))
    declarations, places = [], []
    for i, ((number, place, _, match), end) in enumerate(zip(found, ends, strict=True)):
        stop = place + len(data[place:end].rstrip())
        last = min(number + data.count(b"\n", place, stop), lines)
        head = match.string[len(match[1]) :].strip().rstrip(b"{").rstrip()
        declarations.append(Declaration(_KINDS[match[2]], _text(match[3]), _text(head), "", place, stop, number, last))
        places.append((place + match.start(3), i))
    return declarations, places


def _ends(depths: list[int], places: list[int], size: int) -> list[int]:
    """Return for each declaration where the next one begins that is indented no further."""
    ends = [size] * len(depths)
    waiting: list[int] = []
    for i, depth in enumerate(depths):
        while waiting and depths[waiting[-1]] >= depth:
            ends[waiting.pop()] = places[i]
        waiting.append(i)
    return ends


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
