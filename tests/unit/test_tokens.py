"""The vectorised tokeniser against a regular expression, and the promises of terms."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treeseek import tokens
from treeseek.tokens import HashTable, TermRows, batches, hash_words, split_words, tokenize

REFERENCE = re.compile(r"[A-Z]+(?![a-z\x80-\U0010ffff])|[A-Z]?[a-z\x80-\U0010ffff]+|[0-9]+")


def by_regex(text: str) -> list[str]:
    return [word.encode().lower().decode() for word in REFERENCE.findall(text)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("getHTTPResponse", ["get", "http", "response"]),
        ("flat_hash_map", ["flat", "hash", "map"]),
        ("XMLParser2", ["xml", "parser", "2"]),
        ("__init__", ["init"]),
        ("A", ["a"]),
        ("", []),
        ("naïve café", ["naïve", "café"]),
        ("日本 x", ["日本", "x"]),
        ("parseJSON(IDs)", ["parse", "json", "i", "ds"]),
    ],
)
def test_words_are_split_where_case_and_kind_change(text: str, words: list[str]) -> None:
    assert split_words(text) == words


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300))
def test_the_vectorised_pass_agrees_with_a_regular_expression(text: str) -> None:
    assert split_words(text) == by_regex(text)


@given(st.lists(st.text(alphabet="aAbB1_ é\n(", max_size=40), max_size=30))
def test_a_text_has_the_same_terms_alone_and_in_company(texts: list[str]) -> None:
    together = TermRows.of_texts([text.encode() for text in texts])
    for i, text in enumerate(texts):
        alone = TermRows.of_texts([text.encode()])
        span = slice(together.offsets[i], together.offsets[i + 1])
        assert together.terms[span].tolist() == alone.terms.tolist()
        assert together.counts[span].tolist() == alone.counts.tolist()


def terms(text: str) -> set[int]:
    return set(TermRows.of_texts([text.encode()]).terms.tolist())


def test_spellings_of_one_identifier_are_one_term() -> None:
    assert terms("flat_hash_map") == terms("FlatHashMaps") == terms("flatHashMap")
    assert terms("flat_hash_map") - terms("flat hash map"), "the identifier itself is a term of its own"


@given(st.lists(st.text(alphabet="abcdefgé", min_size=1, max_size=9), min_size=1, max_size=70))
def test_terms_of_single_words_are_those_of_texts(words: list[str]) -> None:
    assert [tokens.term_of(word) for word in words] == [next(iter(terms(word))) for word in words]
    if len(words) > 1:
        assert tokens.term_of_sequence(words) in terms("_".join(words))


def test_stems_are_shared_and_case_is_ignored() -> None:
    assert terms("serialized") == terms("Serialize") == terms("SERIALIZING")


def test_the_order_of_words_matters_inside_an_identifier() -> None:
    assert terms("hash_map") != terms("map_hash")
    assert terms("hash map") == terms("map hash")


def test_counts_stop_at_255() -> None:
    rows = TermRows.of_texts([b"x " * 1000])
    assert rows.counts.tolist() == [255]


def test_long_texts_are_cut_and_many_are_batched() -> None:
    long = b"word " * 400_000
    assert sum(len(batch.hash) for batch in batches([long])) == pytest.approx(tokens.MAX_TEXT_BYTES / 5, abs=3)
    many = [b"alpha beta"] * 100_000
    assert sum(batch.texts for batch in batches(many)) == 100_000
    with pytest.raises(ValueError, match="too long"):
        tokenize([b"x" * (tokens.MAX_TEXT_BYTES + tokens.BLOCK_BYTES)])


def test_words_of_a_vocabulary_must_be_single() -> None:
    assert len(hash_words(["get", "http", "2"])) == 3
    with pytest.raises(ValueError, match="one sub-token"):
        hash_words(["two words"])


@settings(max_examples=50)
@given(st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=400), st.integers(0, 2**64 - 1))
def test_the_hash_table_is_a_dictionary(keys: list[int], other: int) -> None:
    table = HashTable(4)
    half = len(keys) // 2
    for part in (keys[:half], keys[half:]):
        start = len(table)
        table.add(np.array(part, np.uint64), np.arange(start, start + len(part)))
    assert len(table) == len(keys)
    assert table.get(np.array(keys, np.uint64)).tolist() == list(range(len(keys)))
    absent = table.get(np.array([other], np.uint64)).tolist()
    assert absent == [keys.index(other) if other in keys else -1]


def test_keys_that_share_a_slot_are_kept_apart() -> None:
    keys = np.array([7 + (i << 32) for i in range(50)], np.uint64)
    table = HashTable(64)
    table.add(keys, np.arange(50))
    assert table.get(keys).tolist() == list(range(50))
    assert table.get(np.array([7 + (99 << 32)], np.uint64)).tolist() == [-1]
