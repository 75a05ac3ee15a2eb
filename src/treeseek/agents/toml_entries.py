"""How is a table put into a TOML file, or taken out of it, when all else stays as it is?

The text is edited, and then read again: an edit that changed anything else, or didn't do what it should, isn't made.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from treeseek.agents.edits import Edit, line_end
from treeseek.errors import UsageError

__all__ = ["entry_of", "put", "taken_out"]

_HEADER = re.compile(r"^[ \t]*\[.*$", re.MULTILINE)
REFUSED = "it is written in a way that can't be edited safely"


def entry_of(text: str, path: Sequence[str]) -> Any:
    """Return the value at a path of names; None if there is none. Raises UsageError for what isn't TOML."""
    value: Any = _loaded(text)
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def put(text: str, path: Sequence[str], entry: Mapping[str, Any]) -> Edit | None:
    """Return the edit that makes `entry` the table at a path of names, last in the file; None if it is that already.

    Raises UsageError for what isn't TOML, or can't be edited without changing something else.
    """
    there = entry_of(text, path)
    if there == entry:
        return None
    end = line_end(text)
    lines = [f"[{'.'.join(path)}]", *(f"{name} = {_written(value)}" for name, value in entry.items())]
    table = end.join(lines) + end
    if there is None:
        gap = "" if not text or text.endswith(("\n", "\ufeff")) else end
        edits = [Edit(len(text), "", f"{gap}{end if text.strip(chr(0xFEFF)) else ''}{table}")]
    else:
        edits = [Edit(start, old, table + _blank_end(old)) for start, old in _tables(text, path)]
    return _first_right(text, edits, path, entry)


def taken_out(text: str, path: Sequence[str]) -> str:
    """Return the text without the table at a path. Raises UsageError as `put` does."""
    if entry_of(text, path) is None:
        return text
    edits = [Edit(start, old, "") for start, old in _tables(text, path)]
    return _first_right(text, edits, path, None).apply(text)


def _tables(text: str, path: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield what may be the table: from its header to the next. Of what looks so, some may stand in a string."""
    names = r"[ \t]*\.[ \t]*".join(f"(?:{re.escape(one)}|\"{re.escape(one)}\"|'{re.escape(one)}')" for one in path)
    for found in re.finditer(rf"^[ \t]*\[[ \t]*{names}[ \t]*\][^\n]*$", text, re.MULTILINE):
        following = _HEADER.search(text, found.end())
        yield found.start(), text[found.start() : following.start() if following else len(text)]


def _blank_end(text: str) -> str:
    """Return the blank lines that a text ends with."""
    return text[len(text.rstrip()) :].removeprefix("\r").removeprefix("\n")


def _first_right(text: str, edits: Sequence[Edit], path: Sequence[str], entry: Mapping[str, Any] | None) -> Edit:
    """Return the first of the edits that does what it should, and nothing else. Raises UsageError if none does."""
    wanted = _without(_loaded(text), path)
    for edit in edits:
        with suppress(UsageError):
            after = edit.apply(text)
            if _without(_loaded(after), path) == wanted and entry_of(after, path) == entry:
                return edit
    raise UsageError(REFUSED)


def _without(table: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """Return a table without what is at the path, and without the tables that hold nothing else."""
    rest = dict(table)
    if len(path) == 1:
        rest.pop(path[0], None)
    elif isinstance(rest.get(path[0]), dict):
        rest[path[0]] = _without(rest[path[0]], path[1:])
        if not rest[path[0]]:
            del rest[path[0]]
    return rest


def _loaded(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"it is not valid TOML: {error}") from None


def _written(value: Any) -> str:
    """Return a string or a list of strings in TOML: JSON's escapes are TOML's, too."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
