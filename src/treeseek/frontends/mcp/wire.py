"""What passes through standard input and output? The protocol, a message a line, and nothing else.

Whatever else is printed, by a library, a child or a mistake, ends on standard error: the descriptors are moved away.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
from anyio import to_thread

__all__ = ["Lines", "Output", "Pipe", "claimed"]

READ_BYTES = 1 << 16


class Pipe:
    """The descriptors that a client reads from and writes to, and what came so far."""

    def __init__(self, incoming: int, outgoing: int, most: int) -> None:
        """A line of more than `most` bytes isn't kept: of it comes the beginning, which is no message."""
        self._incoming = incoming
        self._outgoing = outgoing
        self._most = most
        self._held = b""
        self._is_ended = False

    def read(self) -> bytes | None:
        """Return the next line, without its end; None if there will be none. Blocks."""
        is_long = False
        while (end := self._held.find(b"\n")) < 0:
            if self._is_ended:
                line, self._held = self._held, b""
                return line or None
            if len(self._held) > self._most:
                self._held, is_long = self._held[:100], True
            try:
                data = os.read(self._incoming, READ_BYTES)
            except OSError:
                data = b""
            self._is_ended = not data
            self._held = data if is_long and b"\n" in data else self._held if is_long else self._held + data
        line, self._held = self._held[:end], self._held[end + 1 :]
        return b"" if is_long else line

    def write(self, data: bytes) -> None:
        """Write all of it. Blocks; raises OSError if nobody reads any more."""
        while data:
            data = data[os.write(self._outgoing, data) :]


def claimed(most: int) -> Pipe:
    """Take standard input and output for the protocol; what else reads or prints gets nothing, or standard error."""
    incoming, outgoing = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    return Pipe(incoming, outgoing, most)


class Lines:
    """The lines of a client, for the SDK: the first again, then the others as they come, until it has no more."""

    def __init__(self, pipe: Pipe, first: bytes) -> None:
        self._pipe = pipe
        self._first = first

    async def __aiter__(self) -> AsyncIterator[str]:
        yield self._first.decode("utf-8", "replace")
        send, receive = anyio.create_memory_object_stream[bytes](1)
        loop = asyncio.get_running_loop()

        async def given(line: bytes | None) -> None:
            if line is None:
                send.close()
            else:
                await send.send(line)

        def read() -> None:
            line: bytes | None = b""
            while line is not None:
                line = self._pipe.read()
                try:
                    asyncio.run_coroutine_threadsafe(given(line), loop).result()
                except Exception:  # noqa: BLE001 - the loop is closed, or nobody reads: so there is nothing to do
                    return

        threading.Thread(target=read, name="treeseek-stdin", daemon=True).start()
        with receive:
            async for line in receive:
                yield line.decode("utf-8", "replace")


class Output:
    """What the SDK says, without its answer to a request that was answered before."""

    def __init__(self, pipe: Pipe, said: dict[str, Any] | None, differs: Callable[[], object]) -> None:
        """`differs` is called if the SDK would have said something else than `said`."""
        self._pipe = pipe
        self._said = said
        self._differs = differs

    async def write(self, text: str) -> None:
        """Send a message, with its line break."""
        if self._said is not None and (message := json.loads(text)).get("id") == self._said["id"]:
            if message != self._said:
                self._differs()
            self._said = None
            return
        await to_thread.run_sync(self._pipe.write, text.encode(), abandon_on_cancel=True)

    async def flush(self) -> None:
        """Nothing is held back."""
