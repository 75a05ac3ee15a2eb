"""What leaves the process: data on standard output, everything said about it on standard error.

Paths and code come from trees that nobody vouches for, so whatever a terminal would obey, or show as something
that isn't there, is spelled out: control characters, directional marks, bytes that are no UTF-8.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TextIO

__all__ = ["drop", "escaped_json", "listened_to", "printable", "settle", "tell", "write"]

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
    return _UNSAFE_IN_JSON.sub(_as_json, document)


def _as_json(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass").hex(" ", 2).split(" ")
    return "".join(f"\\u{unit}" for unit in units)


def listened_to() -> bool:
    """Whether there is a standard output; a standard error that was closed is replaced by one that ends in nothing.

    What a process is started without, the first file that it opens would take the place of.
    """
    if sys.stderr is None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        if nowhere != 2:
            os.dup2(nowhere, 2)
            os.close(nowhere)
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - it lasts as long as the process
    return sys.stdout is not None


def write(text: str) -> None:
    """Write to standard output as UTF-8, whatever the locale.

    Raises OSError, which names standard output, when that takes no more; then it ends in nothing.
    """
    try:
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()
    except OSError as error:
        drop(sys.stdout)
        raise OSError(error.errno, error.strerror, "standard output") from error


def settle() -> None:
    """Write what standard output still holds back, and let it end in nothing if it takes no more."""
    try:
        sys.stdout.flush()
    except OSError:
        drop(sys.stdout)


def tell(message: str) -> None:
    """Write one line to standard error, after the command's name."""
    try:
        sys.stderr.buffer.write(f"treeseek: {printable(message)}\n".encode("utf-8", "backslashreplace"))
        sys.stderr.buffer.flush()
    except OSError:  # nobody listens; the exit code still tells
        drop(sys.stderr)


def drop(stream: TextIO) -> None:
    """Let a stream whose reader has gone end in nothing, so that the interpreter's last flush doesn't fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
