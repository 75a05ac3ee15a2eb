"""What would a sync send to the embedder, at what cost, and in what time? Nothing is sent to find out.

The files are read and analysed as a sync would, and what that gives is kept: the sync doesn't do it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from treeseek.embedding import Embedder
from treeseek.embedding.protocol import Forecast
from treeseek.indexing.analysing import analyser
from treeseek.indexing.artifact_cache import ArtifactCache
from treeseek.indexing.ledger import known_files
from treeseek.indexing.looking import without
from treeseek.indexing.outgoing import is_remote
from treeseek.indexing.plan import KnownFile, Plan, batched, plan
from treeseek.indexing.quarantine import Quarantine
from treeseek.indexing.reading import Changes, Reader
from treeseek.indexing.renew import Loader, worker_count
from treeseek.indexing.reuse import Lenders
from treeseek.indexing.stand_in import UNEMBEDDED, analysing
from treeseek.indexing.vectors import VectorCache, texts_of
from treeseek.indexing.workers import Terms
from treeseek.model import Estimate, UnitColumns
from treeseek.settings import Settings
from treeseek.store import UnitStore
from treeseek.workspace import Walk, open_root, walk

__all__ = ["estimate"]


def estimate(root: Path, store: UnitStore | None, settings: Settings, embedder: Embedder) -> Estimate:
    """Return what a sync would ask of the embedder. `store` is the index as it is, None if there is none for it.

    Raises RootError when the root is gone.
    """
    found = walk(root, max_file_bytes=settings.max_file_bytes, max_files=settings.max_files)
    known: dict[str, KnownFile] = {}
    if store is not None:
        found = without(found, root, store)
        known = dict(known_files(store.snapshot().manifest()))
    todo = plan(found.files, known)
    if analysing(embedder) is embedder:
        return Estimate(str(embedder.identity), is_remote=False, files=len(todo.read), dollars=0.0)
    sizes: dict[bytes, int] = {}
    kept: set[bytes] = set()
    files = 0
    with VectorCache(settings, embedder.identity) as vectors:
        for rows in _rows(root, settings, found, known, todo):
            files += rows.kind.count("file")
            texts = {vectors.key(text): text for text in texts_of(rows, embedder)}
            fresh = [key for key in texts if key not in sizes]
            sizes |= {key: len(texts[key].encode("utf-8", "replace")) for key in fresh}
            kept |= vectors.get_many(fresh).keys()
    cost = _forecast(embedder, [size for key, size in sizes.items() if key not in kept])
    return Estimate(
        str(embedder.identity), is_remote(embedder), files, len(sizes), len(kept), cost.requests, cost.tokens,
        cost.dollars, cost.seconds,
    )  # fmt: skip


def _forecast(embedder: Embedder, sizes: list[int]) -> Forecast:
    forecast = getattr(embedder, "forecast", None)
    found = forecast(sizes) if callable(forecast) else None
    return found if isinstance(found, Forecast) else Forecast(0, 0, None, None)


def _rows(
    root: Path, settings: Settings, found: Walk, known: dict[str, KnownFile], todo: Plan
) -> Iterator[UnitColumns]:
    """Yield the rows that a sync would write for the files to read, without vectors."""
    planned = batched(todo.read)
    total_bytes = sum(file.size for file in todo.read)
    workers = worker_count(settings, total_bytes, len(planned))
    with open_root(root) as opened, ArtifactCache(settings, UNEMBEDDED.identity) as cache:
        reader = Reader(
            opened.read, known, found.brought_back, settings.max_file_bytes, settings.max_line_bytes, cache.key,
            Changes(),
        )  # fmt: skip
        loader = Loader(planned, reader, cache, Lenders({}, ()), UNEMBEDDED, deadline=float("inf"))
        quarantine = Quarantine(settings.cache_dir)
        with analyser(workers, Terms.of(settings), total_bytes, quarantine, UNEMBEDDED) as working:
            for i, analysed in working.run(len(planned), loader.load):
                for outcome in analysed:
                    cache.put(outcome.artifacts)
                placed = loader.placed.pop(i, None)
                yield from (outcome.rows for outcome in (*analysed, *([placed] if placed else ())))
