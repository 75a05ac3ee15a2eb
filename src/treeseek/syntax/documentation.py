"""What documents a declaration: the comments and attributes right in front of it, or its docstring.

Comments are found in the text, line by line backwards from the declaration, which costs less than asking the tree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from treeseek.syntax.languages import Comments

__all__ = ["docstring", "documented_from", "plain_text"]

MAX_DOC_CHARS = 600
_LOOK_BACK = 200
_NONE = (0, 0)
_MARKS = " \t/*#-!|^{"

_DOCSTRING = re.compile(rb"\s*(?:do\s+@moduledoc\s+(?:~[sS])?)?[rRuUbB]{0,2}(\"\"\"|'''|\"|')")
_TAG = re.compile(
    r"</?(?:summary|param|returns|remarks|para|p|see|seealso|c|code|typeparam|value|li|ul|pre|b|i|em)\b[^<>\n]*>"
)
_DOC_ATTRIBUTE = re.compile(rb"@(?:type)?doc\s+(?:~[sS])?\"+")


def documented_from(
    data: bytes, start: int, floor: int, comments: Comments, attributes: Mapping[int, int]
) -> tuple[int, tuple[int, int]]:
    """Return where a declaration at `start` begins with its attributes and comments, and the comments' span.

    Nothing before `floor` belongs to it. `attributes` maps the end of each attribute to its start.
    """
    top = start
    doc_start = doc_end = 0
    while True:
        before = data[max(floor, top - _LOOK_BACK) : top].rstrip(b" \t")
        if before[-2:] == b"\n\n":
            break  # the usual case: a blank line
        if not attributes:
            line = before[:-1].rpartition(b"\n")[2].strip() if before[-1:] == b"\n" else b""
            if not line or not (line.startswith(comments.line) or line.endswith(comments.closing)):
                break  # the next most usual: code
        found = _previous(data, top, floor, comments, attributes)
        if found is None:
            break
        opening, closing, is_doc = found
        if is_doc and (not doc_end or doc_start == top):
            doc_start = opening
            doc_end = doc_end or closing
        top = opening
    written = _DOC_ATTRIBUTE.match(data, doc_start, doc_end) if doc_end else None
    return top, (written.end() if written else doc_start, doc_end)


def _previous(
    data: bytes, top: int, floor: int, comments: Comments, attributes: Mapping[int, int]
) -> tuple[int, int, bool] | None:
    """Return the span of the comment or attribute right before `top`, and whether it documents; None if none."""
    line_start = data.rfind(b"\n", floor, top) + 1
    if line_start <= floor:
        return None
    end = line_start + len(data[line_start:top].rstrip())
    if data[line_start:end].strip():
        return (attributes[end], end, False) if end in attributes else None
    previous = data.rfind(b"\n", floor, line_start - 1) + 1
    if not previous:
        if floor and data[floor - 1] != 10:
            return None  # what ends at the floor has the beginning of this line
        previous = floor
    text = data[previous : line_start - 1].rstrip()
    end = previous + len(text)
    line = text.lstrip()
    if end in attributes and attributes[end] >= floor:
        return attributes[end], end, _DOC_ATTRIBUTE.match(data, attributes[end], end) is not None
    if line.startswith(comments.line) and not line.startswith(b"#!"):
        return _run_start(data, previous, line_start, floor, comments), end, True
    if line and line.endswith(comments.closing):
        opening = data.rfind(comments.opening, floor, end)
        if opening >= 0 and not data[data.rfind(b"\n", floor, opening) + 1 : opening].strip():
            return opening, end, True
    return None


def _run_start(data: bytes, line: int, end: int, floor: int, comments: Comments) -> int:
    """Return where the comment on the line at `line`, which ends at `end`, starts: with all of its run of lines
    back to a blank one if those are all comments, which is the usual case and quick to see; else on its own line.
    """
    blank = data.rfind(b"\n\n", floor, line)
    if blank >= 0 and _run_of(comments.line).fullmatch(data, blank + 2, end):
        line = blank + 2
    while data[line] in b" \t\r":
        line += 1
    return line


@cache
def _run_of(marks: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """Return the pattern of a run of whole lines that are comments."""
    return re.compile(rb"(?:[ \t]*(?:%s)[^\n]*\n)+" % b"|".join(map(re.escape, marks)))


def docstring(data: bytes, start: int, end: int) -> tuple[int, int] | None:
    """Return the span of the string that a body from `start` to `end` begins with, or None."""
    match = _DOCSTRING.match(data, start, end)
    if not match:
        return None
    closing = data.find(match[1], match.end(), end)
    return (match.end(), closing) if closing >= 0 else None


def plain_text(data: bytes, span: tuple[int, int]) -> str:
    """Return the text of a doc comment or docstring without its comment marks, shortened to MAX_DOC_CHARS."""
    start, end = span
    if end <= start:
        return ""
    text = data[start : min(end, start + 2 * MAX_DOC_CHARS)].decode("utf-8", "replace")
    if "<" in text:
        text = _TAG.sub("", text)
    lines = [line.lstrip(_MARKS).rstrip() for line in text.splitlines()]
    return "\n".join(lines).strip("\n */")[:MAX_DOC_CHARS].rstrip(' */-}]\n"')
