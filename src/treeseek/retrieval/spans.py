"""Which lines is a hit? The declaration that answers, whole, rather than the chunk by which it was found.

A chunk is what ranks: small neighbours share one, and what is long has several. A reader wants a thing of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from treeseek.retrieval.corpus import Corpus
from treeseek.retrieval.query import Query
from treeseek.retrieval.snippet import Speech

__all__ = ["Span", "answering", "chunks_of", "declaring", "main_span", "span_of", "text_of"]

ENOUGH = 0.8
"""A declaration answers for its chunk if it covers this share of what the chunk does of the query."""
LEAST = 0.3
"""What covers less of the query says too little for anything to be singled out by it."""
LEAST_OF_VALUES = 0.6
"""A field or a constant is a line or two, and explains little; it must be what is meant."""
VALUES = frozenset(["variable", "constant"])
AROUND = frozenset(["module", "namespace"])
"""These hold a file's code, and are no answer unless they are spelled."""
MAX_TEXT_BYTES = 8_000
"""Longer declarations come with their first part; who wants the rest has its lines."""
_MARKS = "!?=@$%&:"


@dataclass(frozen=True, slots=True)
class Span:
    """Lines of a file. `chunk` says which unit the hit bears the id of; `declaration` is -1 if the lines are a chunk's,
    or part of a declaration that is too long to be shown. What is shown ends with line `text_end`; `chunks` hold it.
    """

    chunk: int
    declaration: int
    start_line: int
    end_line: int
    text_end: int
    chunks: range


def chunks_of(corpus: Corpus, path: str) -> range:
    """Return the chunks of a file, none if it isn't indexed."""
    try:
        number = corpus.path.index(path)
    except ValueError:
        return range(0)
    return _of_file(corpus, number)


def _of_file(corpus: Corpus, number: int) -> range:
    end = corpus.file_starts[number + 1] if number + 1 < len(corpus.path) else len(corpus.file)
    return range(int(corpus.file_starts[number]), int(end))


def declaring(corpus: Corpus, query: Query) -> dict[int, int]:
    """Return for each file that declares the symbol that the query is, if it is one, the declaration to show.

    The ranking says which file answers, by all that is known of it; where a file declares the very name, another part
    of it, however many of the words it has, is not what was asked for.
    """
    if not query.is_symbol:
        return {}
    declared = corpus.declared
    names = set(map(_bare, query.names))
    spelled = [int(i) for term in query.wholes for i in declared.named(term) if _bare(declared.leaf[i]) in names]
    endings = tuple(f".{name}" for name in query.qualified)
    exact = [i for i in spelled if f".{declared.name[i].lower()}".endswith(endings)]
    found: dict[int, int] = {}
    for i in exact or spelled:
        best = found.setdefault(int(corpus.file[declared.chunk[i]]), i)
        if (declared.weight[i], -i) > (declared.weight[best], -best):
            found[int(corpus.file[declared.chunk[i]])] = i
    return found


def _bare(name: str) -> str:
    return name.strip(_MARKS)


def answering(corpus: Corpus, chunk: int, speech: Speech, query: Query, kinds: tuple[str, ...]) -> Span:
    """Return what to show of a chunk: the declaration that the query spells out, or the smallest that answers for it.

    `speech` is that of the chunk's own text. Only declarations of `kinds` count, if there are any.
    """
    inside = [i for i in _inside(corpus, chunk) if not kinds or corpus.declared.kind[i] in kinds]
    spelled = [i for i in inside if _bare(corpus.declared.leaf[i]) in map(_bare, query.names)]
    if spelled:
        return span_of(corpus, max(spelled, key=lambda i: (corpus.declared.weight[i], -i)))
    if not inside:
        return _continued(corpus, chunk)
    first, last = int(corpus.columns.start_line[chunk]), int(corpus.columns.end_line[chunk])
    covered = speech.covered(first, last)
    enough = ENOUGH * covered
    covering = [i for i in inside if speech.covered(*_lines(corpus, i)) >= max(enough, _least(corpus.declared.kind[i]))]
    if not covering:
        main = main_span(corpus, chunk, kinds)
        is_beside = covered >= LEAST and speech.covered(main.start_line, main.end_line) < LEAST * covered
        return _chunk(corpus, chunk) if is_beside and not kinds else main  # what was found would not be shown
    return span_of(corpus, min(covering, key=lambda i: _length(corpus, i)))


def _least(kind: str) -> float:
    """Return how much of the query a declaration must cover to be singled out."""
    return float("inf") if kind in AROUND else LEAST_OF_VALUES if kind in VALUES else LEAST


