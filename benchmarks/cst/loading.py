"""Loading a stored tree beside parsing the file: to the same result, and beside the bare parse alone.

The same result is columns with text, and declarations; beside the bare parse, which knows of no declarations, they stay
packed. Warm and frozen are whole look-ups in a cache, which has the
tree in memory or on disk (and in the system's own cache of files); cold is decoding what memory has compressed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cst.clock import best
from benchmarks.cst.corpus import SIX, Source, by_language, evenly, nodes_of
from benchmarks.cst.figures import Figure, percentile
from treeseek.cache import Budgets, TreeCache
from treeseek.indexing.identity import content_hash
from treeseek.indexing.trees import SyntaxCodec
from treeseek.syntax.grammars import load
from treeseek.syntax.live import LiveFile
from treeseek.syntax.parsed import ParsedFile, parse_file
from treeseek.syntax.stored import decode_file, encode_file

__all__ = ["Loaded", "loading_figures", "measured_files"]

PART = "loading a tree"
RATIO_BAR, LARGE_BAR, WARM_BAR = 10.0, 30.0, 50.0
LARGE_NODES = 10_000
_LARGE_BYTES = 40_000
"""Files below this are never large."""
_DEADLINE_SECONDS = 60.0

Live = LiveFile | ParsedFile


@dataclass(frozen=True, slots=True)
class Loaded:
    """Seconds that one file took, by way. `large_only`: it was picked for its size, and is no part of a sample."""

    path: str
    language: str
    nodes: int
    large_only: bool
    bare: float
    parse: float
    warm: float
    cold: float
    frozen: float
    warm_tree: float
    cold_tree: float
    frozen_tree: float
    hashing: float


def measured_files(files: Sequence[Source], rounds: int, most: int) -> list[Loaded]:
    """Measure at most `most` files of each language, evenly chosen, and a quarter as many of the large ones."""
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        shelf = _Shelf(Path(scratch))
        for some in by_language(files).values():
            sample = evenly(some, most)
            chosen = {file.path for file in sample}
            large = [file for file in some if len(file.data) > _LARGE_BYTES and file.path not in chosen]
            large = [file for file in evenly(large, max(most // 4, 1)) if nodes_of(file) >= LARGE_NODES]
            found += [_measured(file, rounds, shelf, large_only=False) for file in sample]
            found += [_measured(file, rounds, shelf, large_only=True) for file in large]
        shelf.close()
    return found


class _Shelf:
    """Two caches of the kind that treeseek uses: one with room in memory, one that has only its file."""

    def __init__(self, directory: Path) -> None:
        codec = SyntaxCodec(_DEADLINE_SECONDS)
        self._warm: TreeCache[Live, ParsedFile] = TreeCache(codec, None, Budgets(0, 1 << 32, 0, 0))
        self._frozen: TreeCache[Live, ParsedFile] = TreeCache(codec, directory, Budgets(0, 0, 0, 1 << 30))

    def put(self, file: Source, name: str) -> None:
        for cache in (self._warm, self._frozen):
            cache.get_or_parse(file.path, file.data, file.language, name)

    def warm(self, file: Source, name: str) -> ParsedFile:
        found = self._warm.load(file.path, name, file.language)
        assert found is not None
        return found

    def frozen(self, file: Source, name: str) -> ParsedFile:
        """Load as a walk over many files does: a cache without room would write what it loaded to disk again."""
        (found,) = self._frozen.load_many([(file.path, name, file.language)])
        assert found is not None
        return found

    def close(self) -> None:
        told = self._frozen.statistics().tiers
        assert not told["warm"].hits + told["cold"].hits
        self._warm.close()
        self._frozen.close()


def _whole(file: ParsedFile, data: bytes) -> ParsedFile:
    return ParsedFile(file.tree.with_source(data), file.declarations)


def _measured(file: Source, rounds: int, shelf: _Shelf, *, large_only: bool) -> Loaded:
    language, data = file.language, file.data
    parser = load(language).parser
    name = content_hash(data)
    parsed = parse_file(data, language, deadline_seconds=_DEADLINE_SECONDS)
    assert parsed is not None
    stored = encode_file(parsed, name)
    shelf.put(file, name)
    times = best(
        (
            lambda: parser.parse(data),
            lambda: parse_file(data, language, deadline_seconds=_DEADLINE_SECONDS),
            lambda: _whole(shelf.warm(file, name), data),
            lambda: _whole(decode_file(stored, name), data),
            lambda: _whole(shelf.frozen(file, name), data),
            lambda: shelf.warm(file, name).tree.with_source(data),
            lambda: decode_file(stored, name).tree.with_source(data),
            lambda: shelf.frozen(file, name).tree.with_source(data),
            lambda: content_hash(data),
        ),
        rounds,
    )
    return Loaded(file.path, language, len(parsed.tree), large_only, *times)


def loading_figures(loaded: Sequence[Loaded]) -> Iterator[Figure]:
    """Yield the ratios over all files, over the large ones, and for each language."""
    sample = [one for one in loaded if not one.large_only]
    large = [one for one in loaded if one.nodes >= LARGE_NODES]
    if sample:
        warm = [1e6 * one.warm for one in loaded]
        yield Figure(PART, f"warm, p50 of {len(warm):,} files", percentile(warm, 0.5), "µs", WARM_BAR,
                     note=f"p95 {percentile(warm, 0.95):.0f}, most {max(warm):.0f}")  # fmt: skip
    yield from _ratios(f"p50 of {len(sample):,} files", sample, RATIO_BAR)
    yield from _ratios(f"p50 of {len(large):,} files of at least {LARGE_NODES:,} nodes", large, LARGE_BAR)
    six = [one for one in sample if one.language in SIX]
    yield from _ratios(f"p50 of {len(six):,} files in the six", six, RATIO_BAR)
    for language in dict.fromkeys(one.language for one in loaded):
        own = [one for one in sample if one.language == language]
        yield from _ratios(f"p50, {language}", own, RATIO_BAR, short=True)
        own = [one for one in large if one.language == language]
        yield from _ratios(f"p50, {language}, {len(own)} large", own, LARGE_BAR, short=True)
    if sample:
        hashing = percentile([one.hashing for one in sample], 0.5)
        yield Figure(PART, "hash of the bytes, where the caller doesn't know it, p50", 1e6 * hashing, "µs")


def _ratios(title: str, loaded: Sequence[Loaded], bar: float, *, short: bool = False) -> Iterator[Figure]:
    """Yield how many times faster than its two peers loading is, by tier."""
    for tier in ("cold",) if short else ("warm", "cold", "frozen"):
        for peer, called, own in (("parse", "same result", tier), ("bare", "bare parse alone", f"{tier}_tree")):
            if loaded:
                ratios = [getattr(one, peer) / getattr(one, own) for one in loaded]
                seconds = percentile([getattr(one, own) for one in loaded], 0.5)
                note = f"p50 {1e6 * seconds:,.0f} µs; least ratio {min(ratios):.1f}"
                yield Figure(PART, f"{tier} over {called}, {title}", percentile(ratios, 0.5), "x", bar, at_least=True,
                             note=note)  # fmt: skip
