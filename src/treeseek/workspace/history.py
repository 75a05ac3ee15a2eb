"""Which files did a repository ever hold? Every content of its history, once, with the commit that brought it.

Asked of git by its plumbing, as `revisions` does; a merge counts with what it has and none of its parents does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, NamedTuple

from treeseek.errors import UsageError
from treeseek.workspace.revisions import Repository

__all__ = ["Brought", "brought"]

_READ_BYTES = 1 << 16


class Brought(NamedTuple):
    """A content that a commit brought: the path it first had, beneath the root, git's id of it, and of the commit."""

    path: str
    blob: str
    commit: str


def brought(repository: Repository, span: str = "") -> Iterator[Brought]:
    """Yield the contents of all regular files in the commits of `span`, the oldest first; of all commits if that is "".

    `span` is a revision, which means it and what is before it, or a range, `A..B`. Links, submodules and names that
    aren't UTF-8 are left out. Raises UsageError for a span that git can't read, RootError if there is no repository.
    """
    if span.startswith("-") or "\0" in span:
        raise UsageError(f"{span!r} is not a range of revisions")
    wanted = ["--end-of-options", span] if span else ["--all"]
    commits = repository.asked("rev-list", "--reverse", "--topo-order", *wanted, "--")
    seen: set[str] = set()
    with repository.piped(
        commits, "diff-tree", "--stdin", "-r", "-z", "--root", "-c", "--raw", "--no-abbrev", "--no-renames",
        "--no-ext-diff", "--no-textconv", "--diff-filter=d",
    ) as told:  # fmt: skip
        for commit, blob, path in _entries(_fields(told)):
            if blob not in seen and (inside := repository.beneath(path)) is not None:
                seen.add(blob)
                yield Brought(inside, blob, commit)


def _fields(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield what stands between NULs."""
    rest = b""
    while data := stream.read(_READ_BYTES):
        *whole, rest = (rest + data).split(b"\0")
        yield from whole
    if rest:
        yield rest


def _entries(fields: Iterator[bytes]) -> Iterator[tuple[str, str, bytes]]:
    """Yield commit, blob and path of each regular file that a commit has and its parents have not."""
    commit = ""
    for one in fields:
        if not one.startswith(b":"):
            commit = one.strip().decode("ascii", "replace")
            continue
        parents = len(one) - len(one.lstrip(b":"))
        parts = one[parents:].split(b" ")
        path = next(fields, b"")
        if parts[parents].startswith(b"100"):
            yield commit, parts[2 * parents + 1].decode("ascii", "replace"), path
