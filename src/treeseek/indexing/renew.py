"""The new rows of files that changed: read, and then placed if their content is known, analysed if it isn't."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from treeseek.embedding import TokenEmbedder, default_embedder
from treeseek.indexing.analysing import SMALL_BYTES, analyser
from treeseek.indexing.artifact_cache import ArtifactCache
from treeseek.indexing.batch import Batch, Outcome
from treeseek.indexing.looking import Look
from treeseek.indexing.place import place
from treeseek.indexing.plan import batched, by_recency
from treeseek.indexing.quarantine import Quarantine
from treeseek.indexing.reading import Changes, Reader
from treeseek.indexing.reports import Done
from treeseek.indexing.reuse import Lenders, sort_out
from treeseek.indexing.workers import Terms
from treeseek.model import Progress, SourceFile
from treeseek.safety.redact import Policy, bytes_redactor
from treeseek.settings import Settings
from treeseek.workspace import open_root

__all__ = ["renew"]

SHORT_SECONDS = 1.0
"""A sync that may take no longer than this doesn't wait for worker processes to start."""


@dataclass(slots=True)
class _Loader:
    """Reads batches and places what is known of them; threads call it. `placed` and `late` are by a batch's number."""

    planned: Sequence[Sequence[SourceFile]]
    reader: Reader
    cache: ArtifactCache
    lenders: Lenders
    embedder: TokenEmbedder
    deadline: float
    placed: dict[int, Outcome] = field(default_factory=dict)
    late: set[int] = field(default_factory=set)

    def load(self, i: int) -> Batch:
        """Return what of a batch must be analysed; nothing when the time is up."""
        batch, changes = self.planned[i], self.reader.changes
        if time.monotonic() >= self.deadline:
            self.late.add(i)
            changes.pending.extend(file.path for file in batch if not self.reader.is_doubtful(file.path))
            return Batch()
        known = sort_out(list(self.reader.texts(batch)), self.cache, self.lenders, sum(file.size for file in batch))
        if known.files:
            self.placed[i] = Outcome(place(known.files, known.contents, self.embedder))
            changes.reused.extend(file.source.path for file in known.files)
        return known.rest


def renew(
    root: Path, look: Look, changes: Changes, cache: ArtifactCache, settings: Settings,
    tell: Callable[[Progress], None], deadline: float,
) -> Done:  # fmt: skip
    """Read the planned files and return the new rows, in the order of the files.

    No batch is begun after `deadline`, on the monotonic clock. What is analysed goes to the cache as it comes, and so
    outlives whatever ends this, Ctrl-C for instance.
    """
    todo, known = look.todo.read, look.page.files
    embedder = default_embedder()
    planned = batched(todo) if deadline == float("inf") else by_recency(todo)
    total_bytes = sum(file.size for file in todo)
    outcomes: dict[int, list[Outcome]] = {}
    files_done = bytes_done = 0
    with open_root(root) as opened:
        redact = bytes_redactor(Policy(settings.redact_store, settings.redact_pii))
        reader = Reader(
            opened.read, known, look.found.brought_back, settings.max_file_bytes, settings.max_line_bytes, cache.key,
            changes, redact,
        )  # fmt: skip
        lenders = Lenders(known, look.todo.deleted)
        loader = _Loader(planned, reader, cache, lenders, embedder, deadline)
        workers = _workers(settings, total_bytes, len(planned), deadline)
        with analyser(workers, Terms.of(settings), total_bytes, Quarantine(settings.cache_dir)) as analysing:
            if not known and cache.is_empty:
                analysing.start_workers()  # they start while this process gets ready, too
            coming = analysing.run(len(planned), loader.load)
            look.store.warm_up()
            for i, analysed in coming:
                outcomes[i] = analysed
                for outcome in analysed:
                    cache.put(outcome.artifacts)
                if i not in loader.late:
                    files_done += len(planned[i])
                    bytes_done += sum(file.size for file in planned[i])
                    tell(Progress("analyse", files_done, len(todo), bytes_done, total_bytes))
    cache.finish()
    return _joined(outcomes, loader.placed)


def _workers(settings: Settings, total_bytes: int, batches: int, deadline: float) -> int:
    wanted = settings.workers or os.cpu_count() or 1
    alone = wanted == 1 and settings.sandbox == "off"
    if total_bytes < SMALL_BYTES or alone or deadline - time.monotonic() < SHORT_SECONDS:
        return 0
    return min(wanted, batches)


def _joined(outcomes: dict[int, list[Outcome]], placed: dict[int, Outcome]) -> Done:
    done = Done()
    for i in sorted(outcomes):
        if i in placed:
            done.rows.append(placed[i].rows)
            done.chunks_reused += placed[i].chunks
        for outcome in outcomes[i]:
            done.rows.append(outcome.rows)
            done.chunks_reused += outcome.reused
            done.chunks_embedded += outcome.chunks - outcome.reused
    return done
