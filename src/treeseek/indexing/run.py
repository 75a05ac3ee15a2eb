"""Bring an index up to date: walk, plan, read, analyse, and commit one version."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from treeseek import telemetry
from treeseek.errors import UnreadableError
from treeseek.indexing.analyse import FileText, file_rows
from treeseek.indexing.identity import content_hash
from treeseek.indexing.plan import KnownFile, Plan, batched, is_racy, plan
from treeseek.model import Progress, Skipped, SourceFile, SyncReport, UnitColumns
from treeseek.settings import Settings
from treeseek.store import Aliases, Manifest, UnitStore
from treeseek.syntax import detect
from treeseek.workspace import Walk, classify, open_root, walk

__all__ = ["left_out", "pending", "sync", "unchanged", "without"]

MAX_FOLLOWED = 500
"""Files in one sync whose declarations are followed: more are a branch switch, and nobody's links follow that."""
SMALL_ROOT_BYTES = 1_500_000
"""Below this, starting worker processes costs more than it saves."""

ProgressCallback = Callable[[Progress], None]


@dataclass(slots=True)
class _Changes:
    """What reading the planned files found; filled from several threads, each appending whole entries."""

    touched: list[tuple[SourceFile, str, str, str, str]] = field(default_factory=list)
    left_out: list[tuple[SourceFile, str, str, str, str]] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    analysed: list[str] = field(default_factory=list)
    texts: list[FileText] = field(default_factory=list)
    bytes_read: int = 0


def without(found: Walk, root: Path, store: UnitStore) -> Walk:
    """Return the walk without the index's own files, should they lie inside the root."""
    try:
        own = store.directory.resolve().relative_to(root).as_posix() + "/"
    except ValueError:
        return found
    files = tuple(file for file in found.files if not file.path.startswith(own))
    skipped = (*(left for left in found.skipped if not left.path.startswith(own)), Skipped(own, "index"))
    return replace(found, files=files, skipped=skipped)


def known_files(manifest: Manifest) -> dict[str, KnownFile]:
    """Return the manifest as a map by path."""
    rows = zip(
        manifest.path, manifest.kind, manifest.language, manifest.note, manifest.content_hash,
        manifest.size.tolist(), manifest.mtime_ns.tolist(), manifest.inode.tolist(), strict=True,
    )  # fmt: skip
    return {path: KnownFile(*rest) for path, *rest in rows}


def left_out(found: Walk, manifest: Manifest) -> list[Skipped]:
    """Return everything that is not indexed, or in a lesser way, with its reason, sorted by path."""
    of_files = [
        Skipped(path, note, "" if kind == "skipped" else "indexed by lines")
        for path, kind, note in zip(manifest.path, manifest.kind, manifest.note, strict=True)
        if note
    ]
    return sorted([*found.skipped, *of_files], key=lambda skipped: skipped.path)


def pending(found: Walk, manifest: Manifest) -> dict[str, int]:
    """Count, by stat alone, the files that a sync would look at."""
    known = known_files(manifest)
    todo = plan(found.files, known)
    new = sum(file.path not in known for file in todo.read)
    racy = sum(file.path in known and known[file.path].mtime_ns == 0 for file in todo.read)
    return {"new": new, "changed": len(todo.read) - new - racy, "deleted": len(todo.deleted)}


def unchanged(root: Path, store: UnitStore, settings: Settings) -> SyncReport | None:
    """Return a report if, by stat alone, there is nothing to do; None if a sync must look closer.

    Takes no lock and writes nothing, so it neither waits for a writer nor needs to be allowed to write.
    """
    started = time.perf_counter()
    found = without(walk(root, max_file_bytes=settings.max_file_bytes, max_files=settings.max_files), root, store)
    snapshot = store.snapshot()
    known = known_files(snapshot.manifest())
    todo = plan(found.files, known)
    if todo.read or todo.deleted or not store.has_indexes():
        return None
    return _report(found, known, todo, _Changes(), [], snapshot.version, time.perf_counter() - started)


