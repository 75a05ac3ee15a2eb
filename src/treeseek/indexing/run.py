"""Bring an index up to date: look, read, analyse what isn't known, and commit one version."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from treeseek import telemetry
from treeseek.embedding import Embedder, default_embedder
from treeseek.indexing.ledger import Ledger, Page, page_of, with_rows
from treeseek.indexing.looking import Look, left_out, look_again, look_at, pending, unchanged, without
from treeseek.indexing.outgoing import usage_of
from treeseek.indexing.place import bare_rows
from treeseek.indexing.reading import MAX_FOLLOWED, Changes
from treeseek.indexing.reports import Done, report_of
from treeseek.model import Progress, SyncReport
from treeseek.settings import Settings
from treeseek.store import Aliases, UnitStore
from treeseek.workspace import Walk

if TYPE_CHECKING:
    from treeseek.indexing.trees import Text, Trees

__all__ = ["Ledger", "Look", "left_out", "look_at", "pending", "sync", "unchanged", "without"]

MAX_REUSED_FOLLOWED = 16
"""So many reused files are parsed to be followed: somebody took back an edit. More are a branch switch."""

ProgressCallback = Callable[[Progress], None]


def sync(
    root: Path,
    store: UnitStore,
    settings: Settings,
    progress: ProgressCallback | None = None,
    *,
    fresh: bool = False,
    look: Look | None = None,
    ledger: Ledger | None = None,
    found: Walk | None = None,
    beneath: Collection[str] | None = None,
    seconds: float | None = None,
    trees: Trees | None = None,
    embedder: Embedder | None = None,
) -> SyncReport:
    """Make the index equal to the root as it is now, in at most one commit. The caller holds the writer's lock.

    `fresh`: the store was just made and has no version yet; it gets one, even of an empty root.
    `look`: what the caller saw before it had the lock; it spares another look, unless it was overtaken. `ledger`,
    `found` and `beneath` are those of `look_at`; with `beneath`, all else is left as it is.
    `seconds`: no batch of files is begun when so much time has passed. Those modified last come first; what was done is
    committed, and the rest is pending. Deleted files always go. If nothing was done there is no commit, not even of a
    fresh store. `trees`: a cache of them that is open already. `embedder` is the one that the store is for, the bundled
    model if none is given.

    Raises StoreError when the commit fails, EmbeddingError when the embedder does: then the files that have their
    vectors are committed, and the others pending. Whatever happens, the previous version stays readable, and what was
    analysed and embedded so far is kept for the next time.
    """
    started = time.monotonic()
    deadline = float("inf") if seconds is None else started + seconds
    ledger = ledger or Ledger()
    tell = progress or (lambda _: None)
    with telemetry.timed("treeseek_sync_seconds"), ExitStack() as until_the_end:
        tell(Progress("walk"))
        if look is None or fresh:
            look = look_at(root, store, settings, ledger=ledger, found=found, beneath=beneath, fresh=fresh)
        else:
            look = look_again(look, root, store, settings, ledger)
        changes = Changes()
        embedder = embedder or default_embedder()
        before = usage_of(embedder)
        done = _renewed(root, look, changes, settings, embedder, tell, deadline, until_the_end)
        page = _commit(look, changes, done, tell, fresh=fresh)
        if page.version:
            ledger.turn(store, page)
        aliases = _follow(look, changes, page, settings, trees) if time.monotonic() < deadline else 0
    if done.failure is not None:
        raise done.failure
    used = usage_of(embedder).since(before)
    report = report_of(look.found, look.page, page, look.todo, changes, done, time.monotonic() - started, used,
                       is_whole=look.beneath is None)  # fmt: skip
    return replace(report, aliases=aliases)


def _renewed(
    root: Path, look: Look, changes: Changes, settings: Settings, embedder: Embedder, tell: ProgressCallback,
    deadline: float, until_the_end: ExitStack,
) -> Done:  # fmt: skip
    todo = look.todo.read
    tell(Progress("analyse", 0, len(todo), 0, sum(file.size for file in todo)))
    if not todo:
        return Done()
    # Not needed, and not loaded, when nothing has changed.
    from treeseek.indexing.artifact_cache import ArtifactCache
    from treeseek.indexing.renew import renew
    from treeseek.indexing.stand_in import analysing
    from treeseek.indexing.vectors import TextVectors, VectorCache

    tokens = analysing(embedder)
    vectors: TextVectors | None = None
    if tokens is not embedder:
        kept = until_the_end.enter_context(VectorCache(settings, embedder.identity))
        vectors = TextVectors(embedder, kept, deadline)
    # What it has to write to disk, it writes while the rows are committed.
    cache = until_the_end.enter_context(ArtifactCache(settings, tokens.identity))
    return renew(root, look, changes, cache, settings, tokens, vectors, tell, deadline)


def _commit(look: Look, changes: Changes, done: Done, tell: ProgressCallback, *, fresh: bool) -> Page:
    """Write the new rows, without those that they replace. Returns what the index then knows."""
    store, known = look.store, look.page.files
    replaced = {path for path in (*changes.analysed, *changes.vanished) if path in known} | set(look.todo.deleted)
    replaced |= {entry[0].path for entry in changes.left_out if entry[0].path in known}
    bare = [*changes.touched, *changes.left_out]
    is_empty = not done.rows and not replaced and not bare
    if is_empty and fresh and changes.pending:
        return look.page
    if is_empty and not fresh:
        store.build_indexes()  # an earlier run may have been interrupted between its commit and this
        return page_of(store.snapshot(), known)
    bare += changes.settled
    if bare:
        done.rows.append(bare_rows(sorted(bare, key=lambda entry: entry[0].path), store.identity.dims))
    tell(Progress("commit"))
    store.commit(done.rows, replaced)
    tell(Progress("index"))
    store.build_indexes()
    return page_of(store.snapshot(), with_rows(known, done.rows, replaced))


def _follow(look: Look, changes: Changes, page: Page, settings: Settings, opened: Trees | None) -> int:
    """Note which ids became which, and keep the trees that tell next time. Returns how many did.

    Only files that the workers could read are parsed here; none is after a first sync or a large one.
    """
    if not changes.texts or len(changes.texts) + len(look.todo.deleted) > MAX_FOLLOWED:
        return 0
    from treeseek.indexing.following import follow
    from treeseek.indexing.trees import Text, has_grammar, open_trees

    texts = [
        Text(text.source.path, text.data, text.language, text.digest)
        for text in sorted(changes.texts, key=lambda text: text.source.path)
        if has_grammar(text.language) and not page.files[text.source.path].note
    ]
    with nullcontext(opened) if opened else open_trees(settings) as trees:
        if len(changes.reused) > MAX_REUSED_FOLLOWED:
            texts = _without_unparsed(texts, set(changes.reused), trees)
        pairs = follow(texts, look.page.files, look.todo.deleted, trees, live=opened is not None)
    Aliases(look.store.directory).record(pairs)
    return len(pairs)


def _without_unparsed(texts: Sequence[Text], reused: Collection[str], trees: Trees) -> list[Text]:
    """Leave out reused files without a cached tree: parsing them would cost what their reuse has saved."""
    loaded = trees.cache.load_many((text.path, text.digest, text.language) for text in texts)
    return [text for text, tree in zip(texts, loaded, strict=True) if tree is not None or text.path not in reused]
