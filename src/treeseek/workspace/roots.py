"""What may be a root?

Any directory that can be listed and entered, but for all of the disk and the home directory: those are named by
mistake more often than meant.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from treeseek.errors import RootError
from treeseek.workspace.checkout import enclosing_top

__all__ = ["repository_of", "resolve_root"]


def resolve_root(path: str | Path, *, force: bool = False) -> Path:
    """Return the absolute, real path of a directory that may be a root.

    Raises RootError if it doesn't exist, isn't a directory, can't be listed or entered, or is `/` or the home
    directory and `force` is false.
    """
    try:
        root = Path(path).resolve(strict=True)
        status = root.stat()
    except FileNotFoundError:
        raise RootError(f"{path} does not exist") from None
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a loop of links; ValueError: a NUL
        reason = error.strerror if isinstance(error, OSError) else error
        raise RootError(f"{str(path)!r} can't be a root: {reason}") from None
    if not stat.S_ISDIR(status.st_mode):
        raise RootError(f"{path} is not a directory; name the directory that holds it")
    if not os.access(root, os.R_OK | os.X_OK):
        raise RootError(f"{path} can't be read: you lack permission to list or enter it")
    if not force and _is_refused(root):
        raise RootError(f"{root} is {'the home directory' if root.parent != root else 'all of the disk'}; "
                        "name a project in it")  # fmt: skip
    return root


def repository_of(path: Path) -> Path:
    """Return the top of the checkout that holds `path`, or `path` itself.

    A checkout of the home directory or of `/`, where people keep their configuration, doesn't count.
    """
    top = enclosing_top(path)
    return path if top is None or _is_refused(top) else top


def _is_refused(root: Path) -> bool:
    try:
        home = Path.home().resolve()
    except (OSError, RuntimeError):
        return root.parent == root
    return root in (home, Path(root.anchor))