def sync(
    root: Path,
    store: UnitStore,
    settings: Settings,
    progress: ProgressCallback | None = None,
    *,
    fresh: bool = False,
) -> SyncReport:
    """Make the index equal to the root as it is now, in at most one commit. The caller holds the writer's lock.

    `fresh`: the store was just made and has no version yet; it gets one, even of an empty root.

    Raises StoreError when the commit fails; whatever happens, the previous version stays readable.
    """
    started = time.perf_counter()
    with telemetry.timed("treeseek_sync_seconds"):
        tell = progress or (lambda _: None)
        tell(Progress("walk"))
        found = without(walk(root, max_file_bytes=settings.max_file_bytes, max_files=settings.max_files), root, store)
        known = {} if fresh else known_files(store.snapshot().manifest())
        todo = plan(found.files, known)
        changes = _Changes()
        rows = _analysed(root, store, todo, found.brought_back, known, changes, settings, tell)
        version = _commit(store, known, todo, changes, rows, tell, fresh)
        aliases = _follow(store, known, todo, changes, rows, settings)
    report = _report(found, known, todo, changes, rows, version, time.perf_counter() - started)
    return replace(report, aliases=aliases)


def _follow(
    store: UnitStore, known: Mapping[str, KnownFile], todo: Plan, changes: _Changes, rows: Sequence[UnitColumns],
    settings: Settings,
) -> int:  # fmt: skip
    """Note which ids became which, and keep the trees that tell next time. Returns how many did.

    Only files that the workers could read are parsed here; none is after a first sync or a large one.
    """
    if not changes.texts or len(changes.texts) + len(todo.deleted) > MAX_FOLLOWED:
        return 0
    from treeseek.indexing.following import follow
    from treeseek.indexing.trees import Text, open_trees

    sound = {
        path: language
        for part in rows
        for path, kind, language, note in zip(part.path, part.kind, part.language, part.note, strict=True)
        if kind == "file" and not note
    }
    texts = [
        Text(text.source.path, text.data, sound[text.source.path], text.digest)
        for text in sorted(changes.texts, key=lambda text: text.source.path)
        if text.source.path in sound
    ]
    with open_trees(settings) as trees:
        pairs = follow(texts, known, todo.deleted, trees)
    Aliases(store.directory).record(pairs)
    return len(pairs)


def _analysed(
    root: Path, store: UnitStore, todo: Plan, wanted: Collection[str], known: Mapping[str, KnownFile],
    changes: _Changes, settings: Settings, tell: ProgressCallback,
) -> list[UnitColumns]:  # fmt: skip
    """Read and analyse the planned files. Returns the new rows in the order of the files."""
    from treeseek.indexing.workers import analyser  # not needed, and not loaded, when nothing has changed

    planned = batched(todo.read)
    total_bytes = sum(file.size for file in todo.read)
    rows: dict[int, list[UnitColumns]] = {}
    files_done = bytes_done = 0
    tell(Progress("analyse", 0, len(todo.read), 0, total_bytes))
    with open_root(root) as reader:

        def load(i: int) -> list[FileText]:
            return list(_changed(reader.read, planned[i], known, changes, settings.max_file_bytes, wanted))

        workers = _workers(settings, total_bytes, len(planned))
        with analyser(workers, settings.parse_seconds) as run:
            store.warm_up()  # while the workers start
            for i, batch_rows in run(len(planned), load):
                rows[i] = batch_rows
                files_done += len(planned[i])
                bytes_done += sum(file.size for file in planned[i])
                tell(Progress("analyse", files_done, len(todo.read), bytes_done, total_bytes))
    return [part for i in sorted(rows) for part in rows[i]]


def _workers(settings: Settings, total_bytes: int, batches: int) -> int:

    wanted = settings.workers or os.cpu_count() or 1
    if total_bytes < SMALL_ROOT_BYTES or wanted == 1:
        return 0
    return min(wanted, batches)


