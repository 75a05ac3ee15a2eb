"""Who may write an index? One process at a time, by a lock that the system frees when its holder dies.

Beside the lock lies a lease that says who holds it, for people and for whoever comes next: a lease without a lock is
that of a writer that died, and its successor takes over.

Readers need no right. They only show that they are reading, so that nothing is dropped under their hands.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from treeseek import telemetry
from treeseek.errors import StoreError, StoreLockedError
from treeseek.store.durable import private_directory
from treeseek.store.steps import reached

try:
    import fcntl
except ImportError:  # Windows: nobody is seen reading, so versions stay for a while
    fcntl = None  # type: ignore[assignment]

__all__ = ["Lease", "dropping", "lease_of", "reading", "writer_lock"]


@dataclass(frozen=True, slots=True)
class Lease:
    """Who writes an index: a process on a host, for what, since when (seconds of the wall clock)."""

    pid: int
    host: str
    command: str
    since: float

    def told(self) -> str:
        """Return who it is in a few words."""
        at = time.strftime("%H:%M:%S", time.localtime(self.since))
        return f"{self.command}, process {self.pid} on {self.host}, since {at}"


def lease_of(directory: Path) -> Lease | None:
    """Return who holds, or held when it died, the right to write; None if nobody says so."""
    try:
        return Lease(**json.loads((directory / "lease").read_bytes()))
    except (OSError, TypeError, ValueError):
        return None


@contextmanager
def writer_lock(directory: Path, timeout: float, command: str = "treeseek") -> Iterator[Lease | None]:
    """Hold the right to write the index in `directory`, which is made if need be.

    Waits up to `timeout` seconds, then raises StoreLockedError. The lock ends with the process that holds it. Yields
    the lease of the one before, if that died while it held the lock.
    """
    # Imported here as it brings asyncio along: 60 ms that commands which write nothing needn't pay.
    from filelock import FileLock, Timeout

    path = directory / "lock"
    try:
        private_directory(directory)
        held = FileLock(path).acquire(timeout=timeout)
    except Timeout:
        owner = lease_of(directory)
        who = f" ({owner.told()})" if owner else ""
        raise StoreLockedError(f"another process is writing this index{who}: {path} is locked") from None
    except OSError as error:
        raise StoreError(f"can't lock {path}: {error.strerror or error}") from error
    with held:
        predecessor = lease_of(directory)
        if predecessor is not None:
            telemetry.count("treeseek_store_takeovers_total")
        _write_lease(directory, command)
        reached("lock.acquired")
        try:
            yield predecessor
        finally:
            with suppress(OSError):
                (directory / "lease").unlink(missing_ok=True)


def _write_lease(directory: Path, command: str) -> None:
    """Say who we are. It informs and decides nothing, so failing to say so is no failure."""
    lease = Lease(os.getpid(), socket.gethostname(), command or Path(sys.argv[0]).name, time.time())
    with suppress(OSError):
        (directory / "lease").write_text(json.dumps(asdict(lease)))


@contextmanager
def reading(directory: Path) -> Iterator[None]:
    """Show that a version of the index in `directory` is being read. Never waits and never fails.

    While somebody is just dropping versions it isn't shown: they leave the newest one, which a reader opens.
    """
    with _shown(directory, exclusive=False):
        yield


@contextmanager
def dropping(directory: Path) -> Iterator[bool]:
    """Yield whether nobody is reading a version of the index in `directory`."""
    with _shown(directory, exclusive=True) as is_held:
        yield is_held


@contextmanager
def _shown(directory: Path, *, exclusive: bool) -> Iterator[bool]:
    """Yield whether the lock of the readers, which the system frees when its holder dies, could be had at once."""
    descriptor = -1
    is_held = False
    try:
        if fcntl is not None:
            with suppress(OSError):
                descriptor = os.open(directory / "readers", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
                fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
                is_held = True
        yield is_held
    finally:
        if descriptor >= 0:
            os.close(descriptor)
