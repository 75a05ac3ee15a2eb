"""How long may a client take? What uvicorn leaves open: heads that never end, and answers that nobody takes.

uvicorn bounds the pause between two requests, but neither how long the head of one may take, nor how long an answer may
lie unread; and it takes any number of connections. A server looks at its connections once a second, which costs nothing
while requests come and go.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from treeseek import telemetry
from treeseek.frontends import documents

if TYPE_CHECKING:
    from treeseek.settings import Settings

__all__ = ["protocol_for", "sweep"]


class BoundedProtocol(H11Protocol):
    """A connection that ends when its client is slow, or when there are too many."""

    seconds = 20.0
    most = 512

    _began = 0.0
    """Since when the head of a request is awaited; 0 while there is none to wait for."""
    _unread = 0.0
    """Since when an answer lies unread."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or end it at once if there are too many."""
        super().connection_made(transport)
        self._began = self.loop.time()
        if len(self.connections) > self.most:
            telemetry.count("treeseek_requests_refused_total", reason="connections")
            self._end(503, "overloaded", "there are too many connections; try again in a moment")

    def data_received(self, data: bytes) -> None:
        """Take some bytes, and note when a head began that isn't whole yet."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._began = 0.0
        elif not self._began:
            self._began = self.loop.time()

    def timeout_keep_alive_handler(self) -> None:
        """End a connection that rests."""
        self._began = 0.0
        super().timeout_keep_alive_handler()

    def on_response_complete(self) -> None:
        """Go on with the next request: one whose head has come in part may not take for ever either."""
        super().on_response_complete()
        is_partial = self.conn.our_state is h11.IDLE and bool(self.conn.trailing_data[0])
        self._began = self.loop.time() if is_partial else 0.0

    def check(self, now: float) -> None:
        """End the connection if its client takes too long."""
        if self.transport.get_write_buffer_size():
            self._unread = self._unread or now
        else:
            self._unread = 0.0
        if self._unread and now - self._unread > self.seconds:
            telemetry.count("treeseek_requests_refused_total", reason="slow")
            self.transport.abort()
        elif self._began and now - self._began > self.seconds and not self.transport.is_closing():
            telemetry.count("treeseek_requests_refused_total", reason="slow")
            self._end(408, "deadline", "the request did not come in time")

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP by a document, too."""
        telemetry.count("treeseek_requests_refused_total", reason="malformed")
        self._end(400, "usage", "this is not a request of HTTP/1.1, or its head is too large")

    def _end(self, status: int, code: str, message: str) -> None:
        """Answer where no application can, and end the connection."""
        self._began = 0.0
        self._unset_keepalive_if_required()
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()
            return
        content = json.dumps(documents.failure(code, message), separators=(",", ":")).encode() + b"\n"
        headers = [("content-type", "application/json"), ("content-length", str(len(content))),
                   ("connection", "close"), ("cache-control", "no-store"), ("x-content-type-options", "nosniff"),
                   *([("retry-after", "1")] if status == 503 else [])]  # fmt: skip
        for event in (h11.Response(status_code=status, headers=headers), h11.Data(data=content), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def protocol_for(limits: Settings) -> type[BoundedProtocol]:
    """Return the class of a server's connections."""

    class Protocol(BoundedProtocol):
        seconds = limits.client_seconds or float("inf")
        most = limits.max_connections or 1 << 30

    return Protocol


async def sweep(connections: set[Any]) -> None:
    """Look at all connections, once a second, for ever."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(1.0)
        now = loop.time()
        for connection in list(connections):
            connection.check(now)
