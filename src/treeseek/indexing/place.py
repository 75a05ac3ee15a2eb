"""From what a file's bytes give to rows of the index: where it lies decides the ids and the context of the vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from treeseek.embedding import TokenEmbedder
from treeseek.embedding.context import path_text, with_context
from treeseek.indexing.analyse import Content, Declared, FileText
from treeseek.indexing.identity import chunk_ids, file_id
from treeseek.model import SourceFile, UnitColumns
from treeseek.tokens import TermRows

__all__ = ["BareFile", "bare_rows", "place"]

BareFile = tuple[SourceFile, str, str, str, str]
"""A file's row without chunks: source, kind, language, note, content hash."""


@dataclass(slots=True)
class _Rows:
    """The scalar columns while they are filled, one call a row."""

    strings: list[tuple[str, str, str, str, str, str, str, str, str]]
    numbers: list[tuple[int, int, int, int, int, int, int]]

    def add_file(self, source: SourceFile, kind: str, language: str, note: str, digest: str) -> None:
        name = source.path.rpartition("/")[2]
        self.strings.append((file_id(source.path), source.path, language, kind, name, "", "", note, digest))
        self.numbers.append((0, 0, 0, 0, source.size, source.mtime_ns, source.inode))

    def columns(self, terms: TermRows, declared: Sequence[Sequence[Declared]], vector: NDArray[np.float16],
                has_vector: NDArray[np.bool_]) -> UnitColumns:  # fmt: skip
        strings = [list(column) for column in zip(*self.strings, strict=True)] or [[] for _ in range(9)]
        numbers = np.array(self.numbers, np.int64).reshape(len(self.numbers), 7).T
        flat = [one for row in declared for one in row]
        return UnitColumns(
            id=strings[0], path=strings[1], language=strings[2], kind=strings[3], name=strings[4],
            signature=strings[5], text=strings[6], note=strings[7], content_hash=strings[8],
            start_line=numbers[0].astype(np.int32), end_line=numbers[1].astype(np.int32),
            start_byte=numbers[2], end_byte=numbers[3], size=numbers[4], mtime_ns=numbers[5],
            inode=numbers[6].astype(np.uint64),
            terms=terms.terms, term_counts=terms.counts, term_offsets=terms.offsets,
            declaration_kind=[kind for kind, _, _, _ in flat],
            declaration_name=[name for _, name, _, _ in flat],
            declaration_start_line=np.array([start for _, _, start, _ in flat], np.int32),
            declaration_end_line=np.array([end for _, _, _, end in flat], np.int32),
            declaration_offsets=np.cumsum([0, *map(len, declared)], dtype=np.int64),
            vector=vector, has_vector=has_vector,
        )  # fmt: skip


def bare_rows(entries: Sequence[BareFile], dims: int) -> UnitColumns:
    """Return the rows of files that were left out, or only touched."""
    rows = _Rows([], [])
    for entry in entries:
        rows.add_file(*entry)
    n = len(entries)
    terms = TermRows(np.zeros(0, np.uint32), np.zeros(0, np.uint8), np.zeros(n + 1, np.int64))
    return rows.columns(terms, [()] * n, np.zeros((n, dims), np.float16), np.zeros(n, np.bool_))


def place(files: Sequence[FileText], contents: Sequence[Content], embedder: TokenEmbedder) -> UnitColumns:
    """Return the rows of some files: each file's own, followed by its chunks', in order.

    `contents` has for each file what its bytes give. Raises IndexError if that doesn't fit together.
    """
    rows = _Rows([], [])
    declared: list[Sequence[Declared]] = []
    places: list[int] = []
    for file, content in zip(files, contents, strict=True):
        rows.add_file(file.source, "file", file.language, content.fallback, file.digest)
        declared.append(())
        places += range(len(rows.strings), len(rows.strings) + len(content.chunks))
        _add_chunks(rows, declared, file, content)
    row_of_text = np.array(places, np.int64)
    file_of_text = np.repeat(np.arange(len(files)), [len(content.chunks) for content in contents])
    paths = embedder.embed([path_text(file.source.path) for file in files])
    content_vectors = np.concatenate([np.zeros((0, paths.shape[1]), np.float32), *(one.vectors for one in contents)])
    vectors = with_context(content_vectors, paths, file_of_text)
    vector = np.zeros((len(rows.strings), paths.shape[1]), np.float16)
    has_vector = np.zeros(len(vector), np.bool_)
    vector[row_of_text] = vectors
    has_vector[row_of_text] = vectors.any(axis=1)  # cosine distance to a zero vector is not a number
    return rows.columns(_spread([one.terms for one in contents], row_of_text, len(vector)), declared, vector,
                        has_vector)  # fmt: skip


def _add_chunks(rows: _Rows, declared: list[Sequence[Declared]], file: FileText, content: Content) -> None:
    path, language, digest = file.source.path, file.language, file.digest
    texts = [file.data[chunk.start_byte : chunk.end_byte] for chunk in content.chunks]
    ids = chunk_ids(path, content.chunks, texts)
    for unit, chunk, text in zip(ids, content.chunks, texts, strict=True):
        decoded = text.decode("utf-8", "replace")
        rows.strings.append((unit, path, language, chunk.kind, chunk.name, chunk.signature, decoded, "", digest))
        rows.numbers.append((chunk.start_line, chunk.end_line, chunk.start_byte, chunk.end_byte, 0, 0, 0))
        declared.append([content.declared[i] for i in chunk.declarations])


def _spread(parts: Sequence[TermRows], row_of_text: NDArray[np.int64], rows: int) -> TermRows:
    """Return the terms of all texts, with empty rows where a file's own stand."""
    of_texts = TermRows.concatenate(parts)
    lengths = np.zeros(rows, np.int64)
    lengths[row_of_text] = np.diff(of_texts.offsets)
    return TermRows(of_texts.terms, of_texts.counts, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
