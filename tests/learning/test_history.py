"""Commits with the text that they left; whatever the repository's configuration wants to run."""

from __future__ import annotations

from pathlib import Path

import pytest

from treeseek.errors import RootError
from treeseek.learning.repository import Limits, changed_paths, extract
from treeseek.workspace.commits import commits

from .conftest import Commit


def test_commits_come_newest_first_with_what_they_left(root: Path, commit: Commit) -> None:
    commit("First words", {"a.py": "one = 1\n", "notes.txt": "not code\n"})
    commit("Second words\n\nand why", {"a.py": "one = 1\ntwo = 2\n", "lib/b.py": "three = 3\nfour = 4\n"})
    found = list(commits(root, ["*.py"], limit=10))
    assert [(one.subject, one.body) for one in found] == [("Second words", "and why"), ("First words", "")]
    assert [(patch.path, patch.added, patch.text) for patch in found[0].files] == [
        ("a.py", 1, "one = 1\ntwo = 2"), ("lib/b.py", 2, "three = 3\nfour = 4"),
    ]  # fmt: skip
    assert [patch.path for patch in found[1].files] == ["a.py"]
    assert len(list(commits(root, ["*.py"], limit=1))) == 1
    assert [one.subject for one in commits(root, ["*.py"], limit=9, until="HEAD~1")] == ["First words"]


def test_paths_are_relative_to_the_root(root: Path, commit: Commit) -> None:
    commit("Two places", {"lib/a.py": "one = 1\n", "b.py": "two = 2\n"})
    (found,) = commits(root / "lib", ["*.py"], limit=9)
    assert [patch.path for patch in found.files] == ["a.py"]


def test_no_program_of_the_repository_is_run(root: Path, commit: Commit, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    commit("Some words here", {"a.py": "one = 1\n", ".gitattributes": "*.py diff=evil filter=evil\n"})
    with (root / ".git" / "config").open("a") as config:
        config.write(
            f'[diff]\n\texternal = touch {mark}\n\torderFile = nowhere\n[diff "evil"]\n\ttextconv = touch {mark};\n'
            f"\tcommand = touch {mark}\n[core]\n\tpager = touch {mark}\n\tfsmonitor = touch {mark}\n"
        )
    assert len(list(commits(root, ["*.py"], limit=9))) == 1
    assert not mark.exists()


def test_a_root_without_history_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RootError, match="not a git repository"):
        list(commits(tmp_path, ["*.py"], limit=1))


def test_reading_can_end_early(root: Path, commit: Commit) -> None:
    for i in range(5):
        commit(f"Number {i} of them", {"a.py": f"number = {i}\n" * 50})
    found = commits(root, ["*.py"], limit=9)
    assert next(found).subject == "Number 4 of them"
    found.close()  # type: ignore[attr-defined]


def test_a_commit_is_about_its_code_not_its_tests(root: Path, commit: Commit) -> None:
    commit("Code and its test", {"lib/a.py": "one = 1\n", "tests/test_a.py": "assert 1\n", "vendor/x.py": "two = 2\n"})
    (found,) = commits(root, ["*.py"], limit=9)
    assert changed_paths(found) == ["lib/a.py"]


def test_a_repository_gives_the_same_pairs_each_time(project: Path) -> None:
    first, _ = extract(project, "project", Limits())
    again, _ = extract(project, "project", Limits())
    assert first == again
    assert {pair.kind for pair in first} >= {"commit", "doc", "header", "path", "message"}
    assert "Let callers measure a cookie under a limit" in {pair.query for pair in first if pair.kind == "commit"}


def test_limits_and_foreign_lines_are_kept(project: Path) -> None:
    limits = Limits(pairs={**Limits().pairs, "doc": 3})
    found, left_out = extract(project, "project", limits, is_foreign=lambda text: "cookie" in text)
    assert sum(pair.kind == "doc" for pair in found) == 3
    assert left_out["limit"] > 0
    assert left_out["shared"] > 0
    assert not any("cookie" in pair.text for pair in found)


def test_a_word_of_the_documents_goes_with_its_declaration(root: Path, commit: Commit) -> None:
    commit("Some words here", {
        "lib.py": "def reconnect(host):\n    close_all(host)\n    return open_again(host, patience=3, pause=1)\n"
        "\n\nother = [1, 2, 3]\n" + "# filler to be long enough for a file\n" * 5,
        "README.md": "# Lib\n\nWhen a peer goes away, call `reconnect` and wait for it to answer.\n\n"
        + "More text. " * 20,
    })  # fmt: skip
    found, _ = extract(root, "project", Limits())
    (mention,) = [pair for pair in found if pair.kind == "mention"]
    assert mention.query == "When a peer goes away, call reconnect and wait for it to answer."
    assert "open_again" in mention.text
