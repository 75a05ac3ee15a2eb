"""How is a note kept that a crash can't garble? A log of lines, each with its checksum, that is only appended to.

A line is the CRC-32 of its text as eight hex digits, a space, and the text, which holds no line break. What a crash
leaves at the end is an unfinished line, which counts for nothing; any other line that doesn't fit is damage.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from treeseek.store.durable import sync_directory
from treeseek.store.steps import reached

__all__ = ["Followed", "Log", "append", "frame", "truncate"]

_PROBE = 64
"""So many bytes of the start, and of the end of what was read, tell whether a file is still the same: checksums."""


@dataclass(frozen=True, slots=True)
class Log:
    """What a log holds: its sound texts in order, the numbers (from 0) of lines that are damaged, the bytes that its
    finished lines take, and whether an unfinished line follows them.
    """

    texts: tuple[bytes, ...]
    damaged: tuple[int, ...]
    end: int
    is_torn: bool


def frame(text: bytes) -> bytes:
    """Return the line of a text."""
    return b"%08x %b\n" % (zlib.crc32(text), text)


def _parsed(data: bytes, start: int) -> Log:
    """Return what these bytes hold, which begin a line at byte `start` of the log."""
    *lines, rest = data.split(b"\n")
    texts = [_text(line) for line in lines]
    damaged = [number for number, text in enumerate(texts) if text is None]
    if rest and rest[-1:] != b"\0" and _text(rest[:-1]) is not None:
        # A whole line but for its end: not a write that broke off, but an end that became something else. A power cut
        # may leave it as zero, which no single bit makes of it.
        damaged.append(len(lines))
    sound = tuple(text for text in texts if text is not None)
    return Log(sound, tuple(damaged), start + len(data) - len(rest), bool(rest))


def _text(line: bytes) -> bytes | None:
    """Return the text of a line, or None if it is damaged. Every bit counts: "1A" is not taken for "1a"."""
    text = line[9:]
    return text if line[:9] == b"%08x " % zlib.crc32(text) and line else None


class Followed:
    """A log that others write, read on from where it was left, and from its start once it is another file.

    The inode doesn't tell: that of a file which was replaced goes to the next one that is made, and whoever reads on in
    that one takes it for what it isn't. Not for several threads at once.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = self.end = 0
        self._state: tuple[int, ...] | None = None
        self._probes = b"", b""

    def news(self) -> tuple[Log, bool] | None:
        """Return what was added, and whether that is all there is now, as the file is another; None if nothing changed.

        A file that doesn't exist is empty. An unfinished line at the end is read again. Raises OSError.
        """
        try:
            if _state_of(self.path.stat()) == self._state:
                return None
            with self.path.open("rb") as file:
                state = _state_of(os.fstat(file.fileno()))
                is_another = self._state is None or state[:2] != self._state[:2] or self._probed(file) != self._probes
                if is_another:
                    self.end = 0
                file.seek(self.end)
                found = _parsed(file.read(), self.end)
                self.end, self.size, self._state = found.end, state[2], state
                self._probes = self._probed(file)
        except FileNotFoundError:
            if self._state is None:
                return None
            is_another = True
            found, self.end, self.size, self._state = Log((), (), 0, False), 0, 0, None
        return found, is_another

    def _probed(self, file: BinaryIO) -> tuple[bytes, bytes]:
        """Return the first and the last bytes of what was read."""
        length = min(_PROBE, self.end)
        file.seek(0)
        first = file.read(length)
        file.seek(self.end - length)
        return first, file.read(length)


def _state_of(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_dev, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def append(path: Path, texts: Sequence[bytes]) -> None:
    """Add texts, all or none, and make them last. Raises OSError; then the log is as it was.

    The caller is the only writer, and has cut off what a crash left at the end (`truncate`).
    """
    is_new = not path.exists()
    data = b"".join(map(frame, texts))
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        before = os.fstat(descriptor).st_size
        try:
            reached("journal.before-append")
            _write(descriptor, data)
            reached("journal.written")
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, before)
            raise
    finally:
        os.close(descriptor)
    if is_new:
        sync_directory(path.parent)
    reached("journal.synced")


def _write(descriptor: int, data: bytes) -> None:
    half = len(data) // 2
    for part in (data[:half], data[half:]):
        view = memoryview(part)
        while view:
            view = view[os.write(descriptor, view) :]
        reached("journal.half-written")


def truncate(path: Path, end: int) -> bytes:
    """Cut a log off at byte `end`; return what was cut. Raises OSError."""
    with path.open("r+b") as file:
        file.seek(end)
        rest = file.read()
        file.truncate(end)
        file.flush()
        os.fsync(file.fileno())
    return rest


def rewritten(texts: Iterable[bytes]) -> bytes:
    """Return the bytes of a log of these texts."""
    return b"".join(map(frame, texts))
