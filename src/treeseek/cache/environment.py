"""An LMDB environment that outlives what happens to its files: deletion, damage, growth by another process, a fork.

LMDB must be open at most once in a process, must not be closed or mapped anew while a transaction is open, and must
not be carried over a fork. So the environments of a process stand in one table, a gate keeps transactions and openings
apart, and a fork waits for the gate and finds everything closed.

How it is opened, and why. Commits are synced, their meta page with the next one (`metasync=False`): a power cut can
cost the last commit, never the file. Memory isn't mapped for writing, so no stray pointer writes to the file. The lock
file has slots for many readers; those of processes that died are cleared at opening. Readahead stays on: trees are
runs of pages, mostly read in bulk.
"""

from __future__ import annotations

import errno
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import lmdb

from treeseek.cache.gate import Gate

try:
    import fcntl
except ImportError:  # Windows: LMDB's own lock does, only that it can't be given up
    fcntl = None  # type: ignore[assignment]

__all__ = ["Environment", "Unavailable", "close_idle", "environment_at"]

R = TypeVar("R")

MAX_READERS = 1_022
WRITER_PATIENCE_SECONDS = 2.0
"""How long a writer waits for others. LMDB itself would wait for ever, for instance for a process that was stopped."""
_ATTEMPTS = 3
_LARGEST_MAP = 1 << 40
_UNWRITTEN_PAGES = 16
"""A data file may lack this many pages at its end: those that were taken and given back within one transaction."""
_DAMAGED = (
    lmdb.CorruptedError,
    lmdb.PageNotFoundError,
    lmdb.InvalidError,
    lmdb.VersionMismatchError,
    lmdb.PanicError,
    lmdb.IncompatibleError,
)


class Unavailable(Exception):  # noqa: N818  # it isn't an error to whom it is told
    """The environment can't be used now. Never leaves the cache."""


class _Stale(Exception):  # noqa: N818
    """The files were replaced while the environment was open."""


