"""Must clients show a token, and which? Judged before anything else of a server is loaded."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from treeseek.errors import UsageError
from treeseek.frontends.http.hosts import is_loopback

if TYPE_CHECKING:
    from treeseek.settings import Settings

__all__ = ["token_of"]

SHORTEST_TOKEN = 16


def token_of(settings: Settings, host: str) -> str:
    """Return the token that clients must show, "" if they needn't.

    Raises UsageError for one that can be guessed or that others may read, and if others reach the address without one.
    """
    token = settings.token
    if settings.token_file is not None:
        if token:
            raise UsageError("give token or token_file, not both")
        token = _read_token(settings.token_file)
    if token and (len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token):
        raise UsageError(f"a token has {SHORTEST_TOKEN} or more visible ASCII characters, and no space")
    if not token and not is_loopback(host):
        raise UsageError(
            f"others can reach {host}, so it needs a token: set token_file (or TREESEEK_TOKEN), or bind to 127.0.0.1"
        )
    return token


def _read_token(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise UsageError(f"can't read the token in {path}: {error.strerror}") from None
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, so that what is checked is what is read
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"{path} is no regular file")
        if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & 0o077):
            raise UsageError(f"{path} must be yours, and readable by you alone: chmod 600 {path}")
        return file.read(4096).decode("utf-8", "replace").strip()
