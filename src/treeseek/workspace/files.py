"""Opening one file or directory of the root, whatever its path has become since the walk saw it.

A tree is untrusted and changes while it is read: a file can turn into a link to somewhere else, a FIFO, or a
much larger file. So the kernel is asked to stay beneath the root and to follow no link in any component
(`openat2`, Linux 5.6); elsewhere every component is opened on its own, which costs more and holds the same.
Nothing else opens what lies beneath a root.

Two things are no links, and are what they seem: another name of a file (a hard link, which only who may read and write
the file, or owns it, can make), and what the administrator has mounted within the root.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

from treeseek.errors import UnreadableError

__all__ = ["RootReader", "content_hash", "has_openat2", "open_root", "read"]

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY | os.O_NOFOLLOW
_DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
_STEP_FLAGS = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_SYS_OPENAT2 = 437
_RESOLVE_NO_MAGICLINKS, _RESOLVE_NO_SYMLINKS, _RESOLVE_BENEATH = 0x02, 0x04, 0x08
_READ_STEP = 256 * 1024
_REST_NS = 2_000_000_000
_MAX_DIGESTS = 1 << 15
_READINGS = 3
"""A file that changes while it is read is read again, so often at most."""

_REASONS = {
    errno.ENOENT: "vanished",
    errno.ENOTDIR: "vanished",
    errno.ESTALE: "vanished",
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    errno.ELOOP: "symlink",
    errno.EXDEV: "outside",
    errno.ENXIO: "not-regular",
    errno.ENODEV: "not-regular",
}

Opener = Callable[[int, bytes, int], int]
"""From a root's descriptor, a path beneath it and flags to the descriptor of what is there."""


T = TypeVar("T")

Version = tuple[int, int, int, int, int]
"""A file's device, inode, size, and times of its last change, of content and of anything, in nanoseconds."""

_digests: dict[Version, str] = {}
"""The hashes of files that have rested."""


class RootReader:
    """Reads files beneath one root. Use it from `open_root`; threads may share it."""

    __slots__ = ("_descriptor", "_open")

    def __init__(self, descriptor: int, opener: Opener) -> None:
        self._descriptor = descriptor
        self._open = opener

    def read(self, path: str, max_bytes: int) -> bytes:
        """Return the bytes of the regular file at `path`, relative to the root, with `/`.

        Raises UnreadableError, whose `reason` is "vanished", "permission", "not-regular", "symlink" (in any
        component), "outside" (a path that climbs out of the root), "too-large" (over `max_bytes`, also if it
        grows while it is read) or "io-error".
        """
        return self._given(path, lambda descriptor, status: _whole(descriptor, status, max_bytes), max_bytes)

    def digest(self, path: str, max_bytes: int) -> str:
        """Return the `content_hash` of what `read` would return, or raise what that would.

        A file that has rested since it was read, by its inode, size and both times, isn't read again.
        """

        def hashed(descriptor: int, status: os.stat_result) -> str | None:
            version = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
            digest = _digests.get(version) if status.st_size <= max_bytes else None
            if digest is None and (data := _whole(descriptor, status, max_bytes)) is not None:
                digest = content_hash(data)
                if _has_rested(status) and _has_rested(os.fstat(descriptor)):
                    _remember(version, digest)
            return digest

        return self._given(path, hashed, max_bytes)

    def _given(self, path: str, take: Callable[[int, os.stat_result], T | None], max_bytes: int) -> T:
        """Return what `take` makes of the descriptor and status of a regular file; None is one that is too large."""
        try:
            descriptor = self._open(self._descriptor, path.encode(errors="surrogateescape"), _FLAGS)
        except UnicodeEncodeError:
            raise UnreadableError(f"no file can be called {path!r}", reason="vanished") from None
        except OSError as error:
            raise _unreadable(path, error) from None
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableError(f"{path!r} is not a regular file", reason="not-regular")
            taken = take(descriptor, status)
            if taken is None:
                raise UnreadableError(f"{path!r} is larger than {max_bytes} bytes", reason="too-large")
            return taken
        except OSError as error:
            raise _unreadable(path, error) from None
        finally:
            os.close(descriptor)

    @contextmanager
    def directory(self, path: bytes) -> Iterator[int]:
        """Yield a descriptor of the directory at `path`, relative to the root; empty for the root itself.

        Only one thread at a time may list the root by it. Raises OSError if it can't be listed, isn't one, or can't be
        reached without a link.
        """
        if not path:
            yield self._descriptor
            return
        descriptor = self._open(self._descriptor, path.rstrip(b"/"), _DIRECTORY_FLAGS)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


