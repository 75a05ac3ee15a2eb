import json
import subprocess
import tracemalloc
from collections import Counter
from itertools import pairwise
from types import SimpleNamespace

import pytest
from benchmarks.cst import __main__ as cst
from benchmarks.cst import cache_replay, changes, hammering, lineage, loading, scaling, survey
from benchmarks.cst.clock import best
from benchmarks.cst.corpus import (
    Source,
    by_language,
    evenly,
    lines_of,
    long_text,
    nodes_of,
    one_line_edit,
    put_together,
    sources,
)
from benchmarks.cst.figures import Figure, percentile, table
from benchmarks.cst.histories import Commit, Repository, Touched
from benchmarks.cst.memory import held_by

from treeseek import settings
from treeseek.indexing.trees import open_trees
from treeseek.syntax.columns import parse_tree
from treeseek.syntax.diff import TreeDiff, diff
from treeseek.syntax.match import Matching

FIRST = "def weigh(parcel):\n    total = parcel.weight + parcel.wrapping\n    return max(total, 1)\n"
SECOND = """

class Scale:
    def reset(self):
        self.shown = [0 for _ in range(self.digits)]
        return self
"""
GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")


def source(text, path="scale.py"):
    return Source(path, "python", text.encode())


def tree_of(text):
    return parse_tree(text.encode(), "python", deadline_seconds=10)


@pytest.fixture
def history(tmp_path):
    """A repository with three commits: a file, an edit with a rename of a function, a file deleted and another made."""
    root = tmp_path / "shop"
    root.mkdir()

    def git(*arguments):
        subprocess.run([*GIT, "-C", str(root), *arguments], check=True, capture_output=True)

    def commit(name):
        git("add", "--all")
        git("commit", "-m", name)

    git("init")
    (root / "scale.py").write_text(FIRST + SECOND)
    (root / "link.py").symlink_to("scale.py")
    (root / "notes.txt").write_text("plain")
    commit("one")
    (root / "scale.py").write_text("import os\n\n\n" + FIRST.replace("weigh", "weigh_all") + SECOND)
    (root / "notes.txt").write_text("plainer")
    commit("two")
    (root / "scale.py").unlink()
    (root / "till.py").write_text(SECOND)
    commit("three")
    return root / ".git"


# -- figures and texts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "bar", "at_least", "met"),
    [(2.0, 2.0, False, True), (2.1, 2.0, False, False), (2.1, 2.0, True, True), (1.9, 2.0, True, False),
     (None, 2.0, False, None), (2.0, None, False, None)],
)  # fmt: skip
def test_a_bar_is_met_from_the_right_side(value, bar, at_least, met):
    assert Figure("part", "what", value, bar=bar, at_least=at_least).met is met


def test_the_table_says_what_is_missed_and_what_was_not_measured():
    lines = table([
        Figure("size", "tree", 0.75, "bytes", 2.0, note="small"),
        Figure("size", "lines", 1_234.0, "", 2_000, at_least=True),
        Figure("cache", "peer", None),
    ]).splitlines()  # fmt: skip
    assert lines[0] == "size"
    assert lines[1].split() == ["tree", "0.750", "bytes", "<=", "2", "met", "small"]
    assert lines[2].split() == ["lines", "1,234", ">=", "2000", "MISSED"]
    assert lines[3:] == ["cache", "  peer   not measured"]


def test_a_figure_can_be_written_with_its_details():
    told = Figure("size", "tree", 3.0, bar=2.0, details={"kinds": Counter({"walrus": 3})}).as_json()
    assert json.loads(json.dumps(told))["details"] == {"kinds": {"walrus": 3}}
    assert (told["value"], told["met"]) == (3.0, False)


def test_percentiles_are_interpolated():
    assert [percentile([4, 1, 3, 2], share) for share in (0, 0.5, 1)] == [1, 2.5, 4]
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_calls_run_in_turn_and_the_least_time_counts():
    calls = []
    times = best([lambda: calls.append("a"), lambda: calls.append("b")], 3)
    assert calls == ["a", "b"] * 3
    assert all(0 < seconds < 1 for seconds in times)


