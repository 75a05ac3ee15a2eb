"""What did a sync see and do, and why?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from treeseek import telemetry
from treeseek.embedding.protocol import Usage
from treeseek.errors import EmbeddingError
from treeseek.indexing.ledger import Page
from treeseek.indexing.plan import Plan
from treeseek.indexing.reading import Changes
from treeseek.model import SyncReport, UnitColumns
from treeseek.safety import caps
from treeseek.workspace import Walk

__all__ = ["Done", "report_of"]


@dataclass(slots=True)
class Done:
    """What was made of the files that were read, and what the embedder failed with, if it did."""

    rows: list[UnitColumns] = field(default_factory=list)
    chunks_embedded: int = 0
    chunks_reused: int = 0
    failure: EmbeddingError | None = None


def report_of(
    found: Walk, before: Page, after: Page, todo: Plan, changes: Changes, done: Done, seconds: float,
    usage: Usage | None = None, *, is_whole: bool = True,
) -> SyncReport:  # fmt: skip
    """Return the report of a sync that led from one page to another, and count it in telemetry.

    `is_whole`: all of the root was looked at, not only what had hints.
    """
    deleted = len(todo.deleted) + sum(path in before.files for path in changes.vanished)
    renewed = [*changes.analysed, *(entry[0].path for entry in changes.left_out)]
    changed = sum(path in before.files for path in renewed)
    causes = Counter(cause for cause, _ in changes.read)
    if deleted:
        causes["deleted"] = deleted
    notes = (file.note for file in after.files.values() if file.note)
    report = SyncReport(
        version=after.version,
        files=sum(file.kind == "file" for file in after.files.values()),
        scanned=len(found.files),
        added=len(renewed) - changed,
        changed=changed,
        touched=len(changes.touched),
        deleted=deleted,
        parsed=len(changes.analysed) - len(changes.reused),
        reused=len(changes.reused),
        chunks_embedded=done.chunks_embedded,
        chunks_reused=done.chunks_reused,
        rows_written=sum(map(len, done.rows)),
        pending=len(changes.pending),
        bytes_read=sum(size for _, size in changes.read),
        seconds=seconds,
        causes=dict(causes),
        reasons=dict(Counter([*(skipped.reason for skipped in found.skipped), *notes])),
        usage={name: amount for name, amount in (asdict(usage) if usage else {}).items() if amount},
        is_whole=is_whole,
    )
    _count(report)
    if report.committed:
        _count_caps(found, renewed, after)
    return report


def _count_caps(found: Walk, renewed: Iterable[str], after: Page) -> None:
    """Count the caps that a sync has hit: those on files that it looked at, and those on the walk as they are."""
    caps.count_hits(skipped.reason for skipped in found.skipped)
    caps.count_hits(after.files[path].note for path in renewed if path in after.files)


def _count(report: SyncReport) -> None:
    for noun in ("parsed", "reused", "pending"):
        telemetry.count(f"treeseek_files_{noun}_total", getattr(report, noun))
    for noun in ("embedded", "reused"):
        telemetry.count(f"treeseek_chunks_{noun}_total", getattr(report, f"chunks_{noun}"))
    for cause, amount in report.causes.items():
        telemetry.count("treeseek_files_looked_at_total", amount, cause=cause)
