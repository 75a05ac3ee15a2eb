"""Who may ask this server, and how does it tell of itself? What a server is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["LogFormat", "Options"]

LogFormat = Literal["text", "json", "off"]


@dataclass(frozen=True, slots=True)
class Options:
    """Where to listen (port 0 is any that is free), the token that must be shown ("" for none), and how to log.

    `host` is an address or a name of this machine; other names that clients may call it by are in the settings.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    token: str = ""
    log_format: LogFormat = "text"
