"""One vectorised pass from bytes to words: sub-tokens for the static model, stemmed terms for lexical search.

A *sub-token* is a run of letters or of digits, split where camelCase and acronyms split: `getHTTPResponse2` is
get, HTTP, Response, 2. Matching ignores ASCII case; bytes over 0x7F count as lower-case letters, so words in other
alphabets stay whole. A *term* is a 32-bit hash of a stemmed sub-token, or of a compound identifier as the sequence
of its stemmed sub-tokens, so that `flat_hash_map` and `FlatHashMaps` are one term.

Words are identified by a polynomial hash taken from prefix sums, so no string is made for a token; only words never
seen before in the process are cut out, to be stemmed (Snowball English, Porter 2).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import Stemmer
from numpy.typing import NDArray

__all__ = [
    "TERMS_VERSION",
    "HashTable",
    "TermRows",
    "TokenBatch",
    "batches",
    "compound_hash",
    "hash_words",
    "occurrences",
    "split_words",
    "stem",
    "term_of",
    "term_of_sequence",
    "tokenize",
    "word_terms",
]

TERMS_VERSION = "2"
"""Changes whenever the same text would give other terms."""

BLOCK_BYTES = 1 << 18
"""Texts are tokenised together up to this size: the intermediate arrays then stay in the processor's cache."""

MAX_TEXT_BYTES = 1 << 20
"""A single text longer than this is cut: prefix-sum hashes need a table as long as the longest block."""

_LOWER, _UPPER, _DIGIT = 1, 2, 3
_UNDERSCORE = ord("_")


def _character_classes() -> NDArray[np.uint8]:
    classes = np.zeros(256, np.uint8)
    classes[ord("a") : ord("z") + 1] = _LOWER
    classes[0x80:] = _LOWER
    classes[ord("A") : ord("Z") + 1] = _UPPER
    classes[ord("0") : ord("9") + 1] = _DIGIT
    return classes


def _folded() -> NDArray[np.uint64]:
    folded = np.arange(256, dtype=np.uint64)
    folded[ord("A") : ord("Z") + 1] += 32
    return folded + 1


_CLASSES = _character_classes()
_FOLDED = _folded()
_MASK = (1 << 64) - 1
RADIX = 0x9E3779B97F4A7C15 | 1
"""The base of polynomial hashes. Odd, so that it has an inverse."""
_MIX = np.uint64(0xD6E8FEB86659FD93)
_SEQUENCE_WEIGHTS = np.array([pow(0xA24BAED4963EE407 | 1, k + 1, 1 << 64) for k in range(64)], np.uint64)


