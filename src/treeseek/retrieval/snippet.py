"""Which lines of a chunk speak to the query?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from treeseek.retrieval.query import Query
from treeseek.tokens import TermRows

__all__ = ["matched_lines"]

MAX_LINES = 6


def matched_lines(texts: Sequence[str], starts: Sequence[int], query: Query) -> list[tuple[int, ...]]:
    """Return for each text the numbers of at most six lines that hold most of the query's words, ascending.

    `starts` are the line numbers of the texts' first lines.
    """
    lines = [text.split("\n") for text in texts]
    rows = TermRows.of_texts([line.encode("utf-8", "replace") for text in lines for line in text])
    wanted = np.concatenate([*query.terms, query.identifiers, query.phrases])
    line_of_term = np.repeat(np.arange(len(rows.offsets) - 1), np.diff(rows.offsets))
    score = np.bincount(line_of_term[np.isin(rows.terms, wanted)], minlength=len(rows.offsets) - 1)
    found, first = [], 0
    for text, start in zip(lines, starts, strict=True):
        own = score[first : first + len(text)]
        best = np.argsort(-own, kind="stable")[:MAX_LINES]
        found.append(tuple(sorted(int(line) + start for line in best if own[line])))
        first += len(text)
    return found
