"""`treeseek eval` as it is run: its report, its JSON, and clear words for what it can't be asked."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from .conftest import Run
from .test_json import check

QUESTIONS = "retry a failed upload\tlib/net.py:7-9\nsum the bytes\tlib/net.py\nclose it\tgone.go\n"


@pytest.fixture
def questions(project: Path) -> Path:
    file = project.parent / "questions.tsv"
    file.write_text(QUESTIONS)
    return file


def test_a_report_for_a_person(run: Run, project: Path, questions: Path) -> None:
    done = run("eval", str(questions), "--compare", "lexical", "--compare", "lines", "--show-missed", cwd=project)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "3 questions, answered by 3 places"
    heads = lines[2].split()
    assert heads[:5] == ["NDCG@10", "hit@1", "hit@5", "hit@10", "MRR"]
    assert lines[3].split()[:6] == ["shipped", "0.667", "0.667", "0.667", "0.667", "0.667"]
    assert any(line.startswith("  lexical: NDCG@10 ") and line.endswith("]") for line in lines)
    assert any(line.startswith("cut by lines: 2 files") for line in lines)
    assert lines[lines.index("1 question not answered by the first hit") + 1].strip() == "close it"
    assert "note: 1 path of the questions not in the root, such as gone.go" in done.err


def test_json(run: Run, project: Path, questions: Path) -> None:
    document = run("eval", str(questions), "--compare", "lexical", "--json", cwd=project).document
    check(document, "Every document", "eval")
    assert document["questions"] == 3
    assert document["unknown_places"] == ["gone.go"]
    assert [one["name"] for one in document["variants"]] == ["shipped", "lexical"]
    for variant in document["variants"]:
        check(variant, "A variant")
    assert len(document["differences"]) == 5
    for difference in document["differences"]:
        check(difference, "A difference")
    assert [set(answer["scores"]) for answer in document["answers"]] == [{"shipped", "lexical"}] * 3


def test_a_history(run: Run, project: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=Test", "-c", "user.email=t@example.com", *arguments], cwd=project, check=True
        )

    (project / ".git").rmdir()
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-q", "-m", "Begin")
    file = project / "lib/net.py"
    file.write_text(file.read_text().replace("return sum(data)", "return sum(data) % 256"))
    git("commit", "-q", "-a", "-m", "Keep checksums of data small")
    done = run("eval", "--from-history", "--commits", "5", cwd=project)
    assert done.code == 0, done.err
    assert done.out.splitlines()[:2] == ["1 question, answered by 1 place", "from 1 commit"]
    assert "shipped" in done.out
    assert run("eval", "--from-history", "--revision", "HEAD~1", cwd=project).refusal


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name a FILE of questions"),
        (["none.tsv"], "No such file"),
        (["--from-history"], "git"),
        (["--from-history", ".", "."], "give the ROOT alone"),
        (["README.md"], "README.md:3 is no question"),
        (["{questions}", "--compare", "nonsense"], "nothing to compare"),
        (["{questions}", "--compare", "weights=none.json"], "holds no weights"),
        (["{questions}", "lib", "--repo", "x"], "no question about 'x'"),
    ],
)
def test_what_can_not_be_asked(run: Run, project: Path, questions: Path, arguments: list[str], said: str) -> None:
    given = [argument.format(questions=questions) for argument in arguments]
    assert said in run("eval", *given, cwd=project).refusal
