"""One snapshot of the index, laid out in memory for ranking: chunks, files, declarations, each with its postings.

Chunks are ordered by file, so whatever is known per chunk becomes known per file by a segmented reduction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from treeseek.model import UnitColumns
from treeseek.retrieval.postings import Postings
from treeseek.retrieval.roles import Roles
from treeseek.tokens import TermRows, batches, compound_hash, word_terms

__all__ = ["Corpus", "Declared"]

TYPE_KINDS = frozenset(["class", "interface", "struct", "enum", "type", "module", "namespace"])


@dataclass(frozen=True, slots=True)
class Declared:
    """All declarations, in the order of the chunks that hold their names.

    `name` is qualified; `leaf` the lower-case last part. `whole` are the terms of the leaves, each as one identifier,
    ascending, and `by_whole` the declarations in that order. `weight` says how much a name is the thing itself: a
    constructor or a variable often bears its type's name, but who asks for the name wants the type.
    """

    chunk: NDArray[np.int32]
    name: list[str]
    kind: list[str]
    start_line: NDArray[np.int32]
    end_line: NDArray[np.int32]
    leaf: list[str]
    weight: NDArray[np.float32]
    postings: Postings
    whole: NDArray[np.uint32]
    by_whole: NDArray[np.int64]

    @classmethod
    def of(cls, columns: UnitColumns) -> Declared:
        """Read the declarations out of the rows of chunks."""
        names = columns.declaration_name
        leaves = [name.rpartition(".")[2] for name in names]
        terms = TermRows.of_texts([leaf.encode() for leaf in leaves])
        whole = _whole_terms(leaves)
        by_whole = np.argsort(whole, kind="stable")
        counts = np.diff(columns.declaration_offsets)
        return cls(
            chunk=np.repeat(np.arange(len(counts), dtype=np.int32), counts),
            name=names,
            kind=columns.declaration_kind,
            start_line=columns.declaration_start_line,
            end_line=columns.declaration_end_line,
            leaf=[leaf.lower() for leaf in leaves],
            weight=np.array([_weight(*pair) for pair in zip(columns.declaration_kind, names, strict=True)], np.float32),
            postings=Postings.of(terms),
            whole=whole[by_whole],
            by_whole=by_whole,
        )

    def named(self, term: int) -> NDArray[np.int64]:
        """Return the declarations whose whole name is this term: the same words in the same order, stemmed."""
        low, high = (int(np.searchsorted(self.whole, np.uint32(term), side)) for side in ("left", "right"))
        return self.by_whole[low:high]


def _weight(kind: str, name: str) -> float:
    if kind in TYPE_KINDS:
        return 1.0
    if kind in ("variable", "constant"):
        return 0.75
    owner, _, leaf = name.rpartition(".")
    return 0.6 if leaf and owner.rpartition(".")[2] == leaf else 0.95


def _whole_terms(leaves: Sequence[str]) -> NDArray[np.uint32]:
    """Return for each name the term of all its words in sequence, whether they are one or more (0 for none)."""
    out: list[NDArray[np.int64]] = []
    for batch in batches([leaf.encode() for leaf in leaves]):
        whole = np.zeros(batch.texts, np.int64)
        if len(batch.hash):
            starts = np.flatnonzero(np.diff(batch.text, prepend=-1))
            whole[batch.text[starts]] = compound_hash(word_terms(batch), starts)
        out.append(whole)
    return np.concatenate(out).astype(np.uint32) if out else np.zeros(0, np.uint32)


@dataclass(frozen=True, slots=True)
class Corpus:
    """Everything that ranking reads. `file_starts` is the first chunk of each file; every file has a chunk.

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
    file_lengths: NDArray[np.float32]
    stems: Postings
    parents: Postings
    paths: Postings
    declared: Declared
    priors: NDArray[np.float32]
    roles: Roles
    is_block: NDArray[np.bool_]
    vectors: NDArray[np.float32]
    file_vectors: NDArray[np.float32]

    @classmethod
    def of(cls, columns: UnitColumns) -> Corpus:
        """Build from the chunk rows of a snapshot, ordered by path and position."""
        path, file, starts = _files(columns.path)
        chunks = Postings.of(TermRows(columns.terms, columns.term_counts, columns.term_offsets))
        stems = [_stem(p) for p in path]
        declared = Declared.of(columns)
        vectors = columns.vector.astype(np.float32)
        sizes = np.bincount(file, minlength=len(path)).astype(np.float32)
        return cls(
            columns=columns,
            path=path,
            file=file,
            file_starts=starts,
            chunks=chunks,
            document_frequency=_document_frequency(chunks, file),
            file_lengths=_per_file(np.add, chunks.lengths, starts),
            stems=Postings.of(TermRows.of_texts([stem.encode() for stem in stems])),
            parents=Postings.of(TermRows.of_texts([_parent(p).encode() for p in path])),
            paths=Postings.of(TermRows.of_texts([p.encode() for p in path])),
            declared=declared,
            priors=np.stack(
                [
                    np.log1p(_mentions(stems, chunks, file)),
                    np.log1p(sizes),
                    np.log1p(np.bincount(file[declared.chunk], minlength=len(path))),
                    np.array([p.count("/") for p in path], np.float64),
                ]
            ).astype(np.float32),
            roles=Roles.of(path),
            is_block=np.array([kind == "block" for kind in columns.kind], np.bool_),
            vectors=vectors,
            file_vectors=(np.add.reduceat(vectors, starts) / sizes[:, None]).astype(np.float32)
            if len(starts)
            else vectors,
        )


def _per_file(reduce: np.ufunc, values: NDArray[np.float32], starts: NDArray[np.int64]) -> NDArray[np.float32]:
    reduced: NDArray[np.float32] = reduce.reduceat(values, starts) if len(starts) else np.zeros(0, np.float32)
    return reduced


def _files(paths: Sequence[str]) -> tuple[list[str], NDArray[np.int32], NDArray[np.int64]]:
    starts = [i for i, (before, path) in enumerate(pairwise(["", *paths])) if path != before]
    lengths = np.diff([*starts, len(paths)]).astype(np.int64)
    file = np.repeat(np.arange(len(starts), dtype=np.int32), lengths)
    return [paths[i] for i in starts], file, np.array(starts, np.int64)


def _stem(path: str) -> str:
    """Return a file's name without its last extension, or its folder's where the name says nothing (index.ts)."""
    folders, _, name = path.rpartition("/")
    stem = name.split(".")[0] or name.lstrip(".")
    if stem.lower() in {"index", "mod", "lib", "main", "__init__", "init"} and folders:
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


def _mentions(stems: Sequence[str], chunks: Postings, file: NDArray[np.int32]) -> NDArray[np.float32]:
    frequency = _document_frequency(chunks, file)
    whole = TermRows.of_texts([stem.encode() for stem in stems])
    # A compound stem's identifier is its rarest term, and a simple one has no other.
    if not len(chunks.vocabulary) or not len(whole.terms):
        return np.zeros(len(stems), np.float32)
    at = np.minimum(np.searchsorted(chunks.vocabulary, whole.terms), len(chunks.vocabulary) - 1)
    found = np.where(chunks.vocabulary[at] == whole.terms, frequency[at], 0).astype(np.float32)
    padded = np.append(found, np.float32(np.inf))
    rarest = np.minimum.reduceat(padded, np.minimum(whole.offsets[:-1], len(found)))
    return np.where(np.diff(whole.offsets) > 0, np.maximum(rarest - 1, 0), 0).astype(np.float32)
