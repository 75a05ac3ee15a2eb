"""What speaks for each file, and for each chunk in it? Every feature of a query over a whole corpus, vectorised.

Lexical evidence is BM25 (Robertson and Zaragoza 2009) with inverse document frequencies counted over files. A word and
its variants are one word: a row earns the best of what they would earn alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treeseek.retrieval.corpus import Corpus
from treeseek.retrieval.postings import Postings
from treeseek.retrieval.query import STOP_WORDS, VARIANT_WEIGHT, Query

__all__ = ["FEATURES", "Evidence", "gather"]

Floats = NDArray[np.float32]

CHUNK_K1, CHUNK_B = 1.2, 0.6
FILE_K1, FILE_B = 1.6, 0.6
DENSE_FILES = 400
"""Files whose chunks are compared one by one."""

PHRASE_WEIGHT = 0.6
IDENTIFIER_WEIGHT = 1.5

FEATURES = (
    "best_chunk", "best_three_chunks", "whole_file", "whole_file_absolute", "first_chunk", "phrase",
    "covered_by_file", "covered_by_chunk", "covered_by_stem", "stem_precision", "covered_by_parent",
    "covered_by_path", "covered_by_names", "best_name", "defines_identifier", "defines_phrase",
    "dense_best", "dense_three", "dense_file", "dense_first",
    "test", "example", "document", "copy", "reexport", "mentions", "chunks", "declarations", "depth",
)  # fmt: skip
"""The columns of `Evidence.files`, in order."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """`files`: an array files x FEATURES. Per chunk: `lexical` (relative to the best), `dense` (cosine), `covered`
    (share of the query's weight) and `name` (how well its best declaration's name fits).
    """

    files: Floats
    lexical: Floats
    dense: Floats
    covered: Floats
    name: Floats


@dataclass(frozen=True, slots=True)
class _Word:
    """A query word in a corpus: its weight, and the rows of each form with that form's own weight."""

    mass: float
    forms: tuple[tuple[int, float], ...]


def gather(corpus: Corpus, query: Query, vector: Floats) -> Evidence:
    """Return the evidence for every file and chunk of a corpus that has at least one file."""
    words = [_word(corpus, terms) for terms in query.terms]
    words += [_word(corpus, [term], IDENTIFIER_WEIGHT) for term in query.identifiers]
    phrases = [_word(corpus, [term], PHRASE_WEIGHT) for term in query.phrases]
    total = sum(word.mass for word in words) or 1.0
    lexical, covered = _chunk_scores(corpus, words)
    whole, file_covered = _file_scores(corpus, words)
    phrase, _ = _chunk_scores(corpus, phrases)
    name, named = _name_scores(corpus, query, words, total)
    lexical += phrase
    best, second, third = _best_three(corpus, lexical)
    stem, precision = _field(corpus.stems, words, total)
    parent, _ = _field(corpus.parents, words, total)
    path, _ = _field(corpus.paths, words, total)
    exact, fitting = _definitions(corpus, query)
    dense_file = corpus.file_vectors @ vector
    dense = _dense(corpus, vector, dense_file, _relative(best) + _relative(whole) + stem)
    dense_best, dense_second, dense_third = _best_three(corpus, dense)
    columns = (
        _relative(best), _relative(best + second + third), _relative(whole), whole / (total * (FILE_K1 + 1)),
        _relative(lexical[corpus.file_starts]), _relative(corpus.per_file(np.maximum, phrase)),
        file_covered / total, corpus.per_file(np.maximum, covered) / total, stem, precision, parent,
        path, named, corpus.per_file(np.maximum, name), exact, fitting,
        dense_best, (dense_best + dense_second + dense_third) / 3, dense_file,
        dense[corpus.file_starts],
        *_priors(corpus, query),
    )  # fmt: skip
    files = np.stack([column.astype(np.float32) for column in columns], axis=1)
    return Evidence(files, _relative(lexical), dense, covered / total, name)


