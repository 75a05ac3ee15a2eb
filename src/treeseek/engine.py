"""The one facade: plain data in, plain data out. CLI, HTTP and MCP translate, and hold no logic of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Hashable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from treeseek import indexing, telemetry
from treeseek.embedding import Embedder
from treeseek.errors import (
    EmbeddingError,
    NotIndexedError,
    StoreError,
    TreeseekError,
    UsageError,
)
from treeseek.indexing.outgoing import embedder_of, is_remote, shown
from treeseek.model import (
    DeclarationQuery,
    Difference,
    Estimate,
    Excerpt,
    Filters,
    IndexStatus,
    Maintenance,
    Measures,
    Migration,
    Progress,
    QueryResult,
    Repair,
    SearchResult,
    SyncReport,
    Syntax,
    Verification,
)
from treeseek.retrieval import filters as filtering
from treeseek.retrieval import query as queries
from treeseek.retrieval import search as searching
from treeseek.retrieval.corpus import Corpus
from treeseek.retrieval.reader import Ask, Reader
from treeseek.retrieval.result import count_outcome, result_of
from treeseek.retrieval.search import Found
from treeseek.safety import caps
from treeseek.safety.answers import Answer
from treeseek.safety.redact import Policy
from treeseek.settings import Settings, load
from treeseek.store import Aliases, IndexIdentity, Snapshot, UnitStore, index_directory, reading, writer_lock
from treeseek.store.directory import current_state
from treeseek.syntax import detect, names, resolve
from treeseek.workspace import Walk, classify, client_path, look, open_root, resolve_root

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from treeseek.indexing.ledger import Ledger
    from treeseek.indexing.trees import Trees
    from treeseek.scanning.report import ScanReport
    from treeseek.scanning.run import ScanOptions

__all__ = ["Engine", "open_engine", "remove_orphans"]

LOCK_SECONDS = 60.0
TIDY_COMMITS = 32
"""While files change without a pause, the index is tidied after so many commits."""
WORDS_NOTE = "ranked by words alone"
"""How the note of a search begins that went without its embedder."""
UNASKED_TEXTS = 1_000
"""So many texts may go to a remote embedder for a first index without a question: a small project's, some cents."""
REMEMBERED_QUERIES = 1_000
"""So many questions' vectors are kept, whatever is committed meanwhile: a remote embedder takes time and money."""

ProgressCallback = Callable[[Progress], None]


