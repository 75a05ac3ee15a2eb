"""What does an index take on the disk besides its newest version?"""

from __future__ import annotations

from typing import NamedTuple

from treeseek.store.directory import generations
from treeseek.store.durable import bytes_below
from treeseek.store.recovery import QUARANTINE
from treeseek.store.table import UnitStore

__all__ = ["DiskMeasures", "measured"]


class DiskMeasures(NamedTuple):
    """How many versions of the current generation can still be opened, how many generations there are, and how many
    bytes were set aside as no commit knows them, or as they were damaged.
    """

    versions: int
    generations: int
    set_aside_bytes: int


def measured(store: UnitStore) -> DiskMeasures:
    """Return the measures of an index's directory; what goes away meanwhile counts 0."""
    homes = [*store.directory.glob(f"gen-*/{QUARANTINE}"), store.directory / QUARANTINE]
    versions = sum(1 for _ in (store.table / "_versions").glob("*.manifest"))
    return DiskMeasures(versions, len(generations(store.directory)), sum(map(bytes_below, homes)))