def test_the_corpus_is_what_treeseek_parses_by_language_the_six_first(tree):
    found = sources([tree])
    assert {file.path for file in found} == {"shop/session.py", "shop/web/report.js", "shop/web/send"}
    assert list(by_language([*found, Source("x.c", "c", b"int a;")])) == ["javascript", "python", "c"]
    assert evenly(range(10), 5) == [0, 2, 4, 6, 8]
    assert evenly(range(3), 5) == [0, 1, 2]


def test_texts_are_put_together_of_whole_files_without_errors():
    good, bad = source(FIRST), source("def (:\n")
    assert nodes_of(good) == len(tree_of(FIRST))
    assert nodes_of(bad) == 0
    text = put_together([bad, good], 4 * nodes_of(good), nodes_of)
    assert text == b"\n".join([FIRST.encode()] * 4)
    assert put_together([good], 10, lines_of).count(b"\n") >= 9
    assert put_together([good], nodes_of(good), nodes_of) == b""


def test_a_long_text_is_one_real_file_if_there_is_one():
    short, long = source(FIRST), source(FIRST + SECOND)
    assert long_text([short, long], 6, lines_of) == long.data
    assert long_text([short], 8, lines_of) == put_together([short], 8, lines_of)


def test_an_edit_makes_one_name_longer():
    assert one_line_edit(tree_of(FIRST), 0.0) == FIRST.replace("weigh(", "weighx(").encode()
    assert one_line_edit(tree_of(FIRST), 0.9).count(b"totalx") == 1
    with pytest.raises(ValueError, match="no name"):
        one_line_edit(tree_of("1\n"), 0.0)


# -- histories -----------------------------------------------------------------------------------------------------


def test_commits_come_with_the_parsed_files_that_they_touched(history):
    with Repository(history) as repository:
        commits = list(repository.commits(10))
        paths = [[(file.path, file.old is None, file.new is None) for file in commit.files] for commit in commits]
        assert paths == [
            [("scale.py", True, False)], [("scale.py", False, False)],
            [("scale.py", False, True), ("till.py", True, False)],
        ]  # fmt: skip
        assert commits[1].files[0].old == (FIRST + SECOND).encode()
        assert [commit.name for commit in repository.commits(1)] == [commits[2].name] == [repository.head()]
        assert set(repository.files(commits[0].name)) == {"scale.py", "notes.txt"}
        assert set(repository.files(commits[2].name, [""])) == {"till.py", "notes.txt"}


# -- comparison ----------------------------------------------------------------------------------------------------


def test_a_right_difference_has_nothing_wrong_and_a_wrong_one_has():
    old, new = tree_of(FIRST + SECOND), tree_of(FIRST.replace("max", "min") + SECOND)
    right = diff(old, new)
    assert list(changes.wrongs(right)) == []
    matching = right.matching
    wrong = TreeDiff(old, new, Matching(matching.old_of, matching.equal | True, (), matching.old_rows))
    assert set(changes.wrongs(wrong)) == {"patch"}


def test_pairs_are_timed_and_reported(history):
    with Repository(history) as repository:
        (file,) = changes.modified(repository, 10)
    pair = changes.measured_pair(file, 1)
    assert pair.wrong == ()
    assert pair.nodes == len(tree_of(file.new.decode()))
    assert 0 < pair.changed < pair.nodes
    assert min(pair.parse, pair.known, pair.both, pair.all, pair.extraction, pair.declarations) > 0
    figures = list(changes.change_figures([pair]))
    assert figures[0].value == pytest.approx(1e6 * pair.known / pair.nodes)
    assert any(figure.value == 0 and figure.met for figure in figures)


