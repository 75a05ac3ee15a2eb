"""What documents a declaration: the comments and attributes right in front of it, or its docstring.

Comments are found in the text, line by line backwards from the declaration, which costs less than asking the tree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from treeseek.syntax.languages import Comments

__all__ = ["docstring", "documented_from", "plain_text"]

MAX_DOC_CHARS = 600
_MAX_LINES = 400
_LOOK_BACK = 200
_NONE = (0, 0)
_MARKS = "/*#-!|^{<"

_DOCSTRING = re.compile(rb"\s*:?\s*[rRuUbB]{0,2}(\"\"\"|'''|\"|')")


def documented_from(
    data: bytes, start: int, floor: int, comments: Comments, attributes: Mapping[int, int]
) -> tuple[int, tuple[int, int]]:
    """Return where a declaration at `start` begins with its attributes and comments, and the comments' span.

    Nothing before `floor` belongs to it. `attributes` maps the end of each attribute to its start.
    """
    before = data[max(floor, start - _LOOK_BACK) : start].rstrip(b" \t")
    if before[-2:] == b"\n\n":
        return start, _NONE  # the usual case: a blank line
    if not attributes:
        line = before[:-1].rpartition(b"\n")[2].strip() if before[-1:] == b"\n" else b""
        if not line or not (line.startswith(comments.line) or (comments.closing and line.endswith(comments.closing))):
            return start, _NONE  # the next most usual: code
    top = start
    doc_start = doc_end = 0
    for _ in range(_MAX_LINES):
        line_start = data.rfind(b"\n", floor, top) + 1
        before = data[line_start:top].rstrip() if line_start > floor else b"x"
        if attributes and before.strip():
            attribute = attributes.get(line_start + len(before))
            if attribute is None:
                break
            top = attribute
            continue
        if before.strip() or line_start <= floor:
            break
        previous = max(data.rfind(b"\n", floor, line_start - 1) + 1, floor)
        line = data[previous : line_start - 1].strip()
        if not line:
            break
        line_end = line_start - 1
        while data[line_end - 1 : line_end].isspace():
            line_end -= 1
        if line_end in attributes and attributes[line_end] >= floor:
            top = attributes[line_end]
            continue
        if comments.line and line.startswith(comments.line):
            opening = previous + len(data[previous:line_end]) - len(data[previous:line_end].lstrip())
        elif comments.closing and line.endswith(comments.closing):
            opening = data.rfind(comments.opening, floor, line_end)
            if opening < 0 or data[data.rfind(b"\n", floor, opening) + 1 : opening].strip():
                break
        else:
            break
        top = doc_start = opening
        doc_end = doc_end or line_end
    return top, (doc_start, doc_end)


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
    lines = [line.strip().lstrip(_MARKS).strip() for line in text.splitlines()]
    return "\n".join(lines).strip("\n */")[:MAX_DOC_CHARS].rstrip(" */-}]\n")
