"""Where an index lies, which of its generations is current, and who may write it.

<data dir>/<root name>-<hash of the real path>/
    CURRENT              one line: the name of the generation that readers open
    lock                 held by the one writer
    gen-0001/units.lance
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from treeseek.errors import StoreCorruptError, StoreError, StoreLockedError

__all__ = [
    "bytes_below",
    "current_generation",
    "flip_current",
    "index_directory",
    "new_generation",
    "writer_lock",
]

_GENERATION = re.compile(r"gen-(\d{4,})")
_NAME_CHARS = 40


def index_directory(data_dir: Path, root: Path) -> Path:
    """Return where the index of `root` lies: the same for every way to write the path, symlinks included."""
    real = root.resolve()
    digest = hashlib.blake2b(os.fsencode(real), digest_size=8).hexdigest()
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", real.name)[:_NAME_CHARS].strip(".") or "root"
    return data_dir / f"{name}-{digest}"


def current_generation(directory: Path) -> Path | None:
    """Return the directory of the current generation, or None when nothing has been committed here.

    Raises StoreCorruptError when CURRENT is unreadable or names no generation.
    """
    try:
        name = (directory / "CURRENT").read_bytes().decode(errors="replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreCorruptError(f"can't read {directory / 'CURRENT'}: {error.strerror}") from error
    if not _GENERATION.fullmatch(name) or not (directory / name).is_dir():
        raise StoreCorruptError(f"{directory / 'CURRENT'} names no generation: re-index to replace it")
    return directory / name


def new_generation(directory: Path) -> Path:
    """Return the path of a generation that doesn't exist yet, and remove those that aren't current.

    What isn't current was left by a crash before its first commit, or lies further back than one generation.
    """
    try:
        current = current_generation(directory)
    except StoreCorruptError:
        current = None
    found = [path for path in directory.glob("gen-*") if _GENERATION.fullmatch(path.name)]
    for path in found:
        if path != current:
            shutil.rmtree(path, ignore_errors=True)
    last = max((int(path.name.removeprefix("gen-")) for path in found), default=0)
    return directory / f"gen-{last + 1:04d}"


def flip_current(directory: Path, generation: Path) -> None:
    """Make `generation` the one that readers open, in one atomic step."""
    temporary = directory / "CURRENT.new"
    with temporary.open("w") as file:
        file.write(f"{generation.name}\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(directory / "CURRENT")


def bytes_below(directory: Path) -> int:
    """Return the sum of the sizes of all files below `directory`, in bytes."""
    total = 0
    for parent, _, names in os.walk(directory):
        for name in names:
            try:
                total += Path(parent, name).lstat().st_size
            except FileNotFoundError:
                continue
    return total


@contextmanager
def writer_lock(directory: Path, timeout: float) -> Iterator[None]:
    """Hold the right to write the index in `directory`, which is made if need be.

    Waits up to `timeout` seconds, then raises StoreLockedError. The lock ends with the process that holds it.
    """
    # Imported here as it brings asyncio along: 60 ms that commands which write nothing needn't pay.
    from filelock import FileLock, Timeout

    lock = directory / "lock"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        held = FileLock(lock).acquire(timeout=timeout)
    except Timeout:
        raise StoreLockedError(f"another process is writing this index: {lock} is locked") from None
    except OSError as error:
        raise StoreError(f"can't lock {lock}: {error.strerror or error}") from error
    with held:
        yield
