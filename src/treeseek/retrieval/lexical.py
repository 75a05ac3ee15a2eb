"""Where do the query's words stand, and how much does that count? BM25 over chunks, files and short fields.

BM25 is that of Robertson and Zaragoza (2009), with inverse document frequencies counted over files. A word and its
variants are one word: a row earns the best of what they would earn alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treeseek.retrieval.candidates import Candidates
from treeseek.retrieval.corpus import Corpus
from treeseek.retrieval.postings import Entries, Postings
from treeseek.retrieval.query import STOP_WORDS, VARIANT_WEIGHT, Query
from treeseek.tokens import term_of_sequence

__all__ = [
    "FILE_K1", "Asked", "Floats", "asked", "chunk_scores", "definitions", "field_scores", "file_scores", "name_scores",
    "phrases",
    "spelled",
]  # fmt: skip

Floats = NDArray[np.float32]

CHUNK_K1, CHUNK_B = 1.2, 0.6
FILE_K1, FILE_B = 1.6, 0.6
PHRASE_WEIGHT = 0.6
IDENTIFIER_WEIGHT = 1.5
COMMON_SHARE = 0.1
"""An identifier that such a share of the files has says nothing about any of them, unless it is all that is asked."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A query's words as a corpus has them. `mass` is what each word weighs, whether it occurs or not.

    The others are columns, a row for each form of a word that occurs, those of the least `share` first: its term, which
    word it is a form of, what it weighs in BM25, and which part of the word's mass a text has that holds it.
    """

    mass: Floats
    term: NDArray[np.uint32]
    word: NDArray[np.int64]
    weight: Floats
    share: Floats

    @property
    def total(self) -> float:
        """What all words weigh together."""
        return float(self.mass.sum()) or 1.0

    @property
    def unseen(self) -> float:
        """The share of that in words that don't occur."""
        seen = np.zeros(len(self.mass), np.bool_)
        seen[self.word] = True
        return float(self.mass[~seen].sum()) / self.total


def asked(corpus: Corpus, query: Query) -> Asked:
    """Look up the query's words and the identifiers that it spells out."""
    words = [(terms, 1.0) for terms in query.terms]
    return _looked_up(corpus, words + [(query.identifiers[i : i + 1], IDENTIFIER_WEIGHT)
                                       for i in range(len(query.identifiers))])  # fmt: skip


def phrases(corpus: Corpus, query: Query) -> Asked:
    """Look up the identifiers that the query's adjacent words would make."""
    return _looked_up(corpus, [(query.phrases[i : i + 1], PHRASE_WEIGHT) for i in range(len(query.phrases))])


def _looked_up(corpus: Corpus, words: Sequence[tuple[NDArray[np.uint32], float]]) -> Asked:
    """Look up words, each an array of its forms, the one that was spelled first, and what it counts."""
    files = len(corpus.path)
    sizes = np.array([len(terms) for terms, _ in words], np.int64)
    terms = np.concatenate([terms for terms, _ in words]) if words else np.zeros(0, np.uint32)
    word = np.repeat(np.arange(len(words)), sizes)
    spelled = np.zeros(len(terms), np.bool_)
    spelled[np.cumsum(sizes) - sizes] = True
    factor = np.array([factor for _, factor in words])
    at = corpus.chunks.places(terms)
    found = np.flatnonzero(at >= 0)
    frequency = corpus.document_frequency[at[found]].astype(np.float64)
    weight = factor[word[found]] * np.log1p((files - frequency + 0.5) / (frequency + 0.5))
    weight *= np.where(spelled[found], 1.0, VARIANT_WEIGHT)
    # A word weighs what its spelling does, or else its rarest form; one that doesn't occur, as much as a word can.
    mass = np.zeros(len(words))
    np.maximum.at(mass, word[found], weight)
    as_spelled = spelled[found]
    mass[word[found[as_spelled]]] = weight[as_spelled]
    mass = np.where(mass > 0, mass, factor * np.log1p(2 * files + 1) * np.where(sizes > 1, 0.5, 0.0))
    share = np.minimum(weight, mass[word[found]])
    least_first = np.argsort(share, kind="stable")
    found = found[least_first]
    return Asked(
        mass=mass.astype(np.float32),
        term=terms[found],
        word=word[found],
        weight=weight[least_first].astype(np.float32),
        share=share[least_first].astype(np.float32),
    )