def _word(corpus: Corpus, terms: NDArray[np.uint32] | list[np.uint32], weight: float = 1.0) -> _Word:
    """Look up a word's forms; its mass is that of its rarest spelling that occurs, or of an unseen word."""
    files = len(corpus.path)
    forms, masses = [], []
    for i, term in enumerate(terms):
        at = int(np.searchsorted(corpus.chunks.vocabulary, term))
        if at == len(corpus.chunks.vocabulary) or corpus.chunks.vocabulary[at] != term:
            continue
        frequency = float(corpus.document_frequency[at])
        idf = float(np.log1p((files - frequency + 0.5) / (frequency + 0.5)))
        form_weight = weight * idf * (VARIANT_WEIGHT if i else 1.0)
        forms.append((int(term), form_weight))
        masses.append(form_weight)
    unseen = weight * float(np.log1p(2 * files + 1)) * (0.5 if len(terms) > 1 else 0.0)
    return _Word(masses[0] if forms and forms[0][0] == int(terms[0]) else max(masses, default=unseen), tuple(forms))


def _saturated(counts: NDArray[Any], lengths: Floats, mean_length: float, k1: float, b: float) -> Floats:
    counts = counts.astype(np.float32, copy=False)
    norm = k1 * (1 - b + b * lengths / mean_length)
    saturated: Floats = (counts * (k1 + 1) / (counts + norm)).astype(np.float32, copy=False)
    return saturated


def _chunk_scores(corpus: Corpus, words: list[_Word]) -> tuple[Floats, Floats]:
    """Return each chunk's BM25, and the mass of the words in it."""
    postings = corpus.chunks
    mean = float(postings.lengths.mean()) or 1.0
    scores, covered = np.zeros(len(corpus.file), np.float32), np.zeros(len(corpus.file), np.float32)
    for word in words:
        if len(word.forms) == 1:
            ((term, weight),) = word.forms
            rows, counts = postings.find(term)
            scores[rows] += weight * _saturated(counts, postings.lengths[rows], mean, CHUNK_K1, CHUNK_B)
            covered[rows] += weight
        elif word.forms:
            earned, mass = _per_word(postings, word, mean, CHUNK_K1, CHUNK_B)
            scores += earned
            covered += mass
    return scores, covered


def _per_word(postings: Postings, word: _Word, mean: float, k1: float, b: float) -> tuple[Floats, Floats]:
    earned, mass = np.zeros(len(postings.lengths), np.float32), np.zeros(len(postings.lengths), np.float32)
    for term, weight in word.forms:
        rows, counts = postings.find(term)
        gain = weight * _saturated(counts, postings.lengths[rows], mean, k1, b)
        earned[rows] = np.maximum(earned[rows], gain)
        mass[rows] = np.maximum(mass[rows], min(weight, word.mass))
    return earned, mass


def _file_scores(corpus: Corpus, words: list[_Word]) -> tuple[Floats, Floats]:
    """Return each file's BM25 as one text, and the mass of the words in it."""
    files = len(corpus.path)
    mean = float(corpus.file_lengths.mean()) or 1.0
    scores, covered = np.zeros(files, np.float32), np.zeros(files, np.float32)
    for word in words:
        earned, mass = np.zeros(files, np.float32), np.zeros(files, np.float32)
        for term, weight in word.forms:
            rows, counts = corpus.chunks.find(term)
            per_file: Floats = np.bincount(corpus.file[rows], counts, files).astype(np.float32)
            gain = weight * _saturated(per_file, corpus.file_lengths, mean, FILE_K1, FILE_B)
            earned = np.maximum(earned, gain)
            mass = np.maximum(mass, np.where(per_file > 0, np.float32(min(weight, word.mass)), np.float32(0)))
        scores += earned
        covered += mass
    return scores, covered


def _field(postings: Postings, words: list[_Word], total: float) -> tuple[Floats, Floats]:
    """Return the share of the query's mass in a short field, and the share of the field that the query covers."""
    rows = len(postings.lengths)
    mass, matched = np.zeros(rows, np.float32), np.zeros(rows, np.float32)
    for word in words:
        best, hit = np.zeros(rows, np.float32), np.zeros(rows, np.float32)
        for term, weight in word.forms:
            at, _ = postings.find(term)
            best[at] = np.maximum(best[at], min(weight, word.mass))
            hit[at] = 1
        mass += best
        matched += hit
    return mass / total, np.minimum(matched / np.maximum(postings.lengths, 1), 1)


