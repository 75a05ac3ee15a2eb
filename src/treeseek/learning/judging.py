"""How good is a model at finding files? NDCG@10 of a collection of files and of questions whose files are known.

Dense only, with context, as an index composes it: a file counts with its best chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from treeseek.embedding.context import normalized, path_text, with_context
from treeseek.learning.bags import Bags, Lexicon
from treeseek.learning.sums import vectors_of
from treeseek.learning.vocabulary import Numbering

__all__ = ["Collection", "collection", "ndcg", "scores"]

Floats = NDArray[np.float32]

CUT = 10


@dataclass(frozen=True, slots=True)
class Collection:
    """Files and questions as bags of words. `file_of_chunk` is ascending, and `right` has each question's files."""

    words: list[str]
    chunks: Bags
    file_of_chunk: NDArray[np.int64]
    paths: Bags
    queries: Bags
    right: list[list[int]]


def collection(
    files: Sequence[tuple[str, Sequence[str]]], questions: Sequence[tuple[str, Sequence[int]]]
) -> Collection:
    """Count the words of files (path, texts of chunks) and questions (text, numbers of the right files)."""
    lexicon = Lexicon()
    chunks = lexicon.bags([text for _, texts in files for text in texts])
    file_of_chunk = np.repeat(np.arange(len(files)), [len(texts) for _, texts in files])
    paths = lexicon.bags([path_text(path) for path, _ in files])
    queries = lexicon.bags([text for text, _ in questions])
    return Collection(lexicon.words, chunks, file_of_chunk, paths, queries, [list(files) for _, files in questions])


def scores(judged: Collection, numbering: Numbering, table: Floats) -> list[NDArray[np.float32]]:
    """Return for each question the cosine of every file's best chunk."""
    chunks, paths, queries = (
        normalized(vectors_of(numbering.of(bags, judged.words), table))
        for bags in (judged.chunks, judged.paths, judged.queries)
    )
    placed = with_context(chunks, paths, judged.file_of_chunk)
    starts = np.flatnonzero(np.diff(judged.file_of_chunk, prepend=-1))
    found = np.full((len(judged.queries), len(judged.paths)), -1, np.float32)
    found[:, judged.file_of_chunk[starts]] = np.maximum.reduceat(queries @ placed.T, starts, axis=1)
    return list(found)


def ndcg(found: Floats, right: Sequence[int]) -> float:
    """Return NDCG@10 of one question's scores of files."""
    top = np.argsort(-found, kind="stable")[:CUT]
    discounts = 1 / np.log2(np.arange(2, CUT + 2))
    gain = discounts[: len(top)][np.isin(top, right)].sum()
    ideal = discounts[: min(CUT, len(set(right)))].sum()
    return float(gain / ideal) if ideal else 0.0
