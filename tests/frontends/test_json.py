"""The JSON is what its reference says, key by key, on success and on failure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from treeseek.frontends.documents import SCHEMA_VERSION

from .conftest import Run

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "json.md"


def documented() -> dict[str, dict[str, str]]:
    """Return, for each section of the reference, its keys with their types."""
    sections = re.split(r"^##+ ", REFERENCE.read_text(), flags=re.MULTILINE)[1:]
    return {
        section.partition("\n")[0].strip(): dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", section, re.MULTILINE))
        for section in sections
    }


KEYS = documented()
TYPES = {"string": str, "integer": int, "boolean": bool, "number": (int, float), "object": dict, "array": list}


def check(value: dict[str, Any], *sections: str, absent: tuple[str, ...] = ()) -> None:
    """Hold a document to its sections: the same keys, each of its type."""
    expected = {key: kind for section in sections for key, kind in KEYS[section].items() if key not in absent}
    assert set(value) == set(expected)
    for key, kind in expected.items():
        assert isinstance(value[key], TYPES[kind.split()[0]]) or (value[key] is None and "or null" in kind), key


ASKING = "search, related, symbols"


@pytest.mark.parametrize(
    "command", [["search", "retry an upload"], ["symbols", "retry_upload"], ["related", "lib/net.py:7"]]
)
def test_answers(run: Run, project: Path, command: list[str]) -> None:
    document = run(*command, "--json", cwd=project).document
    check(document, "Every document", ASKING, absent=("paths",))
    assert (document["schema_version"], document["ok"], document["command"]) == (SCHEMA_VERSION, True, command[0])
    assert document["root"] == str(project)
    assert document["hits"]
    for hit in document["hits"]:
        check(hit, "A hit", absent=("reasons",))
        source = (project / hit["path"]).read_text().split("\n")
        assert hit["text"].split("\n")[0] == source[hit["start_line"] - 1]
    paths = run(*command, "--json", "-l", cwd=project).document
    check(paths, "Every document", ASKING, absent=("hits",))
    assert paths["paths"] == list(dict.fromkeys(hit["path"] for hit in document["hits"]))


def test_a_search_says_how_sure_it_is_and_why(run: Run, project: Path) -> None:
    document = run("search", "retry an upload", "--explain", "--json", cwd=project).document
    assert 0 <= document["confidence"] <= 1
    for hit in document["hits"]:
        check(hit, "A hit")
    assert "because: " in run("search", "retry an upload", "--explain", cwd=project).out


def test_nothing_found_is_no_failure(run: Run, project: Path) -> None:
    done = run("symbols", "no_such_symbol_anywhere", "--json", cwd=project)
    assert (done.code, done.err) == (1, "")
    assert (done.document["ok"], done.document["hits"]) == (True, [])


def test_outline(run: Run, project: Path) -> None:
    document = run("outline", "lib/net.py", "--json", cwd=project).document
    check(document, "Every document", "outline")
    source = (project / "lib/net.py").read_bytes()
    for declaration in document["declarations"]:
        check(declaration, "A declaration")
        last = declaration["name"].rpartition(".")[2].encode()
        assert last in source[declaration["start_byte"] : declaration["end_byte"]]


def test_index_and_status(run: Run, project: Path) -> None:
    check(run("index", "--json", cwd=project).document, "Every document", "index")
    check(run("status", "--json", cwd=project).document, "Every document", "status", absent=("skipped",))
    document = run("status", "--json", "--skipped", cwd=project).document
    check(document, "Every document", "status")
    assert [left["path"] for left in document["skipped"]] == ["logo.bin"]
    check(document["skipped"][0], "Something skipped")


def test_doctor(run: Run, project: Path) -> None:
    document = run("doctor", "--json", cwd=project).document
    check(document, "Every document", "doctor")
    for one in document["checks"]:
        check(one, "A check")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["search", ""], "usage"),
        (["search"], "usage"),
        (["serch", "x"], "usage"),
        (["search", "x", "--limit", "many"], "usage"),
        (["search", "x", "no/such/root"], "root"),
        (["symbols", "x", "--no-sync"], "not-indexed"),
        (["outline", "logo.bin"], "usage"),
    ],
)
def test_failures(run: Run, project: Path, arguments: list[str], code: str) -> None:
    done = run(*arguments, "--json", cwd=project)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert set(done.document) == {"schema_version", "ok", "error"}
    assert (done.document["schema_version"], done.document["ok"]) == (SCHEMA_VERSION, False)
    error = done.document["error"]
    check(error, "An error", absent=() if "hint" in error else ("hint",))
    assert error["code"] == code


def test_every_code_of_an_error_is_documented() -> None:
    from treeseek.errors import TreeseekError

    def codes(error: type[TreeseekError]) -> set[str]:
        return {error.code}.union(*map(codes, error.__subclasses__()))

    line = next(line for line in REFERENCE.read_text().splitlines() if line.startswith("| `code`"))
    assert set(re.findall(r"`([a-z-]+)`", line)) - {"code"} == codes(TreeseekError) - {"error"} | {"io", "internal"}
