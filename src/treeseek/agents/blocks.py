"""What is an agent told in words, and where does that begin and end in the file that it reads?"""

from __future__ import annotations

from treeseek.agents.edits import Edit, line_end
from treeseek.errors import UsageError

__all__ = ["BEGIN", "END", "has_block", "put", "taken_out"]

BEGIN = "<!-- treeseek:begin, made by `treeseek install` -->"
END = "<!-- treeseek:end -->"
WORDS = """\
## Finding code

The MCP server `treeseek` has an index of this code that follows every change. Before grepping or reading files to find
out where something is done, ask it:

- `search` with a question in plain words, when you know what code does but not how it is called or where it is.
- `symbols` for where a name is declared, `outline` for what a file holds, `related` for code like a place.
- `changes` for what was changed, declaration by declaration.

Use grep for exact strings and for every use of a name. If an answer says that there is no good one, believe it."""


def has_block(text: str) -> bool:
    """Whether our words are in a text."""
    return BEGIN in text and END in text


def put(text: str, preface: str = "") -> Edit | None:
    """Return the edit that adds our words to a text, at the end; None if they are there.

    `preface` is what a file must begin with that holds nothing else. Raises UsageError if a mark is missing.
    """
    end = line_end(text)
    block = end.join([BEGIN, *WORDS.split("\n"), END])
    if (span := _span(text)) is not None:
        start, stop = span
        return None if text[start:stop] == block else Edit(start, text[start:stop], block)
    if not text.strip("\ufeff"):
        return Edit(len(text), "", preface.replace("\n", end) + block + end)
    gap = "" if text.endswith("\n") else end
    return Edit(len(text), "", f"{gap}{end}{block}{end}")


def taken_out(text: str) -> str:
    """Return the text without our words, and the blank line before them. Raises UsageError if a mark is missing."""
    if (span := _span(text)) is None:
        return text
    start, stop = span
    end = line_end(text)
    before, after = text[:start], text[stop:].removeprefix(end)
    return before.removesuffix(end) + after if before.endswith(end * 2) else before + after


def _span(text: str) -> tuple[int, int] | None:
    start, stop = text.find(BEGIN), text.find(END)
    if start < 0 and stop < 0:
        return None
    if start < 0 or stop < start:
        raise UsageError("a mark of treeseek's words is missing in it; mend or remove what is left of them by hand")
    return start, stop + len(END)
