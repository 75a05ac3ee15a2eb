"""Which files does a browser get? Those that lie in `frontends/web`, read once: no request names a path to open."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import PurePath

from starlette.requests import Request
from starlette.responses import Response

__all__ = ["Pages"]

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


class Pages:
    """The web page and its files, by name, each with an entity tag: a browser that has it is told so."""

    def __init__(self) -> None:
        folder = files("treeseek.frontends") / "web"
        self._files = {
            entry.name: (data := entry.read_bytes(), f'"{hashlib.blake2b(data, digest_size=16).hexdigest()}"')
            for entry in folder.iterdir()
            if entry.is_file() and PurePath(entry.name).suffix in TYPES
        }

    def get(self, name: str, request: Request) -> Response | None:
        """Return the file of a name, or word that the client's copy is good; None if there is none."""
        if name not in self._files:
            return None
        data, tag = self._files[name]
        headers = {"etag": tag, "cache-control": "no-cache"}
        known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
        if tag in known or "*" in known:
            return Response(status_code=304, headers=headers)
        return Response(data, headers=headers, media_type=TYPES[PurePath(name).suffix])
