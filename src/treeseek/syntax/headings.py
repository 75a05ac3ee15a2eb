"""Documents with headings, cut into sections: Markdown, reStructuredText and AsciiDoc."""

from __future__ import annotations

import re
from itertools import pairwise

from treeseek.syntax.chunks import JOIN_BYTES, MAX_CHUNK_BYTES, MIN_CHUNK_BYTES
from treeseek.syntax.lines import split

__all__ = ["sections"]

MAX_HEADING_CHARS = 200

_FRONT_MATTER = re.compile(rb"(?:\xef\xbb\xbf)?---[ \t]*\r?\n(?:(?!---)[^\n]*\n){0,200}---[ \t]*\r?\n")
_FENCE = re.compile(rb"^ {0,3}(`{3,}|~{3,})")
_ATX = re.compile(rb"^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*\r?$")
_SETEXT = re.compile(rb"^ {0,3}(=+|-+)[ \t]*\r?$")
_ADOC = re.compile(rb"^(={1,6})[ \t]+(\S.*?)[ \t]*\r?$")
_ADOC_BLOCK = re.compile(rb"^(-{4,}|\.{4,}|={4,}|\+{4,}|/{4,})[ \t]*\r?$")
_UNDERLINE = re.compile(rb"^([=\-~^\"'`#*+.:_])\1{2,}[ \t]*\r?$")

Heading = tuple[int, int, bytes]
"""Where its line starts, its level (1 is the highest) and its text."""


def sections(data: bytes, language: str) -> list[tuple[str, str, str, int, int]]:
    """Return (kind, name, signature, start, end) of the sections of a document, in order.

    The name is the heading's text, the signature the path of headings above it and itself. Long sections are cut
    at blank lines; neighbours that are short together are joined.
    """
    headings = _FINDERS.get(language, _markdown)(data)
    found: list[tuple[str, str, int, int]] = []
    path: list[tuple[int, str]] = []
    borders = [*headings, (len(data), 0, b"")]
    if borders[0][0] > 0:
        found.append(("", "", 0, borders[0][0]))
    for (start, level, text), (end, _, _) in pairwise(borders):
        name = " ".join(text.decode("utf-8", "replace").split())[:MAX_HEADING_CHARS]
        path = [(above, title) for above, title in path if above < level] + [(level, name)]
        found.append((name, " > ".join(title for _, title in path)[:MAX_HEADING_CHARS], start, end))
    return [
        ("section" if name else "text", name, signature, a, b)
        for name, signature, start, end in _joined(data, found)
        for a, b in split(data, start, end, MAX_CHUNK_BYTES, MIN_CHUNK_BYTES)
    ]


def _joined(data: bytes, found: list[tuple[str, str, int, int]]) -> list[tuple[str, str, int, int]]:
    """Join short neighbours, under the name of the longest, and leave out what is blank."""
    kept: list[tuple[str, str, int, int]] = []
    longest = 0
    for name, signature, start, end in found:
        if not data[start:end].strip():
            continue
        size = end - start
        if kept and end - kept[-1][2] <= JOIN_BYTES:
            last = kept[-1]
            if size > longest and name:
                kept[-1] = (name, signature, last[2], end)
                longest = size
            else:
                kept[-1] = (*last[:3], end)
        else:
            kept.append((name, signature, start, end))
            longest = size
    return kept


def _lines(data: bytes) -> list[tuple[int, bytes]]:
    lines = []
    position = 0
    for line in data.split(b"\n"):
        lines.append((position, line))
        position += len(line) + 1
    return lines


def _front_matter(data: bytes) -> int:
    """Return how many lines the metadata between `---` at the top takes, if there is any."""
    match = _FRONT_MATTER.match(data)
    return match[0].count(b"\n") if match else 0


def _markdown(data: bytes) -> list[Heading]:
    headings: list[Heading] = []
    fence = b""
    previous: tuple[int, bytes] | None = None
    for start, line in _lines(data)[_front_matter(data) :]:
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip().strip(fence[:1]):
                fence = b""
            previous = None
            continue
        if mark:
            fence = mark[1]
            previous = None
            continue
        atx = _ATX.match(line)
        if atx:
            headings.append((start, len(atx[1]), atx[2] or b""))
            previous = None
            continue
        setext = _SETEXT.match(line) if previous else None
        if setext and previous:
            headings.append((previous[0], 1 if setext[1][:1] == b"=" else 2, previous[1].strip()))
            previous = None
            continue
        is_text = bool(line.strip()) and line[:1] not in (b"|", b">", b"-", b"\t") and not line.startswith(b"    ")
        previous = (start, line) if is_text else None
    return headings


def _restructuredtext(data: bytes) -> list[Heading]:
    """A title is a line with punctuation below it, at least as long; the order of first use gives the levels."""
    headings: list[Heading] = []
    levels: list[tuple[bytes, bool]] = []
    lines = _lines(data)
    for i, (start, line) in enumerate(lines[:-1]):
        under = _UNDERLINE.match(lines[i + 1][1])
        title = line.strip()
        if not under or not title or (line[:1].isspace() and not i) or _UNDERLINE.match(line):
            continue
        if len(lines[i + 1][1].rstrip()) < len(title.decode("utf-8", "replace")):
            continue
        has_over = i > 0 and lines[i - 1][1].rstrip() == lines[i + 1][1].rstrip()
        if line[:1].isspace() and not has_over:
            continue
        style = (under[1], has_over)
        if style not in levels:
            levels.append(style)
        headings.append((lines[i - 1][0] if has_over else start, levels.index(style) + 1, title))
    return headings


def _asciidoc(data: bytes) -> list[Heading]:
    headings: list[Heading] = []
    block = b""
    for start, line in _lines(data):
        mark = _ADOC_BLOCK.match(line)
        if mark:
            block = b"" if mark[1] == block else block or mark[1]
            continue
        title = None if block else _ADOC.match(line)
        if title:
            headings.append((start, len(title[1]), title[2]))
    return headings


_FINDERS = {"markdown": _markdown, "restructuredtext": _restructuredtext, "asciidoc": _asciidoc}
