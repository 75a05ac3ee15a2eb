"""What does a process that runs for days hold of memory that it doesn't use? Less, if glibc is asked to."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

__all__ = ["give_back_memory", "settle_memory"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_ARENAS = 1
_OWN_PAGES_BYTES = 4 << 20
_KEPT_BYTES = 4 << 20


def settle_memory() -> None:
    """Have threads share an arena, and large blocks in pages of their own; works if it comes before they are started.

    Lance has as many threads as there are cores, and more for reading, each with what it freed in an arena of its own.
    And glibc, once a large block was freed, has the next ones come out of the arena, where they lie between small ones
    that stay. After three minutes of commits and searches 240 MB were resident with two arenas alone, 203 MB so. Pages
    of their own from 256 KB on would make that 167, but cost a search over 50,000 chunks a quarter of its time.
    """
    _ask("mallopt", _M_ARENA_MAX, _ARENAS)
    _ask("mallopt", _M_MMAP_THRESHOLD, _OWN_PAGES_BYTES)
    _ask("mallopt", _M_TRIM_THRESHOLD, _KEPT_BYTES)


def give_back_memory() -> None:
    """Give back to the system what was freed: 25 MB of 190 after a few minutes of commits and searches."""
    if arrow := sys.modules.get("pyarrow"):
        arrow.default_memory_pool().release_unused()
    _ask("malloc_trim", 0)


def _ask(function: str, *arguments: int) -> None:
    with suppress(OSError, AttributeError, TypeError):  # another C library, or none by that name
        getattr(ctypes.CDLL(None), function)(*arguments)
