"""How does an answer pass? Every text in the plain data of `model.py` is painted over, whatever the kind of answer.

Paths, ids and hashes stay: they are how a caller gets back to the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from treeseek.safety.redact import Policy, redact

__all__ = ["Answer", "redacted"]

Answer = TypeVar("Answer")

_KEPT = frozenset((
    "id", "path", "old_path", "new_path", "language", "kind", "status", "parts", "content_hash", "extent", "note",
    "aliases", "left_out", "root", "directory",
))  # fmt: skip
"""Fields whose words are ours, or name a file. What the caller asked (`query`) is a text like any other."""


_SHORTEST = 6
"""No rule finds anything in less."""


def redacted(answer: Answer, policy: Policy) -> Answer:
    """Return an answer of plain data with its texts painted over, equal in everything else."""
    painted: Answer = _painted(answer, policy)
    return painted


def _painted(value: Any, policy: Policy) -> Any:
    if isinstance(value, str):
        return redact(value, policy).text if len(value) >= _SHORTEST else value
    if is_dataclass(value) and not isinstance(value, type):
        changed = {
            one.name: _painted(getattr(value, one.name), policy) for one in fields(value) if one.name not in _KEPT
        }
        return replace(value, **changed)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(
            part if name in _KEPT else _painted(part, policy) for name, part in zip(value._fields, value, strict=True)
        ))  # fmt: skip
    if isinstance(value, (tuple, list)):
        return type(value)(_painted(part, policy) for part in value)
    if isinstance(value, Mapping):
        return {key: _painted(part, policy) for key, part in value.items()}
    return value