def _name_scores(corpus: Corpus, query: Query, words: list[_Word], total: float) -> tuple[Floats, Floats]:
    """Return per chunk how well its best declared name fits, and per file the share of the query that names cover."""
    declared = corpus.declared
    chunk = np.zeros(len(corpus.file), np.float32)
    file_mass = np.zeros(len(corpus.path), np.float32)
    share, precision = _field(declared.postings, words, total)
    if len(share):
        np.maximum.at(chunk, declared.chunk, share * np.sqrt(precision) * declared.weight)
    for word in words:
        best = np.zeros(len(corpus.path), np.float32)
        for term, weight in word.forms:
            at, _ = declared.postings.find(term)
            files = corpus.file[declared.chunk[at]]
            best[files] = np.maximum(best[files], min(weight, word.mass))
        file_mass += best
    return chunk, file_mass / total


def _definitions(corpus: Corpus, query: Query) -> tuple[Floats, Floats]:
    """Return per file whether it defines an identifier that the query spells, and whether one that its words make."""
    files, declared = len(corpus.path), corpus.declared
    exact, fitting = np.zeros(files, np.float32), np.zeros(files, np.float32)
    for term in _symbol_terms(query):
        found = declared.named(int(term))
        spelled = np.array([declared.leaf[i] in query.names for i in found], np.float32)
        np.maximum.at(exact, corpus.file[declared.chunk[found]], declared.weight[found] * (0.5 + 0.5 * spelled))
    named = [int(term) for term in query.phrases]
    named += [int(terms[0]) for terms, word in zip(query.terms, query.words, strict=True) if word not in STOP_WORDS]
    for term in named:
        found = declared.named(term)
        if len(found):
            fitting[corpus.file[declared.chunk[found]]] += 1 / np.sqrt(len(found))
    return exact, np.minimum(fitting, 2)


def _symbol_terms(query: Query) -> NDArray[np.uint32]:
    """Return the terms of the whole identifiers that the query spells out."""
    if len(query.identifiers) or not query.is_symbol:
        return query.identifiers
    return np.array([terms[0] for terms in query.terms], np.uint32)


def _best_three(corpus: Corpus, scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the three highest scores of each file's chunks, 0 where it has fewer."""
    rest = scores.copy()
    found = []
    for _ in range(3):
        best = corpus.per_file(np.maximum, rest)
        found.append(np.maximum(best, 0))
        rest[rest == best[corpus.file]] = 0
    return found[0], found[1], found[2]


def _dense(corpus: Corpus, vector: Floats, of_files: Floats, lexical: Floats) -> Floats:
    """Return each chunk's cosine in the files that have a chance, and its file's mean in all others.

    The product with all chunks is bound by memory bandwidth: past some thousand chunks it is most of a search.
    """
    chance = of_files * 2 + lexical
    if len(chance) <= DENSE_FILES:
        return (corpus.vectors @ vector).astype(np.float32, copy=False)
    likely = np.zeros(len(chance), np.bool_)
    likely[np.argpartition(-chance, DENSE_FILES)[:DENSE_FILES]] = True
    chunks = np.flatnonzero(likely[corpus.file])
    dense = of_files[corpus.file]
    dense[chunks] = corpus.vectors[chunks] @ vector
    return dense


def _relative(scores: Floats) -> Floats:
    top = float(scores.max(initial=0))
    return scores / np.float32(top) if top > 0 else scores


def _priors(corpus: Corpus, query: Query) -> tuple[NDArray[Any], ...]:
    roles = corpus.roles
    wants_tests = bool({"test", "tests", "spec", "testing"} & set(query.words))
    wants_examples = bool({"example", "examples", "demo", "benchmark"} & set(query.words))
    return (
        roles.test & (not wants_tests), roles.example & (not wants_examples), roles.document, roles.copy,
        roles.reexport, *corpus.priors,
    )  # fmt: skip
