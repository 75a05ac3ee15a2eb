"""What commits ask, of which files, and which of them ask nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

import treeseek
from treeseek.errors import RootError, UsageError
from treeseek.evaluation import history
from treeseek.evaluation.history import cleaned, open_past, questions_of
from treeseek.evaluation.metrics import Place
from treeseek.settings import Settings
from treeseek.workspace.revisions import open_repository

from .conftest import Commit, git

ANSWER = ("src/router.py", "if pattern == path:", "if path.startswith(pattern):")
DROP = ("src/cache.py", "next(iter(self.entries))", "min(self.entries)")


def test_a_commit_asks_for_the_declarations_that_it_changed_where_they_were_before(
    repository: Path, commit: Commit, settings: Settings
) -> None:
    commit("Add a header so that lines move", ("src/router.py", '"""Which', "# one\n# two\n# three\n\n" + '"""Which'))
    before = git(repository, "rev-parse", "HEAD^{tree}")
    made = commit("fix(router): resolve paths by their beginning (#12)", ANSWER)
    with treeseek.open(repository, settings) as engine:
        selection = questions_of(engine, 10)
    (one,) = selection.questions
    assert one.commit == made
    assert one.tree == before
    assert one.question.query == "resolve paths by their beginning"
    lines = git(repository, "show", "HEAD:src/router.py").split("\n")
    (place,) = one.question.targets
    assert place.path == "src/router.py"
    assert lines[place.start_line - 1].strip() == "def resolve(self, path):"
    assert selection.commits == 2
    assert selection.left_out == {"no-declaration": 1}


def test_tests_are_no_answers_beside_other_code(repository: Path, commit: Commit, settings: Settings) -> None:
    edit = ("tests/test_router.py", "assert True", "assert 1 + 1 == 2")
    commit("Resolve paths by their beginning", ANSWER, edit)
    commit("Check sums in router tests", ("tests/test_router.py", "1 + 1 == 2", "2 + 2 == 4"))
    with treeseek.open(repository, settings) as engine:
        latest, earlier = questions_of(engine, 10).questions
    assert {place.path for place in earlier.question.targets} == {"src/router.py"}
    assert {place.path for place in latest.question.targets} == {"tests/test_router.py"}


def test_commits_that_ask_nothing_are_counted_by_reason(repository: Path, commit: Commit, settings: Settings) -> None:
    commit("Release version 1.2 of the server", ANSWER)
    commit("Fix it", DROP)
    commit("Describe how the server answers", ("README.md", "Answers", "Serves"))
    commit("Add twenty files that do nothing", *((f"src/n{i}.py", "", f"n = {i}\n") for i in range(21)))
    commit("Explain routing patterns in comments", ("src/router.py", "class Router", "# a table\nclass Router"))
    commit("Match router patterns exactly again", ("src/router.py", "path.startswith(pattern)", "path == pattern"))
    git(repository, "commit", "-q", "--allow-empty", "-m", "Trigger another build somehow")
    commit("Match router patterns exactly again", ("src/router.py", "path == pattern", "pattern == path"))
    with treeseek.open(repository, settings) as engine:
        selection = questions_of(engine, 10)
        assert [one.question.query for one in questions_of(engine, 1).questions] == [
            "Match router patterns exactly again"
        ]
    assert len(selection.questions) == 1
    assert selection.left_out == {
        "routine": 1, "few-words": 1, "no-source": 2, "many-files": 1, "no-declaration": 1, "repeated": 1,
    }  # fmt: skip
    assert selection.commits == sum(selection.left_out.values()) + 1


@pytest.mark.parametrize(
    ("subject", "query"),
    [
        ("feat(api)!: add a limit to searches", "add a limit to searches"),
        ("[core] fix: drop stale entries (#1234)", "drop stale entries"),
        ("Keep order stable, closes #9", "Keep order stable"),
        ("Merge maps: the later wins", "Merge maps: the later wins"),
    ],
)
def test_marks_of_conventions_are_no_words_of_a_question(subject: str, query: str) -> None:
    assert cleaned(subject) == query


def test_the_past_holds_each_tree_in_turn_whatever_came_before(
    repository: Path, commit: Commit, settings: Settings
) -> None:
    trees = [git(repository, "rev-parse", "HEAD^{tree}")]
    commit("Edit the router", ANSWER, ("deep/er/new.py", "", "x = 1\n"))
    trees.append(git(repository, "rev-parse", "HEAD^{tree}"))
    (repository / "deep/er/new.py").unlink()
    (repository / "deep/er").rmdir()
    commit("Put a file where a directory was", ("deep/er", "", "now a file\n"))
    trees.append(git(repository, "rev-parse", "HEAD^{tree}"))
    with treeseek.open(repository, settings) as engine, open_past(engine) as past, open_repository(repository) as git_:
        for tree in (*trees, *reversed(trees), trees[2], trees[0]):
            past.become(tree)
            held = {
                file.relative_to(past.root).as_posix(): file.read_bytes()
                for file in past.root.rglob("*")
                if file.is_file()
            }
            assert held == {path: git_.read(blob, 1 << 20) for path, blob in git_.files(tree).items()}
        room = past.room
    assert not room.exists()


@pytest.mark.parametrize("path", ["../out", "a/../../out", "/abs", "a//b", ".git/hooks/x", "a/.GIT/config", "./a"])
def test_a_tree_made_by_hand_writes_nothing_elsewhere(path: str) -> None:
    assert not history._is_safe(path)
    assert history._is_safe("a/..b/.gitignore")


def test_what_can_not_be_asked(repository: Path, tmp_path: Path, settings: Settings) -> None:
    with treeseek.open(repository, settings) as engine, pytest.raises(UsageError, match="knows no revision"):
        questions_of(engine, 5, "nowhere")
    bare = tmp_path / "bare"
    bare.mkdir()
    with treeseek.open(bare, settings) as engine, pytest.raises(RootError):
        questions_of(engine, 5)


def test_places_of_removed_declarations_are_answers_too(repository: Path, commit: Commit, settings: Settings) -> None:
    text = (repository / "src/cache.py").read_text()
    start = text.index("    def evict")
    commit("Forget nothing when caches are full", ("src/cache.py", text[start:], ""))
    with treeseek.open(repository, settings) as engine:
        (one,) = questions_of(engine, 5).questions
    line = text[:start].count("\n") + 1
    assert Place("src/cache.py", line, line + 2) in one.question.targets
