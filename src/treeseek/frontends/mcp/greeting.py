"""What is a client told at once, before the SDK is there to tell it?

Importing the SDK takes 0.6 s, and a client that starts a dozen servers waits for each one's first answer. That answer
says nothing that needs the SDK: it is given here, to the two requests that open a connection, word for word as the SDK
gives it a moment later (`tests/mcp/test_greeting.py` compares). Whatever else comes first is left to the SDK.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from treeseek import __version__
from treeseek.frontends.mcp.tools import INSTRUCTIONS

__all__ = ["NAME", "TITLE", "Greeting", "greeting_for"]

NAME, TITLE = "treeseek", "treeseek: code search by meaning"
HANDSHAKE_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""Versions of the protocol that begin with `initialize`, the latest last; there will be no more of them."""
DISCOVER_VERSIONS = ("2026-07-28",)
"""Versions that begin with `server/discover`, or with any request at all."""

_META = "io.modelcontextprotocol/"
_SERVER = {"name": NAME, "title": TITLE, "version": __version__}
_CAPABILITIES = {"tools": {"listChanged": False}}


class Greeting(NamedTuple):
    """The first answer, and the id of the request that it answers."""

    id: int | str
    answer: dict[str, Any]


def greeting_for(line: bytes) -> Greeting | None:
    """Return the answer to a connection's first line, None if the SDK should see for itself what that is."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0" or not isinstance(message.get("params"), dict):
        return None
    request, params = message.get("id"), message["params"]
    if not isinstance(request, (int, str)) or isinstance(request, bool):
        return None
    result = {"initialize": _initialized, "server/discover": _discovered}.get(message.get("method", ""), _unknown)(
        params
    )
    return None if result is None else Greeting(request, {"jsonrpc": "2.0", "id": request, "result": result})


def _unknown(_: dict[str, Any]) -> None:
    return None


def _initialized(params: dict[str, Any]) -> dict[str, Any] | None:
    asked = params.get("protocolVersion")
    if not isinstance(asked, str) or not _is_client(params.get("clientInfo"), params.get("capabilities")):
        return None
    return {
        "protocolVersion": asked if asked in HANDSHAKE_VERSIONS else HANDSHAKE_VERSIONS[-1],
        "capabilities": _CAPABILITIES,
        "serverInfo": _SERVER,
        "instructions": INSTRUCTIONS,
    }


def _discovered(params: dict[str, Any]) -> dict[str, Any] | None:
    meta = params.get("_meta")
    if not isinstance(meta, dict) or meta.get(f"{_META}protocolVersion") not in DISCOVER_VERSIONS:
        return None
    if not _is_client(meta.get(f"{_META}clientInfo"), meta.get(f"{_META}clientCapabilities")):
        return None
    return {
        "supportedVersions": list(DISCOVER_VERSIONS),
        "capabilities": _CAPABILITIES,
        "instructions": INSTRUCTIONS,
        "resultType": "complete",
        "cacheScope": "private",
        "ttlMs": 0,
        "_meta": {f"{_META}serverInfo": _SERVER},
    }


def _is_client(who: Any, can: Any) -> bool:
    """Whether a client says who it is, and what it can do, in a form that the SDK won't object to."""
    if not isinstance(who, dict) or not isinstance(can, dict):
        return False
    return all(isinstance(who.get(key), str) for key in ("name", "version")) and all(
        isinstance(one, dict) for one in can.values()
    )
