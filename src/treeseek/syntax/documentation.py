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
_AT = ord("@")
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
    rfind = data.rfind
    is_run = True  # so far as is known: that all lines back to the last blank one are comments
    while True:
        low = top - _LOOK_BACK
        if low < floor:
            low = floor
        newline = rfind(b"\n", low, top)
        is_first = newline >= 0 and (newline + 1 == top or not data[newline + 1 : top].strip(b" \t"))
        if is_first and newline > low and data[newline - 1] == 10:
            break  # the usual case: a blank line
        if not attributes:
            if not is_first:
                break
            line = data[max(rfind(b"\n", low, newline) + 1, low) : newline].strip()
            if line.startswith(comments.line):
                is_run = is_run and not line.startswith(b"#!")
                opening = _whole_run(data, newline + 1, floor, comments) if is_run else -1
                if opening >= 0:  # and there is a blank line before it, so this is all
                    if not doc_end or doc_start == top:
                        doc_start, doc_end = opening, doc_end or newline + 1
                    top = opening
                    break
                is_run = False
            elif line.endswith(comments.closing):
                is_run = True
            else:
                break  # the next most usual: code
        found = _previous(data, top, floor, comments, attributes, is_run)
        if found is None:
            break
        opening, closing, is_doc = found
        if is_doc and (not doc_end or doc_start == top):
            doc_start = opening
            doc_end = doc_end or closing
        top = opening
    if doc_end and data[doc_start] == _AT and (written := _DOC_ATTRIBUTE.match(data, doc_start, doc_end)):
        doc_start = written.end()
    return top, (doc_start, doc_end)


def _previous(
    data: bytes, top: int, floor: int, comments: Comments, attributes: Mapping[int, int], is_run: bool
) -> tuple[int, int, bool] | None:
    """Return the span of the comment or attribute right before `top`, and whether it documents; None if none.

    `is_run` is False where it is known that not all lines back to the last blank one are comments.
    """
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
        return _run_start(data, previous, line_start, floor, comments, is_run), end, True
    if line and line.endswith(comments.closing):
        opening = data.rfind(comments.opening, floor, end)
        if opening >= 0 and not data[data.rfind(b"\n", floor, opening) + 1 : opening].strip():
            return opening, end, True
    return None


def _run_start(data: bytes, line: int, end: int, floor: int, comments: Comments, is_run: bool) -> int:
    """Return where the comment on the line at `line`, which ends at `end`, starts: with all of its run of lines
    back to a blank one if those are all comments, which is the usual case and quick to see; else on its own line.
    """
    opening = _whole_run(data, end, floor, comments) if is_run else -1
    if opening >= 0:
        return opening
    while data[line] in b" \t\r":
        line += 1
    return line


def _whole_run(data: bytes, end: int, floor: int, comments: Comments) -> int:
    """Return where the lines from the last blank one to `end` start, without indentation; -1 if not all comments."""
    blank = data.rfind(b"\n\n", floor, end - 1)
    run = _run_of(comments.line).fullmatch(data, blank + 2, end) if blank >= 0 else None
    return run.start(1) if run else -1


@cache
def _run_of(marks: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """Return the pattern of a run of whole lines that are comments, with a group from the first mark on."""
    mark = b"|".join(map(re.escape, marks))
    return re.compile(rb"[ \t]*((?:%s)[^\n]*\n(?:[ \t]*(?:%s)[^\n]*\n)*)" % (mark, mark))


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
