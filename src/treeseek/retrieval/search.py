"""From a query and a snapshot to hits: the composition of parsing, evidence, ranking, spans, and text."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from treeseek.model import Filters, Hit
from treeseek.retrieval import query as queries
from treeseek.retrieval import spans
from treeseek.retrieval.corpus import Corpus
from treeseek.retrieval.evidence import Evidence, gather
from treeseek.retrieval.filters import allowed_chunks
from treeseek.retrieval.rank import Ranked, load_model, order
from treeseek.retrieval.snippet import Words, heard
from treeseek.retrieval.spans import Span
from treeseek.tokens import split_words

__all__ = ["SHIPPED", "Found", "Ranker", "Ranking", "related", "search", "symbols"]

MIN_SIMILARITY = 0.1
"""Cosine below which two chunks have nothing to do with each other."""

Shown = tuple[int, int]
"""What no two hits of an answer share: a declaration, or else a chunk; -1 for none."""

Texts = Callable[[Sequence[str]], Mapping[str, str]]
"""Fetches the texts of units by id."""


@dataclass(frozen=True, slots=True)
class Ranker:
    """By what hits are ranked: `evidence` is "all", "lexical" (the model has no say) or "dense" (nothing else has).

    `weights` is a file of weights to use instead of those shipped; `explain` asks for the reasons of each hit.
    """

    evidence: str = "all"
    weights: Path | None = None
    explain: bool = False


SHIPPED = Ranker()


MIN_QUOTED, MIN_QUOTED_CHARS = 2, 12
"""A query of fewer words, or shorter, stands everywhere; so do two plain words."""
SAID_HITS, SAID_CHANCE = 3, 0.8
"""Whoever asks for a name or a message, and is shown it among so many hits, has an answer at least so likely."""
KEY_WORDS_QUOTED = 0.3
"""What key words in their order count, where a message counts 1: a comment may have them by chance."""
_NAME, _MARKS = re.compile(r"[\w.:#]+"), re.compile(r"[^\w\s.]")
QUOTED_CHUNKS = 256
WHOLE = 0.98
"""The share of the query's weight that a chunk has which has all of its words."""

SPELLED_CHUNKS = 24
"""So many of the best chunks are looked into for the very spelling of an identifier."""

MIN_RANKED = 100
"""So many chunks are put in order, however few are wanted: who then wants more gets them without another search."""


class Ranking:
    """What a query found, in order: laid out as hits as far as somebody asks for them. Threads share it.

    Up to `reach` hits may be asked for. `lay_out` yields for each chunk of a part what is shown of it.
    """

    def __init__(self, ranked: Ranked, reach: int, lay_out: Callable[[Ranked], Iterable[tuple[Shown, Hit]]]) -> None:
        self.ranked = ranked
        self.reach = reach
        self.hits: dict[Shown, Hit] = {}
        self._lay_out = lay_out
        self._next = 0
        self._lock = threading.Lock()

    def first(self, limit: int) -> list[Hit]:
        """Return the first hits, `limit` of them or all there are. Raises what reading their texts does."""
        with self._lock:
            while self._next < len(self.ranked.chunks) and len(self.hits) < limit:
                end = self._next + limit - len(self.hits)
                part = replace(self.ranked, chunks=self.ranked.chunks[self._next : end],
                               scores=self.ranked.scores[self._next : end])  # fmt: skip
                for shown, hit in self._lay_out(part):
                    self.hits.setdefault(shown, hit)
                self._next = end
            return list(islice(self.hits.values(), limit))


@dataclass(frozen=True, slots=True)
class Found:
    """The hits, best first, and the chance that the corpus has an answer at all; None if nobody can say.

    `notes` say what was amiss when it was asked, which may be otherwise the next time. `ranking` has more hits than
    these for who wants them.
    """

    hits: list[Hit]
    confidence: float | None = None
    notes: tuple[str, ...] = ()
    ranking: Ranking | None = field(default=None, compare=False)


def search(
    corpus: Corpus,
    texts: Texts,
    query: queries.Query,
    vector: NDArray[np.float32] | None,
    filters: Filters,
    limit: int,
    ranker: Ranker = SHIPPED,
) -> Found:
    """Return at most `limit` hits, best first: the best place of each file, then second best ones.

    `vector` is the query's, a unit one of the corpus's width; None will do where it has no say ("lexical").
    """
    if not corpus.path:
        return Found([])
    allowed = allowed_chunks(corpus, filters)
    # Several chunks may turn out to be parts of one declaration, hence twice as many.
    depth = max(2 * limit, 2 * SAID_HITS if ranker.explain else MIN_RANKED)
    ranked = _ranked(corpus, texts, query, vector, allowed, depth, ranker)
    if ranked is None:
        return Found([])
    reach = sys.maxsize if len(ranked.chunks) < depth else depth // 2
    ranked = _spelled_first(corpus, texts, _turned_to_names(corpus, ranked, query, allowed), query)
    good = ranked.scores >= filters.min_score
    ranked = replace(ranked, chunks=ranked.chunks[good], scores=ranked.scores[good])
    words = Words.of(corpus, query)

    def lay_out(part: Ranked) -> Iterator[tuple[Shown, Hit]]:
        scored = [(int(i), float(score)) for i, score in zip(part.chunks, part.scores, strict=True)]
        for span, hit in _answers(corpus, texts, scored, query, words, filters):
            if part.reasons is not None:
                hit = replace(hit, reasons=part.reasons[int(corpus.file[span.chunk])])
            yield (span.declaration, span.chunk if span.declaration < 0 else -1), hit

    ranking = Ranking(ranked, reach, lay_out)
    confidence = None if ranker.evidence == "dense" else ranked.confidence
    if confidence is not None and _is_said(ranking.first(SAID_HITS), query):  # however few are wanted
        confidence = max(confidence, SAID_CHANCE)
    return Found(ranking.first(limit), confidence, ranking=ranking)


