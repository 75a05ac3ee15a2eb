"""What leaves the process: data on standard output, everything said about it on standard error."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from treeseek.frontends.escapes import printable

__all__ = ["drop", "listened_to", "settle", "tell", "write"]


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