def main_span(corpus: Corpus, chunk: int, kinds: tuple[str, ...] = ()) -> Span:
    """Return what to show of a chunk when no query says: the one declaration in it, or all of it."""
    inside = [i for i in _inside(corpus, chunk) if not kinds or corpus.declared.kind[i] in kinds]
    things = [i for i in inside if corpus.declared.kind[i] not in AROUND]
    if not things:
        return _chunk(corpus, chunk) if inside else _continued(corpus, chunk)
    first, last = int(corpus.columns.start_line[chunk]), int(corpus.columns.end_line[chunk])
    largest = max(things, key=lambda i: _length(corpus, i))
    start, end = _lines(corpus, largest)
    fills = min(end, last) - max(start, first) + 1 >= ENOUGH * (last - first + 1)
    return span_of(corpus, largest) if fills and not _is_container(corpus, largest) else _chunk(corpus, chunk)


def span_of(corpus: Corpus, declaration: int) -> Span:
    """Return a whole declaration. What holds others is shown as far as the chunk goes that its name stands in."""
    declared, columns = corpus.declared, corpus.columns
    chunk = int(declared.chunk[declaration])
    start, end = _lines(corpus, declaration)
    file = _of_file(corpus, int(corpus.file[chunk]))
    first = chunk
    while first > file.start and columns.start_line[first] > start:
        first -= 1
    stop = chunk + 1 if _is_container(corpus, declaration) else file.stop
    last = first
    while last + 1 < stop and columns.start_line[last + 1] <= end and _bytes(corpus, first, last + 1) <= MAX_TEXT_BYTES:
        last += 1
    return Span(chunk, declaration, start, end, min(end, int(columns.end_line[last])), range(first, last + 1))


def _bytes(corpus: Corpus, first: int, last: int) -> int:
    return int(corpus.columns.end_byte[last] - corpus.columns.start_byte[first])


def _continued(corpus: Corpus, chunk: int) -> Span:
    """Return the declaration that a chunk without one is a later part of, if all of it can be shown; else the chunk."""
    columns, declared = corpus.columns, corpus.declared
    first, last = int(columns.start_line[chunk]), int(columns.end_line[chunk])
    if columns.kind[chunk] == "block" or not columns.name[chunk]:
        return _chunk(corpus, chunk)
    begin = _of_file(corpus, int(corpus.file[chunk])).start
    low, high = int(columns.declaration_offsets[begin]), int(columns.declaration_offsets[chunk])
    for i in range(high - 1, low - 1, -1):
        if declared.name[i] == columns.name[chunk] and declared.start_line[i] <= first and declared.end_line[i] >= last:
            whole = span_of(corpus, i)
            return whole if whole.text_end == whole.end_line else _chunk(corpus, chunk)
    return _chunk(corpus, chunk)


def _chunk(corpus: Corpus, chunk: int) -> Span:
    first, last = int(corpus.columns.start_line[chunk]), int(corpus.columns.end_line[chunk])
    return Span(chunk, -1, first, last, last, range(chunk, chunk + 1))


def _inside(corpus: Corpus, chunk: int) -> range:
    return range(*(int(offset) for offset in corpus.columns.declaration_offsets[chunk : chunk + 2]))


def _lines(corpus: Corpus, declaration: int) -> tuple[int, int]:
    return int(corpus.declared.start_line[declaration]), int(corpus.declared.end_line[declaration])


def _length(corpus: Corpus, declaration: int) -> int:
    start, end = _lines(corpus, declaration)
    return end - start


def _is_container(corpus: Corpus, declaration: int) -> bool:
    """Whether others are declared inside of a declaration that is longer than its chunk."""
    declared = corpus.declared
    end = declared.end_line[declaration]
    following = declaration + 1
    return bool(
        end > corpus.columns.end_line[declared.chunk[declaration]]
        and following < len(declared.chunk)
        and corpus.file[declared.chunk[following]] == corpus.file[declared.chunk[declaration]]
        and declared.end_line[following] <= end
        and declared.start_line[following] >= declared.start_line[declaration]
    )


def text_of(corpus: Corpus, span: Span, texts: Mapping[str, str]) -> str:
    """Return what is shown of a span; `texts` has those of its chunks by id. Blank lines lie between them."""
    lines = [""] * (span.text_end - span.start_line + 1)
    for chunk in span.chunks:
        start = int(corpus.columns.start_line[chunk])
        for number, line in enumerate(texts.get(corpus.columns.id[chunk], "").split("\n"), start - span.start_line):
            if 0 <= number < len(lines):
                lines[number] += line  # a line too long for one chunk goes on in the next
    return "\n".join(lines)
