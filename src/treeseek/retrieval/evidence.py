"""What speaks for each file that has a chance, and for each chunk in it? Every feature of a query, vectorised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treeseek.retrieval import lexical
from treeseek.retrieval.candidates import Candidates, choose
from treeseek.retrieval.corpus import Corpus
from treeseek.retrieval.query import Query

__all__ = ["FEATURES", "Evidence", "gather"]

Floats = NDArray[np.float32]

FEATURES = (
    "best_chunk", "best_three_chunks", "whole_file", "whole_file_absolute", "first_chunk", "phrase",
    "covered_by_file", "covered_by_chunk", "covered_by_stem", "stem_precision", "covered_by_parent",
    "covered_by_path", "covered_by_names", "best_name", "defines_identifier", "defines_symbol", "defines_phrase",
    "covered_on_average", "dense_best", "dense_three", "dense_file", "dense_first",
    "rank_whole_file", "rank_best_chunk", "rank_three_chunks", "rank_dense_best", "rank_dense_three", "rank_dense_file",
    "test", "example", "document", "copy", "reexport", "contract",
    "mentions", "chunks", "declarations", "depth",
)  # fmt: skip
"""The columns of `Evidence.files`, in order."""

DENSE_CHANCE = 2.0
SPELLED_CHANCE = 8.0
"""More than all else can come to: whoever asks for an identifier wants to see where it stands."""
HALF_RANK = 5


@dataclass(frozen=True, slots=True)
class Evidence:
    """The candidates, and `files`, an array candidates x FEATURES. For each of the candidates' chunks: `lexical`
    (relative to the best), `dense` (cosine), `covered` (share of the query's weight), `name` (how well its best
    declaration's name fits), and `spelled` (see `lexical.spelled`). `unseen` is the share of the query's weight in
    words that the corpus doesn't have.
    """

    candidates: Candidates
    files: Floats
    lexical: Floats
    dense: Floats
    covered: Floats
    name: Floats
    spelled: Floats
    unseen: float


def gather(corpus: Corpus, query: Query, vector: Floats, allowed: NDArray[np.bool_] | None = None) -> Evidence | None:
    """Return the evidence for the files that have a chance and a chunk that is `allowed`; None if there are none.

    Words are counted everywhere, which postings make cheap; vectors of chunks are compared in the candidates only,
    because that product is bound by memory bandwidth and would be most of a search.
    """
    words, phrases = lexical.asked(corpus, query), lexical.phrases(corpus, query)
    found = corpus.chunks.entries(words.term)
    whole, in_file = lexical.file_scores(corpus, words, found)
    stem, precision = lexical.field_scores(corpus.stems, words)
    exact, fitting = lexical.definitions(corpus, query)
    dense_file = corpus.file_vectors @ vector
    spelled = lexical.spelled(corpus, query)
    chance = _relative(whole) + stem + exact + DENSE_CHANCE * dense_file
    if spelled.any():
        chance += SPELLED_CHANCE * np.maximum.reduceat(spelled, corpus.file_starts)
    chosen = choose(corpus, chance, allowed)
    if chosen is None:
        return None
    bm25, covered = lexical.chunk_scores(corpus, words, found.within(chosen.number), chosen)
    joined = corpus.chunks.entries(phrases.term).within(chosen.number)
    phrase, _ = lexical.chunk_scores(corpus, phrases, joined, chosen)
    name, named = lexical.name_scores(corpus, words, chosen)
    bm25, covered = bm25 + phrase, covered / np.float32(words.total)
    dense = corpus.vectors.similarity(chosen.chunks, vector)
    parent, _ = lexical.field_scores(corpus.parents, words, chosen)
    path, _ = lexical.field_scores(corpus.paths, words, chosen)
    per_file = (
        _relative(whole), whole / np.float32(words.total * (lexical.FILE_K1 + 1)), in_file / np.float32(words.total),
        stem, precision, exact, fitting, dense_file,
    )  # fmt: skip
    relative, absolute, in_file, stem, precision, exact, fitting, dense_file = (
        column[chosen.files] for column in per_file
    )
    best, second, third = chosen.best_three(bm25)
    dense_best, dense_second, dense_third = chosen.best_three(dense)
    three, dense_three = best + second + third, (dense_best + dense_second + dense_third) / 3
    columns = (
        _relative(best), _relative(three), relative, absolute, _relative(bm25[chosen.starts]),
        _relative(chosen.best(phrase)), in_file, chosen.best(covered), stem, precision, parent, path, named,
        chosen.best(name), exact, exact * query.is_symbol, fitting, chosen.mean(covered),
        dense_best, dense_three, dense_file, dense[chosen.starts],
        *(_closeness(column) for column in (relative, best, three, dense_best, dense_three, dense_file)),
        *_priors(corpus, query, chosen.files),
    )  # fmt: skip
    files = np.stack([column.astype(np.float32, copy=False) for column in columns], axis=1)
    return Evidence(chosen, files, _relative(bm25), dense, covered, name, spelled[chosen.chunks], words.unseen)


def _relative(scores: Floats) -> Floats:
    top = float(scores.max(initial=0))
    return scores / np.float32(top) if top > 0 else scores


def _closeness(scores: NDArray[np.floating]) -> Floats:
    """Return how near the top of the candidates each one is: 1 for the first, a half for the sixth."""
    ranks = np.empty(len(scores), np.float32)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(len(scores), dtype=np.float32)
    closeness: Floats = np.float32(HALF_RANK) / (HALF_RANK + ranks)
    return closeness


def _priors(corpus: Corpus, query: Query, files: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
    roles = corpus.roles
    wants_tests = bool({"test", "tests", "spec", "testing"} & set(query.words))
    wants_examples = bool({"example", "examples", "demo", "benchmark"} & set(query.words))
    flags = (
        roles.test & (not wants_tests), roles.example & (not wants_examples), roles.document, roles.copy,
        roles.reexport, roles.contract, *corpus.priors,
    )  # fmt: skip
    return tuple(flag[files] for flag in flags)
