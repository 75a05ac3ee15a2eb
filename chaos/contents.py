"""What should an index hold, what does it hold, and what is wrong if these differ?

The rows of a file are a pure function of its path and bytes, so what an index should hold is computed from the tree
alone, file by file, without a store. A content is the digest of every file's rows, all columns but the stat: size,
time and inode are those of when the file was seen, which may be a moment before it was read. Now and then all that is
proven against an index that was really made afresh, and the size with it.
"""

from __future__ import annotations

import functools
import hashlib
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

import treeseek
from chaos.sources import Files
from treeseek.embedding import default_embedder
from treeseek.errors import StoreCorruptError, TreeseekError
from treeseek.indexing.analyse import FileText
from treeseek.indexing.batch import Batch, analyse_batch
from treeseek.indexing.identity import content_hash
from treeseek.model import SourceFile, UnitColumns
from treeseek.settings import Settings, load
from treeseek.store import UnitStore, index_directory, reading
from treeseek.store.verification import verify
from treeseek.syntax import detect

__all__ = ["Content", "Place", "digest", "expected", "faults", "held", "of_rows", "rebuilt"]

Content = Mapping[str, str]
"""For every file the digest of its rows."""

_STAT = {"mtime_ns", "inode"}
_ATTEMPTS = 10
_RAGGED = {
    "terms": "term_offsets", "term_counts": "term_offsets", "declaration_kind": "declaration_offsets",
    "declaration_name": "declaration_offsets", "declaration_start_line": "declaration_offsets",
    "declaration_end_line": "declaration_offsets",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where a campaign's tree, index and cache lie."""

    base: Path

    @property
    def root(self) -> Path:
        """The tree."""
        return self.base / "root"

    @property
    def settings(self) -> Settings:
        """Settings with the index and the cache below `base`, and nothing of the user's.

        Without the sandbox, as its files are our own: the work that is struck is then done by the process that is.
        """
        return load(
            {"TREESEEK_CONFIG": "/nonexistent"}, data_dir=self.base / "data", cache_dir=self.base / "cache",
            sandbox="off",
        )  # fmt: skip

    @property
    def index(self) -> Path:
        """The directory of the index."""
        return index_directory(self.base / "data", self.root)

    def engine(self) -> treeseek.Engine:
        """Return a new engine of the tree, which has read nothing yet."""
        return treeseek.open(self.root, self.settings)


def expected(files: Files) -> Content:
    """Return what an index of these files should hold."""
    return {path: _digest_of(path, data) for path, data in files.items()}


@functools.lru_cache(maxsize=1 << 14)
def _digest_of(path: str, data: bytes) -> str:
    text = FileText(SourceFile(path, len(data), 0, 0), data, content_hash(data), detect(path, data[:4096]))
    (digest,) = of_rows(analyse_batch(Batch([text]), default_embedder(), 60.0).rows).values()
    return digest


def of_rows(rows: UnitColumns) -> Content:
    """Return the content of rows in any order."""
    columns = {field.name: getattr(rows, field.name) for field in fields(rows) if field.name not in {*_STAT, "size"}}
    lists = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in columns.items()}
    of_path: dict[str, list[bytes]] = {}
    for i, path in enumerate(rows.path):
        of_path.setdefault(path, []).append(repr(_row(lists, i)).encode())
    return {path: hashlib.blake2b(b"\n".join(sorted(parts))).hexdigest() for path, parts in of_path.items()}


def _row(lists: Mapping[str, list[Any]], i: int) -> list[object]:
    row: list[object] = []
    for name, values in lists.items():
        if name in _RAGGED:
            offsets = lists[_RAGGED[name]]
            row.append(values[offsets[i] : offsets[i + 1]])
        elif not name.endswith("_offsets"):
            row.append(values[i])
    return row


def digest(content: Content) -> str:
    """Return what tells a content from others, in few characters."""
    return hashlib.blake2b(repr(sorted(content.items())).encode(), digest_size=16).hexdigest()


def held(index: Path) -> tuple[UnitColumns, bool] | None:
    """Return the rows that a reader who comes now finds, and whether they are those of a fallback; None if there is no
    index. As readers do, it comes again if the version goes under its hands while another is there. Raises
    TreeseekError.
    """
    for attempt in range(_ATTEMPTS):
        store = UnitStore.open(index)
        if store is None:
            return None
        with reading(index):
            snapshot = store.snapshot()
            try:
                return snapshot.rows(), snapshot.is_fallback
            except StoreCorruptError:
                last = store.journal.last()
                if attempt + 1 == _ATTEMPTS or last is None or last.sequence == snapshot.sequence:
                    raise
    raise AssertionError("unreachable")


def faults(index: Path, allowed: Sequence[Content | None], *, is_sound: bool = True) -> Iterator[str]:
    """Yield what is wrong with an index that should hold one of the allowed contents; None among them is no index.

    `is_sound` says that a whole check must find nothing but harmless leftovers.
    """
    try:
        found = held(index)
    except TreeseekError as error:
        yield f"it can't be read: {error}"
        return
    if found is None:
        if None not in allowed:
            yield "there is no index any more"
        return
    rows, is_fallback = found
    if is_fallback:
        yield "a fallback answers"
    if len(set(rows.id)) != len(rows.id):
        yield f"{len(rows.id) - len(set(rows.id))} ids are there twice"
    content = of_rows(rows)
    if content not in allowed:
        yield from _differences(content, next((one for one in reversed(allowed) if one is not None), {}))
    if is_sound:
        checked = verify(index, percent=100)
        problems = () if checked is None else checked.problems
        yield from (f"verify finds: {one.kind} {one.path} {one.detail}" for one in problems if not one.is_harmless)


def _differences(found: Content, wanted: Content) -> Iterator[str]:
    counts = Counter(
        "missing" if path not in found else "of no file" if path not in wanted else "other"
        for path in found.keys() | wanted.keys()
        if found.get(path) != wanted.get(path)
    )
    yield f"its content is none that it may have: {dict(counts)} against the newest of {len(wanted)} files"


def rebuilt(place: Place, files: Files) -> Iterator[str]:
    """Yield what is wrong with an index that should equal one made afresh, row for row and column for column."""
    fresh = place.base / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    settings = load({"TREESEEK_CONFIG": "/nonexistent"}, data_dir=fresh / "data", cache_dir=fresh / "cache")
    treeseek.open(place.root, settings).sync(rebuild=True)
    new = held(index_directory(settings.data_dir, place.root))
    try:
        old = held(place.index)
    except TreeseekError as error:
        yield f"it can't be compared with a fresh one: {error}"
        return
    if old is None or new is None:
        yield "there is no index to compare with a fresh one"
        return
    if of_rows(new[0]) != expected(files):
        yield "the fresh index itself isn't what the files give"
    if not _equal(old[0], new[0]):
        yield "it differs from a fresh index"


def _equal(one: UnitColumns, other: UnitColumns) -> bool:
    return all(
        np.array_equal(getattr(one, field.name), getattr(other, field.name))
        for field in fields(one)
        if field.name not in _STAT
    )