def _is_said(hits: Sequence[Hit], query: queries.Query) -> bool:
    """Whether one of the first hits has the very name, or the very words, that are asked for."""
    sought = _plain(query.text)
    name = _whole_name(query.leaf) if query.is_symbol else None
    return any(
        name.search(hit.text) if name else len(query.words) >= MIN_QUOTED and sought in _plain(hit.text) for hit in hits
    )


def _whole_name(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")


def _ranked(
    corpus: Corpus,
    texts: Texts,
    query: queries.Query,
    vector: NDArray[np.float32] | None,
    allowed: NDArray[np.bool_] | None,
    limit: int,
    ranker: Ranker,
) -> Ranked | None:
    if ranker.evidence == "lexical":
        vector = np.zeros(corpus.file_vectors.shape[1], np.float32)  # as similar to everything as to nothing
    assert vector is not None, "only words can do without"
    if ranker.evidence == "dense":
        return _most_similar(corpus, corpus.vectors @ vector, allowed, limit)
    evidence = gather(corpus, query, vector, allowed)
    if evidence is None:
        return None
    evidence = _quoted(corpus, texts, evidence, query)
    model = load_model(ranker.weights, has_vectors=ranker.evidence != "lexical")
    return order(corpus, evidence, allowed, limit, model, explain=ranker.explain, is_task=query.is_task)


def _quoted(corpus: Corpus, texts: Texts, evidence: Evidence, query: queries.Query) -> Evidence:
    """Note which chunks have the very words of the query, in their order: a message that was pasted, or a path.

    Only those are read that have all of its words, QUOTED_CHUNKS at most.
    """
    sought = _plain(query.text)
    is_plain = _NAME.fullmatch(sought) or sought.count(" ") == 1
    if len(query.words) < MIN_QUOTED or len(sought) < MIN_QUOTED_CHARS or is_plain:
        return evidence
    whole = np.flatnonzero(evidence.covered >= WHOLE)
    best = whole[np.argsort(-evidence.lexical[whole], kind="stable")[:QUOTED_CHUNKS]]
    ids = [corpus.columns.id[i] for i in evidence.candidates.chunks[best]]
    found = texts(ids) if ids else {}
    head, _, message = sought.partition(": ")  # "KeyError: no such shard": the code has the two apart
    part = message if len(message) >= MIN_QUOTED_CHARS and " " not in head else sought
    said = best[[part in _plain(found.get(unit, "")) for unit in ids]] if ids else best
    if not len(said):
        return evidence
    spelled = evidence.spelled.copy()
    is_message = set(split_words(sought)) & queries.STOP_WORDS or _MARKS.search(query.text)  # not mere key words
    spelled[said] = np.maximum(spelled[said], 1 if is_message else KEY_WORDS_QUOTED)
    return replace(evidence, spelled=spelled)


def _plain(text: str) -> str:
    return text.lower().strip("\"' \n")


def _most_similar(
    corpus: Corpus, similar: NDArray[np.float32], allowed: NDArray[np.bool_] | None, limit: int
) -> Ranked:
    if allowed is not None:
        similar[~allowed] = -1
    best = np.argsort(-similar, kind="stable")
    kept = _first_per_file(corpus, best[similar[best] > MIN_SIMILARITY], limit)
    return Ranked(kept, similar[kept])


def _turned_to_names(corpus: Corpus, ranked: Ranked, query: queries.Query, allowed: NDArray[np.bool_] | None) -> Ranked:
    """Put in place of each file's first chunk the one that declares the symbol that is asked for, if it has one."""
    declared = spans.declaring(corpus, query)
    if not declared:
        return ranked
    chunks, seen = ranked.chunks.copy(), set()
    for place, chunk in enumerate(ranked.chunks):
        file = int(corpus.file[chunk])
        if file in declared and file not in seen:
            own = int(corpus.declared.chunk[declared[file]])
            if allowed is None or allowed[own]:
                chunks[place] = own
        seen.add(file)
    return replace(ranked, chunks=chunks)


def _spelled_first(corpus: Corpus, texts: Texts, ranked: Ranked, query: queries.Query) -> Ranked:
    """Move files whose chunk holds the asked identifier just as it is spelled before others, whose scores they take.

    Words are stemmed and have no case, so what ranks as the identifier may be its plural, or a constant of that name.
    Second chunks of files stay behind all first ones.
    """
    if not query.is_symbol or not len(query.identifiers):
        return ranked
    spelled = _whole_name(query.leaf)
    _, firsts = np.unique(corpus.file[ranked.chunks], return_index=True)
    firsts = np.sort(firsts)
    is_front = firsts == np.arange(len(firsts))
    first = ranked.chunks[: int(is_front.sum())][:SPELLED_CHUNKS]
    found = texts([corpus.columns.id[i] for i in first])
    other = np.array([not spelled.search(found.get(corpus.columns.id[i], "")) for i in first], np.bool_)
    chunks = ranked.chunks.copy()
    chunks[: len(first)] = first[np.argsort(other, kind="stable")]
    return replace(ranked, chunks=chunks)


def _answers(
    corpus: Corpus,
    texts: Texts,
    scored: Sequence[tuple[int, float]],
    query: queries.Query,
    words: Words,
    filters: Filters,
) -> Iterator[tuple[Span, Hit]]:
    """Yield for each chunk what is shown of it."""
    columns = corpus.columns
    found = dict(texts([columns.id[i] for i, _ in scored]))
    own = [found.get(columns.id[i], "") for i, _ in scored]
    speeches = heard(own, [int(columns.start_line[i]) for i, _ in scored], words)
    chosen = [
        spans.answering(corpus, i, speech, query, filters.kinds)
        for (i, _), speech in zip(scored, speeches, strict=True)
    ]
    shown = _shown(corpus, texts, chosen, found)
    matched = [speech.loudest(span.start_line, span.text_end) for span, speech in zip(chosen, speeches, strict=True)]
    # What was found says nothing where only lines beside it are shown.
    silent = [i for i, lines in enumerate(matched) if not lines]
    elsewhere = heard([shown[i] for i in silent], [chosen[i].start_line for i in silent], words) if silent else []
    for i, speech in zip(silent, elsewhere, strict=True):
        matched[i] = speech.loudest(chosen[i].start_line, chosen[i].text_end)
    for span, (_, score), text, lines in zip(chosen, scored, shown, matched, strict=True):
        yield span, _hit(corpus, span, score, text, lines)


def _shown(corpus: Corpus, texts: Texts, chosen: Sequence[Span], found: dict[str, str]) -> list[str]:
    """Return the texts of spans; `found` are texts of chunks that are there already, and comes to hold the others."""
    ids = {corpus.columns.id[chunk] for span in chosen for chunk in span.chunks}
    if missing := sorted(ids - found.keys()):
        found.update(texts(missing))
    return [spans.text_of(corpus, span, found) for span in chosen]


def _hit(corpus: Corpus, span: Span, score: float, text: str, matched: tuple[int, ...] = ()) -> Hit:
    columns, declared = corpus.columns, corpus.declared
    i = span.declaration
    is_main = i < 0 or declared.name[i] == columns.name[span.chunk]
    return Hit(
        id=columns.id[span.chunk],
        path=columns.path[span.chunk],
        language=columns.language[span.chunk],
        kind=columns.kind[span.chunk] if i < 0 else declared.kind[i],
        name=columns.name[span.chunk] if i < 0 else declared.name[i],
        signature=columns.signature[span.chunk] if is_main else "",
        start_line=span.start_line,
        end_line=span.end_line,
        score=round(score, 4),
        text=text,
        matched_lines=matched,
        content_hash=columns.content_hash[span.chunk],
    )


def related(corpus: Corpus, texts: Texts, path: str, line: int, filters: Filters, limit: int) -> list[Hit] | None:
    """Return what is most like the code at `path:line`, its own chunk left out; None if that place isn't indexed."""
    columns = corpus.columns
    own = spans.chunks_of(corpus, path)
    here = [i for i in own if columns.start_line[i] <= line]
    if not here or line > columns.end_line[own[-1]]:
        return None
    source = here[-1]
    similar = corpus.vectors @ corpus.vectors[source]
    similar[source] = -1
    ranked = _most_similar(corpus, similar, allowed_chunks(corpus, filters), limit)
    alike = [(int(i), float(similar[i])) for i in ranked.chunks if similar[i] >= filters.min_score]
    chosen = [spans.main_span(corpus, i, filters.kinds) for i, _ in alike]
    shown = _shown(corpus, texts, chosen, {})
    return [_hit(corpus, span, score, text) for span, (_, score), text in zip(chosen, alike, shown, strict=True)]


def _first_per_file(corpus: Corpus, chunks: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """Move each file's first chunk before all second ones, and cut at the limit."""
    _, first = np.unique(corpus.file[chunks], return_index=True)
    later = np.ones(len(chunks), np.bool_)
    later[first] = False
    return chunks[np.argsort(later, kind="stable")[:limit]]


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
    chosen = [spans.span_of(corpus, i) for _, i in best]
    shown = _shown(corpus, texts, chosen, {})
    return [_hit(corpus, span, score, text) for span, (score, _), text in zip(chosen, best, shown, strict=True)]


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
