"""Where a git checkout keeps the ignore rules that aren't in its tree, found without running git.

Read are `.git` as a directory or as a file (worktrees, submodules), the `commondir` of a worktree, and
`core.excludesFile` of the system's, the user's and the repository's configuration; `include` sections and
git's own environment variables are not.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from platformdirs.unix import Unix

__all__ = ["enclosing_top", "is_top", "standard_excludes"]

MAX_RULE_BYTES = 1024 * 1024
"""How much of an ignore or configuration file is read."""


def is_top(directory: Path) -> bool:
    """Whether `directory` is the top of a checkout: it holds `.git`, be it a directory or a file."""
    return os.path.lexists(directory / ".git")


def enclosing_top(directory: Path) -> Path | None:
    """Return the top of the checkout that `directory` is in, or None."""
    return next((place for place in (directory, *directory.parents) if is_top(place)), None)


def standard_excludes(top: Path) -> list[tuple[str, bytes]]:
    """Return the checkout's info/exclude and the user's global excludes, each with a name, by rank."""
    common = _common_directory(top / ".git")
    found = [(".git/info/exclude", contents(common / "info" / "exclude"))]
    user = Path(Unix("git", appauthor=False).user_config_dir)
    home = _home()
    configs = [Path("/etc/gitconfig"), user / "config", home / ".gitconfig", common / "config"]
    chosen = user / "ignore"
    for config in configs:
        value = _excludes_file(contents(config))
        if value is not None:
            chosen = home / value[2:] if value.startswith("~/") else top / value
    found.append(("global excludes", contents(chosen)))
    return [(name, data) for name, data in found if data]


def contents(path: Path) -> bytes:
    """Return the first MAX_RULE_BYTES of a regular file, or nothing if it can't be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return b""
    try:
        return os.read(descriptor, MAX_RULE_BYTES) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        return Path("/nonexistent")


def _common_directory(git: Path) -> Path:
    """Follow a `.git` file to its git directory, and a worktree's `commondir` to the one it shares."""
    if git.is_file():
        target = os.fsdecode(contents(git).strip())
        if target.startswith("gitdir:"):
            git = git.parent / target.removeprefix("gitdir:").strip()
    common = os.fsdecode(contents(git / "commondir").strip())
    return git / common if common else git


def _excludes_file(config: bytes) -> str | None:
    """Return the last `core.excludesFile` of a git configuration, unquoted, or None."""
    found = None
    section = ""
    for line in os.fsdecode(config).split("\n"):
        rest = line.strip()
        if rest.startswith("["):
            section, _, rest = rest[1:].partition("]")
        key, equals, value = rest.partition("=")
        if equals and section.strip().lower() == "core" and key.strip().lower() == "excludesfile":
            found = _unquote(value.strip())
    return found


def _unquote(value: str) -> str:
    """Drop the quotes, escapes and trailing comment of a configuration value."""
    out: list[str] = []
    quoted = False
    characters = iter(value)
    for character in characters:
        if character == '"':
            quoted = not quoted
        elif character == "\\":
            out.append(next(characters, ""))
        elif character in "#;" and not quoted:
            return "".join(out).rstrip()
        else:
            out.append(character)
    return "".join(out) if quoted or value.endswith('"') else "".join(out).rstrip()
