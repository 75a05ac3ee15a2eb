"""From the bytes of files to rows of the index: chunks, ids, terms and vectors. A pure function, run by workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from treeseek import telemetry
from treeseek.embedding import TokenEmbedder
from treeseek.embedding.context import path_text, with_context
from treeseek.indexing.identity import chunk_ids, file_id
from treeseek.model import Declaration, SourceFile, Syntax, UnitColumns
from treeseek.syntax import ANALYSIS_VERSION, analyse, detect
from treeseek.tokens import TERMS_VERSION, TermRows, batches

__all__ = ["FINGERPRINT", "FileText", "analyse_files", "file_rows"]

FINGERPRINT = f"syntax-{ANALYSIS_VERSION}/terms-{TERMS_VERSION}/context-1"
"""Names everything that decides which rows the same bytes give, apart from the embedder."""


@dataclass(frozen=True, slots=True)
class FileText:
    """A file to analyse: what the walk said of it, its bytes as they were read, and their `content_hash`."""

    source: SourceFile
    data: bytes
    digest: str


@dataclass(slots=True)
class _Rows:
    """The scalar columns while they are filled, one call a row."""

    strings: list[tuple[str, str, str, str, str, str, str, str, str]]
    numbers: list[tuple[int, int, int, int, int, int, int]]

    def add_file(self, source: SourceFile, kind: str, language: str, note: str, digest: str) -> None:
        name = source.path.rpartition("/")[2]
        self.strings.append((file_id(source.path), source.path, language, kind, name, "", "", note, digest))
        self.numbers.append((0, 0, 0, 0, source.size, source.mtime_ns, source.inode))

    def columns(self, terms: TermRows, declared: Sequence[Sequence[Declaration]], vector: NDArray[np.float16],
                has_vector: NDArray[np.bool_]) -> UnitColumns:  # fmt: skip
        strings = [list(column) for column in zip(*self.strings, strict=True)] or [[] for _ in range(9)]
        numbers = np.array(self.numbers, np.int64).reshape(len(self.numbers), 7).T
        flat = [declaration for row in declared for declaration in row]
        return UnitColumns(
            id=strings[0], path=strings[1], language=strings[2], kind=strings[3], name=strings[4],
            signature=strings[5], text=strings[6], note=strings[7], content_hash=strings[8],
            start_line=numbers[0].astype(np.int32), end_line=numbers[1].astype(np.int32),
            start_byte=numbers[2], end_byte=numbers[3], size=numbers[4], mtime_ns=numbers[5],
            inode=numbers[6].astype(np.uint64),
            terms=terms.terms, term_counts=terms.counts, term_offsets=terms.offsets,
            declaration_kind=[declaration.kind for declaration in flat],
            declaration_name=[declaration.name for declaration in flat],
            declaration_start_line=np.array([declaration.start_line for declaration in flat], np.int32),
            declaration_end_line=np.array([declaration.end_line for declaration in flat], np.int32),
            declaration_offsets=np.cumsum([0, *map(len, declared)], dtype=np.int64),
            vector=vector, has_vector=has_vector,
        )  # fmt: skip


def file_rows(entries: Sequence[tuple[SourceFile, str, str, str, str]], dims: int) -> UnitColumns:
    """Return bare rows of files, from (source, kind, language, note, content hash) each: left out, or only touched."""
    rows = _Rows([], [])
    for entry in entries:
        rows.add_file(*entry)
    n = len(entries)
    terms = TermRows(np.zeros(0, np.uint32), np.zeros(0, np.uint8), np.zeros(n + 1, np.int64))
    return rows.columns(terms, [()] * n, np.zeros((n, dims), np.float16), np.zeros(n, np.bool_))


def analyse_files(
    files: Sequence[FileText], embedder: TokenEmbedder, deadline_seconds: float, *, unparsable: str = ""
) -> UnitColumns:
    """Return the rows of some files: each file's own, followed by its chunks', in order.

    Total: no bytes make it raise. A file that can't be parsed within `deadline_seconds` is cut by lines. With
    `unparsable`, a reason, no file is parsed at all: all are cut by lines, and their rows bear that note.
    """
    rows = _Rows([], [])
    texts: list[bytes] = []
    row_of_text: list[int] = []
    file_of_text: list[int] = []
    declared: list[Sequence[Declaration]] = []
    for number, file in enumerate(files):
        language = detect(file.source.path, file.data[:4096])
        syntax = _syntax(file.data, language, deadline_seconds, unparsable)
        rows.add_file(file.source, "file", language, syntax.fallback, file.digest)
        declared.append(())
        pieces = [file.data[chunk.start_byte : chunk.end_byte] for chunk in syntax.chunks]
        row_of_text += range(len(rows.strings), len(rows.strings) + len(pieces))
        file_of_text += [number] * len(pieces)
        texts += pieces
        _add_chunks(rows, declared, file.source.path, syntax, pieces, file.digest)
    paths = [path_text(file.source.path) for file in files]
    return _with_tokens(rows, declared, texts, np.array(row_of_text, np.int64), np.array(file_of_text, np.int64),
                        paths, embedder)  # fmt: skip


def _syntax(data: bytes, language: str, deadline_seconds: float, unparsable: str) -> Syntax:
    """Read one file; by lines if it is known to be unparsable, or turns out to be in a way nobody foresaw."""
    if not unparsable:
        try:
            return analyse(data, language, deadline_seconds=deadline_seconds, documentation=False)
        except Exception as error:  # noqa: BLE001 - the worker's boundary: one file must not cost the others
            telemetry.count("treeseek_analysis_errors_total", error=type(error).__name__)
    by_lines = analyse(data, "text", deadline_seconds=deadline_seconds)
    return replace(by_lines, language=language, fallback=unparsable or "analysis-error")


def _add_chunks(
    rows: _Rows,
    declared: list[Sequence[Declaration]],
    path: str,
    syntax: Syntax,
    texts: Sequence[bytes],
    digest: str,
) -> None:
    ids = chunk_ids(path, syntax.chunks, texts)
    for unit, chunk, text in zip(ids, syntax.chunks, texts, strict=True):
        decoded = text.decode("utf-8", "replace")
        rows.strings.append((unit, path, syntax.language, chunk.kind, chunk.name, chunk.signature, decoded, "", digest))
        rows.numbers.append((chunk.start_line, chunk.end_line, chunk.start_byte, chunk.end_byte, 0, 0, 0))
        declared.append([syntax.declarations[i] for i in chunk.declarations])


def _with_tokens(rows: _Rows, declared: Sequence[Sequence[Declaration]], texts: Sequence[bytes],
                 row_of_text: NDArray[np.int64], file_of_text: NDArray[np.int64], paths: Sequence[str],
                 embedder: TokenEmbedder) -> UnitColumns:  # fmt: skip
    """Tokenise every text once, and take both its terms and its vector from that."""
    dims, n = embedder.identity.dims, len(rows.strings)
    parts: list[TermRows] = []
    content = [np.zeros((0, dims), np.float32)]
    for batch in batches(texts):
        parts.append(TermRows.of(batch))
        content.append(embedder.embed_tokens(batch))
    of_texts = TermRows.concatenate(parts)
    lengths = np.zeros(n, np.int64)
    lengths[row_of_text] = np.diff(of_texts.offsets)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    vector, has_vector = np.zeros((n, dims), np.float16), np.zeros(n, np.bool_)
    vectors = with_context(np.concatenate(content), embedder.embed(paths), file_of_text)
    vector[row_of_text] = vectors
    has_vector[row_of_text] = vectors.any(axis=1)  # cosine distance to a zero vector is not a number
    return rows.columns(TermRows(of_texts.terms, of_texts.counts, offsets), declared, vector, has_vector)
