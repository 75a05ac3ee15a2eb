"""What does a JSON file with comments and trailing commas hold, and where does each part of it stand?

A reader that keeps places, since such files are edited as text: writing the parsed value anew would lose what people
wrote around it. It is as strict as the agents' own readers: what isn't understood is refused, not guessed at.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from treeseek.errors import UsageError

__all__ = ["Member", "Node", "after_space", "read"]

MAX_DEPTH = 200

_SPACE = re.compile(r"(?:[ \t\r\n\ufeff]|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_SCALAR = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null")


@dataclass(slots=True)
class Node:
    """A value: its places and, of an object, its members, in order."""

    start: int
    end: int
    value: Any
    members: list[Member] = field(default_factory=list)

    @property
    def is_object(self) -> bool:
        """Whether it is an object."""
        return isinstance(self.value, dict)

    def member(self, name: str) -> Member | None:
        """Return the member of a name: the last one, as readers of JSON have it."""
        return next((one for one in reversed(self.members) if one.name == name), None)


@dataclass(slots=True)
class Member:
    """A name with its value; `comma` is where the comma behind it stands, -1 if there is none."""

    name: str
    start: int
    node: Node
    comma: int = -1


def read(text: str) -> Node | None:
    """Return the value that a text holds; None if it holds nothing but space and comments.

    Raises UsageError for what isn't JSON, with the line.
    """
    start = after_space(text, 0)
    if start == len(text):
        return None
    node = _value(text, start, 0)
    end = after_space(text, node.end)
    if end < len(text):
        raise _error(text, end, "there is more after the end")
    return node


def after_space(text: str, at: int) -> int:
    """Return where space and comments end that begin at `at`."""
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _value(text: str, at: int, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise _error(text, at, "it is nested too deeply")
    if text.startswith("{", at):
        return _object(text, at, depth)
    if text.startswith("[", at):
        return _array(text, at, depth)
    match = _STRING.match(text, at) or _SCALAR.match(text, at)
    if match is None:
        raise _error(text, at, "a value is expected")
    return Node(at, match.end(), _loaded(text, match))


def _loaded(text: str, match: re.Match[str]) -> Any:
    try:
        return json.loads(match[0])
    except ValueError:
        raise _error(text, match.start(), "a value is malformed") from None


def _object(text: str, start: int, depth: int) -> Node:
    node, at = Node(start, 0, {}), after_space(text, start + 1)
    while not text.startswith("}", at):
        match = _STRING.match(text, at)
        if match is None:
            raise _error(text, at, "a name in quotes is expected")
        colon = after_space(text, match.end())
        if not text.startswith(":", colon):
            raise _error(text, colon, "a colon is expected")
        member = Member(_loaded(text, match), at, _value(text, after_space(text, colon + 1), depth + 1))
        node.members.append(member)
        node.value[member.name] = member.node.value
        at = after_space(text, member.node.end)
        if text.startswith(",", at):
            member.comma = at
            at = after_space(text, at + 1)
        elif not text.startswith("}", at):
            raise _error(text, at, "a comma or the end of an object is expected")
    node.end = at + 1
    return node


def _array(text: str, start: int, depth: int) -> Node:
    node, at = Node(start, 0, []), after_space(text, start + 1)
    while not text.startswith("]", at):
        one = _value(text, at, depth + 1)
        node.value.append(one.value)
        at = after_space(text, one.end)
        if text.startswith(",", at):
            at = after_space(text, at + 1)
        elif not text.startswith("]", at):
            raise _error(text, at, "a comma or the end of an array is expected")
    node.end = at + 1
    return node


def _error(text: str, at: int, message: str) -> UsageError:
    return UsageError(f"line {text.count(chr(10), 0, at) + 1}: {message}")
