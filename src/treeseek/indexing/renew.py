"""The new rows of files that changed: read, and then placed if their content is known, analysed if it isn't.

With another embedder than the bundled one they come without vectors, and get them in groups (`_Gathered`). What doesn't
get any, as the time is up or the embedder fails, is left for the next time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from treeseek.embedding import TokenEmbedder
from treeseek.errors import EmbeddingError
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
from treeseek.indexing.vectors import Found, TextVectors
from treeseek.indexing.workers import Terms
from treeseek.model import Progress, SourceFile, UnitColumns
from treeseek.safety.redact import Policy, bytes_redactor
from treeseek.settings import Settings
from treeseek.workspace import open_root

__all__ = ["Loader", "renew", "worker_count"]

GROUP_TEXTS = 256
"""So many texts are embedded at once: enough for several requests at the same time to the end."""
SHORT_SECONDS = 1.0
"""A sync that may take no longer than this doesn't wait for worker processes to start."""


@dataclass(slots=True)
class Loader:
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
        texts = list(self.reader.texts(batch))
        known = sort_out(texts, self.cache, self.lenders, sum(file.size for file in batch))
        if known.files:
            rows = place(known.files, known.contents, self.embedder)
            self.placed[i] = Outcome(rows, reused=len(rows) - len(known.files))
            changes.reused.extend(file.source.path for file in known.files)
        return known.rest


@dataclass(slots=True)
class _Gathered:
    """Batches by number: those whose rows are whole, those whose rows wait for vectors, and the `late`, which get none.

    Without `vectors` nothing has to wait. `is_hurried`: each batch gets its vectors at once, as time is short.
    """

    vectors: TextVectors | None
    is_hurried: bool
    whole: dict[int, list[Outcome]] = field(default_factory=dict)
    waiting: dict[int, list[Outcome]] = field(default_factory=dict)
    late: set[int] = field(default_factory=set)
    texts: int = 0

    @property
    def failure(self) -> EmbeddingError | None:
        return None if self.vectors is None else self.vectors.failure

    def add(self, i: int, outcomes: list[Outcome]) -> list[int]:
        """Take a batch; return those that are dealt with now."""
        if self.vectors is None:
            self.whole[i] = outcomes
            return [i]
        self.waiting[i] = outcomes
        self.texts += sum(len(outcome.rows) for outcome in outcomes)
        return self.fill() if self.is_hurried or self.texts >= GROUP_TEXTS else []

    def fill(self) -> list[int]:
        """Give all that wait their vectors, and return which batches those were."""
        batches, self.waiting, self.texts = self.waiting, {}, 0
        if self.vectors is not None and batches:
            texts = {i: [self.vectors.texts_of(outcome.rows) for outcome in batches[i]] for i in batches}
            found = self.vectors.of(text for own in texts.values() for part in own for text in part)
            for i, outcomes in batches.items():
                pairs = zip(outcomes, texts[i], strict=True)
                placed = [_placed(outcome.rows, own, self.vectors, found) for outcome, own in pairs]
                if None in placed:
                    self.late.add(i)
                self.whole[i] = [] if None in placed else [one for one in placed if one is not None]
        return list(batches)


def _placed(rows: UnitColumns, texts: Sequence[str], vectors: TextVectors, found: Found) -> Outcome | None:
    """Return rows with their vectors, and how many of the chunks needed no embedding; None if a vector is missing."""
    placed = vectors.placed(rows, texts, found)
    if placed is None:
        return None
    return Outcome(placed, reused=len(rows) - rows.kind.count("file") - vectors.embedded_of(rows, texts, found))


def renew(
    root: Path, look: Look, changes: Changes, cache: ArtifactCache, settings: Settings, embedder: TokenEmbedder,
    vectors: TextVectors | None, tell: Callable[[Progress], None], deadline: float,
) -> Done:  # fmt: skip
    """Read the planned files and return the new rows, in the order of the files.

    `embedder` embeds where files are analysed; `vectors`, if given, gives what that leaves without. No batch is begun
    after `deadline`, on the monotonic clock, or after the embedder failed. What is analysed goes to the cache as it
    comes, and so outlives whatever ends this, Ctrl-C for instance.
    """
    todo, known = look.todo.read, look.page.files
    has_time = deadline == float("inf")
    planned = batched(todo) if has_time else by_recency(todo)
    total_bytes = sum(file.size for file in todo)
    gathered = _Gathered(vectors, is_hurried=not has_time)
    files_done = bytes_done = 0
    # What has no vectors has none to lend.
    lenders = Lenders(known, look.todo.deleted) if vectors is None else Lenders({}, ())

    def done(batches: Sequence[int]) -> None:
        nonlocal files_done, bytes_done
        for i in batches:
            if i not in loader.late and i not in gathered.late:
                files_done += len(planned[i])
                bytes_done += sum(file.size for file in planned[i])
                tell(Progress("analyse", files_done, len(todo), bytes_done, total_bytes))

    with open_root(root) as opened:
        redact = bytes_redactor(Policy(settings.redact_store, settings.redact_pii))
        reader = Reader(
            opened.read, known, look.found.brought_back, settings.max_file_bytes, settings.max_line_bytes, cache.key,
            changes, redact,
        )  # fmt: skip
        loader = Loader(planned, reader, cache, lenders, embedder, deadline)
        workers = worker_count(settings, total_bytes, len(planned), deadline)
        quarantine = Quarantine(settings.cache_dir)
        with analyser(workers, Terms.of(settings), total_bytes, quarantine, embedder) as analysing:
            if not known and cache.is_empty:
                analysing.start_workers()  # they start while this process gets ready, too
            coming = analysing.run(len(planned), loader.load)
            look.store.warm_up()
            for i, analysed in coming:
                for outcome in analysed:
                    cache.put(outcome.artifacts)
                placed = loader.placed.pop(i, None)
                done(gathered.add(i, analysed if placed is None else [placed, *analysed]))
                if gathered.failure is not None:
                    loader.deadline = 0.0
    cache.finish()
    done(gathered.fill())
    changes.put_off({file.path for i in gathered.late for file in planned[i]})
    return _joined(gathered)


def worker_count(settings: Settings, total_bytes: int, batches: int, deadline: float = float("inf")) -> int:
    """Return how many worker processes are worth their start; 0 if none is."""
    wanted = settings.workers or os.cpu_count() or 1
    alone = wanted == 1 and settings.sandbox == "off"
    if total_bytes < SMALL_BYTES or alone or deadline - time.monotonic() < SHORT_SECONDS:
        return 0
    return min(wanted, batches)


def _joined(gathered: _Gathered) -> Done:
    done = Done(failure=gathered.failure)
    for i in sorted(gathered.whole):
        for outcome in gathered.whole[i]:
            done.rows.append(outcome.rows)
            done.chunks_reused += outcome.reused
            done.chunks_embedded += outcome.chunks - outcome.reused
    return done
