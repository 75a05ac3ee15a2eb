"""Which vector has a text? One that is kept, or one that is made now, and kept before anything else can go wrong.

For embedders that take time or money. Files are analysed without vectors, and get them here, in this process: so a
model runs once, limits hold for all, and what was paid for outlives whatever ends a sync.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from treeseek.cache.address import address
from treeseek.cache.frozen import FrozenTier
from treeseek.cache.statistics import Counts
from treeseek.embedding import Embedder, EmbedderIdentity
from treeseek.embedding.context import path_text, with_context
from treeseek.embedding.protocol import Part
from treeseek.errors import EmbeddingError
from treeseek.indexing.identity import content_hash
from treeseek.model import UnitColumns
from treeseek.settings import Settings

__all__ = ["Found", "TextVectors", "VectorCache", "texts_of"]

WRITE_VECTORS = 64
WRITE_SECONDS = 1.0
"""So many vectors, or those of so long, are written at once: each write waits for the disk."""


class VectorCache:
    """Vectors on disk by the text that they are of and the embedder's identity, for all roots. Use it as a context.

    Never raises: what can't be read, or is damaged, is a miss. Deleting the directory costs speed, and where the
    embedder costs money, money.
    """

    def __init__(self, settings: Settings, identity: EmbedderIdentity) -> None:
        self._fingerprint = str(identity).encode()
        self._bytes = identity.dims * 4
        directory = settings.cache_dir / "vectors" if settings.cache_vector_bytes else None
        self._tier = FrozenTier(
            directory, settings.cache_vector_bytes, counts=Counts("", noun="vectors"), content="vectors"
        )

    def __enter__(self) -> VectorCache:
        return self

    def __exit__(self, *_: object) -> None:
        self._tier.statistics()  # told to telemetry while it is open anyway
        self._tier.close()

    def key(self, text: str) -> bytes:
        """Return the address of a text's vector."""
        return address(content_hash(text.encode("utf-8", "replace")), "text", self._fingerprint)

    def get_many(self, keys: Sequence[bytes]) -> dict[bytes, NDArray[np.float32]]:
        """Return the sound ones of those that are kept."""
        found = {}
        for key, data in self._tier.get_many(keys).items():
            body = data[:-4]
            if len(body) == self._bytes and zlib.crc32(key + body).to_bytes(4, "little") == data[-4:]:
                found[key] = np.frombuffer(body, "<f4")
            else:
                self._tier.delete(key)
        self._tier.note("hits", len(found))
        self._tier.note("misses", len(keys) - len(found))
        return found

    def put(self, vectors: Iterable[tuple[bytes, NDArray[np.float32]]]) -> None:
        """Keep vectors, and return when they are written."""
        bodies = [(key, vector.astype("<f4", copy=False).tobytes()) for key, vector in vectors]
        self._tier.write([(key, body + zlib.crc32(key + body).to_bytes(4, "little")) for key, body in bodies])


@dataclass(frozen=True, slots=True)
class Found:
    """Vectors of texts by their keys, and how many of the texts asked for had to be embedded for that."""

    by_key: dict[bytes, NDArray[np.float32]]
    embedded: frozenset[bytes]