def test_an_edit_of_a_long_file_is_measured(monkeypatch):
    monkeypatch.setattr(changes, "EDITED_LINES", 60)
    (figure,) = changes.edit_figures([source(FIRST + SECOND)], 1)
    assert figure.value > 0
    assert "lines of python" in figure.what
    assert figure.bar == changes.EDIT_BAR
    one = Source("one.kt", "kotlin", b"package shop\n\nfun weigh(parcel: Parcel): Int {\n    return parcel.weight\n}\n")
    assert [figure.bar for figure in changes.edit_figures([one], 1)] == [None]


# -- sizes and loading ---------------------------------------------------------------------------------------------


def test_the_survey_adds_up_and_finds_what_does_not_come_back(monkeypatch):
    found = survey.surveyed([source(FIRST), source(SECOND)])
    one = found["python"]
    assert (one.files, one.nodes) == (2, len(tree_of(FIRST)) + len(tree_of(SECOND)))
    assert one.lines == (FIRST + SECOND).count("\n")
    assert (one.failed, one.with_errors) == ([], 0)
    assert one.columns == 17 * one.nodes
    assert 0 < one.tree < one.stored
    assert 0 <= one.unknown < one.named < one.nodes
    assert 0 < one.vanishing < one.named
    other = survey.parse_live(b"x = 1\n", "python", deadline_seconds=10).parsed()
    monkeypatch.setattr(survey, "decode_file", lambda *_: other)
    failed = survey.surveyed([source(FIRST)])
    assert failed["python"].failed == ["scale.py"]
    assert next(survey.size_figures(failed)).met is False


def test_kinds_that_no_table_has_are_counted_and_named(monkeypatch):
    bare = SimpleNamespace(named=50, unknown=3, kinds=Counter({"walrus": 3}))
    monkeypatch.setattr(survey, "mapped", lambda _: bare)
    monkeypatch.setattr(survey, "JUDGED_NODES", 1)
    (figure,) = survey.unknown_figures(survey.surveyed([source(FIRST)]))
    assert (figure.value, figure.met) == (6.0, False)
    assert figure.note.endswith("unknown: walrus 3")


def test_small_languages_have_no_bar():
    figures = [*survey.size_figures(survey.surveyed([source(FIRST)]))]
    assert [figure.bar for figure in figures if figure.what.startswith("python")] == [None]


def test_loading_is_timed_beside_both_peers():
    (one,) = loading.measured_files([source(FIRST + SECOND)], 1, 5)
    assert min(one.bare, one.parse, one.warm, one.cold, one.frozen, one.cold_tree, one.hashing) > 0
    figures = {figure.what: figure for figure in loading.loading_figures([one])}
    assert figures["cold over same result, p50 of 1 files"].value == pytest.approx(one.parse / one.cold)
    assert figures["frozen over bare parse alone, p50 of 1 files"].value == pytest.approx(one.bare / one.frozen_tree)
    assert not any("at least" in what for what in figures)


# -- scaling -------------------------------------------------------------------------------------------------------


def test_ratios_are_measured_for_each_size_that_can_be_had():
    found = scaling.ratios([source(FIRST + SECOND)], [300])
    assert list(found) == ["300"]
    assert set(found["300"]) >= {"parse", "columns", "hash", "diff", "encode", "decode", "lower"}
    assert scaling.ratios([source(FIRST + SECOND)], [30]) == {}


def test_regressions_are_what_is_slower_by_more_than_the_margin():
    stored = {"python": {"1000": {"parse": 1.0, "hash": 1.0, "diff": 0.5, "gone": 1.0}, "5000": {"hash": 1.0}}}
    found = {"python": {"1000": {"parse": 9.0, "hash": 1.5, "diff": 0.9, "new": 7.0}}, "go": {"1000": {"hash": 9.0}}}
    assert scaling.regressions(found, stored, 1.6) == {"python 1000 diff": 1.8, "python 1000 gone": 0.0}


def test_the_worst_of_several_runs_is_stored():
    runs = [{"python": {"1000": {"hash": hashing, "diff": difference}}} for hashing, difference in ((1, 4), (3, 2))]
    assert scaling.worst(runs) == {"python": {"1000": {"hash": 3, "diff": 4}}}


