"""What the code counts, what the list says, and what a scrape gives are the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import treeseek
from treeseek import telemetry
from treeseek.frontends.series import AREAS, BY_NAME, Series

PACKAGE = Path(treeseek.__file__).parent
KINDS = {"count": "counter", "counter": "counter", "gauge": "gauge", "shift_gauge": "gauge", "observe": "histogram",
         "timed": "histogram"}  # fmt: skip
LABELS = {
    "cap", "cause", "code", "embedder", "error", "format", "kind", "method", "mode", "operation", "outcome", "phase",
    "provider", "reason", "route", "scope", "status", "tier", "tool", "version",
}  # fmt: skip
"""None of them holds what a client or a repository decides."""


def pattern_of(node: ast.AST, constants: dict[str, str]) -> str | None:
    """Return what a name can be, as a pattern: of an f-string only the fixed parts are known."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            re.escape(part.value)
            if isinstance(part, ast.Constant)
            else re.escape(constants.get(getattr(part.value, "id", ""), "")) or "[a-z_]+"
            for part in node.values
            if isinstance(part, (ast.Constant, ast.FormattedValue))
        )
    return None


def named(source: str) -> Iterator[str]:
    """Yield the patterns of all names in a source, docstrings left out."""
    tree = ast.parse(source)
    constants = {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }  # fmt: skip
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Constant, ast.JoinedStr)) and id(node) not in inside:
            found = pattern_of(node, constants)
            if found and re.fullmatch(r"treeseek_[a-z_\[\]+\\-]*", found) and found != "treeseek_query_cache":
                yield found


def calls(source: str) -> Iterator[tuple[str, str, set[str]]]:
    """Yield for each call of telemetry with a plain name: the function, the name, and the labels."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in KINDS
            and getattr(node.func.value, "id", "") == "telemetry" and isinstance(node.args[0], ast.Constant)
        ):  # fmt: skip
            yield node.func.attr, str(node.args[0].value), {word.arg for word in node.keywords if word.arg}


SOURCES = {
    path.relative_to(PACKAGE).as_posix(): path.read_text()
    for path in PACKAGE.rglob("*.py")
    if path.name not in ("telemetry.py", "series.py")
}


@pytest.mark.parametrize("path", sorted(path for path, source in SOURCES.items() if "treeseek_" in source))
def test_whatever_the_code_names_is_in_the_list(path: str) -> None:
    for pattern in named(SOURCES[path]):
        assert any(re.fullmatch(pattern, name) for name in BY_NAME), f"{pattern} is not in series.toml"
    for function, name, labels in calls(SOURCES[path]):
        series = BY_NAME[name]
        assert series.kind == KINDS[function], name
        assert set(series.labels) == labels or (not labels and "**" in SOURCES[path]), name


def test_whatever_is_in_the_list_is_named_by_the_code() -> None:
    patterns = {pattern for source in SOURCES.values() for pattern in named(source)}
    missing = {name for name in BY_NAME if not any(re.fullmatch(pattern, name) for pattern in patterns)}
    assert missing == set()


@pytest.mark.parametrize("source", ['telemetry.count("treeseek_new_total")', 'x = f"treeseek_{a}_things_total"'])
def test_a_name_that_nobody_listed_is_seen(source: str) -> None:
    assert [p for p in named(source) if any(re.fullmatch(p, name) for name in BY_NAME)] == []
    assert len(list(named(source))) == 1


@pytest.mark.parametrize("series", BY_NAME.values(), ids=BY_NAME)
def test_names_and_labels_keep_to_the_rules(series: Series) -> None:
    units = {"counter": "_total", "histogram": r"_(seconds|ratio)", "gauge": r"[a-z]"}
    assert re.fullmatch(rf"treeseek_[a-z]+(_[a-z]+)*{units[series.kind]}", series.name)
    assert (series.kind == "counter") == series.name.endswith("_total")
    assert set(series.labels) <= LABELS
    assert series.help[:1].isalnum() and series.help.endswith(".")


def test_every_name_is_listed_once() -> None:
    assert sum(map(len, AREAS.values())) == len(BY_NAME)


def test_histograms_have_the_bounds_that_objectives_name() -> None:
    assert set(telemetry.BOUNDS) <= {name for name, series in BY_NAME.items() if series.kind == "histogram"}
    assert {0.005, 0.015, 0.1, 1.0} <= set(telemetry.BOUNDS["treeseek_search_seconds"])
    assert 0.25 in telemetry.BOUNDS["treeseek_search_confidence_ratio"]
    for bounds in telemetry.BOUNDS.values():
        assert list(bounds) == sorted(set(bounds))
