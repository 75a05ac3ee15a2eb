"""What a scan says: where something is, never what it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Place", "ScanReport"]


@dataclass(frozen=True, slots=True)
class Place:
    """A finding in a file; in a history also git's ids of the content and of the commit that brought it.

    `fingerprint` is a keyed hash of rule, path and secret, for baselines. Lines and columns (in characters) count from
    1.
    """

    path: str
    rule: str
    kind: str
    tier: str
    start_byte: int
    end_byte: int
    line: int
    column: int
    preview: str
    fingerprint: str
    blob: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True)
class ScanReport:
    """All findings, by path and place, and what was looked at.

    `known` findings were in the baseline, `allowed` ones have a comment that says so; neither is among `found`.
    `left_out` counts files that weren't looked into, by reason.
    """

    root: str
    found: tuple[Place, ...]
    files: int = 0
    bytes_read: int = 0
    known: int = 0
    allowed: int = 0
    seconds: float = 0.0
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """How many findings each rule has, most first."""
        return dict(Counter(place.rule for place in self.found).most_common())