def test_the_stored_ratios_are_those_of_the_short_run():
    stored = scaling.recorded()
    assert set(stored[cst.OWN]) == {str(size) for size in scaling.SHORT}
    assert scaling.recorded(scaling.BASELINE.with_name("none.json")) == {}


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(scaling, "SHORT", (300,))
    monkeypatch.setattr(scaling, "own_sources", lambda: [source(FIRST + SECOND)])


def test_check_fails_on_a_regression_and_only_then(tmp_path, quick, capsys):
    baseline = tmp_path / "deep" / "baseline.json"
    common = ["--short", "--baseline", str(baseline)]
    assert cst.main([*common, "--record", "--json", str(tmp_path / "out.json")]) == 0
    assert json.loads((tmp_path / "out.json").read_text())["provenance"]["revision"]
    stored = json.loads(baseline.read_text())
    steps = stored["ratios"][cst.OWN]["300"]
    stored["ratios"][cst.OWN]["300"] = {step: 100 * ratio for step, ratio in steps.items()}
    baseline.write_text(json.dumps(stored))
    assert cst.main([*common, "--check"]) == 0
    stored["ratios"][cst.OWN]["300"]["hash"] = 1e-6
    baseline.write_text(json.dumps(stored))
    assert cst.main([*common, "--check"]) == 1
    assert "slower: repository 300 hash" in capsys.readouterr().out


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["--short", "--parts", "nothing"],
        ["--tree", "no/such/tree"],
        ["--short", "--rounds", "0"],
        ["--record", "--history", "."],
    ],
)
def test_what_makes_no_sense_is_refused(given, capsys):
    with pytest.raises(SystemExit):
        cst.main(given)
    capsys.readouterr()


def test_the_parts_that_are_asked_for_are_measured(tree, capsys):
    assert cst.main(["--tree", str(tree), "--parts", "survey"]) == 0
    output = capsys.readouterr().out
    assert "unknown canonical kinds" in output
    assert "loading" not in output


# -- ids over a history --------------------------------------------------------------------------------------------


def replay(*versions, path="scale.py"):
    texts = [None if text is None else text.encode() for text in versions]
    pairs = pairwise(texts)
    return lineage.replayed(Commit(f"{at:040}", (Touched(path, "python", *pair),)) for at, pair in enumerate(pairs))


def test_ids_are_kept_by_what_stays_and_renames_are_found_again():
    found = replay(FIRST + SECOND, "import os\n" + FIRST.replace("weigh", "weigh_all") + SECOND)
    assert (found.same_anchor, found.kept) == (2, 2)
    (again,) = found.again
    assert (again.old_name, again.new_name, found.free) == ("weigh", "weigh_all", 1)
    assert not (found.clashes or found.stolen or found.inherited or found.lost)


def test_what_is_within_something_renamed_has_another_anchor():
    found = replay(SECOND, SECOND.replace("Scale", "Balance"))
    assert (found.same_anchor, found.other_anchor) == (0, 1)


def test_an_id_that_comes_back_is_no_reuse():
    found = replay(FIRST + SECOND, SECOND, FIRST + SECOND)
    assert (found.returned, found.stolen, found.inherited) == (1, [], [])


def test_an_id_that_goes_over_to_another_declaration_is_told(monkeypatch):
    monkeypatch.setattr(lineage, "declaration_ids", lambda _, every: [f"{number:024}" for number in range(len(every))])
    found = replay(FIRST + SECOND, "def unwrap(one):\n    return one\n\n\n" + FIRST + SECOND)
    assert len(found.clashes) == 3
    assert len(found.stolen) == 3
    assert len(found.lost) == 3
    assert found.kept == 0
    assert [figure.met for figure in lineage.lineage_figures("x", found)].count(False) == 3


