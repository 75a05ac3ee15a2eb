"""Files of questions: both forms, and clear words for what is neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from treeseek.errors import UsageError
from treeseek.evaluation.metrics import Place
from treeseek.evaluation.questions import Question, read_questions


def read(tmp_path: Path, text: str, repository: str = "") -> list[Question]:
    file = tmp_path / "questions"
    file.write_text(text)
    return read_questions(file, repository)


def test_lines_of_text(tmp_path: Path) -> None:
    text = "# routing\nwhere is a route added\tsrc/router.py:8-11\t./src/app.py\n\nevict\tcache.py:7\n"
    assert read(tmp_path, text) == [
        Question("where is a route added", (Place("src/router.py", 8, 11), Place("src/app.py"))),
        Question("evict", (Place("cache.py", 7, 7),)),
    ]


def test_lines_of_json(tmp_path: Path) -> None:
    text = (
        '{"query": "q", "category": "symbol", "repo": "one", "relevant": [{"path": "a.py", "start_line": 3, '
        '"end_line": 4}, "c.py:1-2"], "secondary": [{"path": "b.py"}]}\n'
        '{"query": "other", "repo": "two", "relevant": [{"path": "x.py", "start_line": null}]}\n'
    )
    first = Question("q", (Place("a.py", 3, 4), Place("c.py", 1, 2), Place("b.py")), "symbol")
    assert read(tmp_path, text) == [first, Question("other", (Place("x.py"),))]
    assert read(tmp_path, text, "one") == [first]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("query without a place\n", "questions:1 is no question: it names no place"),
        ("ok\ta.py\n\tb.py\n", "questions:2 is no question: its query is empty"),
        ("q\t/etc/passwd\n", "not a path relative to the root"),
        ("q\ta.py:9-3\n", "ends before it begins"),
        ('{"query": "q"}\n', "it has no 'relevant'"),
        ('{"query": 5, "relevant": ["a.py"]}\n', "its query is empty"),
        ('{"query": "q", "relevant": [5]}\n', "is no question"),
        ('{"query": \n', "questions:1 is no question"),
        ("# nothing\n", "holds no question"),
    ],
)
def test_what_is_no_question_is_named_by_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_questions(tmp_path / "none")
    (tmp_path / "latin").write_bytes(b"caf\xe9\ta.py\n")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_questions(tmp_path / "latin")
    with pytest.raises(UsageError, match="about 'two'"):
        read(tmp_path, '{"query": "q", "repo": "one", "relevant": ["a.py"]}\n', "two")
