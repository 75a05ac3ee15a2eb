"""By which name was the server called, and from which page? What keeps a foreign site's script from asking it.

A page that a browser has loaded from anywhere can ask servers on the same machine. It can't change what the browser
puts into `Host` (the name that it asked for, which DNS may lead here: rebinding) and `Origin` (the page's own site).
"""

from __future__ import annotations

import re
from collections.abc import Collection

__all__ = ["Hosts", "is_loopback"]

_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?)(?::([0-9]{1,5}))?\Z")
_ORIGIN = re.compile(r"(https?)://(.+)\Z")
LOCAL = ("localhost", "127.0.0.1", "[::1]")
WILDCARDS = ("", "0.0.0.0", "::")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address: without asking DNS, so a name other than localhost is none."""
    return host in ("localhost", "::1") or re.fullmatch(r"127(\.[0-9]{1,3}){3}", host) is not None


def bracketed(host: str) -> str:
    """Return an address as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


class Hosts:
    """The names that this server answers to: those of this machine, where it is bound, and those of the settings."""

    def __init__(self, bound: str, allowed: Collection[str]) -> None:
        """`allowed` are names, or names with a port. Raises ValueError for what is no name of a host."""
        listed = [one.strip().lower() for one in allowed if one.strip()]
        if bad := [one for one in listed if not _AUTHORITY.match(one)]:
            raise ValueError(f"{bad[0]!r} is no name of a host")
        self._listed = frozenset(listed)
        self._names = frozenset((*LOCAL, *(() if bound in WILDCARDS else (bracketed(bound.lower()),))))

    def allows(self, authority: str, reached: str = "") -> bool:
        """Whether a `Host` header may be answered; `reached` is the address at which the connection came in.

        A name that leads here by rebinding is never that address itself, so it may always be given.
        """
        authority = authority.lower()
        match = _AUTHORITY.match(authority)
        if match is None:
            return False
        name = match[1]
        return name in self._names or name in self._listed or authority in self._listed or name == bracketed(reached)

    def allows_origin(self, origin: str, authority: str) -> bool:
        """Whether a page of `origin` may ask the host it calls `authority`: its own, or one that the settings name."""
        match = _ORIGIN.match(origin.lower())
        parts = match and _AUTHORITY.match(match[2])
        if not match or not parts:
            return False
        scheme, site = match[1], match[2]
        if site in self._listed or parts[1] in self._listed:
            return True
        # Only a proxy speaks https for us, and what that is called by is listed.
        return scheme == "http" and _with_port(site) == _with_port(authority.lower())


def _with_port(authority: str) -> str:
    match = _AUTHORITY.match(authority)
    return authority if match is None or match[2] else f"{authority}:80"
