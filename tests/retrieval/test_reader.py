"""What is kept of answers is never seen, whatever the filters, the files that changed, and what failed before."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import treeseek
from treeseek import telemetry
from treeseek.embedding import default_embedder
from treeseek.engine import Engine
from treeseek.errors import EndpointError, NotIndexedError
from treeseek.model import Filters
from treeseek.retrieval.demand import Demand
from treeseek.retrieval.search import Ranker
from treeseek.settings import load


def hits() -> float:
    return telemetry.snapshot()[0].get(("treeseek_query_cache_hits_total", ()), 0.0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    top = tmp_path / "root"
    for name, word in (("retry", "upload"), ("cache", "tree"), ("walk", "file")):
        (top / "src").mkdir(parents=True, exist_ok=True)
        (top / "src" / f"{name}.py").write_text(
            f"def {name}_{word}(count):\n    '''{name} the {word} again.'''\n    return count\n\n\n"
            f"class {name.title()}{word.title()}:\n    pass\n"
        )
        (top / f"{name}.go").write_text(f"package main\n\nfunc {name}{word.title()}() int {{\n\treturn 1\n}}\n")
    return top


@pytest.fixture
def engines(tmp_path: Path, root: Path) -> Iterator[tuple[Engine, Engine]]:
    """One that keeps answers and one that doesn't, over one index."""
    kept, bare = (
        treeseek.open(root, load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache", cache_query_bytes=size))
        for size in (1 << 20, 0)
    )
    with kept, bare:
        kept.sync()
        yield kept, bare


def test_whatever_is_asked_in_whatever_order_the_answers_are_those_of_who_keeps_none(
    engines: tuple[Engine, Engine], root: Path
) -> None:
    kept, bare = engines
    chance, before = random.Random(1), hits()
    for _ in range(150):
        filters = chance.choice([Filters(), Filters(languages=("go",)), Filters(path="src"), Filters(min_score=0.4),
                                 Filters(kinds=("class",))])  # fmt: skip
        query = chance.choice(["retry the upload", "tree cache", "walkFile"])
        limit, explain = chance.choice([1, 5, 20]), chance.choice([True, False])
        ranker = chance.choice([Ranker(), Ranker("lexical"), Ranker("dense")])
        tokens = chance.choice([None, 40])
        asked = [engine.search(query, limit=limit, filters=filters, explain=explain, ranker=ranker, max_tokens=tokens)
                 for engine in engines]  # fmt: skip
        assert asked[0] == asked[1]
        assert kept.symbols(query, limit=limit, filters=filters) == bare.symbols(query, limit=limit, filters=filters)
        if chance.random() < 0.1:
            (root / "more.py").write_text(f"def retry_{chance.randrange(10)}():\n    return 'tree'\n")
        if chance.random() < 0.1:
            kept.sync()
    assert hits() > before + 50
    assert kept.related("retry.go", 3) == bare.related("retry.go", 3)


def test_a_kept_answer_says_that_a_file_has_changed_since(engines: tuple[Engine, Engine], root: Path) -> None:
    kept, _ = engines
    assert all(hit.is_fresh for hit in kept.search("retry the upload").hits)
    (root / "src" / "retry.py").write_text("def other():\n    pass\n")
    before = hits()
    again = kept.search("retry the upload")
    assert hits() == before + 1
    assert [hit.path for hit in again.hits if not hit.is_fresh] == ["src/retry.py"] * len(
        [hit for hit in again.hits if hit.path == "src/retry.py"]
    )
    assert "changed since" in again.notes[0]
    kept.sync()
    assert "retry_upload" not in {hit.name for hit in kept.search("retry the upload").hits}


class Moody:
    """The bundled model behind a connection that comes and goes."""

    identity = default_embedder().identity

    def __init__(self) -> None:
        self.is_down, self.asked = True, 0

    def embed(self, texts: list[str]) -> np.ndarray:
        return default_embedder().embed(texts)

    def embed_query(self, query: str) -> np.ndarray:
        self.asked += 1
        if self.is_down:
            raise EndpointError("nobody answers")
        return default_embedder().embed_query(query)


def test_an_answer_by_words_alone_is_not_kept_and_a_vector_is(tmp_path: Path, root: Path) -> None:
    embedder = Moody()
    settings = load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")
    with treeseek.open(root, settings, embedder=embedder) as engine:
        engine.sync()
        assert "by words alone" in engine.search("retry the upload").notes[-1]
        embedder.is_down = False
        assert not any("by words alone" in note for note in engine.search("retry the upload").notes)
        (root / "new.py").write_text("x = 1\n")
        engine.sync()
        assert engine.search("retry the upload", limit=3).hits
        assert embedder.asked == 2


def test_no_index_is_no_answer_to_keep(tmp_path: Path, root: Path) -> None:
    with treeseek.open(root, load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")) as engine:
        with pytest.raises(NotIndexedError):
            engine.search("retry")
        engine.sync()
        assert engine.search("retry").hits


def renewals() -> float:
    return telemetry.snapshot()[0].get(("treeseek_query_cache_renewals_total", ()), 0)


def test_who_wants_more_of_the_same_gets_it_without_another_search(engines: tuple[Engine, Engine], root: Path) -> None:
    kept, bare = engines
    for number in range(110):
        (root / f"upload{number}.py").write_text(f"def upload_{number}(path):\n    return retry(path)\n")
    kept.sync()
    kept.search("retry the upload", limit=3)
    before, held = hits(), kept._reader.answers.nbytes
    for limit in (10, 20, 5):
        assert kept.search("retry the upload", limit=limit) == bare.search("retry the upload", limit=limit)
    assert hits() == before + 3
    assert kept._reader.answers.nbytes > held, "what was laid out since counts"
    kept.search("retry the upload", limit=60)
    assert hits() == before + 3, "so many were not put in order"


def test_what_is_asked_often_is_found_again_after_a_commit(engines: tuple[Engine, Engine], root: Path) -> None:
    kept, bare = engines
    for _ in range(2):
        kept.search("retry the upload")
        kept.related("src/retry.py", 2)
    kept.search("tree cache")
    (root / "src" / "retry.py").unlink()
    (root / "more.py").write_text("def retry_upload_again():\n    return 'upload'\n")
    kept.sync()
    before = hits(), renewals()
    assert kept.renew_answers(60) == 1, "one is asked for; where the other one was asked about isn't there any more"
    assert (hits(), renewals()) == (before[0], before[1] + 2)
    assert kept.search("retry the upload") == bare.search("retry the upload")
    assert hits() == before[0] + 1
    kept.search("tree cache")
    assert hits() == before[0] + 1
    assert kept.renew_answers(0) == 0


def test_what_is_not_asked_any_more_is_not_expected_for_ever() -> None:
    demand: Demand[str] = Demand()
    for _ in range(8):
        demand.note("often", "how")
    demand.note("once", "how")
    assert [demand.expected() for _ in range(4)] == [[("often", "how")]] * 3 + [[]]
    demand.note("twice", "first")
    demand.note("twice", "last")
    assert demand.expected() == [("twice", "last")]
