"""What was looked at and may stay: comments, and baselines."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from benchmarks.planting import expand

from treeseek.errors import UsageError
from treeseek.safety.allow import without_allowed
from treeseek.safety.baseline import Baseline, fingerprint, read_baseline, write_baseline
from treeseek.safety.scanner import scanner

TOKEN = expand("{github:ghp_}", random.Random(3))
KEY = expand("{pem:PRIVATE KEY}", random.Random(3))


def left(text: str) -> list[str]:
    data = text.encode()
    return [found.rule for found in without_allowed(data, scanner().scan(data))]


@pytest.mark.parametrize(
    "text",
    ["{}  # treeseek:allow", "/* treeseek:allow */ {}", "# treeseek:allow\n{}", "// treeseek:allow github-pat, jwt\n{}",
     "a\n  -- treeseek:allow\n{}\n"],
)  # fmt: skip
def test_a_comment_allows(text: str) -> None:
    assert left(text.format(TOKEN)) == []


@pytest.mark.parametrize(
    "text",
    ["# treeseek:allow\n\n{}", "x = 1  # treeseek:allow\n{}", "{}\n# treeseek:allow", "{}  # treeseek:allow jwt", "{}"],
)
def test_a_comment_elsewhere_or_about_something_else_does_not(text: str) -> None:
    assert left(text.format(TOKEN)) == ["github-pat"]


def test_a_key_is_allowed_at_its_beginning_or_end() -> None:
    assert left(f"# treeseek:allow\n{KEY}\n") == [] and left(f"{KEY} # treeseek:allow\n") == []


def test_a_fingerprint_tells_rules_paths_and_secrets_apart_and_needs_the_key() -> None:
    prints = {
        fingerprint(key, rule, path, secret)
        for key in (b"1", b"2") for rule in ("a", "b") for path in ("p", "q") for secret in (b"x", b"y")
    }  # fmt: skip
    assert len(prints) == 16


def test_a_baseline_is_read_as_it_was_written_and_holds_no_secret(tmp_path: Path) -> None:
    new = Baseline()
    mark = fingerprint(new.key, "r", "p", TOKEN.encode())
    write_baseline(tmp_path / "b.json", new.key, [{"fingerprint": mark, "rule": "r", "path": "p", "line": 1}])
    assert TOKEN not in (tmp_path / "b.json").read_text()
    assert read_baseline(tmp_path / "b.json") == Baseline(new.key, frozenset([mark]))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1, "key": "zz", "findings": []}', '{"version": 9}'])
def test_what_is_no_baseline_is_refused_in_a_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(UsageError, match="baseline"):
        read_baseline(tmp_path / "b.json")
    with pytest.raises(UsageError, match="can't read"):
        read_baseline(tmp_path / "none.json")
    with pytest.raises(UsageError, match="can't write"):
        write_baseline(tmp_path / "no" / "b.json", b"k", [])
    assert json.dumps(text)
