"""How a question is read: its words, their variants, and the identifiers in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treeseek.errors import UsageError
from treeseek.retrieval.query import Query, parse, whole_term
from treeseek.tokens import term_of


def read(text: str) -> Query:
    return parse(text, max_chars=2000)


def test_words_that_only_ask_are_dropped() -> None:
    assert read("how does the router find a handler").words == ("router", "handler")
    assert read("what is it").words == ("what", "is", "it"), "unless there are no others"
    assert read("for").words == ("for",)


def test_an_identifier_is_known_by_its_spelling() -> None:
    assert read("add_route").is_symbol
    assert read("where is Router.add_route used?").names == ("add_route",)
    assert read("std::vec growth").names == ("vec",)
    assert read("where is Router#add_route used?").qualified == ("router.add_route",)
    assert read("parse JSON quickly").names == ()
    assert not read("add route").is_symbol


def test_an_identifier_is_one_term_in_every_style() -> None:
    spellings = ["add_route", "addRoute", "AddRoute", "Router::add_route", "`add_route()`"]
    assert len({tuple(read(text).identifiers.tolist()) for text in spellings}) == 1
    assert whole_term("AddRoute") == read("add_route").identifiers[0]


def test_adjacent_words_are_tried_as_an_identifier() -> None:
    assert whole_term("RetryPolicy") in read("the retry policy of uploads").phrases
    assert whole_term("policy_retry") not in read("the retry policy of uploads").phrases


@pytest.mark.parametrize(
    ("word", "other"),
    [("routing", "router"), ("router", "routing"), ("parse", "parser"), ("logger", "log")],
)
def test_who_does_a_thing_is_a_variant_of_the_doing(word: str, other: str) -> None:
    (forms,) = read(word).terms
    assert term_of(other) in forms
    assert forms[0] == term_of(word)


@given(st.text(max_size=100))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        query = read(text)
    except UsageError as error:
        assert "\n" not in str(error)
    else:
        assert query.words
        assert len(query.words) == len(query.terms)


@pytest.mark.parametrize(
    ("text", "is_task"),
    [
        ("Fix the timeout of uploads", True), ("parser: Allow trailing commas", True), ("don't retry an upload", True),
        ("Add", False), ("fix it", False), ("how are uploads retried", False), ("timeout of uploads", False),
        ("request validation and error handling", False), ("upload_with_retry", False), ("test of hosts", False),
    ],
)  # fmt: skip
def test_who_says_what_is_to_be_done_has_a_task(text: str, is_task: bool) -> None:
    assert read(text).is_task == is_task
