"""Which files have a chance? The few hundred whose chunks are worth looking at one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from treeseek.retrieval.corpus import Corpus

__all__ = ["MAX_FILES", "Candidates", "choose"]

Floats = NDArray[np.float32]

MAX_FILES = 256
"""More than any answer holds, and few enough that their chunks are compared with the query in a millisecond."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """`files` and all their `chunks`, ascending; `file` says for each chunk which of the candidates it belongs to, and
    `starts` at which of the chunks each candidate begins. `number` is the place of each of the corpus's chunks among
    these, -1 for those of other files.
    """

    files: NDArray[np.int64]
    chunks: NDArray[np.int64]
    file: NDArray[np.int64]
    starts: NDArray[np.int64]
    number: NDArray[np.int32]

    def files_numbered(self, count: int) -> NDArray[np.int32]:
        """Return for each of the corpus's `count` files its place among the candidates, -1 for the others."""
        number = np.full(count, -1, np.int32)
        number[self.files] = np.arange(len(self.files), dtype=np.int32)
        return number

    def best(self, scores: Floats) -> Floats:
        """Return for each candidate the highest of its chunks' scores."""
        best: Floats = np.maximum.reduceat(scores, self.starts)
        return best

    def mean(self, scores: Floats) -> Floats:
        """Return for each candidate the mean of its chunks' scores."""
        sizes = np.diff(self.starts, append=len(scores)).astype(np.float32)
        mean: Floats = (np.add.reduceat(scores, self.starts) / sizes).astype(np.float32)
        return mean

    def best_three(self, scores: Floats) -> tuple[Floats, Floats, Floats]:
        """Return for each candidate the three highest scores of its chunks, 0 where it has fewer."""
        rest = scores.copy()
        found = []
        for _ in range(3):
            best = self.best(rest)
            found.append(np.maximum(best, 0))
            rest[rest == best[self.file]] = 0
        return found[0], found[1], found[2]


def choose(corpus: Corpus, chance: Floats, allowed: NDArray[np.bool_] | None) -> Candidates | None:
    """Return the MAX_FILES files with the best `chance` among those with a chunk that is `allowed`, or None."""
    files = np.arange(len(chance))
    if allowed is not None:
        files = files[np.logical_or.reduceat(allowed, corpus.file_starts)] if len(files) else files
    if len(files) > MAX_FILES:
        files = np.sort(files[np.argpartition(-chance[files], MAX_FILES)[:MAX_FILES]])
    if not len(files):
        return None
    sizes = np.diff(corpus.file_starts, append=len(corpus.file))[files]
    ends = np.cumsum(sizes)
    starts = ends - sizes
    file = np.repeat(np.arange(len(files)), sizes)
    chunks = np.arange(int(ends[-1])) - starts[file] + corpus.file_starts[files][file]
    number = np.full(len(corpus.file), -1, np.int32)
    number[chunks] = np.arange(len(chunks), dtype=np.int32)
    return Candidates(files, chunks, file, starts, number)
