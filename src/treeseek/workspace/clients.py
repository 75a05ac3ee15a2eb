"""What may a client name? Judged once, the same for the command line, the library and every server.

A client's path says where something is beneath a root; it is judged as text, before any file is asked, and what it
leads to is still opened by `files`, which follows no link. A client's revision is given to git as one argument, so it
must be a name that git could have, with the usual suffixes, and nothing else: no option, no path, no search.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from treeseek.errors import UsageError

__all__ = ["client_path", "client_range", "client_revision", "is_beneath"]

MAX_PATH_BYTES, MAX_NAME_BYTES = 4096, 255
MAX_REVISION_CHARS = 256

_SUFFIXES = re.compile(r"(?:[~^][0-9]{0,9}|\^\{(?:commit|tag|object)?\}|@\{[^\x00-\x1f\x7f{}]*\})*\Z")
_REF = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\]+\Z")
_FORBIDDEN_IN_REF = ("..", "//", "@{")


def client_path(given: str, root: Path) -> str:
    """Return the path beneath `root`, which is absolute and real, that a client means, with `/`; "" for the root.

    Given may be a relative path, or an absolute one beneath the root. Raises UsageError for a path that isn't, climbs
    with `..` (even if it came back), or that no file can have.
    """
    try:
        raw = os.fsencode(given)
    except UnicodeEncodeError:
        raise UsageError(f"no file can be called {given[:80]!r}") from None
    if len(raw) > MAX_PATH_BYTES or b"\0" in raw:
        raise UsageError(f"no file can be called {given[:80]!r}")
    path = given
    if Path(given).is_absolute():
        if not Path(given).is_relative_to(root) or "//" in given[:2]:
            raise UsageError(f"the path {given[:80]!r} is not inside the root; give it relative to the root")
        path = Path(given).relative_to(root).as_posix()
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or (os.sep != "/" and (os.sep in path or ":" in path)):
        raise UsageError(f"the path {given[:80]!r} is not inside the root; give it relative to the root")
    if any(len(os.fsencode(part)) > MAX_NAME_BYTES for part in parts):
        raise UsageError(f"no file can be called {given[:80]!r}")
    return "/".join(parts)


def is_beneath(path: str) -> bool:
    """Whether a path that something else than a client names, such as a git tree, stays beneath where it starts."""
    return bool(path) and not path.startswith("/") and not {"", ".", ".."} & set(path.split("/")) and "\0" not in path


def client_revision(given: str) -> str:
    """Return a revision that may be given to git: a name by the rules of git-check-ref-format, or a hash, with
    suffixes such as `~2`, `^`, `^{commit}` or `@{upstream}`.

    Raises UsageError for anything else.
    """
    start = min((at for at in map(given.find, ("~", "^", "@{")) if at >= 0), default=len(given))
    name, suffixes = given[:start], given[start:]
    is_ref = name == "@" or (_REF.match(name) is not None and not any(bad in name for bad in _FORBIDDEN_IN_REF))
    parts = name.split("/")
    is_ref = is_ref and not name.startswith("-") and not name.endswith((".", "/")) and "" not in parts
    is_ref = is_ref and not any(part.startswith(".") or part.endswith(".lock") for part in parts)
    is_own = name == "" and suffixes.startswith("@{")
    if len(given) > MAX_REVISION_CHARS or not (is_ref or is_own) or not _SUFFIXES.match(suffixes):
        raise UsageError(f"{given[:80]!r} is not a revision")
    return given


def client_range(given: str) -> tuple[str, str, str]:
    """Return both ends of `A..B` or `A...B`, HEAD for one that is empty, and the dots between them.

    Raises UsageError for what isn't two revisions.
    """
    dots = "..." if "..." in given else ".."
    old, found, new = given.partition(dots)
    if not found:
        raise UsageError(f"{given[:80]!r} is not a range of revisions")
    return client_revision(old or "HEAD"), client_revision(new or "HEAD"), dots
