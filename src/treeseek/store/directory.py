"""Where does an index lie, and which of its generations is current?

<data dir>/<root name>-<hash of the real path>/
    CURRENT              one line: the name of the generation that readers open, and its checksum
    lock, lease          held by the one writer, and who that is
    aliases.log          ids that declarations had before
    gen-0001/            units.lance, journal, quarantine/
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import zlib
from pathlib import Path

from treeseek.errors import StoreCorruptError
from treeseek.store.durable import replace_durably
from treeseek.store.steps import reached

__all__ = [
    "current_generation",
    "current_state",
    "flip_current",
    "generations",
    "index_directory",
    "new_generation",
]

_GENERATION = re.compile(r"gen-(\d{4,})")
_CURRENT = re.compile(rb"(gen-\d{4,})(?: ([0-9a-f]{8}))?\n")
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
        line = (directory / "CURRENT").read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreCorruptError(f"can't read {directory / 'CURRENT'}: {error.strerror}") from error
    found = _CURRENT.fullmatch(line)
    name = found[1].decode() if found else ""
    # The first format had no checksum. With it, a flipped bit can't make one generation another.
    if found is None or (found[2] and found[2] != _checksum(name)) or not (directory / name).is_dir():
        raise StoreCorruptError(f"{directory / 'CURRENT'} names no generation: `treeseek repair` mends it")
    return directory / name


def current_state(directory: Path) -> tuple[int, int] | None:
    """Return what differs once another generation was made current; None without any."""
    try:
        status = (directory / "CURRENT").stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _checksum(name: str) -> bytes:
    return b"%08x" % zlib.crc32(name.encode())


def generations(directory: Path) -> list[Path]:
    """Return the generations that lie in a directory, oldest first, whatever state they are in."""
    found = [path for path in directory.glob("gen-*") if _GENERATION.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.name.removeprefix("gen-")))


def new_generation(directory: Path) -> Path:
    """Return the path of a generation that doesn't exist yet, and remove those that aren't current.

    What isn't current was left by a crash before its first commit, or lies further back than one generation.
    """
    try:
        current = current_generation(directory)
    except StoreCorruptError:
        current = None
    found = generations(directory)
    for path in found:
        if path != current:
            shutil.rmtree(path, ignore_errors=True)
    last = max((int(path.name.removeprefix("gen-")) for path in found), default=0)
    return directory / f"gen-{last + 1:04d}"


def flip_current(directory: Path, generation: Path) -> None:
    """Make `generation` the one that readers open, in one atomic step."""
    reached("current.written")
    replace_durably(directory / "CURRENT", b"%b %b\n" % (generation.name.encode(), _checksum(generation.name)))
    reached("current.flipped")
