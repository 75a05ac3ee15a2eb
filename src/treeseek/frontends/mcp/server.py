"""How do the tools come to speak the protocol? The SDK's server, given our tools."""

from __future__ import annotations

from typing import Any

from mcp import types
from mcp.server.lowlevel import Server

from treeseek import __version__
from treeseek.frontends.mcp.desk import Desk
from treeseek.frontends.mcp.greeting import NAME, TITLE
from treeseek.frontends.mcp.tools import INSTRUCTIONS, Tool

__all__ = ["create_server"]


def create_server(desk: Desk) -> Server[Any]:
    """Return a server whose calls the desk answers. It serves any number of connections at once."""

    async def list_tools(_: Any, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_described(tool) for tool in await desk.tools()])

    async def call_tool(context: Any, asked: types.CallToolRequestParams) -> types.CallToolResult:
        reply = await desk.answer(asked.name, asked.arguments or {}, context.session.report_progress)
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=_sendable(reply.text))],
            structured_content=_sendable(reply.document),
            is_error=reply.is_error,
        )

    return Server(
        NAME, version=__version__, title=TITLE, instructions=INSTRUCTIONS, on_list_tools=list_tools,
        on_call_tool=call_tool,
    )  # fmt: skip


def _described(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.about,
        input_schema=tool.input_schema(),
        output_schema=tool.output_schema(),
        annotations=types.ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False),
    )


def _sendable(value: Any) -> Any:
    """Spell out what is no Unicode: bytes of a path that are no UTF-8. The SDK can't encode them."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_sendable(key): _sendable(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_sendable(part) for part in value]
    return value
