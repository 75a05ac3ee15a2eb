"""How is a failing disk put under native code? By a small C library between the process and libc (`preload.c`).

`built` compiles it; a process is started with `environment` and tells the library what shall fail with `arm`, or has it
write down every operation with `record`. A command that knows nothing of it is told by `armed`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

__all__ = ["NoCompilerError", "arm", "armed", "built", "disarm", "environment", "record", "set_clock"]

_SOURCE = Path(__file__).with_name("preload.c")


class NoCompilerError(Exception):
    """There is no C compiler, or it doesn't compile our library."""


def built(directory: Path) -> Path:
    """Compile the library into a directory; return it. Raises NoCompilerError."""
    compiler = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
    if compiler is None:
        raise NoCompilerError("the failing disk needs a C compiler: install gcc or clang")
    library = directory / "preload.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE), "-ldl", "-lpthread"]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode:
        first = (made.stderr.splitlines() or ["it says nothing"])[0]
        raise NoCompilerError(f"{compiler} can't compile {_SOURCE.name}: {first}")
    return library


def environment(library: Path) -> dict[str, str]:
    """Return what a process's environment needs for the library to be loaded."""
    return {"LD_PRELOAD": str(library)}


def armed(library: Path, nth: int, error: str, stays: bool, watched: Sequence[str]) -> dict[str, str]:
    """Return the environment of a process in which an operation fails from the start."""
    told = {"CHAOS_WATCH": ":".join(watched), "CHAOS_NTH": str(nth), "CHAOS_ERRNO": str(getattr(errno, error))}
    return environment(library) | told | ({"CHAOS_STAYS": "1"} if stays else {})


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(None)
    library.chaos_struck.restype = ctypes.c_char_p
    library.chaos_operations.restype = ctypes.c_long
    return library


def arm(nth: int, error: str, stays: bool, watched: Sequence[str]) -> None:
    """Have the `nth` operation below the `watched` directories fail from now on; 0 is none, they are only counted."""
    library = _library()
    library.chaos_watch(os.fsencode(":".join(watched)))
    library.chaos_arm(ctypes.c_long(nth), getattr(errno, error), int(stays))


def disarm() -> tuple[int, str]:
    """End that; return how many operations there were, and the first that failed with its path, or ""."""
    library = _library()
    told = int(library.chaos_operations()), os.fsdecode(library.chaos_struck())
    library.chaos_watch(b"")
    library.chaos_arm(ctypes.c_long(0), 0, 0)
    return told


def set_clock(seconds: int) -> None:
    """Have the wall clock of this process go wrong by so many seconds; file systems keep the right time."""
    _library().chaos_clock(ctypes.c_long(seconds))


def record(descriptor: int, watched: Sequence[str]) -> None:
    """Write a line for each operation to an open file: its name, path and second path, with tabs between."""
    library = _library()
    library.chaos_watch(os.fsencode(":".join(watched)))
    library.chaos_record(descriptor)