def _norm(lengths: Floats, mean: float, k1: float, b: float) -> Floats:
    """Return what a row's length puts below the line of BM25."""
    norm: Floats = np.float32(k1 * b / (mean or 1.0)) * lengths + np.float32(k1 * (1 - b))
    return norm


def _saturated(counts: NDArray[Any], norm: Floats, k1: float) -> Floats:
    counts = counts.astype(np.float32, copy=False)
    saturated: Floats = counts * np.float32(k1 + 1)
    saturated /= counts + norm
    return saturated


def _mass(words: Asked, entries: Entries, rows: int) -> tuple[Floats, Floats]:
    """Return which mass of the words each row has, and how many of them. `entries` are those of the words' terms."""
    best = np.zeros((len(words.mass), rows), np.float32)
    best[words.word[entries.term], entries.row] = words.share[entries.term]  # of several forms the greatest comes last
    return best.sum(axis=0), (best > 0).sum(axis=0, dtype=np.float32)


def chunk_scores(corpus: Corpus, words: Asked, entries: Entries, among: Candidates) -> tuple[Floats, Floats]:
    """Return the BM25 of each of the candidates' chunks, and the mass of the words in it.

    `entries` are those of the words in the candidates' chunks, by their numbers there.
    """
    lengths = corpus.chunks.lengths
    norm = _norm(lengths[among.chunks], float(lengths.mean()), CHUNK_K1, CHUNK_B)
    gain = words.weight[entries.term] * _saturated(entries.count, norm[entries.row], CHUNK_K1)
    earned = np.zeros((len(words.mass), len(among.chunks)), np.float32)
    np.maximum.at(earned.reshape(-1), words.word[entries.term] * len(among.chunks) + entries.row, gain)
    covered, _ = _mass(words, entries, len(among.chunks))
    return earned.sum(axis=0), covered


def file_scores(corpus: Corpus, words: Asked, entries: Entries) -> tuple[Floats, Floats]:
    """Return each file's BM25 as one text, and the mass of the words in it. `entries` are the words' in all chunks."""
    files = len(corpus.path)
    norm = _norm(corpus.file_lengths, float(corpus.file_lengths.mean()), FILE_K1, FILE_B)
    scores, covered = np.zeros(files, np.float32), np.zeros(files, np.float32)
    file, ends = corpus.file.take(entries.row), np.searchsorted(entries.term, np.arange(len(words.term)), "right")
    earned: dict[int, Floats] = {}
    had: dict[int, Floats] = {}
    start = 0
    for i, end in enumerate(ends.tolist()):
        per_file: Floats = np.bincount(file[start:end], entries.count[start:end], files).astype(np.float32)
        share = np.sign(per_file)
        share *= words.share[i]
        gain = _saturated(per_file, norm, FILE_K1)
        gain *= words.weight[i]
        word, start = int(words.word[i]), end
        earned[word] = np.maximum(earned[word], gain) if word in earned else gain
        had[word] = np.maximum(had[word], share) if word in had else share
    for gain, share in zip(earned.values(), had.values(), strict=True):
        scores += gain
        covered += share
    return scores, covered


