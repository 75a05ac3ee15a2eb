"""How far is it? One line on a terminal's standard error, rewritten in place and gone at the end; silent elsewhere."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from treeseek.model import Progress

__all__ = ["describe", "shown"]

DELAY_SECONDS = 0.3
"""What is done sooner needs no line."""
INTERVAL_SECONDS = 0.1
ESTIMATE_SECONDS = 1.0
"""The rate of the first moments, when processes start, says nothing of the time that is left."""

_STAGES = {"walk": "looking for files", "commit": "writing the index", "index": "building the search indexes"}


@contextmanager
def shown(stream: TextIO) -> Iterator[Callable[[Progress], None] | None]:
    """Yield a callback for `Engine.sync` that keeps the line current, or None if the stream is no terminal."""
    if not stream.isatty():
        yield None
        return
    started = time.monotonic()
    drawn, told, stage, analysing_since = 0, 0.0, "", started

    def tell(progress: Progress) -> None:
        nonlocal drawn, told, stage, analysing_since
        now = time.monotonic()
        if progress.stage != stage:
            stage, told = progress.stage, 0.0
            analysing_since = now
        if now - started < DELAY_SECONDS or now - told < INTERVAL_SECONDS:
            return
        line = describe(progress, now - analysing_since, _columns(stream) - 1)
        stream.write("\r" + line.ljust(drawn))
        stream.flush()
        drawn, told = len(line), now

    try:
        yield tell
    finally:
        if drawn:
            stream.write("\r" + " " * drawn + "\r")
            stream.flush()


def describe(progress: Progress, seconds: float, columns: int) -> str:
    """Return the line for a stage that has lasted `seconds`: files, rate, and the time left at that rate.

    What doesn't fit in `columns` is left out from the right, field by field: half a number would be another one.
    """
    fields = [f"{_STAGES.get(progress.stage, progress.stage)} …"]
    if progress.stage == "analyse":
        done = min(progress.files_done, progress.files_total)
        fields = ["indexing", f"{done:,} of {progress.files_total:,} files"]
        if progress.bytes_done and seconds >= ESTIMATE_SECONDS:
            rate = progress.bytes_done / seconds
            left = max(progress.bytes_total - progress.bytes_done, 0) / rate
            fields += [f"{rate / 1e6:.1f} MB/s", f"{_clock(left)} left"]
    while fields and len("  ".join(fields)) > columns:
        fields.pop()
    return "  ".join(fields)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80  # 0: the terminal doesn't know
    except (OSError, ValueError):
        return 80