class TextVectors:
    """Gives texts their vectors, from a cache or an embedder. One thread at a time.

    `failure` is what the embedder ended with; from then on nothing is embedded any more.
    """

    def __init__(self, embedder: Embedder, cache: VectorCache, deadline: float = float("inf")) -> None:
        self._embedder, self._cache, self._deadline = embedder, cache, deadline
        self._dims = embedder.identity.dims
        self.failure: EmbeddingError | None = None

    def of(self, texts: Iterable[str]) -> Found:
        """Return the vectors of those texts that have one, or get one before the time is up or the embedder fails."""
        by_key = {self._cache.key(text): text for text in texts}
        found = self._cache.get_many(list(by_key))
        missing = [key for key in by_key if key not in found]
        made: dict[bytes, NDArray[np.float32]] = {}
        if missing and self.failure is None:
            for numbers, vectors in self._kept(missing, by_key):
                made |= {missing[number]: vector for number, vector in zip(numbers, vectors, strict=True)}
        return Found(found | made, frozenset(made))

    def _kept(self, keys: Sequence[bytes], by_key: dict[bytes, str]) -> Iterator[Part]:
        """Yield what the embedder makes, once it is written, which happens whatever ends this."""
        waiting: list[tuple[bytes, NDArray[np.float32]]] = []
        since = time.monotonic()
        try:
            for numbers, vectors in self._parts([by_key[key] for key in keys]):
                waiting += ((keys[number], vector) for number, vector in zip(numbers, vectors, strict=True))
                if len(waiting) >= WRITE_VECTORS or time.monotonic() - since > WRITE_SECONDS:
                    self._cache.put(waiting)
                    waiting, since = [], time.monotonic()
                yield numbers, vectors
        except EmbeddingError as error:
            self.failure = error
        finally:
            if waiting:
                self._cache.put(waiting)

    def _parts(self, texts: Sequence[str]) -> Iterator[Part]:
        parts = getattr(self._embedder, "embed_parts", None)
        if parts is None:  # an embedder of somebody else's, which knows no parts
            yield range(len(texts)), self._embedder.embed(texts)
        else:
            yield from parts(texts, self._deadline)

    def texts_of(self, rows: UnitColumns) -> list[str]:
        """Return what is embedded for rows; see the function."""
        return texts_of(rows, self._embedder)

    def placed(self, rows: UnitColumns, texts: Sequence[str], found: Found) -> UnitColumns | None:
        """Return rows with the vectors of their `texts_of`, in their context; None if one is missing."""
        chunks, _, file_of_chunk = _layout(rows)
        vectors = [found.by_key.get(self._cache.key(text)) for text in texts]
        known = [vector for vector in vectors if vector is not None]
        if len(known) < len(vectors):
            return None
        of_chunks, of_paths = self._stacked(known[: len(chunks)]), self._stacked(known[len(chunks) :])
        in_context = with_context(of_chunks, of_paths, file_of_chunk)
        vector = np.zeros((len(rows), self._dims), np.float16)
        has_vector = np.zeros(len(rows), np.bool_)
        vector[chunks] = in_context
        has_vector[chunks] = in_context.any(axis=1)
        return replace(rows, vector=vector, has_vector=has_vector)

    def embedded_of(self, rows: UnitColumns, texts: Sequence[str], found: Found) -> int:
        """Return how many of the rows' chunks got a vector that was made now."""
        return sum(self._cache.key(text) in found.embedded for text in texts[: len(_layout(rows)[0])])

    def _stacked(self, vectors: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        return np.stack(vectors) if vectors else np.zeros((0, self._dims), np.float32)


def texts_of(rows: UnitColumns, embedder: Embedder) -> list[str]:
    """Return what is embedded for rows: the chunks' texts, and the files' paths as context.

    Before an embedder that must not see everything, the chunks of a file are looked at together: a key that was cut in
    two is no key in either part.
    """
    chunks, files, file_of_chunk = _layout(rows)
    texts = [rows.text[row] for row in chunks]
    redacted = getattr(embedder, "redacted", None)
    if callable(redacted):
        texts = _redacted(texts, file_of_chunk, redacted)
    return [*texts, *(path_text(rows.path[row]) for row in files)]


def _redacted(
    texts: Sequence[str], file_of_chunk: NDArray[np.int64], redacted: Callable[[list[str]], list[str]]
) -> list[str]:
    """Return the chunks of each file as they come out when all of it is redacted at once, which moves no line."""
    starts = np.flatnonzero(np.diff(file_of_chunk, prepend=-1)).tolist()
    out: list[str] = []
    for start, end in pairwise([*starts, len(texts)]):
        lines = redacted(["\n".join(texts[start:end])])[0].split("\n")
        for text in texts[start:end]:
            count = text.count("\n") + 1
            out.append("\n".join(lines[:count]))
            del lines[:count]
    return out


def _layout(rows: UnitColumns) -> tuple[list[int], list[int], NDArray[np.int64]]:
    """Return the rows of chunks, those of their files, and which file, counted from 0, each chunk is of."""
    files = [row for row, kind in enumerate(rows.kind) if kind == "file"]
    chunks = [row for row, kind in enumerate(rows.kind) if kind != "file"]
    return chunks, files, np.searchsorted(np.array(files, np.int64), np.array(chunks, np.int64)) - 1
