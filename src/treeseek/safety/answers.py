"""How does an answer pass? Every text in the plain data of `model.py` is painted over, whatever the kind of answer.

Paths, ids and hashes stay: they are how a caller gets back to the file. An answer shows pieces, of which some lack what
told a secret in the file, its name say, or the first line of a key. So what the files hold is found there (`held`), and
painted over wherever it is in the answer, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from treeseek.safety.redact import Policy, redact, replaced

__all__ = ["Answer", "held", "paths_of", "redacted"]

Answer = TypeVar("Answer")

_KEPT = frozenset((
    "id", "path", "old_path", "new_path", "language", "kind", "status", "parts", "content_hash", "extent", "note",
    "aliases", "left_out", "root", "directory",
))  # fmt: skip
"""Fields whose words are ours, or name a file. What the caller asked (`query`) is a text like any other."""


_PATHS = ("path", "old_path", "new_path")
_SHORTEST = 6
"""No rule finds anything in less."""


def redacted(answer: Answer, policy: Policy, known: Mapping[str, str] | None = None) -> Answer:
    """Return an answer of plain data with its texts painted over, equal in everything else.

    `known` are texts that must not be in it whatever the rules say, with what is to stand there.
    """
    longest_first = sorted((known or {}).items(), key=lambda item: -len(item[0]))

    def paint(text: str) -> str:
        if len(text) < _SHORTEST:
            return text
        for secret, mark in longest_first:
            text = text.replace(secret, mark)
        return redact(text, policy).text

    painted: Answer = _painted(answer, paint)
    return painted


def paths_of(answer: object) -> set[str]:
    """Return the paths of all files that an answer shows something of."""
    found: set[str] = set()

    def note(value: Any) -> None:
        if is_dataclass(value) and not isinstance(value, type):
            pairs = [(one.name, getattr(value, one.name)) for one in fields(value)]
        elif isinstance(value, (tuple, list)):
            pairs = [("", part) for part in value]
        else:
            return
        for name, part in pairs:
            if isinstance(part, str) and name in _PATHS and part:
                found.add(part)
            note(part)

    note(answer)
    return found


def held(data: bytes, policy: Policy) -> dict[str, str]:
    """Return what a file's bytes hold that must not be shown, line by line, with what is to stand in its place."""
    known = {}
    for part in replaced(data, policy)[1]:
        for secret, mark in zip(part.value.splitlines(), part.mark.splitlines(), strict=True):
            if len(secret) >= _SHORTEST and not secret.startswith(b"-----"):
                known[secret.decode("utf-8", "replace")] = mark.decode("utf-8", "replace")
    return known


def _painted(value: Any, paint: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return paint(value)
    if is_dataclass(value) and not isinstance(value, type):
        changed = {
            one.name: _painted(getattr(value, one.name), paint) for one in fields(value) if one.name not in _KEPT
        }
        return replace(value, **changed)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(
            part if name in _KEPT else _painted(part, paint) for name, part in zip(value._fields, value, strict=True)
        ))  # fmt: skip
    if isinstance(value, (tuple, list)):
        return type(value)(_painted(part, paint) for part in value)
    if isinstance(value, Mapping):
        return {key: _painted(part, paint) for key, part in value.items()}
    return value
