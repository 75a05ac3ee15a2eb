"""From a query and a snapshot to hits: the composition of parsing, evidence, ranking, and text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from treeseek.model import Filters, Hit
from treeseek.retrieval import query as queries
from treeseek.retrieval.corpus import Corpus, Declared
from treeseek.retrieval.evidence import gather
from treeseek.retrieval.filters import allowed_chunks
from treeseek.retrieval.rank import Ranked, order
from treeseek.retrieval.snippet import matched_lines

__all__ = ["related", "search", "symbols"]

MIN_SIMILARITY = 0.1
"""Cosine below which two chunks have nothing to do with each other."""

Texts = Callable[[Sequence[str]], Mapping[str, str]]
"""Fetches the texts of units by id."""


def search(
    corpus: Corpus,
    texts: Texts,
    query: queries.Query,
    vector: NDArray[np.float32],
    filters: Filters,
    limit: int,
) -> list[Hit]:
    """Return at most `limit` hits, best first: the best chunk of each file, then second best ones."""
    if not corpus.path:
        return []
    allowed = allowed_chunks(corpus, filters)
    evidence = gather(corpus, query, vector, allowed)
    if evidence is None:
        return []
    ranked = order(corpus, evidence, allowed, limit)
    return _hits(corpus, texts, ranked, filters, query)


def related(corpus: Corpus, texts: Texts, path: str, line: int, filters: Filters, limit: int) -> list[Hit] | None:
    """Return what is most like the code at `path:line`, its own chunk left out; None if that place isn't indexed."""
    columns = corpus.columns
    own = _chunks_of(corpus, path)
    here = [i for i in own if columns.start_line[i] <= line]
    if not here or line > columns.end_line[own[-1]]:
        return None
    source = here[-1]
    similar = corpus.vectors @ corpus.vectors[source]
    similar[source] = -1
    allowed = allowed_chunks(corpus, filters)
    if allowed is not None:
        similar[~allowed] = -1
    best = np.argsort(-similar, kind="stable")
    kept = _first_per_file(corpus, best[similar[best] > MIN_SIMILARITY], limit)
    return _hits(corpus, texts, Ranked(kept, similar[kept]), filters, None)


def _chunks_of(corpus: Corpus, path: str) -> range:
    try:
        number = corpus.path.index(path)
    except ValueError:
        return range(0)
    end = corpus.file_starts[number + 1] if number + 1 < len(corpus.path) else len(corpus.file)
    return range(int(corpus.file_starts[number]), int(end))


