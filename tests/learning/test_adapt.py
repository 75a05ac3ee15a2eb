"""Fitting the bundled model to a repository: the same each time, and judged by commits that it hasn't seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from treeseek.embedding.static import StaticEmbedder, bundled
from treeseek.embedding.weights_file import Weights, quantised, read, write_file
from treeseek.errors import RootError, UsageError
from treeseek.learning.adapt import ADAPTING, Adapted, Fold, adapt
from treeseek.learning.judging import collection, ndcg, scores
from treeseek.learning.vocabulary import Numbering

from .conftest import Commit

QUICK = replace(ADAPTING, steps=10, batch=64)


@pytest.fixture(scope="module")
def base() -> Weights:
    """The bundled model, at 32 dimensions and fewer words: quick to fit."""
    whole = read(bundled().directory)
    return quantised(whole.words[:1000], np.ascontiguousarray(whole.table()[:1000, :32]))


def test_it_is_judged_by_commits_after_what_it_was_fitted_to(project: Path, base: Weights) -> None:
    stages: list[str] = []
    adapted = adapt([project], base, lambda stage, *_: stages.append(stage), recipe=QUICK)
    assert len(adapted.folds) == 3
    assert sum(fold.commits for fold in adapted.folds) == len(adapted.judged) == 10  # a third of thirty
    assert 0 < adapted.before <= 1
    assert 0 < adapted.after <= 1
    assert set(adapted.pairs) >= {"commit", "doc"}
    assert {"judging", "cross-validating", "fitting"} <= set(stages)
    assert not adapted.helped, "ten commits are too few to tell"


def test_the_same_repository_gives_the_same_model(project: Path, base: Weights) -> None:
    one, other = adapt([project], base, recipe=QUICK), adapt([project], base, recipe=QUICK)
    assert np.array_equal(one.weights.vectors, other.weights.vectors)
    assert one.weights.words == other.weights.words
    assert one.judged == other.judged


def test_new_words_get_vectors_and_the_file_is_a_model(project: Path, base: Weights, tmp_path: Path) -> None:
    adapted = adapt([project], base, recipe=QUICK)
    assert adapted.new_words == len(adapted.weights.words) - len(base.words) > 0
    write_file(tmp_path / "model.npz", adapted.weights, adapted.provenance("base"))
    embedder = StaticEmbedder(tmp_path / "model.npz")
    assert embedder.identity != bundled().identity
    assert embedder.identity.dims == 32
    assert np.linalg.norm(embedder.embed_query("measure a cookie")) == pytest.approx(1, abs=1e-5)


def test_what_can_not_be_learnt_from_is_refused(tmp_path: Path, root: Path, commit: Commit, base: Weights) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    with pytest.raises(RootError, match="in no git repository"):
        adapt([plain], base)
    commit("Notes alone", {"notes.txt": "nothing of code in here\n" * 20})
    with pytest.raises(RootError, match="no source"):
        adapt([root], base)
    commit("A little code", {"a.py": "value = 1\n" * 20})
    with pytest.raises(UsageError, match="nothing to learn from"):
        adapt([root], base)


def _adapted(gains: list[float]) -> Adapted:
    empty = Weights([], np.zeros((0, 4), np.int8), np.zeros(0, np.float16))
    return Adapted(empty, {}, 0, (Fold(len(gains), 0.5, 0.5),), tuple((0.5, 0.5 + gain) for gain in gains), {})


@pytest.mark.parametrize(
    ("gains", "helped"),
    [
        ([0.1] * 30, True),
        ([0.1] * 10, False),  # too few
        ([0.3, -0.29] * 20, False),  # noise
        ([-0.1] * 30, False),
        ([0.0] * 30, False),
        ([], False),
    ],
)
def test_a_gain_is_one_if_it_is_larger_than_its_error(gains: list[float], helped: bool) -> None:
    assert _adapted(gains).helped is helped


def test_a_file_counts_with_its_best_chunk_and_its_path(base: Weights) -> None:
    files = [
        ("lib/socket.py", ["open a socket to the server", "close it"]), ("lib/parser.py", ["parse tokens of a file"]),
        ("lib/empty.py", []),
    ]  # fmt: skip
    judged = collection(files, [("parse the tokens", [1]), ("socket", [0]), ("socket", [0, 7])])
    found = scores(judged, Numbering(base.words), base.table())
    assert [int(one.argmax()) for one in found] == [1, 0, 0]
    assert found[0][2] == -1
    assert ndcg(found[0], [1]) == 1
    assert ndcg(found[2], [0, 7]) == pytest.approx(1 / (1 + 1 / np.log2(3)))
