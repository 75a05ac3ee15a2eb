"""Syntax trees by content: out of the cache, or parsed once, a few here and many in worker processes."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from treeseek.cache import Budgets, TreeCache
from treeseek.errors import TreeError
from treeseek.indexing.identity import content_hash
from treeseek.syntax.grammars import vocabulary
from treeseek.syntax.languages import LANGUAGES, detect
from treeseek.syntax.live import LiveFile, parse_live, reparse
from treeseek.syntax.parsed import Declared, ParsedFile
from treeseek.syntax.stored import STORED_VERSION, decode_file, encode_file
from treeseek.syntax.tree import SyntaxTree

if TYPE_CHECKING:
    from treeseek.indexing.workers import Pool
    from treeseek.settings import Settings

__all__ = ["SyntaxCodec", "Text", "Trees", "has_grammar", "open_trees", "text_of"]

SMALL_TEXT_BYTES = 1_500_000
"""Below this, starting more than one worker process costs more than it saves."""
FEW_BYTES = 300_000
"""If no more than this of a batch isn't cached, the rest won't be much either."""
_TEXTS_AT_ONCE = 256
_BYTES_AT_ONCE = 16 << 20
_TREE_OBJECT_BYTES = 1_500
_DECLARED_OBJECT_BYTES = 620
"""A declaration's tuple, its numbers, and the heads of its texts, by tracemalloc."""


class Text(NamedTuple):
    """A text to have the tree of; `digest` is its content hash."""

    path: str
    data: bytes
    language: str
    digest: str


def text_of(path: str, data: bytes) -> Text:
    """Return a file's text with its language and its content hash."""
    return Text(path, data, detect(path, data[:4096]), content_hash(data))


def has_grammar(language: str) -> bool:
    """Whether texts of a language have syntax trees."""
    row = LANGUAGES.get(language)
    return row is not None and row.reader == "syntax"


class SyntaxCodec:
    """What the cache needs to know of syntax trees.

    Once there are `parsers`, it parses in their processes; without, in this one, which is for texts that are trusted.
    """

    def __init__(self, deadline_seconds: float) -> None:
        self.deadline_seconds = deadline_seconds
        self.parsers: Pool | None = None

    def fingerprint(self, language: str) -> bytes:
        """Return what changes with the grammar or with the format of what is stored."""
        return _fingerprint(language)

    def parse(self, data: bytes, language: str) -> LiveFile | ParsedFile | None:
        """Return the tree of a text, None if it can't be had in time; live unless a worker process made it."""
        parsers = self.parsers
        if parsers is None:
            return parse_live(data, language, deadline_seconds=self.deadline_seconds)
        digest = content_hash(data)
        stored = parsers.parse(data, language, digest)
        try:
            file = None if stored is None else decode_file(stored, digest).checked()
        except TreeError:  # what a worker says is no more to be trusted than the text it has read
            return None
        is_whole = file is not None and file.language == language and int(file.tree.end.max(initial=0)) <= len(data)
        return file if is_whole else None

    def reparse(self, live: LiveFile | ParsedFile, data: bytes) -> LiveFile | ParsedFile | None:
        """Return the tree of a later version of a text."""
        if isinstance(live, ParsedFile):
            return self.parse(data, live.language)
        return reparse(live, data, deadline_seconds=self.deadline_seconds)

    def columns(self, live: LiveFile | ParsedFile) -> ParsedFile:
        """Return the form in which a tree is kept, without its text."""
        return without_source(live.parsed()) if isinstance(live, LiveFile) else live

    def encode(self, tree: ParsedFile, content_hash: str) -> bytes:
        """Return the stored form."""
        return encode_file(tree, content_hash)

    def decode(self, data: bytes, content_hash: str) -> ParsedFile:
        """Undo `encode`; raises TreeError."""
        return decode_file(data, content_hash)

    def nbytes(self, tree: ParsedFile) -> int:
        """Return the memory of a tree and its declarations."""
        packed = tree.packed_bytes
        declared = sum(map(_declared_bytes, tree.declarations)) if packed is None else packed
        return tree.tree.nbytes + _TREE_OBJECT_BYTES + declared

    def live_nbytes(self, live: LiveFile | ParsedFile) -> int:
        """Return the memory of a live tree."""
        return live.nbytes if isinstance(live, LiveFile) else self.nbytes(live)


def _declared_bytes(one: Declared) -> int:
    return _DECLARED_OBJECT_BYTES + len(one.name) + len(one.signature)


@cache
def _fingerprint(language: str) -> bytes:
    grammar = vocabulary(language)
    told = f"{grammar.grammar} {grammar.version} {STORED_VERSION}".encode()
    return hashlib.blake2b(told + grammar.digest, digest_size=16).digest()


def with_source(file: ParsedFile, data: bytes) -> ParsedFile:
    """Return a parsed file with its text, which hashes and comparisons need."""
    return file.with_tree(file.tree.with_source(data))


