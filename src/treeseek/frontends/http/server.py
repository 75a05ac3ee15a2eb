"""How does a server live? It binds, tells where, serves until it is told to end, and ends cleanly."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import uvicorn

from treeseek.errors import UsageError
from treeseek.frontends.http.app import Mounted, create_app
from treeseek.frontends.http.hosts import bracketed
from treeseek.frontends.http.log import Handler, Log
from treeseek.frontends.http.protocol import protocol_for, sweep

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from treeseek.frontends.http.options import Options
    from treeseek.service import Service
    from treeseek.settings import Settings

__all__ = ["Server", "bound", "serve"]

MAX_HEAD_BYTES = 32 * 1024
REST_SECONDS = 15
"""How long a connection may rest between two requests."""
ENDING_SECONDS = 10
"""How long what is being answered may take when the server is told to end."""
BACKLOG = 256


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises UsageError if the address can't be had."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        # Said to be TCP, or asyncio doesn't switch Nagle's algorithm off, and every answer comes 40 ms late.
        listener = socket.socket(family, kind, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
        except BaseException:
            listener.close()
            raise
        return listener
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"can't listen at {bracketed(host)}:{port}: {reason}") from None


class Server(uvicorn.Server):
    """uvicorn's server, with connections that are bounded, and an end that is a success."""

    def __init__(self, app: ASGIApp, settings: Settings, on_end: Callable[[], object] = lambda: None) -> None:
        """`on_end` is called when the server is told to end, before it waits for what is being answered."""
        super().__init__(uvicorn.Config(
            app, http=protocol_for(settings), ws="none", lifespan="on", log_config=None, access_log=False,
            server_header=False, proxy_headers=False, timeout_keep_alive=REST_SECONDS,
            timeout_graceful_shutdown=ENDING_SECONDS, h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        ))  # fmt: skip
        self._on_end = on_end
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections."""
        await super().startup(sockets)
        self._sweeping = asyncio.create_task(sweep(self.server_state.connections))
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and wait for the answers that are under way."""
        self._on_end()
        await super().shutdown(sockets)
        self._sweeping.cancel()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGTERM and SIGINT as wishes to end. uvicorn would raise them once more afterwards: no success."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(
    service: Service,
    options: Options,
    tell: Callable[[str], object],
    mounts: Mapping[str, Mounted] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is being answered and committed, and close the service.

    `tell` is given where it listens. Raises UsageError for an address, a token or a setting that can't be.
    """
    log = Log(options.log_format)
    listener = bound(options.host, options.port)
    try:
        app = create_app(service, options, extra_mounts=mounts, log=log)
        server = Server(app, service.settings, on_end=service.stop)
        with _logged(log):
            service.start()
            tell(f"listening at http://{bracketed(options.host)}:{listener.getsockname()[1]}")
            server.run(sockets=[listener])
    finally:
        with suppress(OSError):
            listener.close()
        service.close()
        log.close()


@contextmanager
def _logged(log: Log) -> Iterator[None]:
    """Have what others log go into the server's log."""
    handlers = [(logging.getLogger("treeseek"), Handler(log, logging.INFO)),
                (logging.getLogger("uvicorn.error"), Handler(log, logging.ERROR))]  # fmt: skip
    for logger, handler in handlers:
        logger.addHandler(handler)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, handler in handlers:
            logger.removeHandler(handler)
            logger.propagate = True
