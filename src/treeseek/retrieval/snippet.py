"""Which lines of a chunk speak to the query?"""

from __future__ import annotations

import numpy as np

from treeseek.retrieval.query import Query
from treeseek.tokens import TermRows

__all__ = ["matched_lines"]

MAX_LINES = 6


def matched_lines(text: str, start_line: int, query: Query) -> tuple[int, ...]:
    """Return the numbers of at most six lines that hold most of the query's words, ascending."""
    lines = text.split("\n")
    rows = TermRows.of_texts([line.encode("utf-8", "replace") for line in lines])
    wanted = np.concatenate([*query.terms, query.identifiers, query.phrases])
    hits = np.isin(rows.terms, wanted)
    line_of_term = np.repeat(np.arange(len(lines)), np.diff(rows.offsets))
    score = np.bincount(line_of_term[hits], minlength=len(lines))
    best = np.argsort(-score, kind="stable")[:MAX_LINES]
    return tuple(sorted(int(line) + start_line for line in best if score[line]))
