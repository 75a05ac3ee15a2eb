"""Which bytes must not be given to a parser again? Those at which workers died or ran out of time, twice.

Known by the hash of the bytes and the release of everything that reads them, so an edit or a new grammar ends it, and
no path is kept. One line a failure in a file of the cache, appended by any process. Deleting it costs a new trial.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path

from treeseek import telemetry
from treeseek.indexing.artifacts import address_of

__all__ = ["Quarantine"]

TRIALS = 2
MAX_BYTES = 4 << 20
"""About 60,000 failures; beyond that the older half is forgotten."""
_NAME = "quarantine"


class Quarantine:
    """Failures of parsers, by content. Threads share it. Without a directory it lasts as long as the object."""

    def __init__(self, directory: Path | None) -> None:
        self._path = None if directory is None else directory / _NAME
        self._lock = threading.Lock()
        self._failures: Counter[str] = Counter()
        self._reasons: dict[str, str] = {}
        for line in self._lines():
            self._add(line)

    def reason(self, digest: str, language: str) -> str:
        """Return why bytes of that content hash aren't given to the parser of a language; "" if they may be."""
        if not self._failures:
            return ""
        key = _key(digest, language)
        return self._reasons[key] if self._failures[key] >= TRIALS else ""

    def note(self, digest: str, language: str, reason: str) -> bool:
        """Remember that bytes alone made a parser fail; return whether that was once too often."""
        key = _key(digest, language)
        line = f"{key} {reason}"
        with self._lock:
            self._add(line)
            is_out = self._failures[key] >= TRIALS
        self._write(line)
        if is_out:
            telemetry.count("treeseek_files_quarantined_total", reason=reason)
        return is_out

    def _add(self, line: str) -> None:
        key, _, reason = line.partition(" ")
        if key and reason.replace("-", "").isalpha():
            self._failures[key] += 1
            self._reasons[key] = reason

    def _lines(self) -> list[str]:
        if self._path is None:
            return []
        try:
            data = self._path.read_bytes()
        except OSError:
            return []
        if len(data) > MAX_BYTES:
            data = data[len(data) // 2 :]
            with suppress(OSError):
                self._path.write_bytes(data)
        return data.decode("ascii", "replace").splitlines()

    def _write(self, line: str) -> None:
        """Append a line; where that fails, this process alone knows."""
        if self._path is None:
            return
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, f"{line}\n".encode())
            finally:
                os.close(descriptor)


def _key(digest: str, language: str) -> str:
    return address_of(digest, language, "").hex()
