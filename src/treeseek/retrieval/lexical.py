"""Where do the query's words stand, and how much does that count? BM25 over chunks, files and short fields.

BM25 is that of Robertson and Zaragoza (2009), with inverse document frequencies counted over files. A word and its
variants are one word: a row earns the best of what they would earn alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treeseek.retrieval.corpus import Corpus
from treeseek.retrieval.postings import Postings
from treeseek.retrieval.query import STOP_WORDS, VARIANT_WEIGHT, Query, whole_term

__all__ = [
    "FILE_K1", "Floats", "Word", "chunk_scores", "definitions", "field_scores", "file_scores", "name_scores",
    "phrases_of", "words_of",
]  # fmt: skip

Floats = NDArray[np.float32]

CHUNK_K1, CHUNK_B = 1.2, 0.6
FILE_K1, FILE_B = 1.6, 0.6
PHRASE_WEIGHT = 0.6
IDENTIFIER_WEIGHT = 1.5


@dataclass(frozen=True, slots=True)
class Word:
    """A query word in a corpus: its weight, and the rows of each form with that form's own weight."""

    mass: float
    forms: tuple[tuple[int, float], ...]


def words_of(corpus: Corpus, query: Query) -> list[Word]:
    """Look up the query's words and the identifiers that it spells out."""
    words = [_word(corpus, terms) for terms in query.terms]
    return words + [_word(corpus, [term], IDENTIFIER_WEIGHT) for term in query.identifiers]


def phrases_of(corpus: Corpus, query: Query) -> list[Word]:
    """Look up the identifiers that the query's adjacent words would make."""
    return [_word(corpus, [term], PHRASE_WEIGHT) for term in query.phrases]


def _word(corpus: Corpus, terms: NDArray[np.uint32] | list[np.uint32], weight: float = 1.0) -> Word:
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
    return Word(masses[0] if forms and forms[0][0] == int(terms[0]) else max(masses, default=unseen), tuple(forms))


def _saturated(counts: NDArray[Any], lengths: Floats, mean_length: float, k1: float, b: float) -> Floats:
    counts = counts.astype(np.float32, copy=False)
    norm = k1 * (1 - b + b * lengths / mean_length)
    saturated: Floats = (counts * (k1 + 1) / (counts + norm)).astype(np.float32, copy=False)
    return saturated


def chunk_scores(corpus: Corpus, words: list[Word]) -> tuple[Floats, Floats]:
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


def _per_word(postings: Postings, word: Word, mean: float, k1: float, b: float) -> tuple[Floats, Floats]:
    earned, mass = np.zeros(len(postings.lengths), np.float32), np.zeros(len(postings.lengths), np.float32)
    for term, weight in word.forms:
        rows, counts = postings.find(term)
        gain = weight * _saturated(counts, postings.lengths[rows], mean, k1, b)
        earned[rows] = np.maximum(earned[rows], gain)
        mass[rows] = np.maximum(mass[rows], min(weight, word.mass))
    return earned, mass


def file_scores(corpus: Corpus, words: list[Word]) -> tuple[Floats, Floats]:
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


def field_scores(postings: Postings, words: list[Word], total: float) -> tuple[Floats, Floats]:
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


def name_scores(corpus: Corpus, words: list[Word], total: float) -> tuple[Floats, Floats]:
    """Return per chunk how well its best declared name fits, and per file the share of the query that names cover."""
    declared = corpus.declared
    chunk = np.zeros(len(corpus.file), np.float32)
    file_mass = np.zeros(len(corpus.path), np.float32)
    share, precision = field_scores(declared.postings, words, total)
    fits = np.flatnonzero(share)
    np.maximum.at(chunk, declared.chunk[fits], share[fits] * np.sqrt(precision[fits]) * declared.weight[fits])
    for word in words:
        best = np.zeros(len(corpus.path), np.float32)
        for term, weight in word.forms:
            at, _ = declared.postings.find(term)
            files = corpus.file[declared.chunk[at]]
            best[files] = np.maximum(best[files], min(weight, word.mass))
        file_mass += best
    return chunk, file_mass / total


def definitions(corpus: Corpus, query: Query) -> tuple[Floats, Floats]:
    """Return per file whether it defines an identifier that the query spells, and whether one that its words make."""
    files, declared = len(corpus.path), corpus.declared
    exact, fitting = np.zeros(files, np.float32), np.zeros(files, np.float32)
    for term in query.wholes:
        found = declared.named(term)
        spelled = np.array([_spelled(declared.name[i], query) for i in found], np.float32)
        np.maximum.at(exact, corpus.file[declared.chunk[found]], declared.weight[found] * spelled)
    named = [int(term) for term in query.phrases]
    named += [whole_term(word) for word in query.words if word not in STOP_WORDS]
    for term in named:
        found = declared.named(term)
        if len(found):
            fitting[corpus.file[declared.chunk[found]]] += 1 / np.sqrt(len(found))
    return exact, np.minimum(fitting, 2)


def _spelled(name: str, query: Query) -> float:
    """Return how well a declaration of the right words is spelled: with its qualifier, by its leaf, or otherwise."""
    lowered = f".{name.lower()}"
    if any(lowered.endswith(f".{asked}") for asked in query.qualified):
        return 1.0
    return 0.6 if lowered.rpartition(".")[2] in query.names else 0.4
