"""What does a server say of what it does? A line a request, and what went wrong; never a question or a path.

Lines are written by a thread of their own: whoever reads standard error slowly, or not at all, holds nobody up. If too
many wait, the newest are dropped, and counted.
"""

from __future__ import annotations

import json
import logging
import queue
import sys
import threading
import time
import traceback
from contextvars import ContextVar
from typing import TYPE_CHECKING, TextIO

from treeseek import telemetry
from treeseek.frontends.escapes import escaped_json, printable
from treeseek.safety.redact import for_log

if TYPE_CHECKING:
    from treeseek.frontends.http.options import LogFormat

__all__ = ["Handler", "Log", "request_id"]

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The request that the current thread or task works for."""

MOST_WAITING = 10_000
Value = str | int | float


class Log:
    """Where lines go. Threads share it."""

    def __init__(self, form: LogFormat, stream: TextIO | None = None) -> None:
        self._form = form
        self._stream = stream
        self._lines: queue.Queue[str | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._write, name="treeseek-log", daemon=True)
        if form != "off":
            self._thread.start()

    def say(self, event: str, **values: Value) -> None:
        """Write one line: when, what, and of what."""
        if self._form == "off":
            return
        now = time.time()
        stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now % 1 * 1000):03d}Z"
        if self._form == "json":
            line = escaped_json(json.dumps({"time": stamp, "event": event} | values, ensure_ascii=False))
        else:
            line = printable(" ".join((stamp, event, *(f"{name}={value}" for name, value in values.items()))))
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            telemetry.count("treeseek_log_lines_dropped_total")

    def failed(self, error: BaseException, **values: Value) -> None:
        """Write where an error came from, that nobody raised on purpose; without the lines of a traceback."""
        frames = traceback.extract_tb(error.__traceback__)[-8:]
        at = " < ".join(
            f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in reversed(frames)
        )
        self.say("error", **values, error=for_log(f"{type(error).__name__}: {error}"), at=at)

    def close(self) -> None:
        """Wait until everything is written."""
        if self._form != "off":
            self._lines.put(None)
            self._thread.join(timeout=5.0)

    def _write(self) -> None:
        ends = False
        while not ends:
            lines = [self._lines.get()]
            while lines[-1] is not None and len(lines) < 1_000 and not self._lines.empty():
                lines.append(self._lines.get())
            ends = lines[-1] is None
            text = "".join(f"{line}\n" for line in lines if line is not None)
            try:
                stream = self._stream or sys.stderr
                stream.write(text)
                stream.flush()
            except (OSError, ValueError):  # nobody listens any more
                self._stream = None


class Handler(logging.Handler):
    """Takes what the core and the server's libraries log, with the request that they did it for."""

    def __init__(self, log: Log, level: int) -> None:
        super().__init__(level)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record as a line."""
        message = for_log(record.getMessage())
        self._log.say(record.levelname.lower(), request=request_id.get() or "-", logger=record.name, message=message)
