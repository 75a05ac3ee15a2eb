"""What is told with the hits? What fits, whether they still stand in the files, and what limits the answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from treeseek import telemetry
from treeseek.model import SearchResult
from treeseek.retrieval import budget
from treeseek.retrieval.freshness import checked_against
from treeseek.retrieval.search import Found

if TYPE_CHECKING:
    from treeseek.store import Snapshot

__all__ = ["count_outcome", "result_of"]

FALLBACK_NOTE = "the last version of the index is damaged; this is version"
DOUBTFUL = 0.25
"""A chance below which it is said that there may be no answer."""
DOUBT_NOTE = "nothing here may answer that: these are the nearest, and they are not near"


def result_of(
    root: Path, query: str, found: Found, snapshot: Snapshot, max_tokens: int | None, max_file_bytes: int
) -> SearchResult:
    """Return what a snapshot answers to a query, cut to `max_tokens`. Looks at the files of the hits beneath `root`."""
    kept, truncated = budget.fit(found.hits, max_tokens)
    kept = checked_against(root, kept, max_file_bytes)
    notes = [f"{FALLBACK_NOTE} {snapshot.version}; `treeseek repair` mends it"] if snapshot.is_fallback else []
    stale = {hit.path for hit in kept if not hit.is_fresh}
    if stale:
        notes.append(f"changed since they were indexed: {', '.join(sorted(stale))}")
    if kept and found.confidence is not None and found.confidence < DOUBTFUL:
        notes.append(DOUBT_NOTE)
    confidence = None if found.confidence is None else round(found.confidence, 3)
    return SearchResult(query, tuple(kept), snapshot.version, (*notes, *found.notes), truncated, confidence)


def count_outcome(result: SearchResult) -> None:
    """Count a search by what came of it: hits that may answer, hits that most likely don't, or none."""
    confidence = result.confidence
    is_doubtful = confidence is not None and confidence < DOUBTFUL
    outcome = "empty" if not result.hits else "doubtful" if is_doubtful else "found"
    telemetry.count("treeseek_searches_total", outcome=outcome)
    if confidence is not None:
        telemetry.observe("treeseek_search_confidence_ratio", confidence)