@contextmanager
def open_root(root: Path) -> Iterator[RootReader]:
    """Hold `root` open and yield what reads beneath it. Raises UnreadableError if it can't be opened."""
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _unreadable(str(root), error) from None
    try:
        yield RootReader(descriptor, _openat2() or _open_by_component)
    finally:
        os.close(descriptor)


def read(root: Path, path: str, *, max_bytes: int) -> bytes:
    """Return the bytes of one file; see `RootReader.read`. For many files, `open_root` once is cheaper."""
    with open_root(root) as reader:
        return reader.read(path, max_bytes)


def content_hash(data: bytes) -> str:
    """Return the hash that stands for a file's bytes, as 32 hex digits (BLAKE2b, 128 bits)."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _has_rested(status: os.stat_result) -> bool:
    """Whether a file was last changed so long ago that another change would show in its times."""
    return time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > _REST_NS


def _remember(version: Version, digest: str) -> None:
    if len(_digests) >= _MAX_DIGESTS:
        _digests.clear()
    _digests[version] = digest


def _unreadable(path: str, error: OSError) -> UnreadableError:
    reason = _REASONS.get(error.errno or 0, "io-error")
    return UnreadableError(f"can't read {path!r}: {error.strerror}", reason=reason)


def _whole(descriptor: int, status: os.stat_result, max_bytes: int) -> bytes | None:
    """Return a file as it was at one time, unless it never rests; None if it is larger than `max_bytes`."""
    for reading in range(_READINGS):
        if status.st_size > max_bytes:
            return None
        if reading:
            os.lseek(descriptor, 0, os.SEEK_SET)
        data = _read(descriptor, status.st_size, max_bytes)
        if len(data) > max_bytes:
            return None
        before, status = status, os.fstat(descriptor)
        if (status.st_size, status.st_mtime_ns) == (before.st_size, before.st_mtime_ns):
            break
    return data


def _read(descriptor: int, expected: int, max_bytes: int) -> bytes:
    """Read to the end of the file, but never more than `max_bytes` + 1."""
    data = os.read(descriptor, min(expected, max_bytes) + 1)
    if len(data) <= expected and (len(data) == expected or not data):
        return data
    parts, total = [data], len(data)
    while data and total <= max_bytes:
        data = os.read(descriptor, min(_READ_STEP, max_bytes + 1 - total))
        parts.append(data)
        total += len(data)
    return b"".join(parts)


def has_openat2() -> bool:
    """Whether the kernel keeps paths beneath their root."""
    return _openat2() is not None


@cache
def _openat2() -> Opener | None:
    """Return an opener over the system call, or None where there is none or a sandbox forbids it."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    call.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t]
    resolve = _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS
    hows = {flags: (ctypes.c_uint64 * 3)(flags, 0, resolve) for flags in (_FLAGS, _DIRECTORY_FLAGS)}
    size = 24

    def opener(root: int, path: bytes, flags: int) -> int:
        if b"\0" in path:  # C would read the path only up to it
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        for _ in range(8):
            descriptor: int = call(_SYS_OPENAT2, root, path, ctypes.addressof(hows[flags]), size)
            if descriptor >= 0:
                return descriptor
            # EAGAIN: something was renamed meanwhile, and the kernel can't tell that we stayed beneath.
            if (code := ctypes.get_errno()) not in (errno.EAGAIN, errno.EINTR):
                break
        raise OSError(code, os.strerror(code))

    here = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.close(opener(here, b".", _DIRECTORY_FLAGS))
    except OSError:
        return None
    finally:
        os.close(here)
    return opener


def _open_by_component(root: int, path: bytes, flags: int) -> int:
    """Do as openat2 does, one component at a time."""
    *parents, name = path.split(b"/")
    if b"\0" in path or not name:
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    if path.startswith(b"/") or b".." in parents or name == b"..":
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
    descriptor = os.dup(root)
    try:
        for parent in parents:
            step = _enter(descriptor, parent)
            os.close(descriptor)
            descriptor = step
        return _enter(descriptor, name, flags) if flags == _DIRECTORY_FLAGS else os.open(name, flags, dir_fd=descriptor)
    finally:
        os.close(descriptor)


def _enter(descriptor: int, name: bytes, flags: int = _STEP_FLAGS) -> int:
    try:
        return os.open(name, flags, dir_fd=descriptor)
    except NotADirectoryError:
        # With O_DIRECTORY a link is "not a directory", like a file; tell them apart.
        if stat.S_ISLNK(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None
        raise
