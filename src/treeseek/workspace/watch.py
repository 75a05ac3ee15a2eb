"""What is changing beneath a root, as the operating system tells it?

What it tells are hints and no more: the kernel drops events without a word when its queue is full, and a directory
that appears may be full before it is watched. So a directory that appears is told as a whole, after it is watched, and
whoever listens looks at everything from time to time.

On Linux each directory that a walk enters is watched by itself. The recursive watch of `watchfiles` (Rust's notify)
would spend watches on `node_modules`, and follows links out of the root. Making all watches anew when a directory
appears takes 9 ms for 2,000 directories. Elsewhere the system watches a whole tree at no cost, and events from
directories that a walk doesn't enter are dropped here.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from treeseek.errors import RootError
from treeseek.workspace.look import directories, may_matter

if TYPE_CHECKING:
    from watchfiles._rust_notify import RustNotify

__all__ = ["RootWatch", "open_watch"]

STEP_MS, GROUP_MS = 5, 50
"""Changes are handed on when none has come for a step, or the first is as old as a group may get."""
FEW, MANY = 20, 200
"""More paths than a few wait for a pause, and so do paths that all have vanished: an editor may be about to write them
anew. More than many are told as "everything"."""
PAUSE_MS, PAUSE_SECONDS = 50, 0.5
BURST_PAUSE_MS, BURST_SECONDS = 500, 5.0
"""How long nothing must come until the waiting ends, and when it ends at the latest."""
ATTEMPTS = 5
"""How often directories are listed and watched until a listing finds none that isn't watched."""
RETRY_SECONDS = 60.0
"""Until a watch that can't be had is asked for again: to find out costs a second where directories are many."""

_MODIFIED = 2
_FAILURES = (OSError, RuntimeError, UnicodeEncodeError)
"""What watchfiles raises, with its errors of Rust as RuntimeError; or the root's name isn't UTF-8."""

Changes = dict[str, bool]
"""By path: whether it appeared or vanished, or may have."""


