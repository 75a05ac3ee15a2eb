"""Postings and the corpus's statistics against counting by hand."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from treeseek import Engine
from treeseek.retrieval.postings import Postings
from treeseek.tokens import TermRows, split_words, term_of

TEXTS = st.lists(st.text(alphabet="abc ", max_size=20), max_size=15)


@given(TEXTS)
def test_postings_are_the_rows_turned_round(texts: list[str]) -> None:
    postings = Postings.of(TermRows.of_texts([text.encode() for text in texts]))
    counted = [Counter(term_of(word) for word in split_words(text)) for text in texts]
    for term in {term for row in counted for term in row} | {12345}:
        rows, counts = postings.find(term)
        assert dict(zip(rows.tolist(), counts.tolist(), strict=True)) == {
            i: row[term] for i, row in enumerate(counted) if row[term]
        }
        assert sorted(rows.tolist()) == rows.tolist()
    assert postings.lengths.tolist() == [sum(row.values()) for row in counted]


def test_document_frequencies_count_files_not_chunks(engine: Engine) -> None:
    corpus, _ = engine._reader.laid_out()
    at = int(np.searchsorted(corpus.chunks.vocabulary, np.uint32(term_of("rows"))))
    assert corpus.chunks.vocabulary[at] == term_of("rows")
    holding = [path for path in corpus.path if "rows" in split_words((engine.root / path).read_text())]
    assert holding == ["src/report.py"]
    assert corpus.document_frequency[at] == 1
    assert len(corpus.chunks.find(term_of("rows"))[0]) > 1, "though several of its chunks hold it"


def test_chunks_lie_together_by_file(engine: Engine) -> None:
    corpus, _ = engine._reader.laid_out()
    assert [corpus.columns.path[i] for i in corpus.file_starts] == corpus.path
    assert sorted(corpus.path) == corpus.path
    assert corpus.file.tolist() == sorted(corpus.file.tolist())


def test_a_file_that_others_mention_has_a_higher_prior(engine: Engine) -> None:
    corpus, _ = engine._reader.laid_out()
    mentions = dict(zip(corpus.path, corpus.priors[0].tolist(), strict=True))
    mentioning = [path for path in corpus.path if "router" in split_words((engine.root / path).read_text())]
    assert mentions["src/http/router.py"] == np.log1p(np.float32(len(mentioning) - 1)) > 0
    assert mentions["src/http/router.py"] > mentions["src/cache/lru.go"]


def test_roles(engine: Engine) -> None:
    corpus, _ = engine._reader.laid_out()
    assert [path for path, flag in zip(corpus.path, corpus.roles.test, strict=True) if flag] == ["tests/test_router.py"]
    assert [path for path, flag in zip(corpus.path, corpus.roles.document, strict=True) if flag] == ["docs/guide.md"]