@functools.cache
def powers_of_radix(bits: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the first 2**bits powers of RADIX and of its inverse, modulo 2**64: one for each position.

    With prefix sums they hash every run of a sequence at once (Karp and Rabin 1987).
    """
    length = 1 << bits
    powers, inverses = (
        np.full(length, RADIX, np.uint64),
        np.full(length, pow(RADIX, -1, 1 << 64), np.uint64),
    )
    powers[0] = inverses[0] = 1
    return np.cumprod(powers, dtype=np.uint64), np.cumprod(inverses, dtype=np.uint64)


def _mixed(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    hashes = (hashes ^ (hashes >> np.uint64(32))) * _MIX
    mixed: NDArray[np.uint64] = hashes ^ (hashes >> np.uint64(29))
    return mixed


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """The sub-tokens of several texts: where each lies in `buffer`, its case-folded hash, and its text's number.

    Four arrays of equal length, ordered by position; `texts` is the number of texts in the batch.
    """

    buffer: bytes
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    hash: NDArray[np.uint64]
    text: NDArray[np.int64]
    texts: int

    def word(self, i: int) -> str:
        """Return sub-token `i` as a lower-case string."""
        return self.buffer[self.start[i] : self.end[i]].lower().decode("utf-8", "replace")


def _spans(buffer: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64]]:
    raw = np.frombuffer(buffer, np.uint8)
    n = len(raw)
    kind = _CLASSES[raw]
    before, after = kind[:-1], kind[1:]
    border = np.empty(n + 1, np.bool_)
    border[0] = border[n] = True
    border[1:n] = (before != after) & ~((before == _UPPER) & (after == _LOWER))
    # `HTTPServer`: the last capital before a small letter begins the next word.
    border[1 : n - 1] |= (kind[:-2] == _UPPER) & (before[1:] == _UPPER) & (kind[2:] == _LOWER)
    positions = np.flatnonzero(border)
    start, end = positions[:-1], positions[1:]
    keep = kind[start] != 0
    start, end = start[keep], end[keep]
    # A query is short and a cold start is slow: no longer tables than the text needs.
    powers, inverses = powers_of_radix(max(12, n.bit_length()))
    prefix = np.zeros(n + 1, np.uint64)
    np.cumsum(_FOLDED[raw] * powers[:n], out=prefix[1:])
    return start, end, _mixed((prefix[end] - prefix[start]) * inverses[start])


def tokenize(texts: Sequence[bytes]) -> TokenBatch:
    """Return the sub-tokens of all texts, in order. The texts together should be about BLOCK_BYTES.

    Raises ValueError if they are longer than BLOCK_BYTES + MAX_TEXT_BYTES; `batches` cuts them to fit.
    """
    buffer = b"\n".join(texts) + b"\n\n"
    if len(buffer) > BLOCK_BYTES + MAX_TEXT_BYTES:
        raise ValueError(f"{len(buffer):,} bytes are too long to tokenise at once")
    start, end, hashes = _spans(buffer)
    ends = np.cumsum(np.fromiter((len(text) + 1 for text in texts), np.int64, len(texts)))
    per_text = np.diff(np.searchsorted(start, ends), prepend=0)
    return TokenBatch(buffer, start, end, hashes, np.repeat(np.arange(len(texts)), per_text), len(texts))


def batches(texts: Sequence[bytes]) -> Iterator[TokenBatch]:
    """Tokenise any number of texts of any length, a block at a time; what is over MAX_TEXT_BYTES is dropped."""
    block: list[bytes] = []
    size = 0
    for text in texts:
        if block and size + len(text) > BLOCK_BYTES:
            yield tokenize(block)
            block, size = [], 0
        block.append(text[: MAX_TEXT_BYTES - 4])
        size += len(block[-1]) + 1
        if size > BLOCK_BYTES:
            yield tokenize(block)
            block, size = [], 0
    if block:
        yield tokenize(block)


def split_words(text: str) -> list[str]:
    """Return the sub-tokens of one text as lower-case strings."""
    batch = tokenize([text.encode("utf-8", "replace")[: MAX_TEXT_BYTES - 4]])
    return [batch.word(i) for i in range(len(batch.hash))]


def hash_words(words: Sequence[str]) -> NDArray[np.uint64]:
    """Return the hash of each word, equal to that of the same sub-token in a text; each must be one sub-token."""
    hashes = [batch.hash for batch in batches([word.encode() for word in words])]
    joined = np.concatenate(hashes) if hashes else np.zeros(0, np.uint64)
    if len(joined) != len(words):
        raise ValueError("every word must be exactly one sub-token")
    return joined


class HashTable:
    """A map from 64-bit hashes to int64 values, looked up a million at a time (open addressing, linear probing)."""

    def __init__(self, capacity: int = 1 << 12) -> None:
        self._keys = np.zeros(1 << max(4, (2 * capacity - 1).bit_length()), np.uint64)
        self._values = np.full(len(self._keys), -1, np.int64)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def get(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the value of each key, -1 for one that is absent."""
        mask = len(self._keys) - 1
        slot = (keys & np.uint64(mask)).astype(np.int64)
        values = self._values[slot]
        found = self._keys[slot] == keys
        out = np.where(found, values, -1)
        pending = np.flatnonzero(~found & (values >= 0))
        slot = slot[pending]
        while len(pending):
            slot = (slot + 1) & mask
            values = self._values[slot]
            found = (self._keys[slot] == keys[pending]) & (values >= 0)
            out[pending[found]] = values[found]
            further = ~found & (values >= 0)
            pending, slot = pending[further], slot[further]
        return out

    def add(self, keys: NDArray[np.uint64], values: NDArray[np.int64]) -> None:
        """Insert keys that are absent and distinct, with values of 0 or more."""
        if 2 * (self._size + len(keys)) > len(self._keys):
            self._grow(self._size + len(keys))
        mask = len(self._keys) - 1
        slot = (keys & np.uint64(mask)).astype(np.int64)
        self._size += len(keys)
        while len(keys):
            # Of the keys that want the same free slot one wins; the others and those at taken slots move on.
            free = np.flatnonzero(self._values[slot] < 0)
            winners = free[np.unique(slot[free], return_index=True)[1]]
            self._keys[slot[winners]], self._values[slot[winners]] = keys[winners], values[winners]
            rest = np.ones(len(keys), np.bool_)
            rest[winners] = False
            keys, values, slot = keys[rest], values[rest], (slot[rest] + 1) & mask

    def _grow(self, size: int) -> None:
        taken = self._values >= 0
        keys, values = self._keys[taken], self._values[taken]
        self.__init__(2 * size)  # type: ignore[misc]
        self.add(keys, values)


@functools.cache
def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english", 0)


@functools.lru_cache(1 << 14)
def stem(word: str) -> str:
    """Return the stem of a lower-case word."""
    stemmed: str = _stemmer().stemWord(word)
    return stemmed


@functools.cache
def _stem_table() -> HashTable:
    """Return this process's map from a word's hash to its stem's term; it grows with the words seen."""
    return HashTable(1 << 16)


def _mixed_number(value: int) -> int:
    """Do what `_mixed` does, to one Python number."""
    value = ((value ^ (value >> 32)) * int(_MIX)) & _MASK
    return value ^ (value >> 29)


@functools.lru_cache(1 << 16)
def term_of(word: str) -> int:
    """Return the 32-bit term of a lower-case word: its stem, hashed as bytes, for the stem need not be a sub-token."""
    total = 0
    for byte in reversed(stem(word).encode()):
        total = (total * RADIX + int(_FOLDED[byte])) & _MASK
    return _mixed_number(total) >> 32


def term_of_sequence(words: Sequence[str]) -> int:
    """Return the term of the compound identifier that these lower-case words make, in order."""
    last = len(_SEQUENCE_WEIGHTS) - 1
    total = sum(term_of(word) * int(_SEQUENCE_WEIGHTS[min(i, last)]) for i, word in enumerate(words))
    return _mixed_number(total & _MASK) >> 32


def word_terms(batch: TokenBatch) -> NDArray[np.int64]:
    """Return the term of each sub-token of a batch: the hash of its stem."""
    table = _stem_table()
    terms = table.get(batch.hash)
    unknown = np.flatnonzero(terms < 0)
    if len(unknown):
        fresh, first = np.unique(batch.hash[unknown], return_index=True)
        stems: list[str] = _stemmer().stemWords([batch.word(i) for i in unknown[first].tolist()])
        table.add(fresh, (hash_words(stems) >> np.uint64(32)).astype(np.int64))
        terms[unknown] = table.get(batch.hash[unknown])
    return terms


def compound_hash(terms: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one term for each sequence of word terms that begins at `starts`, ascending, and ends at the next."""
    position = np.arange(len(terms)) - np.repeat(starts, np.diff(starts, append=len(terms)))
    weights = _SEQUENCE_WEIGHTS[np.minimum(position, len(_SEQUENCE_WEIGHTS) - 1)]
    sums = np.add.reduceat(terms.astype(np.uint64) * weights, starts)
    return (_mixed(sums) >> np.uint64(32)).astype(np.int64)


def _compounds(batch: TokenBatch, terms: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the text's number and the term of every identifier that has two sub-tokens or more."""
    gap = batch.start[1:] - batch.end[:-1]
    raw = np.frombuffer(batch.buffer, np.uint8)
    joined = (gap == 0) | ((gap == 1) & (raw[batch.end[:-1]] == _UNDERSCORE))
    continues = np.concatenate([[False], joined])
    member = continues | np.concatenate([joined, [False]])
    member_indices = np.flatnonzero(member)
    if not len(member_indices):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    starts = np.flatnonzero(~continues[member_indices])
    return batch.text[member_indices[starts]], compound_hash(terms[member_indices], starts)


def occurrences(texts: Sequence[bytes]) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Return the text's number and the term of every sub-token and compound identifier, in no order."""
    numbers, terms, first = [np.zeros(0, np.int64)], [np.zeros(0, np.uint32)], 0
    for batch in batches(texts):
        if len(batch.hash):
            words = word_terms(batch)
            compound_text, compounds = _compounds(batch, words)
            numbers += [batch.text + first, compound_text + first]
            terms += [words.astype(np.uint32), compounds.astype(np.uint32)]
        first += batch.texts
    return np.concatenate(numbers), np.concatenate(terms)


@dataclass(frozen=True, slots=True)
class TermRows:
    """The terms of several texts: those of text i are `terms[offsets[i]:offsets[i + 1]]`, ascending and unique,
    and occur `counts` times each (255 at most).
    """

    terms: NDArray[np.uint32]
    counts: NDArray[np.uint8]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, batch: TokenBatch) -> TermRows:
        """Count the terms of every text of a batch: its stemmed sub-tokens and its compound identifiers."""
        if not len(batch.hash):
            return cls(np.zeros(0, np.uint32), np.zeros(0, np.uint8), np.zeros(batch.texts + 1, np.int64))
        words = word_terms(batch)
        compound_text, compounds = _compounds(batch, words)
        text, terms = np.concatenate([batch.text, compound_text]), np.concatenate([words, compounds])
        keys = (text.astype(np.uint64) << np.uint64(32)) | terms.astype(np.uint64)
        keys.sort()
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        counts = np.minimum(np.diff(first, append=len(keys)), 255).astype(np.uint8)
        unique = keys[first]
        offsets = np.searchsorted(unique, np.arange(batch.texts + 1, dtype=np.uint64) << np.uint64(32))
        return cls(unique.astype(np.uint32), counts, offsets.astype(np.int64))

    @classmethod
    def of_texts(cls, texts: Sequence[bytes]) -> TermRows:
        """Count the terms of any number of texts."""
        return cls.concatenate([cls.of(batch) for batch in batches(texts)])

    @classmethod
    def concatenate(cls, parts: Sequence[TermRows]) -> TermRows:
        """Join rows, in order."""
        if not parts:
            return cls(np.zeros(0, np.uint32), np.zeros(0, np.uint8), np.zeros(1, np.int64))
        lengths = np.concatenate([np.diff(part.offsets) for part in parts])
        return cls(
            np.concatenate([part.terms for part in parts]),
            np.concatenate([part.counts for part in parts]),
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        )
