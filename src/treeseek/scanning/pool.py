"""Many contents, several processes: batches go to workers, in order what they found comes back.

As with the analysis, a worker opens nothing and speaks in frames of plain data.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue
from typing import IO, Any

import msgpack

from treeseek.errors import WorkerError
from treeseek.scanning.judge import Content, Judge, Judged
from treeseek.scanning.report import Place

__all__ = ["judged", "main"]

SMALL_BYTES = 12_000_000
"""Below this a process alone is done before others have started."""
BATCH_BYTES = 1 << 20
_WAITING = 2
"""So many batches wait for each worker."""
_LENGTH_BYTES = 8
_BOOT = "import sys; sys.path[:] = {path!r}; from treeseek.scanning.pool import main; main()"


def judged(contents: Iterable[Content], judge: Judge, workers: int, total_bytes: int) -> Iterator[Judged]:
    """Yield what is in each content, in order. `workers` is how many processes may be used, 0 for one per core.

    Raises WorkerError if a process dies.
    """
    count = workers or os.cpu_count() or 1
    if count < 2 or total_bytes < SMALL_BYTES:
        yield from map(judge, contents)
        return
    with ExitStack() as running:
        free: SimpleQueue[_Worker] = SimpleQueue()
        for _ in range(count):
            worker = _Worker(judge)
            running.callback(worker.close)
            free.put(worker)
        threads = running.enter_context(ThreadPoolExecutor(count, thread_name_prefix="treeseek-scan"))
        waiting: deque[Future[list[Judged]]] = deque()
        for batch in _batches(contents):
            waiting.append(threads.submit(_asked, free, batch))
            if len(waiting) >= count * _WAITING:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _batches(contents: Iterable[Content]) -> Iterator[list[Content]]:
    batch: list[Content] = []
    size = 0
    for content in contents:
        batch.append(content)
        size += len(content.data)
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _asked(free: SimpleQueue[_Worker], batch: list[Content]) -> list[Judged]:
    worker = free.get()
    try:
        return worker.ask(batch)
    finally:
        free.put(worker)


class _Worker:
    """One child process; it belongs to one thread at a time."""

    def __init__(self, judge: Judge) -> None:
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _BOOT.format(path=sys.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                process_group=0,
            )  # fmt: skip
        except OSError as error:
            raise WorkerError(f"can't start a scanning process: {error}") from error
        self._judge = (judge.tier, judge.kinds, judge.key)

    def ask(self, batch: list[Content]) -> list[Judged]:
        """Return what is in each content of a batch. Raises WorkerError."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            _write(self._process.stdin, (self._judge, batch))
            answer = _read(self._process.stdout)
        except OSError as error:
            raise WorkerError(f"a scanning process died: {error}") from error
        if answer is None:
            raise WorkerError("a scanning process died; try again with --workers 1")
        return [Judged([Place(*place) for place in places], allowed) for places, allowed in answer]

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def main() -> None:
    """Serve batches from standard input until it ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print must not break a frame
    while (request := _read(requests)) is not None:
        (tier, kinds, key), batch = request
        judge = Judge(tier, tuple(kinds), key)
        found = [judge(Content(*content)) for content in batch]
        try:
            _write(answers, [([_plain(place) for place in one.places], one.allowed) for one in found])
        except BrokenPipeError:
            os._exit(1)


def _plain(place: Place) -> tuple[Any, ...]:
    return tuple(getattr(place, name) for name in Place.__slots__)


def _write(stream: IO[bytes], payload: object) -> None:
    body: bytes = msgpack.packb(payload, unicode_errors="surrogatepass")
    stream.write(len(body).to_bytes(_LENGTH_BYTES, "little") + body)
    stream.flush()


def _read(stream: IO[bytes]) -> Any:
    head = stream.read(_LENGTH_BYTES)
    if len(head) < _LENGTH_BYTES:
        return None
    body = stream.read(int.from_bytes(head, "little"))
    return msgpack.unpackb(body, unicode_errors="surrogatepass", use_list=True)
