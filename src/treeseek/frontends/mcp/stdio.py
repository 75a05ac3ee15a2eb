"""How does a server live that one client has started? It greets, serves, and ends with the client."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from treeseek.frontends.mcp.greeting import greeting_for
from treeseek.workspace import resolve_root

if TYPE_CHECKING:
    from treeseek.frontends.mcp.greeting import Greeting
    from treeseek.frontends.mcp.wire import Pipe
    from treeseek.service import Service
    from treeseek.settings import Settings

__all__ = ["serve"]

PARENT_SECONDS = 1.0
"""How often it is looked whether the parent is still there."""
SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)]


def serve(paths: Sequence[Path], settings: Settings, tell: Callable[[str], object]) -> None:
    """Serve roots over standard input and output until the client has gone, or a signal says so.

    `tell` writes a line to standard error. Raises RootError, before anything is answered.
    """
    from treeseek.frontends.mcp.wire import claimed

    parent = os.getppid()
    roots = list(dict.fromkeys(resolve_root(path) for path in paths))
    pipe = claimed(settings.max_body_bytes)
    first = pipe.read()
    if first is None:
        return
    greeting = greeting_for(first)
    try:
        if greeting is not None:
            pipe.write(json.dumps(greeting.answer, separators=(",", ":")).encode() + b"\n")
        opening = _Opening(roots, settings)
        asyncio.run(_served(pipe, first, greeting, opening, parent, tell))
    except OSError:  # the client has gone
        return
    opening.close()


class _Opening:
    """A service that opens in a thread of its own: a client that only lists the tools needn't wait for it."""

    def __init__(self, roots: Sequence[Path], settings: Settings) -> None:
        self._roots = roots
        self._settings = settings
        self._opened: Future[Service] = Future()
        self._thread = threading.Thread(target=self._open, name="treeseek-opening")

    @property
    def has_many(self) -> bool:
        """Whether there are several roots."""
        return len(self._roots) > 1

    def start(self) -> None:
        """Begin to open it."""
        self._thread.start()

    async def service(self) -> Service:
        """Return the service. Raises what kept it from opening."""
        return await asyncio.shield(asyncio.wrap_future(self._opened))

    def close(self) -> None:
        """Close it, when a commit that is under way is done."""
        if not self._thread.ident:
            return
        self._thread.join()
        if self._opened.exception() is None:
            self._opened.result().close()

    def _open(self) -> None:
        try:
            from treeseek.frontends.mcp import asking  # noqa: F401 - here, where nobody imports beside it
            from treeseek.service import Service

            service = Service(self._roots, self._settings)
            service.start()
            self._opened.set_result(service)
        except Exception as error:  # noqa: BLE001 - who asks is told
            self._opened.set_exception(error)


async def _served(
    pipe: Pipe, first: bytes, greeting: Greeting | None, opening: _Opening, parent: int, tell: Callable[[str], object]
) -> None:
    logging.getLogger("mcp").addHandler(logging.NullHandler())
    logging.getLogger("mcp").propagate = False
    import anyio
    from mcp.server.stdio import stdio_server

    from treeseek.frontends.mcp.desk import Desk
    from treeseek.frontends.mcp.server import create_server
    from treeseek.frontends.mcp.wire import Lines, Output

    server = create_server(Desk(opening.service, tell, has_many=opening.has_many))
    lines = Lines(pipe, first)
    output = Output(pipe, greeting.answer if greeting else None, lambda: tell("the SDK greets otherwise than we did"))
    opening.start()

    async def ended(scope: anyio.CancelScope) -> None:
        with anyio.open_signal_receiver(*SIGNALS) as signals:
            async for _ in signals:
                scope.cancel()

    async def orphaned(scope: anyio.CancelScope) -> None:
        while os.getppid() == parent:
            await anyio.sleep(PARENT_SECONDS)
        scope.cancel()

    with suppress(OSError):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ended, tasks.cancel_scope)
            tasks.start_soon(orphaned, tasks.cancel_scope)
            async with stdio_server(cast("Any", lines), cast("Any", output)) as (incoming, outgoing):
                await server.run(incoming, outgoing, server.create_initialization_options())
            tasks.cancel_scope.cancel()