def test_what_moves_to_another_file_is_found_there(tmp_path):
    files = (Touched("a.py", "python", FIRST.encode(), b"x = 1\n"), Touched("b.py", "python", None, FIRST.encode()))
    found = lineage.replayed([Commit("1" * 40, files)])
    assert [(one.path, one.new_path) for one in found.across] == [("a.py", "b.py")]
    written = lineage.write_sample(found, "owner/name", tmp_path).read_text().splitlines()
    assert [json.loads(line)["new_path"] for line in written] == ["b.py"]


def test_an_empty_cache_is_not_judged_by_its_charges():
    empty = {"measured": 9_000.0, "charged": 12, "budget": 1e8, "frozen_share": 0.0, "file": 0}
    full = {**empty, "measured": 4e6, "charged": 2e6}
    told = {"outcomes": [["edit", "new", "parse", 1]], "hit_rate": 0.0, "commits": 1, "parses": 1, "reparses": 0,
            "unparsed": 0, "failures": 0}  # fmt: skip
    figures = {
        len(memory): [
            one for one in cache_replay.told_figures("x", {**told, "memory": memory}) if "charged" in one.what
        ]
        for memory in ([empty], [empty, full])
    }
    assert figures[1] == []
    assert figures[2][0].value == 2.0


# -- the cache -----------------------------------------------------------------------------------------------------


def test_a_replay_counts_each_look_up_once(history, tmp_path):
    with Repository(history) as repository:
        replayed = cache_replay.Replay(repository, tmp_path / "cache", cache_replay.budgets(1.0))
        told = replayed.run(10)
    outcomes = {tuple(key): count for *key, count in told["outcomes"]}
    readers = {who: sum(n for (one, *_), n in outcomes.items() if one == who) for who, *_ in outcomes}
    assert readers == {"edit": 3, "outline": 3, "chunks": 3, "diff": 2, "watcher": 3}
    assert outcomes["edit", "new", "parse"] + outcomes["edit", "new", "reparse"] == 3
    assert told["parses"] + told["reparses"] == 3
    assert outcomes["diff", "seen", "hot"] == 2
    assert not any(answer == "none" for *_, answer in outcomes)
    hits = sum(count for (*_, answer), count in outcomes.items() if answer not in ("parse", "reparse"))
    assert told["hit_rate"] == pytest.approx(hits / sum(outcomes.values()))
    figures = list(cache_replay.told_figures("shop", json.loads(json.dumps(told))))
    assert next(figure for figure in figures if "never seen" in figure.what).value == 0


def test_memory_is_what_letting_go_gives_back_and_nothing_is_let_go_here():
    held = []
    tracemalloc.start()
    try:
        held.append(bytes(3_000_000))
        assert 2_900_000 < held_by(held.clear) < 3_100_000
    finally:
        tracemalloc.stop()
    assert len(held[0]) == 3_000_000


@pytest.fixture
def trees(tmp_path):
    with open_trees(settings.load({}, cache_dir=tmp_path / "cache", workers=1)) as opened:
        yield opened


def test_hammering_finds_nothing_where_nothing_is_wrong(tree, trees):
    asked = hammering.versions(tree)
    assert len({one.digest for one in asked}) > len({one.path for one in asked})
    tally = hammering.hammer(trees, asked, 4, 0.3, 0)
    assert tally.asked.total() > 10
    assert (tally.wrong, tally.errors) == ([], [])


def test_processes_hammer_one_directory(tree):
    figures = list(hammering.hammering_figures(tree, 0.2))
    assert [figure.value for figure in figures] == [0, 0, 0, 0]
    assert all(sum(figure.details["asked"].values()) > 10 for figure in figures if "errors" in figure.what)


def test_hammering_finds_wrong_trees_and_errors(tree, trees):
    asked = hammering.versions(tree)
    other = asked[0].tree
    wrong = [hammering.Asked(one.path, one.language, one.data, one.digest, other) for one in asked]
    assert hammering.hammer(trees, wrong, 2, 0.2, 0).wrong
    assert hammering.hammer(SimpleNamespace(cache=None), asked, 1, 0.1, 0).errors