class RootWatch:
    """Tells what changes beneath one root. Use it from `open_watch`, in one thread."""

    __slots__ = ("_base", "_identity", "_is_behind", "_notify", "_retry_at", "_root", "_stop", "_watched", "trouble")

    def __init__(self, root: Path, stop: threading.Event) -> None:
        self._root = root
        self._base = str(root).rstrip("/") + "/"
        self._stop = stop
        self._notify: RustNotify | None = None
        self._watched: frozenset[str] = frozenset()
        self._identity: tuple[int, int] | None = None
        self._is_behind = False
        self._retry_at = 0.0
        self.trouble = ""
        """Why changes aren't told as they happen, or "": then look at everything often, and `refresh`."""

    def wait(self, seconds: float) -> tuple[str, ...] | None:
        """Return the paths that changed, () if none did within `seconds`, or None: anything may have.

        Returns early when the stop event is set. Paths are relative, sorted, and files or directories; one that has
        appeared stands for all beneath it. After None, `refresh` and look at everything.
        """
        if self._notify is None:
            self._stop.wait(seconds)
            return ()
        if self._is_behind or self._is_replaced():
            return None
        try:
            changes = self._collect(self._notify, seconds)
            if len(changes) > MANY or "" in changes or (changes and not self._follow(changes)):
                return None
        except RootError:
            return None
        except _FAILURES:  # as for a name that isn't UTF-8, after which this watch tells nothing more
            self.close()
            return None
        return tuple(sorted(changes))

    def refresh(self) -> None:
        """Watch the directories that a walk enters now. What changed before may stay untold: look at everything."""
        if (self.trouble and time.monotonic() < self._retry_at) or self.absence():
            return
        failure: Exception | None = None
        armed = False
        for _ in range(ATTEMPTS):
            try:
                watched = _watchable(self._base, directories(self._root) or ())
                self._is_behind = not (armed and watched <= self._watched)
                if not self._is_behind:
                    break
                self._identity = self._place()
                self._arm(watched)
                armed = True
            except RootError as error:
                self.trouble = str(error)
                return
            except _FAILURES as error:
                failure, armed = error, False
                if not isinstance(error, FileNotFoundError):  # as for a directory that vanished since it was listed
                    self.close()  # the old watch counts against the kernel's limits
        if armed:
            self.trouble = ""
        else:
            self._retry_at = time.monotonic() + RETRY_SECONDS
            self.trouble = f"changes beneath {self._root} can't be watched: {_reason(failure)}"

    def absence(self) -> str:
        """Return why the root isn't there, or "". An empty directory on another device is what an unmounting leaves."""
        try:
            status = os.lstat(self._root)
            if not stat.S_ISDIR(status.st_mode):
                return f"{self._root} is no directory any more"
            if self._identity is not None and status.st_dev != self._identity[0] and not any(self._root.iterdir()):
                return f"{self._root} is empty, and not where it was: it has been unmounted"
        except OSError as error:
            return f"{self._root} is gone: {error.strerror}"
        return ""

    def close(self) -> None:
        """Tell nothing more until `refresh`."""
        if self._notify is not None:
            self._notify.close()
        self._notify = None

    def _collect(self, notify: RustNotify, seconds: float) -> Changes:
        """Wait for changes, and while they come as a burst, for its end."""
        changes = self._next(notify, max(1, round(seconds * 1000))) or {}
        started = time.monotonic()
        while changes:
            pause, longest = self._patience(changes)
            if not pause or time.monotonic() - started >= longest:
                break
            more = self._next(notify, pause)
            if more is None:
                break
            changes.update({path: moved or changes.get(path, False) for path, moved in more.items()})
        return changes

    def _patience(self, changes: Changes) -> tuple[int, float]:
        if len(changes) > MANY:
            return BURST_PAUSE_MS, BURST_SECONDS
        if len(changes) > FEW or not any(os.path.lexists(self._base + path) for path in changes):
            return PAUSE_MS, PAUSE_SECONDS
        return 0, 0.0

    def _next(self, notify: RustNotify, timeout_ms: int) -> Changes | None:
        """Return the next group of changes, or None if nothing came."""
        raw = notify.watch(GROUP_MS, STEP_MS, timeout_ms, self._stop)
        if raw == "signal":
            raise KeyboardInterrupt
        return None if isinstance(raw, str) else self._relevant(raw)

    def _relevant(self, raw: Iterable[tuple[int, str]]) -> Changes:
        """Return changes by relative path, without those that no walk could see."""
        changes: Changes = {}
        for kind, path in raw:
            relative = path[len(self._base) :]
            if not relative:
                if self._is_replaced():
                    changes[""] = True
            elif relative[: relative.rfind("/") + 1] in self._watched and may_matter(relative):
                changes[relative] = kind != _MODIFIED or changes.get(relative, False)
        return changes

    def _place(self) -> tuple[int, int]:
        status = os.lstat(self._root)
        return status.st_dev, status.st_ino

    def _is_replaced(self) -> bool:
        try:
            return self._place() != self._identity
        except OSError:
            return True

    def _follow(self, changes: Changes) -> bool:
        """Watch directories that appeared, and no more those that went. Adds what happened meanwhile to `changes`.

        Returns False if only a walk can tell what has changed, or too much is.
        """
        todo = changes
        for _ in range(ATTEMPTS):
            found = directories(self._root, todo)
            if found is None:
                return False
            gone = tuple(path + "/" for path, moved in todo.items() if moved and path + "/" in self._watched)
            kept = frozenset(path for path in self._watched if not path.startswith(gone)) if gone else self._watched
            watched = kept | _watchable(self._base, found)
            if not gone and len(watched) == len(kept):
                return True
            more = self._arm(watched)
            # Once more, for what appeared after it was listed and before it was watched.
            todo = dict.fromkeys(todo, False) | more
            changes.update({path: moved or changes.get(path, False) for path, moved in more.items()})
        return False

    def _arm(self, watched: frozenset[str]) -> Changes:
        """Watch these directories instead, and return what the old watch has still seen."""
        old, self._watched = self._notify, watched
        if old is not None and not _is_by_directory():
            return {}
        self._notify = _notify(self._base, watched)
        if old is None:
            return {}
        try:
            raw = old.watch(1, 1, 1, None)
        finally:
            old.close()
        return {} if isinstance(raw, str) else self._relevant(raw)


@contextmanager
def open_watch(root: Path, stop: threading.Event) -> Iterator[RootWatch]:
    """Yield a watch of `root`, which must be absolute and real; its `refresh` starts it, and `stop` ends its waiting.

    That it can't be watched is no error but the watch's `trouble`.
    """
    watch = RootWatch(root, stop)
    try:
        yield watch
    finally:
        watch.close()


def _watchable(base: str, entered: Collection[str]) -> frozenset[str]:
    """Return the directories to watch: those that a walk enters, and where checkouts keep rules."""
    watched = set(entered)
    for path in entered:
        if _is_directory(base + path + ".git"):
            watched.add(path + ".git/")
            if _is_directory(base + path + ".git/info"):
                watched.add(path + ".git/info/")
    return frozenset(watched)


def _is_directory(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _is_by_directory() -> bool:
    return sys.platform.startswith("linux")


def _notify(base: str, watched: Collection[str]) -> RustNotify:
    from watchfiles._rust_notify import RustNotify

    by_directory = _is_by_directory()
    paths = [(base + path).rstrip("/") or "/" for path in sorted(watched)] if by_directory else [base]
    # The last argument must be false: it would pass over all failures, not only of permission.
    return RustNotify(paths, False, False, 300, not by_directory, False)


def _reason(failure: Exception | None) -> str:
    text = str(failure).splitlines()[0]
    if "watch limit" in text:
        return "it has more directories than fs.inotify.max_user_watches allows"
    return text.partition(" about [")[0]
