"""What is in one content? The scanner's findings, less those that a comment allows, as places."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from treeseek.safety.allow import without_allowed
from treeseek.safety.baseline import fingerprint
from treeseek.safety.scanner import Scanner, scanner
from treeseek.scanning.report import Place

__all__ = ["Content", "Judge", "Judged", "is_binary"]

_HEAD_BYTES = 8192
_WIDE = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


class Content(NamedTuple):
    """What is to be looked into, and what it is called."""

    path: str
    data: bytes
    blob: str = ""
    commit: str = ""


class Judged(NamedTuple):
    """What was found in a content, and how many findings are allowed."""

    places: Sequence[Place]
    allowed: int = 0


@dataclass(frozen=True, slots=True)
class Judge:
    """What to look for, down to which tier, and the key of the fingerprints."""

    tier: str
    kinds: tuple[str, ...]
    key: bytes

    def __call__(self, content: Content) -> Judged:
        """Return what is in a content. Total. The places of UTF-16 text have the bytes of its UTF-8."""
        data = _narrow(content.data)
        found = self.scanner.scan(data)
        kept = without_allowed(data, found)
        places = [
            Place(
                content.path, one.rule, one.kind, one.tier, one.start, one.end, one.line, one.column, one.preview,
                fingerprint(self.key, one.rule, content.path, data[one.start : one.end]), content.blob, content.commit,
            )
            for one in kept
        ]  # fmt: skip
        return Judged(places, len(found) - len(kept))

    @property
    def scanner(self) -> Scanner:
        """Return the scanner, which a process makes once."""
        return scanner(self.tier, self.kinds)


def is_binary(data: bytes) -> bool:
    """Whether this isn't text in any encoding that is looked into; the first kilobytes tell, as for git."""
    return b"\0" in data[:_HEAD_BYTES] and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def _narrow(data: bytes) -> bytes:
    for mark, encoding in _WIDE:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace").encode()
    return data
