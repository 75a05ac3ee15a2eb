"""What does a process that runs for days hold of memory that it doesn't use?"""

from __future__ import annotations

import ctypes
from contextlib import suppress

__all__ = ["give_back_memory"]


def give_back_memory() -> None:
    """Give back to the system what was freed, where the C library can be asked to (glibc).

    It keeps what many short-lived threads freed, each in an arena of its own: 25 MB of 190 after a few minutes of
    commits and searches, and more with every one for a long while.
    """
    with suppress(OSError, AttributeError, TypeError):  # another C library, or none by that name
        ctypes.CDLL(None).malloc_trim(0)