class Engine:
    """One root and its index. Safe to use from several threads; readers never wait for a sync.

    Use `treeseek.open(path)` to make one, and `close()` it or use it as a context manager.
    """

    def __init__(self, root: Path, settings: Settings, embedder: Embedder | None = None) -> None:
        """Not for callers: use `treeseek.open`."""
        self.root = root
        self._embedder, self._is_lent = embedder, embedder is not None
        self.settings = settings
        self.directory = index_directory(settings.data_dir, root)
        self._lock = threading.Lock()
        self._store: UnitStore | None = None
        self._current: tuple[int, int] | None = None
        self._reader = Reader(self.directory, self._answering_store, settings.cache_query_bytes)
        self._vectors: dict[str, NDArray[np.float32]] = {}
        self._trees: Trees | None = None
        self._ledger: Ledger | None = None

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget what is held in memory. The index stays."""
        with self._lock:
            self._store, self._ledger = None, None
            trees, self._trees = self._trees, None
            embedder = None if self._is_lent else self._embedder
        self._reader.close()
        if trees is not None:
            trees.close()
        if (close := getattr(embedder, "close", None)) is not None:
            close()

    @property
    def embedder(self) -> Embedder:
        """What makes the vectors, of the index and of questions: one for as long as the engine is open."""
        with self._lock:
            if self._embedder is None:
                self._embedder = embedder_of(self.settings)
            return self._embedder

    @property
    def indexed(self) -> bool:
        """Whether there is an index that this version of treeseek can answer from."""
        return self._current_store() is not None

    def sync(
        self,
        progress: ProgressCallback | None = None,
        *,
        rebuild: bool = False,
        hints: Collection[str] | None = None,
        seconds: float | None = None,
    ) -> SyncReport:
        """Bring the index up to date with the root; make it if there is none, or if `rebuild`.

        `hints`, paths relative to the root, limit the look at it to what is at or beneath them. When `seconds` have
        passed, no more files are begun; the report says how many are pending.
        Raises RootError when the root is gone, StoreLockedError when another process keeps writing the index,
        StoreError when it can't be written, EmbeddingError when the embedder fails: what has its vectors is committed.
        """
        from treeseek.indexing.run import Ledger, look_at, sync, unchanged
        from treeseek.store.maintenance import drop_old_generations

        with self._lock:
            ledger = self._ledger = self._ledger or Ledger()
        current = None if rebuild else self._current_store()
        seen = None
        if current is not None and not current.is_outdated:
            found, beneath = self._looked_at(hints)
            with reading(self.directory):
                seen = look_at(self.root, current, self.settings, ledger=ledger, found=found, beneath=beneath)
        if seen is not None and (report := unchanged(seen)):
            return report
        with writer_lock(self.directory, LOCK_SECONDS if seconds is None else min(seconds + 1, LOCK_SECONDS)):
            store = None if rebuild else self._writable_store()
            fresh = store is None
            if store is None:
                store = UnitStore.create(self.directory, self.root, self._identity())
            # Who watches has trees at hand, live ones among them; opening them for one sync would cost more.
            trees = None if hints is None else self._opened_trees()
            report = sync(
                self.root, store, self.settings, progress, fresh=fresh, look=seen, ledger=ledger, seconds=seconds,
                trees=trees, embedder=self.embedder,
            )  # fmt: skip
            if report.version:
                self._keep(store)
            if fresh and report.version and Policy(self.settings.redact_store).is_on:
                drop_old_generations(
                    store, older_than=0.0
                )  # made under another policy, they hold what mustn't be stored
            if report.committed and hints is None:
                self._tidied(store)
        return report

    def _looked_at(self, hints: Collection[str] | None) -> tuple[Walk | None, Collection[str] | None]:
        """Look at what is hinted at; (None, None) if only a walk of everything can tell."""
        found = None if hints is None else look(self.root, hints, max_file_bytes=self.settings.max_file_bytes)
        return (None, None) if found is None else (found, hints)

    def _writable_store(self) -> UnitStore | None:
        """Return the store to write to, brought to the format of now if it is of an older one."""
        store = self._current_store()
        if store is not None and store.is_outdated:
            from treeseek.store.migration import migrate

            migrate(self.directory)
            store = self._current_store()
        return store

    def _keep(self, store: UnitStore) -> None:
        """Go on with a store that was just written: it holds in memory what another would have to read."""
        with self._lock:
            self._store, self._current = store, current_state(self.directory)

    def watch(
        self,
        stop: threading.Event,
        *,
        on_sync: Callable[[SyncReport], object] = lambda report: None,
        on_error: Callable[[TreeseekError], object] = lambda error: None,
        on_notice: Callable[[str], object] = lambda text: None,
        on_pending: Callable[[bool], object] = lambda is_pending: None,
    ) -> None:
        """Keep the index up to date while files change, until `stop` is set. Other threads may search meanwhile.

        `on_sync` is given what each look at the root came to, `on_error` what went wrong with one, which is made again
        by itself, `on_notice` a line when the root goes or comes back, or can't be watched and is looked at instead,
        `on_pending` whether the index may lack something that was seen.
        The index is tidied when nothing happens, or after very many changes.
        """
        from treeseek.cache import close_idle
        from treeseek.indexing.watching import watch
        from treeseek.indexing.workers import Terms, kept_warm
        from treeseek.store.memory import give_back_memory, settle_memory

        settle_memory()
        commits = 0

        def sync(hints: Sequence[str] | None) -> None:
            nonlocal commits
            report = self.sync(hints=hints)
            commits += report.committed
            if hints is not None and report.committed and commits % TIDY_COMMITS == 0:
                rest()
            elif hints is None:  # all files were looked at, which takes memory
                give_back_memory()
            on_sync(report)

        def rest() -> None:
            self.tidy()
            close_idle()
            give_back_memory()

        with kept_warm(Terms.of(self.settings)):
            watch(self.root, sync, stop=stop, idle=rest, on_error=on_error, on_notice=on_notice,
                  on_pending=on_pending)  # fmt: skip

    def search(
        self,
        query: str,
        *,
        limit: int = 10,
        filters: Filters = Filters(),
        max_tokens: int | None = None,
        explain: bool = False,
        ranker: searching.Ranker = searching.SHIPPED,
    ) -> SearchResult:
        """Return the places that answer a question, best first; one chunk per file before any second one.

        `max_tokens` bounds the hits' texts and heads together, as `retrieval.budget` counts. With `explain`, hits say
        what speaks for them. `ranker` is for comparisons: see `treeseek.evaluation`. Without its embedder it answers
        from words alone, with a note.
        Raises UsageError for a query or filter that can't be, NotIndexedError before the first sync.
        """
        limits = self.settings
        parsed = queries.parse(query, max_chars=limits.max_query_chars, max_terms=limits.max_query_terms)
        checked = self._checked(filters, limit)

        chosen = replace(ranker, explain=explain)

        def ask(corpus: Corpus, snapshot: Snapshot) -> Found:
            vector, note = (None, "") if chosen.evidence == "lexical" else self._embedded(query)
            by = chosen if vector is not None else replace(chosen, evidence="lexical")
            found = searching.search(corpus, snapshot.texts, parsed, vector, checked, limit, by)
            return replace(found, notes=(note,)) if note else found

        with telemetry.timed("treeseek_search_seconds"):
            result = self._answer(query, ("search", query.strip(), checked, chosen), limit, ask, max_tokens)
        count_outcome(result)
        return result

    def _embedded(self, query: str) -> tuple[NDArray[np.float32] | None, str]:
        """Return a question's vector and an empty note; or None, and what is to be noted, if the embedder fails."""
        if (known := self._vectors.get(query)) is not None:
            return known, ""
        try:
            vector = self.embedder.embed_query(query)
        except EmbeddingError as error:
            telemetry.count("treeseek_searches_by_words_total", reason=error.code)
            return None, f"{WORDS_NOTE}, not by meaning: {error}"
        if len(self._vectors) >= REMEMBERED_QUERIES:
            self._vectors.clear()
        self._vectors[query] = vector
        return vector, ""

    def related(
        self,
        path: str,
        line: int,
        *,
        limit: int = 10,
        filters: Filters = Filters(),
        max_tokens: int | None = None,
    ) -> SearchResult:
        """Return the places most like the code at `path:line`, its own chunk left out."""
        checked, path = self._checked(filters, limit), client_path(path, self.root)

        def ask(corpus: Corpus, snapshot: Snapshot) -> Found:
            hits = searching.related(corpus, snapshot.texts, path, line, checked, limit)
            if hits is None:
                raise UsageError(
                    f"{path}:{line} is not in the index: there is no such line, or the file is left out "
                    "(`treeseek status --skipped`)"
                )
            return Found(hits)

        with telemetry.timed("treeseek_related_seconds"):
            return self._answer(f"{path}:{line}", ("related", path, line, checked), limit, ask, max_tokens)

    def symbols(
        self, name: str, *, limit: int = 50, filters: Filters = Filters(), max_tokens: int | None = None
    ) -> SearchResult:
        """Return the declarations of a name: spelled so, in another case, as the same words, or as part of one."""
        if not name.strip():
            raise UsageError("the name is empty; say which declaration to look for")
        if len(name) > self.settings.max_query_chars:
            raise UsageError(f"the name has {len(name):,} characters; no declaration is that long")
        checked = self._checked(filters, limit)

        def ask(corpus: Corpus, snapshot: Snapshot) -> Found:
            return Found(searching.symbols(corpus, snapshot.texts, name.strip(), checked, limit))

        with telemetry.timed("treeseek_symbols_seconds"):
            return self._answer(name, ("symbols", name.strip(), checked), limit, ask, max_tokens)

    def renew_answers(self, seconds: float) -> int:
        """Find the answers of the newest version to what is asked often, before somebody asks; return how many.

        Stops after so many seconds. Raises NotIndexedError, StoreError, and what the searches raised.
        """
        return self._reader.renew(seconds)

    def chunks(self) -> int:
        """Return how many chunks the index holds; 0 without one."""
        store = self._current_store()
        return 0 if store is None else store.snapshot().chunk_count()

    def sequence(self) -> int:
        """Return a number that grows with every commit to the index; 0 without one."""
        store = self._current_store()
        return 0 if store is None else store.snapshot().sequence

    def resolve(self, name: str) -> str:
        """Return the id that a declaration has now, given one that it has or had before it was renamed or moved.

        Raises StoreError when the index's aliases can't be read.
        """
        return Aliases(self.directory).resolve(name)

    def outline(self, path: str) -> Syntax:
        """Return the declarations and chunks of a file as it is now. Needs no index.

        Raises UnreadableError when it isn't a readable file inside the root, UsageError when it isn't text.
        """
        path = client_path(path, self.root)
        with open_root(self.root) as reader:
            data = reader.read(path, max_bytes=self.settings.max_file_bytes)
        if classify(path, data) == "binary":
            raise UsageError(f"{path} is binary: it has no outline")
        from treeseek.indexing.outlines import outline

        return self._shown(outline(data, detect(path, data[:4096]), self.settings), path)

    def lines(self, path: str, start: int, end: int) -> Excerpt:
        """Return some lines of a file as it is now; see `indexing.excerpts`. Needs no index."""
        from treeseek.indexing.excerpts import excerpt

        return excerpt(self.root, self.settings, path, start, end)

    def diff(self, old: str = "HEAD", new: str = "", *, paths: Sequence[str] = (), nodes: bool = False) -> Difference:
        """Return what changed in meaning from revision `old` to `new`, or to the files as they are now. Needs no index.

        `old` alone may be a range, `A..B` or `A...B`. `paths` are globs; `nodes` adds changes of single nodes.
        Raises UsageError for a revision or glob that can't be, RootError if git can't be asked.
        """
        from treeseek.indexing.changes import between_revisions

        return self._shown(
            between_revisions(self.root, self.settings, self._opened_trees(), old, new, paths=paths, nodes=nodes)
        )

    def diff_files(self, old: Path, new: Path, *, nodes: bool = False) -> Difference:
        """Return what changed in meaning from one file to another, wherever they are. Needs no index.

        Raises UnreadableError for what is no regular file.
        """
        from treeseek.indexing.changes import between_files

        return self._shown(between_files(self.root, self.settings, self._opened_trees(), old, new, nodes=nodes))

    def query(self, query: DeclarationQuery, *, limit: int = 100) -> QueryResult:
        """Return the declarations, or the places that fit a pattern, in the files as they are now. Needs no index.

        Raises UsageError for a query that can't be, RootError if it names a revision and git can't be asked.
        """
        from treeseek.indexing.query import run

        languages = self._checked(Filters(languages=query.languages), limit).languages
        return self._shown(
            run(self.root, self.settings, self._opened_trees(), replace(query, languages=languages), limit)
        )

    def scan(self, options: ScanOptions | None = None) -> ScanReport:
        """Return what secrets, and what of persons, the root's files or its history hold. Needs no index.

        Raises UsageError for options that can't be, RootError if there is no history to read, WorkerError.
        """
        from treeseek.scanning.run import ScanOptions, scan

        return scan(self.root, self.settings, options or ScanOptions())

    def estimate(self) -> Estimate:
        """Return what a sync would ask of the embedder now. Files are analysed for it, nothing is embedded.

        Raises RootError when the root is gone.
        """
        from treeseek.indexing.estimate import estimate

        return estimate(self.root, self._current_store(), self.settings, self.embedder)

    def unasked(self) -> Estimate | None:
        """Return what a first index would send to a remote embedder, if it is so much that somebody should agree."""
        if not is_remote(self.embedder) or self.indexed:
            return None
        found = self.estimate()
        return found if found.texts - found.known > UNASKED_TEXTS else None

    def status(self, *, skipped: bool = False) -> IndexStatus:
        """Return the state of the index against the root as it is now; with `skipped`, all that was left out."""
        from treeseek.indexing.state import state_of

        return state_of(self.root, self.directory, self._current_store(), self.settings, skipped=skipped)

    def measures(self, before: Measures) -> Measures:
        """Return what the index comes to, on disk and in memory; `before`, the last measures, spares some of the work.

        Doesn't look at the root. Raises StoreError.
        """
        from treeseek.indexing.measuring import measured

        return measured(self._current_store(), self._reader.loaded_sequence, before)

    def tree_sizes(self) -> dict[str, tuple[int, int, int]]:
        """Return the entries, bytes and budget of each tier of the cache of trees; nothing before it is needed."""
        tiers = {} if self._trees is None else self._trees.cache.statistics().tiers
        return {name: (tier.entries, tier.nbytes, tier.budget) for name, tier in tiers.items()}

    # -- upkeep ------------------------------------------------------------------------------------------------

    def verify(self, *, percent: float = 0.0, wait: float = LOCK_SECONDS) -> Verification:
        """Check that the index holds together; with `percent`, read so much of it and compare hashes.

        Raises NotIndexedError if there is none, StoreLockedError if another process keeps writing it.
        """
        from treeseek.store.verification import verify

        if not (self.directory / "CURRENT").exists():
            raise NotIndexedError(f"{self.root} has no index to verify")
        with writer_lock(self.directory, wait, "treeseek verify"):
            found = verify(self.directory, percent=percent)
        if found is None:
            raise NotIndexedError(f"{self.root} has no index to verify")
        return found

    def repair(self, progress: ProgressCallback | None = None) -> Repair:
        """Mend the index and bring it up to date: after that it equals one that was made anew.

        Raises FormatError for an index of a newer treeseek, StoreError if it can't be written.
        """
        from treeseek.store.repair import repair

        with writer_lock(self.directory, LOCK_SECONDS, "treeseek repair"):
            done = repair(self.directory)
            with self._lock:
                self._store = None
            self._reader.forget()
        self.sync(progress)
        return done

    def tidy(self, *, force: bool = False, drop_generations: bool = False) -> Maintenance | None:
        """Join small pieces of the index and drop old versions, if it is worth it or `force`; None if it wasn't.

        `drop_generations` drops all but the current one; without it those that are older than a week go, with `force`.
        Searches go on meanwhile. Raises StoreError.
        """
        from treeseek.store.maintenance import OLD_SECONDS, drop_old_generations, is_due, maintain

        store = self._current_store()
        if store is None or not (force or is_due(store)):
            return None
        with writer_lock(self.directory, LOCK_SECONDS, "treeseek gc" if force else "treeseek"):
            store = self._current_store()
            if store is None:
                return None
            done = maintain(store, force=force)
            if force:
                dropped = drop_old_generations(store, older_than=0.0 if drop_generations else OLD_SECONDS)
                done = replace(done, generations_dropped=dropped)
        return done

    def migrate(self, *, dry_run: bool = False) -> Migration | None:
        """Bring the index to the format of now, embeddings and all; None if it has it. Raises StoreError."""
        from treeseek.store.migration import migrate

        with writer_lock(self.directory, LOCK_SECONDS, "treeseek migrate"):
            return migrate(self.directory, dry_run=dry_run)

    def roll_back(self) -> tuple[str, str]:
        """Make the generation before the current one current; return the names of the one left and the one entered.

        Raises StoreError if there is none.
        """
        from treeseek.store.migration import roll_back

        with writer_lock(self.directory, LOCK_SECONDS, "treeseek rollback"):
            left, entered = roll_back(self.directory)
        return left.name, entered.name

    def _tidied(self, store: UnitStore) -> None:
        """Do what maintenance is due, under the lock that is held."""
        from treeseek.store.maintenance import is_due, maintain

        with suppress(StoreError):  # what was asked for is done, and a next time will do for this
            if is_due(store):
                maintain(store)

    def _opened_trees(self) -> Trees:
        from treeseek.indexing.trees import open_trees

        with self._lock:
            if self._trees is None:
                self._trees = open_trees(self.settings)
            return self._trees

    def _identity(self) -> IndexIdentity:
        """Return what decides which rows the root's bytes give."""
        embedder, policy = self.embedder.identity, Policy(self.settings.redact_store, self.settings.redact_pii)
        analysis = f"{indexing.FINGERPRINT}/{policy.fingerprint}" if policy.is_on else indexing.FINGERPRINT
        return IndexIdentity(str(embedder), embedder.dims, analysis)

    def _shown(self, answer: Answer, *paths: str) -> Answer:
        """Return an answer, about files it names or others at `paths`, as the settings let it be shown."""
        return shown(self.root, self.settings, answer, paths)

    def _checked(self, filters: Filters, limit: int) -> Filters:
        caps.check_results(limit, self.settings.max_results)
        return replace(filtering.checked(filters, resolve, names()), path=client_path(filters.path, self.root))

    def _current_store(self) -> UnitStore | None:
        """Return the store, unless there is none or its rows were made by another embedder or analysis."""
        store = self._any_store()
        return None if store is None or store.identity != self._identity() else store

    def _any_store(self) -> UnitStore | None:
        """Return the store of the current generation, opened anew if another process has made another one current."""
        current = current_state(self.directory)
        with self._lock:
            if self._store is None or current != self._current:
                self._store, self._current = UnitStore.open(self.directory), current
            return self._store

    def _answering_store(self) -> UnitStore:
        """Return the store to answer from. Raises NotIndexedError."""
        store = self._current_store()
        if store is None:
            is_foreign = self._any_store() is not None
            lacks = "has no index by this embedder and version" if is_foreign else "is not indexed"
            raise NotIndexedError(f"{self.root} {lacks} yet; run `treeseek index` first")
        return store

    def _answer(self, query: str, question: Hashable, limit: int, ask: Ask, max_tokens: int | None) -> SearchResult:
        found, snapshot = self._reader.answer(question, limit, ask)
        return self._shown(result_of(self.root, query, found, snapshot, max_tokens, self.settings.max_file_bytes))


def remove_orphans(settings: Settings) -> tuple[str, ...]:
    """Remove the indexes of roots that don't exist any more; return those roots."""
    from treeseek.store.orphans import remove_orphans

    return remove_orphans(settings.data_dir)


def open_engine(
    path: str | Path = ".", settings: Settings | None = None, *, embedder: Embedder | None = None
) -> Engine:
    """Return the engine of a root: `path` itself, a directory that exists. `embedder` is used instead of what the
    settings ask for, and is given texts as they are.

    Raises RootError when it doesn't, isn't a directory, can't be read, or is refused.
    """
    return Engine(resolve_root(path), settings or load(), embedder)
