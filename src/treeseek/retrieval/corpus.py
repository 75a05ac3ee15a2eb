"""One snapshot of the index, laid out in memory for ranking: chunks, files, declarations, each with its postings.

Chunks are ordered by file, so whatever is known per chunk becomes known per file by a segmented reduction, and what
changes with a file is a run of rows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treeseek.model import UnitColumns
from treeseek.retrieval.declared import Declared
from treeseek.retrieval.postings import Postings, Revision
from treeseek.retrieval.roles import Roles
from treeseek.retrieval.rows import spliced
from treeseek.retrieval.splices import Splice
from treeseek.retrieval.vectors import Vectors
from treeseek.tokens import TermRows

__all__ = ["Corpus", "Declared"]

Floats = NDArray[np.float32]

LEFT_OUT = (
    "text", "note", "size", "mtime_ns", "inode", "terms", "term_counts", "vector", "has_vector",
)  # fmt: skip
REPEATED = ("path", "language", "kind", "content_hash", "declaration_kind")


@dataclass(frozen=True, slots=True)
class Corpus:
    """Everything that ranking reads. `file_starts` is the first chunk of each file; every file has a chunk.

    - `columns`: what a hit shows. Those of LEFT_OUT are empty: terms and vectors stand in `chunks` and `vectors`.
    - `document_frequency`: per term of `chunks.vocabulary`, in how many files it occurs.
    - `vectors`: unit rows, chunks x dims; `file_vectors` their means, files x dims.
    - `stems`, `parents`, `paths`: postings over files, of a name without its extension, of the folder, of the path.
    - `priors`: 4 x files; logarithms of how many other files mention the stem, of the file's chunks and of its
      declarations; and its depth.
    - `is_block`: per chunk, whether it is what lies between declarations.
    - `roles`: which files are tests, examples, and so on.
    """

    columns: UnitColumns
    path: list[str]
    file: NDArray[np.int32]
    file_starts: NDArray[np.int64]
    chunks: Postings
    document_frequency: NDArray[np.int32]
    file_lengths: Floats
    stems: Postings
    parents: Postings
    paths: Postings
    declared: Declared
    priors: Floats
    roles: Roles
    is_block: NDArray[np.bool_]
    vectors: Vectors
    file_vectors: Floats

    @classmethod
    def of(cls, columns: UnitColumns) -> Corpus:
        """Build from the chunk rows of a snapshot, ordered by path and position."""
        path, file, starts = _files(columns.path)
        chunks = Postings.of(TermRows(columns.terms, columns.term_counts, columns.term_offsets))
        frequency = _document_frequency(chunks, file)
        stems = _postings([_stem(p) for p in path])
        shown = _shown(columns)
        declared = Declared.of(shown)
        vectors = columns.vector.astype(np.float32)
        sizes = np.bincount(file, minlength=len(path)).astype(np.float32)
        return cls(
            columns=shown,
            path=path,
            file=file,
            file_starts=starts,
            chunks=chunks,
            document_frequency=frequency,
            file_lengths=np.add.reduceat(chunks.lengths, starts) if len(starts) else chunks.lengths,
            stems=stems,
            parents=_postings([_parent(p) for p in path]),
            paths=_postings(path),
            declared=declared,
            priors=np.stack(
                [
                    np.log1p(_mentions(stems, chunks, frequency, len(path))),
                    np.log1p(sizes),
                    np.log1p(np.bincount(file[declared.chunk], minlength=len(path))),
                    np.array([p.count("/") for p in path], np.float64),
                ]
            ).astype(np.float32),
            roles=Roles.of(path),
            is_block=np.array([kind == "block" for kind in columns.kind], np.bool_),
            vectors=Vectors.of(vectors),
            file_vectors=(np.add.reduceat(vectors, starts) / sizes[:, None]).astype(np.float32)
            if len(starts)
            else vectors,
        )

    def updated(self, paths: Collection[str], columns: UnitColumns) -> Corpus:
        """Return the corpus in which the files of `paths` have the rows `columns`, ordered as in `of`, and no others.

        It equals `of` all rows. A path without rows is gone. This corpus stays as it is.
        What lies between changed files is copied whole, which is most of the time for a few of them; from about a fifth
        of all files on, `of` is quicker.
        Raises ValueError if `columns` aren't in order or have a path that isn't among `paths`.
        """
        rows = Splice.of_paths(paths, self.columns.path, columns.path)
        if not len(rows.start):
            return self
        fresh = Corpus.of(columns)
        files = Splice.of_paths(paths, self.path, fresh.path)
        revision = Revision.of(self.chunks, fresh.chunks, rows)
        chunks, frequency = revision.postings(), self._frequency(revision, fresh)
        path, stems, parents, below, roles = self._names(files, fresh)
        merged = spliced(rows, self.columns, fresh.columns)
        sizes = files.array(_sizes(self), _sizes(fresh))
        return Corpus(
            columns=merged,
            path=path,
            file=np.repeat(np.arange(len(path), dtype=np.int32), sizes),
            file_starts=np.cumsum(sizes) - sizes,
            chunks=chunks,
            document_frequency=frequency,
            file_lengths=files.array(self.file_lengths, fresh.file_lengths),
            stems=stems,
            parents=parents,
            paths=below,
            declared=self.declared.spliced(_declarations(rows, self, fresh), fresh.declared, merged),
            priors=np.stack(
                [
                    np.log1p(_mentions(stems, chunks, frequency, len(path))),
                    *(files.array(*pair) for pair in zip(self.priors[1:], fresh.priors[1:], strict=True)),
                ]
            ),
            roles=roles,
            is_block=rows.array(self.is_block, fresh.is_block),
            vectors=self.vectors.spliced(rows, fresh.vectors),
            file_vectors=files.array(self.file_vectors, fresh.file_vectors),
        )

    def _frequency(self, revision: Revision, fresh: Corpus) -> NDArray[np.int32]:
        """Return the new document frequencies: only those of terms in changed files differ."""
        term, file = revision.gone_term, self.file[self.chunks.rows[revision.gone]]
        first = np.ones(len(term), np.bool_)
        first[1:] = (term[1:] != term[:-1]) | (file[1:] != file[:-1])
        frequency = revision.counted(self.document_frequency, term[first], fresh.document_frequency)
        return frequency[frequency > 0].astype(np.int32)

    def _names(self, files: Splice, fresh: Corpus) -> tuple[list[str], Postings, Postings, Postings, Roles]:
        """Return what is known of files by their names alone; it stays when the files are the same."""
        if files.is_like_for_like:
            return self.path, self.stems, self.parents, self.paths, self.roles
        pairs = ((self.stems, fresh.stems), (self.parents, fresh.parents), (self.paths, fresh.paths))
        stems, parents, paths = (Revision.of(old, new, files).postings() for old, new in pairs)
        roles = (files.array(getattr(self.roles, flag.name), getattr(fresh.roles, flag.name)) for flag in fields(Roles))
        return files.items(self.path, fresh.path), stems, parents, paths, Roles(*roles)


def _sizes(corpus: Corpus) -> NDArray[np.int64]:
    """Return the number of chunks of each file."""
    return np.diff(corpus.file_starts, append=len(corpus.file))


def _declarations(rows: Splice, old: Corpus, fresh: Corpus) -> Splice:
    return rows.within(old.columns.declaration_offsets, fresh.columns.declaration_offsets)


def _shown(columns: UnitColumns) -> UnitColumns:
    """Leave out what the corpus has in another form, or never reads, and hold equal strings once."""
    # Copies, for a view would keep all in memory.
    left_out: dict[str, Any] = {name: getattr(columns, name)[:0].copy() for name in LEFT_OUT}
    shared: dict[str, Any] = {name: _shared(getattr(columns, name)) for name in REPEATED}
    return replace(columns, term_offsets=np.zeros(len(columns) + 1, np.int64), **left_out, **shared)


def _shared(texts: list[str]) -> list[str]:
    seen: dict[str, str] = {}
    return [seen.setdefault(text, text) for text in texts]


def _files(paths: Sequence[str]) -> tuple[list[str], NDArray[np.int32], NDArray[np.int64]]:
    starts = [i for i, (before, path) in enumerate(pairwise(["", *paths])) if path != before]
    lengths = np.diff([*starts, len(paths)]).astype(np.int64)
    file = np.repeat(np.arange(len(starts), dtype=np.int32), lengths)
    return [paths[i] for i in starts], file, np.array(starts, np.int64)


def _postings(texts: Sequence[str]) -> Postings:
    return Postings.of(TermRows.of_texts([text.encode() for text in texts]))


def _stem(path: str) -> str:
    """Return a file's name without its last extension, or its folder's where the name says nothing (index.ts)."""
    folders, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0] or name.lstrip(".")
    if stem.partition(".")[0].lower() in {"index", "mod", "lib", "main", "__init__", "init"} and folders:
        return folders.rpartition("/")[2]
    return stem


def _parent(path: str) -> str:
    return path.rpartition("/")[0].rpartition("/")[2]


def _document_frequency(chunks: Postings, file: NDArray[np.int32]) -> NDArray[np.int32]:
    if not len(chunks.rows):
        return np.zeros(0, np.int32)
    files = file[chunks.rows]
    fresh = np.concatenate([[True], files[1:] != files[:-1]])
    fresh[chunks.offsets[:-1]] = True
    return np.add.reduceat(fresh, chunks.offsets[:-1], dtype=np.int32)


def _mentions(stems: Postings, chunks: Postings, frequency: NDArray[np.int32], files: int) -> Floats:
    """Return for each file how many others mention its stem."""
    # A compound stem's identifier is its rarest term, and a simple one has no other.
    rarest = np.full(files, np.inf, np.float32)
    at = np.searchsorted(chunks.vocabulary, stems.vocabulary)
    is_known = np.append(chunks.vocabulary, np.uint32(0))[at] == stems.vocabulary
    found = np.where(is_known, np.append(frequency, 0)[at], 0).astype(np.float32)
    np.minimum.at(rarest, stems.rows, np.repeat(found, stems.sizes))
    return np.where(np.isfinite(rarest), np.maximum(rarest - 1, 0), 0).astype(np.float32)
