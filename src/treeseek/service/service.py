"""The roots that a process serves, by name, and how much may be asked of them at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from treeseek import telemetry
from treeseek.engine import Engine
from treeseek.errors import OverloadedError, RootError, UsageError
from treeseek.service.measuring import Measuring
from treeseek.service.roots import Root
from treeseek.settings import Settings
from treeseek.store.memory import settle_memory
from treeseek.workspace import resolve_root

__all__ = ["Service"]


class Service:
    """So many roots, each with an engine, behind one limit of concurrent requests. Threads share it.

    A client names a root by its name or its path, or not at all if there is only one; it gets to no other.
    """

    def __init__(self, paths: Sequence[Path], settings: Settings) -> None:
        """Open the roots, which must exist. Raises RootError, UsageError if there is none."""
        if not paths:
            raise UsageError("there is no root to serve")
        self.settings = settings
        self._listeners: list[Callable[[], object]] = []
        self._room = threading.BoundedSemaphore(max(1, settings.max_concurrent_requests))
        tops = list(dict.fromkeys(resolve_root(path) for path in paths))
        self.roots = {
            name: Root(name, Engine(top, settings), self._tell) for name, top in zip(named(tops), tops, strict=True)
        }
        self.started_at = time.time()
        self.measuring = Measuring(list(self.roots.values()), settings.data_dir)

    def __enter__(self) -> Service:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Bring every index up to date, and follow what changes, behind the callers."""
        settle_memory()
        for root in self.roots.values():
            root.start()
        self.measuring.start()

    def stop(self) -> None:
        """Have no more synced and followed. Questions are answered until `close`."""
        for root in self.roots.values():
            root.stop()

    def close(self) -> None:
        """Stop following, when commits that are under way are done, and close the engines."""
        self.stop()
        self.measuring.close()
        for root in self.roots.values():
            root.close()

    def root(self, given: str = "") -> Root:
        """Return the root that a client means: by its name, or the absolute path of it.

        Raises RootError for one that isn't served, UsageError if it must be named, as there are several.
        """
        if not given:
            if len(self.roots) > 1:
                raise UsageError(f"name the root to ask: {', '.join(self.roots)}")
            return next(iter(self.roots.values()))
        found = self.roots.get(given) or next(
            (one for one in self.roots.values() if str(one.engine.root) == given), None
        )
        if found is None:
            raise RootError(f"{given[:80]!r} is not served here; there are {', '.join(self.roots)}")
        return found

    @property
    def is_ready(self) -> bool:
        """Whether every root has a version to answer from."""
        return all(root.state.has_answers for root in self.roots.values())

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Take one of the places for requests until the end of the block. Raises OverloadedError if all are taken."""
        if not self._room.acquire(blocking=False):
            telemetry.count("treeseek_requests_refused_total", reason="overloaded")
            raise OverloadedError("too much is asked at once; ask again in a moment")
        try:
            yield
        finally:
            self._room.release()

    def subscribe(self, listener: Callable[[], object]) -> None:
        """Have `listener` called whenever the state of a root has changed, in that root's thread."""
        self._listeners.append(listener)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()


def named(tops: Sequence[Path]) -> list[str]:
    """Return a name for each of the roots, different ones: its last part, with those before it where they are alike."""
    names = [top.name or "root" for top in tops]
    depth = 1
    while len(set(names)) < len(names):
        depth += 1
        names = [
            "/".join(top.parts[-depth:]).lstrip("/") if names.count(name) > 1 else name
            for name, top in zip(names, tops, strict=True)
        ]
    return names