class Environment:
    """One environment of this process; get it from `environment_at`. Threads share it.

    `read` and `write` open it when needed and try again after what can be mended. They raise Unavailable for anything
    else: no permission, a full disk, a writer that doesn't finish. `write` lets MapFullError pass.
    """

    def __init__(self, directory: Path, map_bytes: int) -> None:
        self.directory = directory
        self._paths = str(directory / "data.mdb"), str(directory / "lock.mdb")  # looked at whenever something is read
        self.map_bytes = map_bytes
        self._forget()
        _environments.add(self)

    def _forget(self) -> None:
        """Be as if new, with locks that nobody holds."""
        self._gate = Gate()
        self._writers = threading.Lock()
        self._open: lmdb.Environment | None = None
        self._lock_descriptor = -1
        self._files: tuple[tuple[int, int], ...] = ()
        self._least_bytes = 0

    def read(self, work: Callable[[lmdb.Transaction[bytes]], R]) -> R:
        """Return what `work` makes of a snapshot."""

        def attempt() -> R:
            with self._opened() as environment, environment.begin() as transaction:
                return work(transaction)

        return self._mending(attempt)

    def write(self, work: Callable[[lmdb.Transaction[bytes]], R]) -> R:
        """Do `work` in one transaction, which is committed unless it raises."""

        def attempt() -> R:
            with self._opened() as environment, self._writing(), environment.begin(write=True) as transaction:
                if not self._is_current():
                    raise _Stale
                return work(transaction)

        return self._mending(attempt)

    def grow(self) -> None:
        """Double the map. Raises Unavailable if it is as large as can be."""
        with self._gate.exclusive():
            if self.map_bytes >= _LARGEST_MAP:
                raise Unavailable("the map can't grow any more")
            self.map_bytes *= 2
            self._close()

    def file_bytes(self) -> int:
        """Return the size of the data file, 0 if there is none."""
        try:
            return (self.directory / "data.mdb").stat().st_size
        except OSError:
            return 0

    def close(self) -> None:
        """Close the files; the next use opens them again."""
        with self._gate.exclusive():
            self._close()

    # -- opening and mending -----------------------------------------------------------------------------------

    def _mending(self, attempt: Callable[[], R]) -> R:
        """Return what an attempt gives, trying again after what can be mended."""
        try:
            for _ in range(_ATTEMPTS):
                try:
                    return attempt()
                except lmdb.MapFullError:
                    raise
                except (lmdb.Error, _Stale, FileNotFoundError) as error:
                    self._mend(error)
        except lmdb.MapFullError:
            raise
        except (lmdb.Error, OSError, MemoryError) as error:
            raise Unavailable(str(error)) from error
        raise Unavailable("it keeps failing")

    def _mend(self, error: Exception) -> None:
        """Do what makes another attempt worth while, or raise `error`."""
        if isinstance(error, lmdb.MapResizedError):
            self.grow()  # another process has made it larger
        elif isinstance(error, lmdb.ReadersFullError):
            with self._opened() as environment:
                environment.reader_check()
        elif isinstance(error, _DAMAGED):
            self._remove_damaged()
        elif isinstance(error, (_Stale, FileNotFoundError)) or getattr(error, "code", 0) == errno.ENOENT:
            self.close()  # deleted, perhaps while it was being opened
        else:
            raise error

    @contextmanager
    def _opened(self) -> Iterator[lmdb.Environment]:
        if self._open is None or not self._is_current():
            with self._gate.exclusive():
                if self._open is None or not self._is_current():
                    self._close()
                    self._open_files()
        with self._gate.shared():
            if self._open is None:  # closed by another thread in between
                raise _Stale
            yield self._open

    def _is_current(self) -> bool:
        """Whether the open files are those in the directory, and nobody has cut them short."""
        try:
            files, file_bytes = self._found()
        except OSError:
            return False
        return files == self._files and file_bytes >= self._least_bytes

    def _open_files(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with ExitStack() as undo, ExitStack() as writing:
            undo.callback(self._close)
            self._lock_descriptor = self._open_lock()
            with suppress(Unavailable):  # reading needs no permission of a writer that hangs
                writing.enter_context(self._writing())  # or another process might be removing damaged files
            environment = self._open = self._open_environment()
            self._files, file_bytes = self._found()
            self._least_bytes = file_bytes
            pages = environment.info()["last_pgno"] + 1
            if file_bytes < (pages - _UNWRITTEN_PAGES) * environment.stat()["psize"]:
                raise lmdb.CorruptedError("the data file was cut short")
            undo.pop_all()

    def _open_lock(self) -> int:
        return os.open(self.directory / "writer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _found(self) -> tuple[tuple[tuple[int, int], ...], int]:
        """Return what identifies the files now in the directory, and the size of the data file."""
        data, lock = map(os.stat, self._paths)
        return ((data.st_dev, data.st_ino), (lock.st_dev, lock.st_ino)), data.st_size

    def _open_environment(self) -> lmdb.Environment:
        environment = lmdb.open(
            str(self.directory), map_size=max(self.map_bytes, self.file_bytes()), metasync=False,
            mode=0o600, max_readers=MAX_READERS, max_spare_txns=8,
        )  # fmt: skip
        environment.reader_check()
        return environment

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open, self._files = None, ()
        if self._lock_descriptor >= 0:
            os.close(self._lock_descriptor)
            self._lock_descriptor = -1

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the right to write, against threads and other processes; Unavailable if it takes too long."""
        deadline = time.monotonic() + WRITER_PATIENCE_SECONDS
        if not self._writers.acquire(timeout=WRITER_PATIENCE_SECONDS):
            raise Unavailable("another thread doesn't finish writing")
        try:
            while not _lock_file(self._lock_descriptor):
                if time.monotonic() > deadline:
                    raise Unavailable("another process doesn't finish writing")
                time.sleep(0.002)
            try:
                yield
            finally:
                _unlock_file(self._lock_descriptor)
        finally:
            self._writers.release()

    def _remove_damaged(self) -> None:
        """Remove the files, so that the next attempt starts afresh. Other processes see that and open the new ones."""
        with self._gate.exclusive():
            damaged = self._files
            self._close()
            self._lock_descriptor = self._open_lock()
            try:
                with self._writing():
                    if not damaged or self._found()[0] == damaged:
                        (self.directory / "data.mdb").unlink(missing_ok=True)
                        (self.directory / "lock.mdb").unlink(missing_ok=True)
            finally:
                self._close()

    def __del__(self) -> None:
        with suppress(AttributeError, lmdb.Error, OSError):
            self._close()

    # -- forks -------------------------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Wait until no transaction is open, let none begin, and close the files.

        A child can't close what it inherits: LMDB would clear the reader slots of the parent.
        """
        self._gate.close()
        self._close()

    def after_fork(self, *, is_child: bool) -> None:
        """Go on; parent and child open the files anew when they need them."""
        if is_child:
            self._forget()
        else:
            self._gate.open()


def _lock_file(descriptor: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unlock_file(descriptor: int) -> None:
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


_KEPT = 4
"""So many of the environments that were asked for last stay open: opening one costs more than reading a few trees."""

_environments: weakref.WeakSet[Environment] = weakref.WeakSet()
_recent: deque[Environment] = deque(maxlen=_KEPT)
_by_directory: weakref.WeakValueDictionary[Path, Environment] = weakref.WeakValueDictionary()
_table = threading.Lock()


def environment_at(directory: Path, map_bytes: int) -> Environment:
    """Return this process's environment in a directory, which need not exist. Nothing is opened yet."""
    real = directory.resolve()
    with _table:
        found = _by_directory.get(real)
        if found is None:
            found = _by_directory[real] = Environment(real, map_bytes)
        found.map_bytes = max(found.map_bytes, map_bytes)
        if found not in _recent:
            _recent.append(found)
        return found


def close_idle() -> None:
    """Close the files of this process's environments, which open again when they are needed.

    What was read of a map counts as this process's memory until then, up to the whole budget on disk.
    """
    with _table:
        idle = list(_environments)
    for environment in idle:
        environment.close()


_forking: list[Environment] = []


def _before_fork() -> None:
    _table.acquire()
    _forking[:] = list(_environments)
    for environment in _forking:
        environment.before_fork()


def _after_fork(is_child: bool) -> None:
    for environment in _forking:
        environment.after_fork(is_child=is_child)
    _forking.clear()
    _table.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=lambda: _after_fork(False),
        after_in_child=lambda: _after_fork(True),
    )
