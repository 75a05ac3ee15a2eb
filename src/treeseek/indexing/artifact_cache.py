"""Artifacts on disk, for all roots and processes of the user; written in the background, so that nobody waits for it.

Deleting the directory at any time changes speed only.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from treeseek import telemetry
from treeseek.cache.frozen import FrozenTier
from treeseek.cache.statistics import Counts
from treeseek.indexing import artifacts
from treeseek.indexing.analyse import Content
from treeseek.safety.redact import Policy

if TYPE_CHECKING:
    from treeseek.embedding import EmbedderIdentity
    from treeseek.settings import Settings

__all__ = ["ArtifactCache"]

WRITE_BYTES = 8 << 20
"""About how much is written in one transaction: each waits for the disk once."""
WRITE_SECONDS = 1.0
"""How long an artifact waits for others before it is written: what a crash may cost."""
WAITING_BYTES = 64 << 20
"""If so much waits for the disk, no more is kept: a slow disk must cost neither time nor memory."""


class ArtifactCache:
    """What files' bytes gave, by content address. Threads share it. Close it, or use it as a context manager.

    Never raises: what can't be read is a miss, what can't be written isn't kept.
    """

    def __init__(self, settings: Settings, embedder: EmbedderIdentity) -> None:
        policy = Policy(settings.redact_store, settings.redact_pii).fingerprint
        self._embedder = f"{embedder}/{policy}" if policy else str(embedder)
        self._dims = embedder.dims
        directory = settings.cache_dir / "artifacts" if settings.cache_artifact_bytes else None
        self.is_on = directory is not None
        self._tier = FrozenTier(
            directory, settings.cache_artifact_bytes, counts=Counts("", noun="artifacts"), content="analysed files"
        )
        self._waiting: queue.SimpleQueue[Mapping[bytes, bytes] | None] = queue.SimpleQueue()
        self._waiting_bytes = 0
        self._lock = threading.Lock()
        self._writer: threading.Thread | None = None

    def __enter__(self) -> ArtifactCache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def finish(self) -> None:
        """Say that nothing more will be put in: what waits is written without waiting for more."""
        self._waiting.put(None)

    def close(self) -> None:
        """Wait until everything is written."""
        if self._writer is not None:
            self.finish()
            self._writer.join()
            self._writer = None
        self._tier.statistics()  # told to telemetry while it is open anyway
        self._tier.close()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is kept."""
        return not self._tier.statistics().entries

    def key(self, digest: str, language: str) -> bytes:
        """Return the address of what bytes of that hash give, read as that language; empty if nothing is kept."""
        return artifacts.address_of(digest, language, self._embedder) if self.is_on else b""

    def get_many(self, keys: Iterable[bytes]) -> dict[bytes, Content]:
        """Return what is kept under those of the addresses where something sound is."""
        wanted = [key for key in keys if key]
        if not wanted:
            return {}
        found = {}
        for key, data in self._tier.get_many(wanted).items():
            content = artifacts.unpack(data, key, self._dims)
            if content is not None:
                found[key] = content
            else:
                self._tier.delete(key)
        return found

    def note(self, hits: int, misses: int) -> None:
        """Count how many files were found here, and how many weren't."""
        self._tier.note("hits", hits)
        self._tier.note("misses", misses)

    def put(self, items: Mapping[bytes, bytes]) -> None:
        """Keep packed artifacts by address, soon; or not, if too much is waiting already."""
        nbytes = sum(map(len, items.values()))
        with self._lock:
            if self._waiting_bytes + nbytes > WAITING_BYTES:
                telemetry.count("treeseek_artifacts_dropped_total", len(items))
                return
            self._waiting_bytes += nbytes
            if self._writer is None and items:
                self._writer = threading.Thread(target=self._write, name="treeseek-artifacts", daemon=True)
                self._writer.start()
        if items:
            self._waiting.put(items)

    def _write(self) -> None:
        """Write what comes, in groups, until told that nothing more will."""
        is_open = True
        while is_open:
            group: dict[bytes, bytes] = {}
            nbytes = 0
            deadline: float | None = None
            while nbytes < WRITE_BYTES:
                try:
                    items = self._waiting.get(timeout=None if deadline is None else max(deadline - time.monotonic(), 0))
                except queue.Empty:
                    break
                if items is None:
                    is_open = False
                    break
                deadline = deadline or time.monotonic() + WRITE_SECONDS
                group.update(items)
                nbytes += sum(map(len, items.values()))
            self._tier.write(sorted(group.items()))  # in the order of the addresses, as the table has them
            with self._lock:
                self._waiting_bytes -= nbytes
