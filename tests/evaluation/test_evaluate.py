"""Whole evaluations of a small repository: from questions, and from its history."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import treeseek
from treeseek.errors import UsageError
from treeseek.evaluation.asking import shown
from treeseek.evaluation.chunking import chunkings
from treeseek.evaluation.evaluate import of_history, of_questions
from treeseek.evaluation.metrics import Place
from treeseek.evaluation.questions import Question
from treeseek.evaluation.variants import read_variants
from treeseek.retrieval.search import Ranker
from treeseek.settings import Settings

from .conftest import Commit

ASKED = [
    Question("where is a handler registered for a pattern", (Place("src/router.py", 10, 12),), "plain"),
    Question("forget the oldest entry", (Place("src/cache.py", 18, 20),), "plain"),
    Question("Router", (Place("server/src/router.py"),), "symbol"),
    Question("something about nothing", (Place("gone.py"),), "plain"),
]


def test_questions_are_scored_for_every_variant(repository: Path, settings: Settings) -> None:
    told: list[tuple[int, int]] = []
    found = of_questions(
        repository, settings, ASKED, read_variants(["lexical", "dense", "lines"]), told=lambda *at: told.append(at)
    )
    shipped, lexical, *_ = found.comparison.figures
    assert [one.name for one in found.comparison.figures] == ["shipped", "lexical", "dense", "lines"]
    assert shipped.score.hit_10 == lexical.score.hit_10 == 0.75
    assert shipped.groups["symbol"] == (1, found.comparison.answers["shipped"][2].score)
    assert shipped.groups["symbol"][1].hit_1 == 1.0
    assert shipped.groups["plain"][0] == 3
    assert found.unknown == ("gone.py",)
    assert {one.name for one in found.comparison.differences} == {"lexical", "dense", "lines"}
    for one in found.comparison.differences:
        assert one.low <= one.mean <= one.high
    assert told == [(i, 4) for i in range(4)]
    assert 0 < shipped.p50 <= shipped.p95
    assert set(found.chunking) == {"syntax", "lines"}
    by_lines = found.comparison.answers["lines"][1].places
    assert any(place.path == "src/cache.py" and place.start_line == 1 for place in by_lines), "not cut by syntax"
    assert not (settings.data_dir / "eval").exists()


def test_no_place_at_all_is_an_error(repository: Path, settings: Settings) -> None:
    with pytest.raises(UsageError, match=r"no place of the questions is a file of .*, such as gone\.py"):
        of_questions(repository, settings, ASKED[3:], read_variants([]))


def test_a_ranker_without_the_model_and_the_model_without_a_ranker(repository: Path, settings: Settings) -> None:
    with treeseek.open(repository, settings) as engine:
        engine.sync()
        query = "where is a handler registered for a pattern"
        scores = {
            evidence: [hit.score for hit in engine.search(query, ranker=Ranker(evidence)).hits]
            for evidence in ("all", "lexical", "dense")
        }
        assert scores["all"] != scores["lexical"] != scores["dense"]
        assert engine.search("qwxzy vvkkq", ranker=Ranker("lexical")).hits == ()


def test_weights_of_a_file_decide(repository: Path, settings: Settings, tmp_path: Path) -> None:
    import json

    shipped = json.loads((Path(treeseek.__file__).parent / "retrieval/weights/ranker.json").read_text())
    turned = {name: -weight for name, weight in shipped["weights"].items()}
    (tmp_path / "turned.json").write_text(json.dumps(shipped | {"weights": turned}))
    variants = read_variants([f"weights={tmp_path}/turned.json"])
    found = of_questions(repository, settings, ASKED[:3], variants)
    ours, theirs = found.comparison.figures
    assert ours.score.mrr > theirs.score.mrr
    (tmp_path / "wrong.json").write_text('{"weights": {}}')
    with pytest.raises(UsageError, match="holds no weights of a ranker"):
        of_questions(repository, settings, ASKED, read_variants([f"weights={tmp_path}/wrong.json"]))


def test_a_history_is_asked_in_the_files_before_each_commit(
    repository: Path, commit: Commit, settings: Settings
) -> None:
    commit("Resolve paths by their beginning", ("src/router.py", "if pattern == path:", "if path.startswith(pattern):"))
    commit("Forget the smallest entry of the cache", ("src/cache.py", "next(iter(self.entries))", "min(self.entries)"))
    found = of_history(repository, settings, 10, read_variants(["lexical"]))
    assert found.root == str(repository)
    assert found.commits == 2
    answers = found.comparison.answers["shipped"]
    assert [answer.question.query for answer in answers] == [
        "Resolve paths by their beginning", "Forget the smallest entry of the cache",
    ]  # fmt: skip
    assert all(answer.score.hit_10 for answer in answers)
    assert not list(settings.data_dir.glob("*")), "the indexes are temporary"


def test_a_history_without_a_question_is_an_error(repository: Path, settings: Settings) -> None:
    with pytest.raises(UsageError, match="makes a question"):
        of_history(repository, settings, 5, read_variants([]))


def test_lines_are_shown_up_to_the_end_of_the_text(repository: Path, settings: Settings) -> None:
    with treeseek.open(repository, settings) as engine:
        engine.sync()
        hit = engine.search("Router").hits[0]
    assert shown(hit) == Place(hit.path, hit.start_line, hit.end_line)
    longer = replace(hit, end_line=hit.end_line + 100)
    assert longer.is_cut and not hit.is_cut
    assert shown(longer) == shown(hit)


def test_both_ways_to_cut_cover_every_line(repository: Path, settings: Settings) -> None:
    (repository / "src/broken.py").write_text("def (:\n" * 40 + "]]]\n")
    body = "".join(f"    value_{i} = argument + {i} * scale_of(argument)\n" for i in range(14))
    (repository / "src/many.py").write_text("\n\n".join(f"def f{i}(argument):\n{body}" for i in range(20)))
    syntax, lines = (chunkings(repository, settings)[way] for way in ("syntax", "lines"))
    for found in (syntax, lines):
        assert found.files == 5
        assert found.covered == found.lines > 0
        assert found.alone <= found.whole <= found.declarations
    assert syntax.declarations == lines.declarations == 8 + 1 + 20
    assert syntax.alone > lines.alone
    assert syntax.fallbacks == {"parse-errors": 1}
