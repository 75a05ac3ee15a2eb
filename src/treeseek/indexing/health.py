"""What does this machine give? Looked at as the parts that need it would: by starting a worker, by writing a file."""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from treeseek.errors import WorkerError
from treeseek.indexing.workers import Terms, Worker
from treeseek.settings import Settings
from treeseek.workspace.files import has_openat2

__all__ = ["Check", "checks"]

OK, WARN, FAIL = "ok", "warn", "fail"
LEAST_FREE, SCARCE_FREE = 100 << 20, 1 << 30
"""Bytes on disk below which nothing can be indexed, and below which it may become tight."""
FEW_WATCHES = 8_192
_PACKAGES = ("treeseek", "tree-sitter", "pylance", "pyarrow", "numpy")
_INOTIFY = Path("/proc/sys/fs/inotify")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: "ok", "warn" (it works, and could be better) or "fail", and what was found."""

    name: str
    state: str
    detail: str


def checks(settings: Settings) -> Iterator[Check]:
    """Yield what this machine gives, one thing after the other. Writes an empty file into each directory, and
    deletes it.
    """
    yield _versions()
    yield _sandbox(settings)
    yield _opening()
    yield _watching()
    yield _directory("data", settings.data_dir)
    yield _directory("cache", settings.cache_dir)
    yield _git()


def _versions() -> Check:
    def told(package: str) -> str:
        try:
            return f"{package} {version(package)}"
        except PackageNotFoundError:
            return f"{package} (no release)"

    where = f"Python {platform.python_version()}, {platform.system()} {platform.release()} {platform.machine()}"
    return Check("versions", OK, ", ".join((*map(told, _PACKAGES), where)))


def _sandbox(settings: Settings) -> Check:
    """Start a worker and hear what it is held in."""
    terms = Terms.of(settings)
    try:
        worker = Worker(terms)
        try:
            held = worker.sandbox()
        finally:
            worker.close()
    except WorkerError as error:
        return Check("sandbox", FAIL, str(error))
    if settings.sandbox == "off":
        return Check("sandbox", WARN, "off by setting: files are read as if nobody could have made them to do harm")
    landlock = f"Landlock {held.landlock}" if held.landlock else "no Landlock"
    seccomp = "seccomp" if held.seccomp else "no seccomp"
    limits = f"limits on {', '.join(held.limits)}" if held.limits else "no limits"
    memory = f"{settings.worker_memory_bytes >> 20:,} MiB a worker"
    state = OK if held.is_whole else WARN
    return Check("sandbox", state, f"{landlock}, {seccomp}, {limits}; {memory}")


def _opening() -> Check:
    if has_openat2():
        return Check("opening", OK, "openat2: the kernel keeps every path beneath its root")
    return Check("opening", WARN, "no openat2: paths are opened a component at a time, which costs more")


def _watching() -> Check:
    if not _INOTIFY.is_dir():
        return Check("watching", OK, f"by the means of {platform.system()}")
    limits = {name: _number(_INOTIFY / f"max_user_{name}") for name in ("watches", "instances")}
    told = ", ".join(f"{count:,} {name}" for name, count in limits.items())
    state = OK if limits["watches"] >= FEW_WATCHES else WARN
    return Check("watching", state, f"inotify: {told}; a watched directory takes one watch")


def _number(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def _directory(name: str, path: Path) -> Check:
    """Write into a directory, or into what it would be made in."""
    there = next(place for place in (path, *path.parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        return Check(name, FAIL, f"{path} can't be written: {error.strerror}")
    state = FAIL if free < LEAST_FREE else WARN if free < SCARCE_FREE else OK
    return Check(name, state, f"{path}, {free / 1e9:,.1f} GB free")


def _git() -> Check:
    git = shutil.which("git")
    return Check("git", OK, git) if git else Check("git", WARN, "not installed: no revision can be compared")
