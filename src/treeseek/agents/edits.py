"""One edit of a text, and its undoing: what was put in, in place of what, and where."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Edit", "line_end"]


class Edit(NamedTuple):
    """Put `inserted` in place of `removed`, which stands at `start`. Offsets are in characters."""

    start: int
    removed: str
    inserted: str

    def apply(self, text: str) -> str:
        """Return the text with the edit done."""
        return text[: self.start] + self.inserted + text[self.start + len(self.removed) :]

    def undone(self, text: str) -> str | None:
        """Return the text as it was before, apart from what somebody did elsewhere; None if ours was changed, too."""
        at = self.start if text.startswith(self.inserted, self.start) else -1
        if at < 0 and self.inserted and text.count(self.inserted) == 1:
            at = text.index(self.inserted)
        if at < 0:
            return None
        return text[:at] + self.removed + text[at + len(self.inserted) :]


def line_end(text: str) -> str:
    """Return how lines of a text end: as the first one does."""
    at = text.find("\n")
    return "\r\n" if at > 0 and text[at - 1] == "\r" else "\n"
