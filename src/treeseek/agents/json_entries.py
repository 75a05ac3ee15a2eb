"""How is an entry put into a JSON file with comments, or taken out of it, when all else stays as it is?"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from treeseek.agents.edits import Edit, line_end
from treeseek.agents.jsonc import Member, Node, read
from treeseek.errors import UsageError

__all__ = ["entry_of", "put", "taken_out"]

_INDENT = re.compile(r"[ \t]*")
_COMMENT = re.compile(r"//[^\n]*\n|/\*.*?\*/", re.DOTALL)
_REST_OF_LINE = re.compile(r"[ \t]*(?://[^\r\n]*|/\*(?:(?!\*/)[^\r\n])*\*/[ \t]*(?=\r?\n))?")
"""What may stand behind a value in its line, and belongs to it."""


def entry_of(text: str, path: Sequence[str]) -> Any:
    """Return the value at a path of names; None if there is none. Raises UsageError for what isn't JSON."""
    node = read(text)
    value = None if node is None else node.value
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def put(text: str, path: Sequence[str], entry: Mapping[str, Any]) -> Edit | None:
    """Return the edit that makes `entry` the value at a path of names, last in its object; None if it is that already.

    Indentation, line ends and trailing commas are as they are around it.
    Raises UsageError for what isn't JSON, or if something else than an object is in the way.
    """
    edit = _edit(text, path, entry)
    if edit is not None and entry_of(edit.apply(text), path) != entry:
        raise UsageError("it is written in a way that can't be edited safely")
    return edit


def taken_out(text: str, path: Sequence[str]) -> str:
    """Return the text without the entry at a path, and without the comma and the space that go with it.

    Comments stay. Raises UsageError for what isn't JSON.
    """
    node, member = read(text), None
    for name in path:
        if node is None or (member := node.member(name)) is None:
            return text
        parent, node = node, member.node
    assert member is not None
    number = parent.members.index(member)
    before = parent.members[number - 1].comma if number else parent.start
    begin = _after_comments(text, before + 1, member.start)
    if member.comma >= 0:
        between = text[member.node.end : member.comma]
        return text[:begin] + (between if between.strip() else "") + text[member.comma + 1 :]
    text = text[:begin] + text[member.node.end :]
    return text[:before] + text[before + 1 :] if number else text


def _edit(text: str, path: Sequence[str], entry: Mapping[str, Any]) -> Edit | None:
    root = read(text)
    if root is None:
        document: Any = _nested(path, entry)
        gap = "" if not text or text.endswith(("\n", "\ufeff")) else line_end(text)
        return Edit(len(text), "", gap + _laid_out(document, "", "  ", line_end(text)) + line_end(text))
    node, depth = root, 0
    while True:
        if not node.is_object:
            where = ".".join(path[:depth]) or "the whole"
            raise UsageError(f"{where} is not an object")
        member = node.member(path[depth])
        if member is None:
            return _added(text, node, path[depth], _nested(path[depth + 1 :], entry))
        if depth == len(path) - 1:
            return _replaced(text, member, entry)
        node, depth = member.node, depth + 1


def _nested(path: Sequence[str], entry: Any) -> Any:
    for name in reversed(path):
        entry = {name: entry}
    return entry


def _added(text: str, node: Node, name: str, value: Any) -> Edit:
    """Return the edit that adds a last member to an object."""
    end = line_end(text)
    outer = _indent_at(text, node.start)
    if not node.members:
        inner, unit = outer + (unit := _unit(text)), unit
        body = f"{end}{inner}{json.dumps(name)}: {_laid_out(value, inner, unit, end)}"
        within = text[node.start + 1 : node.end - 1]
        if within.strip():  # comments alone
            at = node.start + 1 + len(within.rstrip())
            return Edit(at, text[at : node.end - 1], f"{body}{end}{outer}")
        return Edit(node.start + 1, within, f"{body}{end}{outer}")
    last = node.members[-1]
    if "\n" not in text[node.start : last.start]:
        separator = ", " if last.comma < 0 else " "
        more = "," if last.comma >= 0 else ""
        at = last.node.end if last.comma < 0 else last.comma + 1
        return Edit(at, "", f"{separator}{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}{more}")
    inner = _indent_at(text, last.start)
    unit = inner.removeprefix(outer) if inner.startswith(outer) and inner != outer else _unit(text)
    body = f"{end}{inner}{json.dumps(name)}: {_laid_out(value, inner, unit, end)}"
    if last.comma >= 0:
        at = last.comma + 1
        rest = _rest_of_line(text, at)
        return Edit(at, rest, f"{rest}{body},")
    rest = _rest_of_line(text, last.node.end)
    return Edit(last.node.end, rest, f",{rest}{body}")


def _replaced(text: str, member: Member, entry: Mapping[str, Any]) -> Edit | None:
    if member.node.value == entry:
        return None
    indent = _indent_at(text, member.start)
    is_long = "\n" in text[member.node.start : member.node.end] or not text[: member.start].rsplit("\n")[-1].strip()
    new = _laid_out(entry, indent, _unit(text), line_end(text)) if is_long else json.dumps(entry, ensure_ascii=False)
    return Edit(member.node.start, text[member.node.start : member.node.end], new)


def _laid_out(value: Any, indent: str, unit: str, end: str) -> str:
    """Return a value as JSON on several lines, with objects opened, and lists in one line."""
    if not isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    inner = indent + unit
    parts = [f"{inner}{json.dumps(name)}: {_laid_out(part, inner, unit, end)}" for name, part in value.items()]
    return f"{{{end}{f',{end}'.join(parts)}{end}{indent}}}"


def _indent_at(text: str, at: int) -> str:
    """Return the indentation of the line that `at` is in."""
    match = _INDENT.match(text, _line_start(text, at))
    return match[0] if match else ""


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _unit(text: str) -> str:
    """Return by how much a level is indented in a text: as the first line that is."""
    match = re.search(r"\n([ \t]+)[^\s/*]", text)
    return "  " if match is None else "\t" if match[1].startswith("\t") else match[1]


def _rest_of_line(text: str, at: int) -> str:
    match = _REST_OF_LINE.match(text, at)
    return match[0] if match and match[0].strip() else ""


def _after_comments(text: str, start: int, end: int) -> int:
    """Return where the last comment between two places ends, with the line break that a line's end needs."""
    at = start
    for comment in _COMMENT.finditer(text, start, end):
        at = comment.end()
    return at