def without_source(file: ParsedFile) -> ParsedFile:
    """Return a parsed file without its text."""
    tree = file.tree
    bare = SyntaxTree(
        tree.language, tree.vocabulary, kind=tree.kind, field=tree.field, flags=tree.flags, start=tree.start,
        end=tree.end, size=tree.size,
    )  # fmt: skip
    return file.with_tree(bare)


class Trees:
    """The trees of texts, through a cache on disk. Close it, or use it as a context manager; threads may share it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._codec = SyntaxCodec(settings.parse_seconds)
        budgets = Budgets(
            settings.cache_hot_bytes, settings.cache_warm_bytes, settings.cache_cold_bytes, settings.cache_frozen_bytes
        )
        self.cache: TreeCache[LiveFile | ParsedFile, ParsedFile] = TreeCache(
            self._codec, settings.cache_dir / "trees", budgets
        )

    def __enter__(self) -> Trees:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write to disk what isn't there yet, and give up the worker processes."""
        self.cache.close()
        with self._lock:
            parsers, self._codec.parsers = self._codec.parsers, None
        if parsers is not None:
            parsers.close()

    def live(self, text: Text) -> ParsedFile | None:
        """Return the tree of a file that will change again soon, edited from the one before if that is kept."""
        if not has_grammar(text.language):
            return None
        self._allow_parsers(1)
        try:
            file = self.cache.get_or_parse(text.path, text.data, text.language, text.digest, live=True)
        finally:
            self._rest()
        return None if file is None else with_source(file, text.data)

    def parsed(self, texts: Iterable[Text], *, total_bytes: int) -> Iterator[tuple[Text, ParsedFile | None]]:
        """Yield for each text, in order, its tree with its source; None if it has no grammar or can't be parsed.

        `total_bytes` is about how much there is in all: it decides whether worker processes are worth starting.
        """
        self._allow_parsers(1)
        try:
            for batch in _batches(texts):
                yield from self._batch(batch, total_bytes)
        finally:
            self._rest()

    def _batch(self, batch: Sequence[Text], total_bytes: int) -> Iterator[tuple[Text, ParsedFile | None]]:
        known = {(text.digest, text.language): text for text in batch if has_grammar(text.language)}
        loaded = self.cache.load_many((text.path, text.digest, text.language) for text in known.values())
        found = {key: file for key, file in zip(known, loaded, strict=True) if file is not None}
        missing = [text for key, text in known.items() if key not in found]
        if total_bytes >= SMALL_TEXT_BYTES and sum(len(text.data) for text in missing) >= FEW_BYTES:
            self._start_parsers()
        for text, file in self._parse(missing):
            found[text.digest, text.language] = file
        for text in batch:
            kept = found.get((text.digest, text.language))
            yield text, None if kept is None else with_source(kept, text.data)

    def _parse(self, missing: Sequence[Text]) -> Iterator[tuple[Text, ParsedFile]]:
        parsers = self._codec.parsers
        threads = 1 if parsers is None else parsers.count + 1  # one more, so that no process waits for its next text
        with ThreadPoolExecutor(threads, thread_name_prefix="treeseek-parse") as pool:
            files = map(self._get, missing) if threads == 1 else pool.map(self._get, missing)
            yield from ((text, file) for text, file in zip(missing, files, strict=True) if file is not None)

    def _get(self, text: Text) -> ParsedFile | None:
        return self.cache.get_or_parse(text.path, text.data, text.language, text.digest)

    def _start_parsers(self) -> None:
        count = self._settings.workers or os.cpu_count() or 1
        if count > 1:
            self._allow_parsers(count, is_much=True)
            assert self._codec.parsers is not None
            self._codec.parsers.start(count)

    def _allow_parsers(self, count: int, *, is_much: bool = False) -> None:
        """Have texts parsed by up to so many processes; few texts that are trusted are parsed in this one."""
        if self._settings.sandbox == "off" and not is_much:
            return
        from treeseek.indexing.quarantine import Quarantine
        from treeseek.indexing.workers import Pool, Terms

        with self._lock:
            if self._codec.parsers is None:
                quarantine = Quarantine(self._settings.cache_dir)
                self._codec.parsers = Pool(count, Terms.of(self._settings), quarantine)
            self._codec.parsers.grow(count)

    def _rest(self) -> None:
        with self._lock:
            if self._codec.parsers is not None:
                self._codec.parsers.rest()


def open_trees(settings: Settings) -> Trees:
    """Return the trees of texts, cached below the settings' `cache_dir`. Nothing is opened before it is needed."""
    return Trees(settings)


def _batches(texts: Iterable[Text]) -> Iterator[list[Text]]:
    """Cut texts into batches that are bounded in number and, but for one large text, in bytes."""
    batch: list[Text] = []
    size = 0
    for text in texts:
        if batch and (len(batch) == _TEXTS_AT_ONCE or size + len(text.data) > _BYTES_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text.data)
    if batch:
        yield batch
