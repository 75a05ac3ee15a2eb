"""The trainer: its gradient is that of its loss, it learns, and it does the same each time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from treeseek.learning import trainer
from treeseek.learning.bags import Bags, Examples, Lexicon, joined
from treeseek.learning.pairs import Pair
from treeseek.learning.starts import co_occurring, random
from treeseek.learning.sums import scattered, vectors_of
from treeseek.learning.trainer import Recipe, State, train
from treeseek.learning.vocabulary import Numbering, choose

TOPICS = "socket parser cache router cookie logger thread buffer".split()
WORDS = "open read close send wait fail keep drop size name path lock".split()


def examples(repos: int = 2, seed: int = 0) -> Examples:
    """Pairs whose query and text share a topic's hidden synonym."""
    rng = np.random.default_rng(seed)
    parts = []
    for repo in range(repos):
        pairs = []
        for i in range(160):
            topic = i % len(TOPICS)
            noise = rng.choice(WORDS, 8, replace=False).tolist()
            query = f"ask{TOPICS[topic]} {noise[0]} {noise[1]} r{'abcd'[repo]}{'abcdefgh'[i % 8]}"
            text = f"{TOPICS[topic]} impl{TOPICS[topic]} {' '.join(noise[2:])} {rng.integers(1000)}"
            pairs.append(Pair("doc", query, text, f"lib/{TOPICS[topic]}.py"))
        parts.append(Examples.of(pairs, repo))
    found = joined(parts)
    words = choose(found, 500, min_repositories=1)
    numbering = Numbering(words)
    query, text, path = (numbering.of(bags, found.words) for bags in (found.query, found.text, found.path))
    return Examples(words, query, text, path, found.kind, found.repo)


RECIPE = Recipe(steps=60, batch=64, groups=2, dims=(32, 16), warm_up=5)


def fitted(seed: int = 0) -> tuple[State, list[float]]:
    pairs = examples()
    state = random(pairs, len(pairs.words), 32, seed)
    losses: list[float] = []
    train(state, pairs, RECIPE, lambda _, loss, __: losses.append(loss))
    return state, losses


def test_the_loss_falls() -> None:
    _, losses = fitted()
    assert len(losses) == RECIPE.steps
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:5])


def test_the_same_seed_gives_the_same_vectors() -> None:
    (one, first), (other, second) = fitted(), fitted()
    assert first == second
    assert np.array_equal(one.table(), other.table())


def test_what_is_asked_comes_to_lie_by_what_answers() -> None:
    pairs = examples()
    state = random(pairs, len(pairs.words), 32)
    train(state, pairs, replace(RECIPE, steps=150))
    table = state.table()
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    number = {word: i for i, word in enumerate(pairs.words)}
    asked = table[[number[f"ask{topic}"] for topic in TOPICS]]
    answers = table[[number[f"impl{topic}"] for topic in TOPICS]]
    assert np.array_equal((asked @ answers.T).argmax(axis=1), np.arange(len(TOPICS)))


def test_the_gradient_is_that_of_the_loss() -> None:
    rng = np.random.default_rng(0)
    sums = [rng.normal(size=(6, 8)).astype(np.float32) for _ in range(2)]
    same = (np.array([0, 3]), np.array([3, 0]))

    def loss(at: list[np.ndarray]) -> float:
        slopes = [np.zeros_like(one) for one in at]
        return trainer._contrast(at, slopes, same, Recipe(temperature=0.5), 8, 1.0)[0]

    slopes = [np.zeros_like(one) for one in sums]
    trainer._contrast(sums, slopes, same, Recipe(temperature=0.5), 8, 1.0)
    for part in range(2):
        for row, column in ((0, 0), (2, 3), (5, 7)):
            moved = [one.copy() for one in sums]
            moved[part][row, column] += 1e-2
            up = loss(moved)
            moved[part][row, column] -= 2e-2
            assert slopes[part][row, column] == pytest.approx((up - loss(moved)) / 2e-2, abs=2e-3)


