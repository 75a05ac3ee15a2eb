"""How are other people's files written? Whole or not at all, through links, with the mode that they have."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from treeseek.errors import UsageError

__all__ = ["made_directories", "read", "remove", "written"]

MAX_BYTES = 16 * 1024 * 1024


def read(path: Path) -> str | None:
    """Return the text of a file, byte order mark and line ends as they are; None if there is none.

    Raises UsageError for what is no file, or no UTF-8, or can't be read.
    """
    try:
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UsageError(f"{path} is no regular file; it is left alone")
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"can't read {path}: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise UsageError(f"{path} has more than {MAX_BYTES:,} bytes; it is left alone")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8; it is left alone") from None


def made_directories(path: Path) -> list[Path]:
    """Make the directories that a file needs; return those that weren't there, outermost first."""
    missing = [parent for parent in path.parents if not parent.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def written(path: Path, text: str, expected: str | None) -> None:
    """Put a text in place of the file's, or of nothing, at once. A link stays one: what it leads to is written.

    Raises UsageError if the file isn't as `expected` any more, or can't be written.
    """
    target = Path(os.path.realpath(path))
    try:
        mode = stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        mode = 0o666 & ~_umask()
    name = ""
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fchmod(file.fileno(), mode) if hasattr(os, "fchmod") else Path(name).chmod(mode)
            os.fsync(file.fileno())
        if read(path) != expected:
            raise UsageError(f"{path} was changed meanwhile; try again")
        Path(name).replace(target)
        name = ""
    except OSError as error:
        raise UsageError(f"can't write {path}: {error.strerror}") from None
    finally:
        if name:
            with suppress(OSError):
                Path(name).unlink()


def remove(path: Path, directories: Sequence[Path]) -> None:
    """Remove a file, or what a link leads to, and what is empty of the directories, which come outermost first."""
    with suppress(FileNotFoundError):
        Path(os.path.realpath(path)).unlink()
    for directory in reversed(directories):
        try:
            directory.rmdir()
        except OSError:  # something else is in it
            return


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
