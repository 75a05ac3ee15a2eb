"""What is a client of a server told when something goes wrong? Never more than our own errors say, and no secret."""

from __future__ import annotations

from typing import NamedTuple

from treeseek.errors import TreeseekError
from treeseek.safety.redact import for_log

__all__ = ["Failure", "explain"]

_HINTS = {
    "not-indexed": "the first index is being made; ask for the roots to see how far it is",
    "overloaded": "ask again in a moment",
    "store-corrupt": "`treeseek repair` mends it",
    "store-locked": "another process is writing the index; ask again in a moment",
}


class Failure(NamedTuple):
    """The stable code of an error, one line for a person, and what may help, or nothing."""

    code: str
    message: str
    hint: str


def explain(error: BaseException) -> Failure:
    """Return what a client may know of an error. Of one that nobody raised on purpose it learns that there was one."""
    if isinstance(error, TreeseekError):
        return Failure(error.code, for_log(str(error)), _HINTS.get(error.code, ""))
    if isinstance(error, OSError):
        return Failure("io", for_log(error.strerror or "a file can't be read or written"), "")
    return Failure("internal", "this failed for a reason that is a defect of treeseek", "the server's log has more")
