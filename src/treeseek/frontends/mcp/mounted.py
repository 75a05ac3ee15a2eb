"""How is it served over HTTP? The streamable transport, as an application under another one's roof."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager

from treeseek.frontends.mcp.desk import Desk
from treeseek.frontends.mcp.server import create_server

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from treeseek.service import Service

__all__ = ["mounted"]

MAX_SESSIONS = 256
"""Clients at once. One takes some 100 KB."""
IDLE_SECONDS = 600.0
"""A session that nobody uses for so long is closed; its client begins another one."""


def mounted(
    service: Service, tell: Callable[[str], object]
) -> tuple[ASGIApp, Callable[[], AbstractAsyncContextManager[None]]]:
    """Return the application, and what must be open while it is asked.

    It doesn't check hosts, origins or tokens: who mounts it does. `tell` is given a line about each defect.
    """

    async def opened() -> Service:
        return service

    manager = StreamableHTTPSessionManager(
        create_server(Desk(opened, tell, has_many=len(service.roots) > 1)),
        max_request_body_size=service.settings.max_body_bytes,
        session_idle_timeout=IDLE_SECONDS,
        max_sessions=MAX_SESSIONS,
    )
    return StreamableHTTPASGIApp(manager), manager.run