def test_sums_and_their_transpose_are_the_matrix_product() -> None:
    rng = np.random.default_rng(1)
    dense = rng.integers(0, 3, (50, 400)).astype(np.float32)
    row, column = np.nonzero(dense)
    offsets = np.searchsorted(row, np.arange(51))
    bags = Bags(column.astype(np.int32), dense[row, column].astype(np.uint8), offsets)
    table, slopes = rng.normal(size=(400, 5)).astype(np.float32), rng.normal(size=(50, 5)).astype(np.float32)
    assert vectors_of(bags, table) == pytest.approx(np.sqrt(dense) @ table, abs=1e-3)
    assert scattered([bags], [slopes], 400) == pytest.approx(np.sqrt(dense).T @ slopes, abs=1e-3)


def test_words_of_the_same_texts_begin_near_each_other() -> None:
    pairs = examples()
    table = co_occurring(pairs, len(pairs.words), 16).vectors
    number = {word: i for i, word in enumerate(pairs.words)}
    near = [float(table[number[topic]] @ table[number[f"impl{topic}"]]) for topic in TOPICS]
    far = [float(table[number[topic]] @ table[number[f"impl{TOPICS[i - 1]}"]]) for i, topic in enumerate(TOPICS)]
    assert min(near) > max(far)
    again = co_occurring(pairs, len(pairs.words), 16).vectors
    assert np.array_equal(table, again)


def test_pairs_survive_being_stored() -> None:
    pairs = Examples.of([Pair("doc", "open a file now", "def open_file(path): return io.open(path)", "lib/io.py")])
    again = Examples.from_arrays(pairs.arrays(), 3)
    assert again.words == pairs.words
    assert again.repo.tolist() == [3]
    assert np.array_equal(again.text.ids, pairs.text.ids)
    assert np.array_equal(again.query.offsets, pairs.query.offsets)


def test_a_text_that_two_repositories_have_is_learnt_once() -> None:
    pairs = [
        Pair("doc", f"number {i} of them", f"def number_{i}(): return one.two.three.four", "a.py") for i in range(3)
    ]
    found = joined([Examples.of(pairs, 0), Examples.of(pairs[1:], 1)])
    assert found.repo.tolist() == [0, 0, 0]


def test_words_are_numbered_in_the_order_in_which_they_are_met() -> None:
    lexicon = Lexicon()
    bags = lexicon.bags(["read the readFile", "the end"])
    assert lexicon.words == ["read", "the", "file", "end"]
    assert [dict(zip(bags.ids[a:b].tolist(), bags.counts[a:b].tolist(), strict=True)) for a, b in ((0, 3), (3, 5))] == [
        {0: 2, 1: 1, 2: 1}, {1: 1, 3: 1},
    ]  # fmt: skip


def test_the_vocabulary_prefers_words_of_many_repositories() -> None:
    own = [Pair("doc", f"special words {i}z here", f"special one two three four five {i}w", "a.py") for i in range(5)]
    common = [Pair("doc", f"common words {i}x here", f"common one two three four {i}y", "a.py") for i in range(2)]
    found = joined([Examples.of([*own, common[0]], 0), Examples.of([common[1]], 1)])
    assert "special" not in choose(found, 100)
    words = choose(found, 100, min_repositories=1)
    assert words.index("common") < words.index("special")


def test_an_unknown_word_counts_as_its_pieces() -> None:
    lexicon = Lexicon()
    bags = lexicon.bags(["hostnames getaddrinfo host"])
    found = Numbering(["host", "names", "get", "addr", "info"]).of(bags, lexicon.words)
    assert sorted(found.ids.tolist()) == [0, 0, 1, 2, 3, 4]
    assert Numbering(["host"], split_unknown=False).of(bags, lexicon.words).ids.tolist() == [0]
