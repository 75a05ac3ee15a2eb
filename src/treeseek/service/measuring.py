"""What do the indexes of a server come to, now and then? Reading directories takes time, so who asks is told the last.

A thread measures every `SECONDS`, so that nobody who looks at the figures waits for a disk.
"""

from __future__ import annotations

import mmap
import shutil
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from treeseek.errors import TreeseekError
from treeseek.model import Measures

if TYPE_CHECKING:
    from treeseek.service.roots import Root

__all__ = ["Figures", "Measuring"]

SECONDS = 15.0
PAGE_BYTES = mmap.PAGESIZE


@dataclass(frozen=True, slots=True)
class Figures:
    """The measures of each root that has some, what makes their vectors, and the disk that they lie on, in bytes.

    `failures` are roots whose index couldn't be measured: it is damaged, or the disk fails. `workers` are processes
    that this one has started and that live, with the memory that each has resident, added up.
    """

    roots: Sequence[Measures] = ()
    embedder: str = ""
    disk_bytes: int = 0
    disk_free_bytes: int = 0
    failures: int = 0
    workers: int = 0
    worker_bytes: int = 0


class Measuring:
    """Measures roots, once or again and again. Threads share it."""

    def __init__(self, roots: Sequence[Root], data_dir: Path, seconds: float = SECONDS) -> None:
        self._roots, self._data_dir, self._seconds = roots, data_dir, seconds
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._last: dict[str, Measures] = {}
        self.figures = Figures()

    def start(self) -> None:
        """Measure now and every so often, in a thread."""
        self._thread = threading.Thread(target=self._run, name="treeseek-measuring", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Have the thread end, and wait for that."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def measure(self) -> Figures:
        """Measure everything once, and return it."""
        failures = 0
        for root in self._roots:
            try:
                self._last[root.name] = root.engine.measures(self._last.get(root.name, Measures()))
            except (TreeseekError, OSError):  # told by the root itself, when it is synced or asked
                failures += 1
        total, free = self._disk()
        measures = list(self._last.values())
        workers, worker_bytes = _children()
        self.figures = Figures(measures, self._embedder(), total, free, failures, workers, worker_bytes)
        return self.figures

    def tree_sizes(self) -> dict[str, tuple[int, int, int]]:
        """Return the entries, bytes and budget of each tier of the cache of trees, as they are now, of all roots
        together: each has its own in memory, and all have the one on disk.
        """
        found: dict[str, tuple[int, int, int]] = {}
        for root in self._roots:
            for tier, sizes in root.engine.tree_sizes().items():
                before = found.get(tier, (0, 0, 0))
                together = max if tier == "frozen" else int.__add__
                found[tier] = tuple(together(*pair) for pair in zip(before, sizes, strict=True))  # type: ignore[assignment]
        return found

    def _run(self) -> None:
        while not self._stop.is_set():
            self.measure()
            self._stop.wait(self._seconds)

    def _embedder(self) -> str:
        try:
            return self._roots[0].engine.embedder.identity.name
        except TreeseekError:
            return ""

    def _disk(self) -> tuple[int, int]:
        """Return the size of the disk that the indexes lie on, or will, and how much of it is free."""
        for place in (self._data_dir, *self._data_dir.parents):
            try:
                usage = shutil.disk_usage(place)
            except OSError:
                continue
            return usage.total, usage.free
        return 0, 0


def _children() -> tuple[int, int]:
    """Return how many processes this one has started that live, and their resident bytes; (0, 0) except on Linux."""
    processes = nbytes = 0
    for task in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            for child in task.read_text().split():
                processes += 1
                with suppress(OSError, IndexError):
                    nbytes += int(Path(f"/proc/{child}/statm").read_text().split()[1]) * PAGE_BYTES
    return processes, nbytes
