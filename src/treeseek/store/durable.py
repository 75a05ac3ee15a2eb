"""How do bytes get to the disk and stay there? Files and directories synced, replaced whole, listed and hashed.

Lance syncs nothing: after a power cut its newest files may be empty or full of zeros. So whatever a version consists of
is synced here, file and directory, before the journal calls the version committed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

__all__ = [
    "bytes_below", "has_end", "hash_file", "inventory", "private_directory", "replace_durably", "sync_directory",
    "sync_files",
]  # fmt: skip

VERSION_HINT = "_versions/latest_version_hint.json"
"""Lance overwrites it in place to find its newest version sooner. Nothing here is opened by it."""

_BLOCK = 1 << 20
_ENDS = {".lance": b"LANC", ".idx": b"LANC", ".manifest": b"LANC", ".arrow": b"ARROW1"}


def private_directory(directory: Path) -> None:
    """Make a directory that only its owner may enter, or have one that is there be so. Raises OSError.

    What an index holds is the text of files that others may not be allowed to read.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    mode = directory.stat().st_mode & 0o777
    if os.name != "nt" and mode & 0o077:
        with suppress(PermissionError):  # it is somebody else's, who decides that
            directory.chmod(mode & 0o700)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory last. Where directories can't be synced (Windows), that is the system's affair."""
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_files(base: Path, names: Iterable[str]) -> None:
    """Make files below `base` last, and the directories that hold them up to `base` itself. Raises OSError."""
    directories = {base}
    for name in names:
        path = base / name
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        directories.update(parent for parent in path.parents if parent.is_relative_to(base))
    for directory in sorted(directories, reverse=True):
        sync_directory(directory)


def replace_durably(path: Path, data: bytes) -> None:
    """Put `data` where `path` is, whole or not at all, and make that last. Raises OSError."""
    temporary = path.with_name(f"{path.name}.new")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def hash_file(path: Path) -> tuple[int, str]:
    """Return the size of a file in bytes and its BLAKE2b hash, 128 bits in hex. Raises OSError."""
    digest = hashlib.blake2b(digest_size=16)
    size = 0
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


def has_end(path: Path) -> bool:
    """Whether a file ends as all of its kind do; of other kinds, whether it holds anything. Raises OSError.

    Lance learns of a write that failed when it writes on, so of a file's last one it never does.
    """
    end = _ENDS.get(path.suffix, b"")
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(end)))
        return file.read() == end and size > 0


def inventory(table: Path) -> dict[str, int]:
    """Return the files of a table with their sizes, by path relative to it; none if it doesn't exist.

    Lance's version hint isn't among them: it changes in place, and nothing depends on it. Raises OSError.
    """
    return {name: size for name, size in _files(table, "") if name != VERSION_HINT}


def _files(directory: Path, prefix: str) -> Iterator[tuple[str, int]]:
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _files(Path(entry.path), f"{prefix}{entry.name}/")
                else:
                    yield prefix + entry.name, entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return


def bytes_below(directory: Path) -> int:
    """Return the sum of the sizes of all files below `directory`, in bytes; what vanishes meanwhile counts nothing."""
    total = 0
    for parent, _, names in os.walk(directory):
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(parent, name).lstat().st_size
    return total
