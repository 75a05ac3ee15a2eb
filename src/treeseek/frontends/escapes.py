"""What would a screen obey, or show as something that isn't there? It is spelled out.

Paths and code come from trees that nobody vouches for: control characters, directional marks, bytes that are no UTF-8.
"""

from __future__ import annotations

import re

__all__ = ["escaped_json", "printable"]

_INVISIBLE = (
    "\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Controls, directional marks, and what takes no room, but for the selector that makes a sign an emoji."""
_UNSAFE = re.compile(f"[\x00-\x1f{_INVISIBLE}]")
_UNSAFE_IN_JSON = re.compile(f"[{_INVISIBLE}]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str) -> str:
    """Return `text` in one line, safe to print: ESC becomes a visible `\\x1b`, a line break `\\n`."""
    return _UNSAFE.sub(_spelled, text)


def _spelled(match: re.Match[str]) -> str:
    character = match[0]
    if character in _SHORT:
        return _SHORT[character]
    if character < "\x80":
        return f"\\x{ord(character):02x}"
    return f"\\u{ord(character):04x}" if character <= "\uffff" else f"\\U{ord(character):08x}"


def escaped_json(document: str) -> str:
    """Spell out in a JSON document what `printable` does in text; it remains JSON of the same value."""
    if document.isascii() and "\x7f" not in document:  # what most documents are, and seen at once
        return document
    return _UNSAFE_IN_JSON.sub(_as_json, document)


def _as_json(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass").hex(" ", 2).split(" ")
    return "".join(f"\\u{unit}" for unit in units)