def field_scores(postings: Postings, words: Asked, among: Candidates | None = None) -> tuple[Floats, Floats]:
    """Return the share of the query's mass in a short field of files, and the share of the field that the query covers:
    for all files, or for the candidates.
    """
    entries = postings.entries(words.term)
    lengths = postings.lengths
    if among is not None:
        entries, lengths = entries.within(among.files_numbered(len(lengths))), lengths[among.files]
        mass, matched = _mass(words, entries, len(lengths))
        return mass / np.float32(words.total), np.minimum(matched / np.maximum(lengths, 1), 1)
    share, precision = np.zeros(len(lengths), np.float32), np.zeros(len(lengths), np.float32)
    share[entries.row] = 1
    some = np.flatnonzero(share)
    number = np.empty(len(lengths), np.int32)
    number[some] = np.arange(len(some), dtype=np.int32)
    mass, matched = _mass(words, entries.within(number), len(some))
    share[some] = mass / np.float32(words.total)
    precision[some] = np.minimum(matched / np.maximum(lengths[some], 1), 1)
    return share, precision


def name_scores(corpus: Corpus, words: Asked, among: Candidates) -> tuple[Floats, Floats]:
    """Return for each of the candidates' chunks how well its best declared name fits, and for each candidate the share
    of the query that its names cover.
    """
    declared = corpus.declared
    entries = declared.postings.entries(words.term)
    chunk_of = among.number.take(declared.chunk.take(entries.row))
    here = np.flatnonzero(chunk_of >= 0)
    declaration, place = np.unique(entries.row[here], return_inverse=True)
    mass, matched = _mass(words, Entries(place, entries.term[here], entries.count[here]), len(declaration))
    precision = np.minimum(matched / np.maximum(declared.postings.lengths[declaration], 1), 1)
    fit = mass / np.float32(words.total) * np.sqrt(precision) * declared.weight[declaration]
    chunk = np.zeros(len(among.chunks), np.float32)
    np.maximum.at(chunk, among.number[declared.chunk[declaration]], fit)
    of_files, _ = _mass(
        words, Entries(among.file[chunk_of[here]], entries.term[here], entries.count[here]), len(among.files)
    )
    return chunk, of_files / np.float32(words.total)


def definitions(corpus: Corpus, query: Query) -> tuple[Floats, Floats]:
    """Return per file whether it defines an identifier that the query spells, and whether one that its words make."""
    files, declared = len(corpus.path), corpus.declared
    exact, fitting = np.zeros(files, np.float32), np.zeros(files, np.float32)
    for found in declared.all_named(query.wholes):
        spelled = np.array([_spelled(declared.name[i], query) for i in found], np.float32)
        np.maximum.at(exact, corpus.file[declared.chunk[found]], declared.weight[found] * spelled)
    named = [*query.phrases.tolist(), *(term_of_sequence([word]) for word in query.words if word not in STOP_WORDS)]
    for found in declared.all_named(named):
        if len(found):
            fitting[corpus.file[declared.chunk[found]]] += 1 / np.sqrt(len(found))
    return exact, np.minimum(fitting, 2)


def spelled(corpus: Corpus, query: Query) -> Floats:
    """Return for each chunk how much it says that it has the identifiers of several words that the query spells.

    One that is all of the query counts 1, one among other words the less the more files have it, down to nothing: then
    it is what the question takes for granted.
    """
    found = np.zeros(len(corpus.file), np.float32)
    if len(query.identifiers):
        entries = corpus.chunks.entries(query.identifiers)
        files = corpus.document_frequency[np.maximum(corpus.chunks.places(query.identifiers), 0)]
        rare = 1 - np.log1p(files) / np.log1p(max(len(corpus.path) * COMMON_SHARE, 4))
        worth = np.ones(len(files)) if query.is_symbol else np.clip(rare, 0, 1)
        np.add.at(found, entries.row, worth.astype(np.float32)[entries.term])
    return found


def _spelled(name: str, query: Query) -> float:
    """Return how well a declaration of the right words is spelled: with its qualifier, by its leaf, or otherwise."""
    lowered = f".{name.lower()}"
    if any(lowered.endswith(f".{asked}") for asked in query.qualified):
        return 1.0
    return 0.6 if lowered.rpartition(".")[2] in query.names else 0.4
