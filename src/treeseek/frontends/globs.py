"""What do a client's lists and globs mean? The same for every frontend."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

__all__ = ["globs_of", "is_glob", "listed", "unbraced"]

MAX_GLOBS = 64
"""What the braces of one glob may spell out."""

_WILD = re.compile(r"[*?\[{\\!]")
_BRACES = re.compile(r"\\.|\[[^][]*\]|\{([^{}]*)\}", re.DOTALL)
"""An escaped character, a character class, or alternatives in braces, which alone have a group."""


def is_glob(given: str) -> bool:
    """Whether there is anything in it that a plain path doesn't have."""
    return _WILD.search(given) is not None


def listed(values: Sequence[str]) -> tuple[str, ...]:
    """Return the names in comma lists, in lower case."""
    return tuple(part.strip().lower() for value in values for part in value.split(",") if part.strip())


def unbraced(glob: str) -> list[str]:
    """Return the globs that the braces of a glob spell out, each once: `*.{c,h}` is `*.c` and `*.h`.

    As in a shell, braces without a comma, or after a backslash, stand for themselves. Raises UsageError for more
    than MAX_GLOBS.
    """
    from treeseek.errors import UsageError  # `--help` needs the rest of this module alone

    waiting, done = [glob], []
    while waiting:
        current = waiting.pop()
        match = next((match for match in _BRACES.finditer(current) if match[1] and "," in match[1]), None)
        if match is None:
            done.append(current)
            continue
        parts = re.split(r"(?<!\\),", match[1])
        if len(done) + len(waiting) + len(parts) > MAX_GLOBS:
            raise UsageError(f"the braces of {glob[:80]!r} spell out more than {MAX_GLOBS} globs")
        waiting += [current[: match.start()] + part + current[match.end() :] for part in reversed(parts)]
    return list(dict.fromkeys(done))


def globs_of(given: Sequence[str], root: Path) -> tuple[str, ...]:
    """Return a client's globs, relative to the root; a path without wildcards means that file, or what is below it.

    Raises UsageError for a path that isn't inside the root, or a glob whose braces spell out too much.
    """
    from treeseek.workspace import client_path

    globs: list[str] = []
    for one in given:
        if is_glob(one):
            globs += unbraced(one)
        else:
            globs.append("/" + beneath if (beneath := client_path(one, root)) else "*")
    return tuple(globs)