def _first_per_file(corpus: Corpus, chunks: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """Move each file's first chunk before all second ones, and cut at the limit."""
    _, first = np.unique(corpus.file[chunks], return_index=True)
    later = np.ones(len(chunks), np.bool_)
    later[first] = False
    return chunks[np.argsort(later, kind="stable")[:limit]]


def _hits(corpus: Corpus, texts: Texts, ranked: Ranked, filters: Filters, query: queries.Query | None) -> list[Hit]:
    columns = corpus.columns
    wanted = [int(i) for i, score in zip(ranked.chunks, ranked.scores, strict=True) if score >= filters.min_score]
    found = texts([columns.id[i] for i in wanted])
    shown = [found.get(columns.id[i], "") for i in wanted]
    starts = [int(columns.start_line[i]) for i in wanted]
    matched = matched_lines(shown, starts, query) if query else [()] * len(wanted)
    scores = ranked.scores[ranked.scores >= filters.min_score]
    hits = []
    for i, score, text, start, lines in zip(wanted, scores, shown, starts, matched, strict=True):
        hit = Hit(
            id=columns.id[i],
            path=columns.path[i],
            language=columns.language[i],
            kind=columns.kind[i],
            name=columns.name[i],
            signature=columns.signature[i],
            start_line=start,
            end_line=int(columns.end_line[i]),
            score=round(float(score), 4),
            text=text,
            matched_lines=lines,
            content_hash=columns.content_hash[i],
        )
        hits.append(_named(corpus, i, hit, query) if query else hit)
    return hits


def _named(corpus: Corpus, chunk: int, hit: Hit, query: queries.Query) -> Hit:
    """Name a hit after that declaration in its chunk which the query asks for, or which holds most matching lines.

    A declaration that the query spells out is cut free of the small neighbours that share its chunk.
    """
    declared = corpus.declared
    first, last = (int(offset) for offset in corpus.columns.declaration_offsets[chunk : chunk + 2])
    asked = [i for i in range(first, last) if declared.leaf[i] in query.names]
    if asked:
        best = max(asked, key=lambda i: (declared.weight[i], -i))
        return _cut_free(hit, declared, best) if last - first > 1 else hit
    if last - first < 2 or not hit.matched_lines:
        return hit

    def weight(i: int) -> tuple[int, int]:
        start, end = int(declared.start_line[i]), int(declared.end_line[i])
        return sum(start <= line <= end for line in hit.matched_lines), start - end

    best = max(range(first, last), key=weight)
    return _renamed(hit, declared, best) if weight(best)[0] else hit


def _renamed(hit: Hit, declared: Declared, i: int) -> Hit:
    if declared.name[i] == hit.name:
        return hit
    return replace(hit, kind=declared.kind[i], name=declared.name[i], signature="")


def _cut_free(hit: Hit, declared: Declared, i: int) -> Hit:
    start, end = max(int(declared.start_line[i]), hit.start_line), min(int(declared.end_line[i]), hit.end_line)
    lines = hit.text.split("\n")[start - hit.start_line : end - hit.start_line + 1]
    matched = tuple(line for line in hit.matched_lines if start <= line <= end)
    return replace(
        _renamed(hit, declared, i), start_line=start, end_line=end, text="\n".join(lines), matched_lines=matched
    )


def symbols(corpus: Corpus, texts: Texts, name: str, filters: Filters, limit: int) -> list[Hit]:
    """Return declarations by name, best first: spelled exactly so, then in another case, then the same words
    (`flat_hash_map` for `FlatHashMap`), then names that begin with it or hold it.
    """
    declared = corpus.declared
    scored = _name_matches(corpus, name)
    allowed = allowed_chunks(corpus, Filters(filters.languages, (), filters.include, filters.exclude, filters.path))
    kept = [
        (score, i)
        for score, i in scored
        if (allowed is None or allowed[declared.chunk[i]])
        and (not filters.kinds or declared.kind[i] in filters.kinds)
        and score >= filters.min_score
    ]
    tests = corpus.roles.test[corpus.file[declared.chunk]] if len(declared.chunk) else np.zeros(0, np.bool_)
    lines = declared.end_line - declared.start_line  # a definition is longer than its prototype
    kept.sort(key=lambda pair: (-pair[0], tests[pair[1]], -declared.weight[pair[1]], -lines[pair[1]], pair[1]))
    best = kept[:limit]
    found = texts([corpus.columns.id[declared.chunk[i]] for _, i in best])
    return [_declaration_hit(corpus, found, i, score) for score, i in best]


def _name_matches(corpus: Corpus, name: str) -> list[tuple[float, int]]:
    declared = corpus.declared
    qualifier, _, leaf = name.replace("::", ".").replace("#", ".").rpartition(".")
    folded = leaf.lower()
    same_words = set(declared.named(queries.whole_term(leaf)).tolist()) if folded else set()
    matches = []
    for i, candidate in enumerate(declared.leaf):
        if candidate == folded:
            score = 1.0 if declared.name[i].rpartition(".")[2] == leaf else 0.9
        elif i in same_words:
            score = 0.8
        elif candidate.startswith(folded):
            score = 0.6
        elif len(folded) > 2 and folded in candidate:
            score = 0.4
        else:
            continue
        if qualifier and not f".{declared.name[i].lower()}".endswith(f".{qualifier.lower()}.{candidate}"):
            continue
        matches.append((score, i))
    return matches


def _declaration_hit(corpus: Corpus, found: Mapping[str, str], i: int, score: float) -> Hit:
    declared, columns = corpus.declared, corpus.columns
    chunk = int(declared.chunk[i])
    start, end = int(declared.start_line[i]), int(declared.end_line[i])
    first = int(columns.start_line[chunk])
    lines = found.get(columns.id[chunk], "").split("\n")
    text = "\n".join(lines[max(start - first, 0) : end - first + 1])
    own = columns.name[chunk] == declared.name[i]
    return Hit(
        id=columns.id[chunk],
        path=columns.path[chunk],
        language=columns.language[chunk],
        kind=declared.kind[i],
        name=declared.name[i],
        signature=columns.signature[chunk] if own else "",
        start_line=start,
        end_line=end,
        score=score,
        text=text,
        content_hash=columns.content_hash[chunk],
    )
