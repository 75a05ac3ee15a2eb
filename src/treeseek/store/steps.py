"""Which steps does a commit take? Their names, and a hook for whoever wants to strike between two of them.

A commit is written by Lance, hashed, synced to disk, noted in the journal, and only then acknowledged. The tests of
crashes kill the process, or let the disk fill up, at each of these names; nothing else uses the hook.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["STEPS", "reached", "strike_with"]

STEPS = (
    "lock.acquired",
    "recovery.begun",
    "recovery.manifests-set-aside",
    "commit.begun",
    "commit.rows-written",
    "commit.version-made",
    "acknowledge.files-hashed",
    "acknowledge.files-synced",
    "journal.before-append",
    "journal.half-written",
    "journal.written",
    "journal.synced",
    "current.written",
    "current.flipped",
    "index.made",
    "compact.done",
    "clean.versions-dropped",
    "checkpoint.written",
    "checkpoint.renamed",
)
"""In about the order in which they come."""

_strike: Callable[[str], None] | None = None


def reached(step: str) -> None:
    """Tell whoever listens that a step was reached."""
    if _strike is not None:
        _strike(step)


def strike_with(strike: Callable[[str], None] | None) -> None:
    """Have `strike` called with the name of each step when it is reached; None ends that."""
    global _strike
    _strike = strike
