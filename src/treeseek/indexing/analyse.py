"""What do a file's bytes give, wherever the file lies? Chunks, declarations, terms and vectors; run by workers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from treeseek import telemetry
from treeseek.embedding import TokenEmbedder
from treeseek.model import Chunk, SourceFile, Syntax
from treeseek.syntax import ANALYSIS_VERSION, Bounds, analyse
from treeseek.tokens import TERMS_VERSION, TermRows, TokenBatch, batches

__all__ = ["FINGERPRINT", "Content", "Declared", "FileText", "Vectors", "analyse_files"]

FINGERPRINT = f"syntax-{ANALYSIS_VERSION}/terms-{TERMS_VERSION}/context-1"
"""Names everything that decides which rows the same bytes give, apart from the embedder."""

DIGEST_BYTES = 16

Declared = tuple[str, str, int, int]
"""What a row holds of a declaration: kind, name, first and last line."""

Vectors = Mapping[bytes, NDArray[np.float32]]
"""Content vectors of chunks by the digest of their text."""


@dataclass(frozen=True, slots=True)
class FileText:
    """A file to analyse: what the walk said of it, its bytes as they were read, their `content_hash`, its language.

    `key` is the address under which what the bytes give is kept; empty if it isn't to be.
    """

    source: SourceFile
    data: bytes
    digest: str
    language: str
    key: bytes = b""


@dataclass(frozen=True, slots=True)
class Content:
    """What a text of some language gives; its path, and what stands beside it, have no part in it.

    `declared` has what the chunks' `declarations` number. `terms` and `vectors` (shape (chunks, dims), without context)
    have a row a chunk, and `digests` the hash of each chunk's text. `fallback` says why it was cut by lines, if it was.
    """

    fallback: str
    chunks: Sequence[Chunk]
    declared: Sequence[Declared]
    digests: Sequence[bytes]
    terms: TermRows
    vectors: NDArray[np.float32]


def analyse_files(
    files: Sequence[FileText],
    embedder: TokenEmbedder,
    deadline_seconds: float,
    *,
    unparsable: str = "",
    lent: Vectors | None = None,
    bounds: Bounds = Bounds(),
    begin: Callable[[], object] = lambda: None,
) -> list[Content]:
    """Return what each file's bytes give. Chunks whose text has a vector among the `lent` aren't embedded.

    Total: no bytes make it raise. A file that can't be parsed within `deadline_seconds` is cut by lines. With
    `unparsable`, a reason, no file is parsed at all: all are cut by lines and bear that reason. `begin` is called
    before each file is parsed.
    """
    found = [_syntax(file, deadline_seconds, unparsable, bounds, begin) for file in files]
    texts = [
        file.data[chunk.start_byte : chunk.end_byte]
        for file, syntax in zip(files, found, strict=True)
        for chunk in syntax.chunks
    ]
    digests = [hashlib.blake2b(text, digest_size=DIGEST_BYTES).digest() for text in texts]
    terms, vectors = _tokenised(texts, digests, embedder, lent or {})
    borders = pairwise(accumulate((len(syntax.chunks) for syntax in found), initial=0))
    return [
        Content(
            syntax.fallback,
            syntax.chunks,
            [(one.kind, one.name, one.start_line, one.end_line) for one in syntax.declarations],
            digests[begin:end],
            _rows_of(terms, begin, end),
            vectors[begin:end],
        )
        for syntax, (begin, end) in zip(found, borders, strict=True)
    ]


def _syntax(
    file: FileText, deadline_seconds: float, unparsable: str, bounds: Bounds, begin: Callable[[], object]
) -> Syntax:
    """Read one file; by lines if it is known to be unparsable, or turns out to be in a way nobody foresaw."""
    data, language = file.data, file.language
    begin()
    if not unparsable:
        try:
            with telemetry.timed("treeseek_parse_seconds"):
                return analyse(data, language, deadline_seconds=deadline_seconds, documentation=False, bounds=bounds)
        except MemoryError:  # what is left may not do for the others: the worker's end is near, and meant to be
            raise
        except Exception as error:  # noqa: BLE001 - the worker's boundary: one file must not cost the others
            telemetry.count("treeseek_analysis_errors_total", error=type(error).__name__)
    by_lines = analyse(data, "text", deadline_seconds=deadline_seconds)
    return replace(by_lines, language=language, fallback=unparsable or "analysis-error")


def _tokenised(
    texts: Sequence[bytes], digests: Sequence[bytes], embedder: TokenEmbedder, lent: Vectors
) -> tuple[TermRows, NDArray[np.float32]]:
    """Tokenise every text once, and take both its terms and its vector from that."""
    parts: list[TermRows] = []
    vectors = [np.zeros((0, embedder.identity.dims), np.float32)]
    at = 0
    for batch in batches(texts):
        parts.append(TermRows.of(batch))
        vectors.append(_embedded(batch, digests[at : at + batch.texts], embedder, lent))
        at += batch.texts
    return TermRows.concatenate(parts), np.concatenate(vectors)


def _embedded(
    batch: TokenBatch, digests: Sequence[bytes], embedder: TokenEmbedder, lent: Vectors
) -> NDArray[np.float32]:
    """Return the vectors of a batch's texts, computing those that weren't lent."""
    known = np.fromiter((digest in lent for digest in digests), np.bool_, len(digests))
    if not known.any():
        return embedder.embed_tokens(batch)
    vectors = np.empty((batch.texts, embedder.identity.dims), np.float32)
    vectors[known] = [lent[digest] for digest in digests if digest in lent]
    if not known.all():
        vectors[~known] = embedder.embed_tokens(_only(batch, ~known))
    return vectors


def _only(batch: TokenBatch, wanted: NDArray[np.bool_]) -> TokenBatch:
    """Return the tokens of some of a batch's texts, numbered anew."""
    kept = wanted[batch.text]
    number = np.cumsum(wanted) - 1
    return TokenBatch(
        batch.buffer, batch.start[kept], batch.end[kept], batch.hash[kept], number[batch.text[kept]], int(wanted.sum())
    )


def _rows_of(terms: TermRows, begin: int, end: int) -> TermRows:
    offsets = terms.offsets[begin : end + 1]
    first, last = offsets[0], offsets[-1]
    return TermRows(terms.terms[first:last], terms.counts[first:last], offsets - first)
