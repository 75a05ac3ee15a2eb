"""Chunks along declarations against chunks by lines: what does each cover, and how many declarations stay whole?"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from treeseek.errors import UnreadableError
from treeseek.evaluation.variants import LINES, SYNTAX
from treeseek.indexing.trees import has_grammar
from treeseek.model import Chunk, Declaration
from treeseek.settings import Settings
from treeseek.syntax import analyse, detect
from treeseek.syntax.chunks import MAX_CHUNK_BYTES
from treeseek.workspace import classify, open_root, walk

__all__ = ["Chunking", "chunkings"]


@dataclass(slots=True)
class Chunking:
    """What cutting files comes to. `covered` of all `lines` that aren't blank are in a chunk. Of the `declarations`
    that would fit into one, `whole` are in one, and `alone` by themselves, but for what is around or inside them.
    `fallbacks` counts files that were cut by lines though they have a grammar, by reason.
    """

    files: int = 0
    chunks: int = 0
    lines: int = 0
    covered: int = 0
    declarations: int = 0
    whole: int = 0
    alone: int = 0
    seconds: float = 0.0
    fallbacks: Counter[str] = field(default_factory=Counter)


def chunkings(root: Path, settings: Settings) -> Mapping[str, Chunking]:
    """Cut every file of a root that has a grammar in both ways, by "syntax" and by "lines", in this process."""
    found = {SYNTAX: Chunking(), LINES: Chunking()}
    for path, data in _files(root, settings):
        language = detect(path, data[:4096])
        if not has_grammar(language):
            continue
        start = time.perf_counter()
        syntax = analyse(data, language, deadline_seconds=settings.parse_seconds)
        between = time.perf_counter()
        by_lines = analyse(data, "text", deadline_seconds=settings.parse_seconds)
        end = time.perf_counter()
        text = data.split(b"\n")
        _count(found[SYNTAX], text, syntax.chunks, syntax.declarations, between - start)
        _count(found[LINES], text, by_lines.chunks, syntax.declarations, end - between)
        if syntax.fallback:
            found[SYNTAX].fallbacks[syntax.fallback] += 1
    return found


def _files(root: Path, settings: Settings) -> Iterator[tuple[str, bytes]]:
    found = walk(root, max_file_bytes=settings.max_file_bytes, max_files=settings.max_files)
    with open_root(root) as reader:
        for file in found.files:
            try:
                data = reader.read(file.path, max_bytes=settings.max_file_bytes)
            except UnreadableError:
                continue
            if not classify(file.path, data):
                yield file.path, data


def _count(
    into: Chunking, text: Sequence[bytes], chunks: Sequence[Chunk], declared: Sequence[Declaration], seconds: float
) -> None:
    into.files += 1
    into.chunks += len(chunks)
    into.seconds += seconds
    covered = {line for chunk in chunks for line in range(chunk.start_line, chunk.end_line + 1)}
    filled = [number for number, line in enumerate(text, 1) if line.strip()]
    into.lines += len(filled)
    into.covered += sum(number in covered for number in filled)
    starts = [chunk.start_byte for chunk in chunks]
    begun = defaultdict(list)
    for one in declared:
        begun[max(bisect_right(starts, one.start_byte) - 1, 0)].append(one)
    for number, group in begun.items():
        for one in group:
            into.declarations += one.end_byte - one.start_byte <= MAX_CHUNK_BYTES
            if chunks[number].start_byte <= one.start_byte and one.end_byte <= chunks[number].end_byte:
                into.whole += 1
                into.alone += all(_nested(one, other) for other in group)


def _nested(one: Declaration, other: Declaration) -> bool:
    """Whether one of two declarations is inside the other."""
    first, second = sorted((one, other), key=lambda each: (each.start_byte, -each.end_byte))
    return second.end_byte <= first.end_byte