def _changed(
    read: Callable[..., bytes], batch: Sequence[SourceFile], known: Mapping[str, KnownFile], changes: _Changes,
    max_bytes: int, wanted: Collection[str],
) -> Iterator[FileText]:  # fmt: skip
    """Yield the files of a batch whose bytes must be analysed; note all others in `changes`.

    `wanted` are files that the user asked for by name: they are read even if they look generated or minified.
    """
    for file in batch:
        before = known.get(file.path)
        read_at = time.time_ns()
        try:
            data = read(file.path, max_bytes=max_bytes)
        except UnreadableError as error:
            _note_unreadable(file, error.reason, before, changes)
            continue
        changes.bytes_read += len(data)
        source = SourceFile(file.path, file.size, 0 if is_racy(file, read_at) else file.mtime_ns, file.inode)
        digest = content_hash(data)
        if before is not None and before.content_hash == digest:
            if before.mtime_ns != 0:
                changes.touched.append((source, before.kind, before.language, before.note, digest))
            continue
        reason = classify(file.path, data)
        if reason and (reason == "binary" or file.path not in wanted):
            changes.left_out.append((source, "skipped", detect(file.path, data[:4096]), reason, digest))
            continue
        changes.analysed.append(file.path)
        text = FileText(source, data, digest)
        if known and len(changes.texts) <= MAX_FOLLOWED:
            changes.texts.append(text)
        yield text


def _note_unreadable(file: SourceFile, reason: str, before: KnownFile | None, changes: _Changes) -> None:
    if reason == "vanished":
        changes.vanished.append(file.path)
    elif before is None or (before.kind, before.note) != ("skipped", reason):
        # Stored with mtime 0: permissions can be mended without a new time stamp, so it is tried again.
        source = SourceFile(file.path, file.size, 0, file.inode)
        changes.left_out.append((source, "skipped", "text", reason, ""))


def _commit(
    store: UnitStore, known: Mapping[str, KnownFile], todo: Plan, changes: _Changes, rows: list[UnitColumns],
    tell: ProgressCallback, fresh: bool,
) -> int:  # fmt: skip
    bare = sorted([*changes.touched, *changes.left_out], key=lambda entry: entry[0].path)
    if bare:
        rows.append(file_rows(bare, store.identity.dims))
    replaced = {path for path in changes.analysed if path in known} | set(todo.deleted)
    replaced |= {entry[0].path for entry in changes.left_out if entry[0].path in known}
    replaced |= {path for path in changes.vanished if path in known}
    if not rows and not replaced and not fresh:
        store.build_indexes()  # an earlier run may have been interrupted between its commit and this
        return store.snapshot().version
    tell(Progress("commit"))
    store.commit(rows, replaced)
    tell(Progress("index"))
    store.build_indexes()
    return store.snapshot().version


def _report(
    found: Walk, known: Mapping[str, KnownFile], todo: Plan, changes: _Changes, rows: Sequence[UnitColumns],
    version: int, seconds: float,
) -> SyncReport:  # fmt: skip
    notes = {path: file.note for path, file in known.items() if file.note}
    for path in (*todo.deleted, *changes.analysed, *changes.vanished):
        notes.pop(path, None)
    chunks = 0
    for part in rows:
        chunks += int(part.has_vector.sum())
        notes |= {path: note for path, note in zip(part.path, part.note, strict=True) if note}
    indexed = {path for path, file in known.items() if file.kind == "file"} | set(changes.analysed)
    indexed -= {*todo.deleted, *changes.vanished, *(entry[0].path for entry in changes.left_out)}
    gone = len(todo.deleted) + sum(path in known for path in changes.vanished)
    changed = sum(path in known for path in changes.analysed) + sum(e[0].path in known for e in changes.left_out)
    added = len(changes.analysed) + len(changes.left_out) - changed
    telemetry.count("treeseek_files_parsed_total", len(changes.analysed))
    telemetry.count("treeseek_chunks_embedded_total", chunks)
    return SyncReport(
        version=version,
        files=len(indexed),
        added=added,
        changed=changed,
        touched=len(changes.touched),
        deleted=gone,
        parsed=len(changes.analysed),
        chunks_embedded=chunks,
        rows_written=sum(len(part) for part in rows),
        bytes_read=changes.bytes_read,
        seconds=seconds,
        reasons=dict(Counter([*(skipped.reason for skipped in found.skipped), *notes.values()])),
    )
