"""Every cap: what hits it is refused or cut, told with its reason, and counted."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import treeseek
from treeseek import telemetry
from treeseek.errors import OverloadedError, UsageError
from treeseek.safety import caps
from treeseek.settings import Settings
from treeseek.syntax import Bounds, analyse
from treeseek.syntax.read import _most_open


def hits(setting: str) -> float:
    return telemetry.snapshot()[0].get(("treeseek_caps_hit_total", (("cap", setting),)), 0)


def counted(setting: str, call: Callable[[], object]) -> float:
    before = hits(setting)
    call()
    return hits(setting) - before


SMALL = b"def f(x):\n    return x\n\n\n"
FILES = {
    "max_file_bytes": ("too-large", SMALL * 50),
    "max_line_bytes": ("long-line", b"x = '" + b"a" * 200 + b"'\n"),
    "max_nodes": ("too-many-nodes", SMALL * 30),
    "max_depth": ("too-deep", b"x = " + b"[" * 30 + b"]" * 30 + b"\n"),
    "max_chunks": ("too-many-chunks", b"".join(b"def f%d():\n    return '%s'\n" % (i, b"a" * 90) for i in range(60))),
}
LIMITS: dict[str, Any] = {
    "max_file_bytes": 1_200, "max_line_bytes": 150, "max_nodes": 200, "max_depth": 20, "max_chunks": 2,
}  # fmt: skip


@pytest.mark.parametrize("setting", FILES)
def test_a_file_that_hits_a_cap_is_told_counted_and_costs_no_other(setting: str, tmp_path: Path) -> None:
    reason, data = FILES[setting]
    root = tmp_path / "root"
    root.mkdir()
    (root / "good.py").write_bytes(SMALL)
    (root / "bad.py").write_bytes(data)
    for limit, expected in ((LIMITS[setting], {"bad.py": reason}), (None, {})):
        more = {} if limit is None else {setting: limit}
        settings = Settings(tmp_path / f"data{limit}", tmp_path / f"cache{limit}", workers=1, **more)
        with treeseek.open(root, settings) as engine:
            assert counted(setting, engine.sync) == len(expected)
            assert {left.path: left.reason for left in engine.status(skipped=True).skipped} == expected
            assert {hit.path for hit in engine.search("f").hits} >= {"good.py"}
    assert caps.CAP_OF[reason] == setting


def test_files_beyond_the_first_are_told_and_counted(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for i in range(5):
        (root / f"{i}.py").write_bytes(SMALL)
    with treeseek.open(root, Settings(tmp_path / "d", tmp_path / "c", workers=1, max_files=3)) as engine:
        assert counted("max_files", engine.sync) == 1
        assert [one.reason for one in engine.status(skipped=True).skipped] == ["too-many"]


def test_a_question_has_its_caps(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(SMALL)
    settings = Settings(
        tmp_path / "d", tmp_path / "c", workers=1, max_query_chars=100, max_query_terms=5, max_results=7
    )
    with treeseek.open(tmp_path, settings) as engine:
        engine.sync()
        asked: list[tuple[str, Callable[[], object], str]] = [
            ("max_query_chars", lambda: engine.search("x" * 101), "101 characters"),
            ("max_query_terms", lambda: engine.search("a b c d e f"), "6 words"),
            ("max_results", lambda: engine.search("f", limit=8), "between 1 and 7"),
        ]
        for setting, ask, message in asked:

            def refused(ask: Callable[[], object] = ask, message: str = message) -> None:
                with pytest.raises(UsageError, match=message):
                    ask()

            assert counted(setting, refused) == 1
        assert engine.search("a b c d e", limit=7) is not None


def test_every_cap_is_a_setting() -> None:
    assert set(caps.CAP_OF.values()) <= set(Settings.__slots__)


def encoded(items: Any) -> bytes:
    return json.dumps(list(items)).encode()


@given(st.lists(st.text(max_size=9), max_size=20), st.integers(2, 120))
def test_as_many_as_fit_are_given(items: list[str], most: int) -> None:
    data, count = caps.fitting(items, encoded, most)
    assert data == encoded(items[:count])
    assert len(data) <= most
    assert count == len(items) or len(encoded(items[: count + 1])) > most


def test_an_answer_that_can_not_fit_is_refused() -> None:
    assert counted("max_response_bytes", lambda: caps.fitting(["abc"], encoded, 3)) == 1
    with pytest.raises(UsageError, match="at most 1"):
        caps.fitting(["abc"], encoded, 1)


def test_the_gate_turns_away_at_once_and_opens_again() -> None:
    gate = caps.Gate(2)
    inside, leave = threading.Barrier(3), threading.Event()

    def stay() -> None:
        with gate.entered():
            inside.wait(10)
            leave.wait(10)

    threads = [threading.Thread(target=stay) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait(10)

    def refused() -> None:
        with pytest.raises(OverloadedError, match="2 requests"), gate.entered():
            raise AssertionError

    assert counted("max_concurrent_requests", refused) == 1
    leave.set()
    for thread in threads:
        thread.join()
    with gate.entered(), gate.entered():
        pass
    with pytest.raises(KeyError), gate.entered():
        raise KeyError
    with gate.entered(), gate.entered():
        pass


def test_brackets_in_strings_are_no_nesting() -> None:
    data = b"x = '" + b"(" * 50 + b"'\n" + b"y = f(" + b"1, " * 60 + b")\n"
    bounds = Bounds(depth=20)
    assert _most_open(data, 20) > 20
    assert analyse(data, "python", deadline_seconds=10, bounds=bounds).fallback == ""
    deep = b"x = " + b"(" * 50 + b"1" + b")" * 50 + b"\n"
    assert analyse(deep, "python", deadline_seconds=10, bounds=bounds).fallback == "too-deep"
    assert analyse(b"f(1)\n" * 50, "python", deadline_seconds=10, bounds=bounds).fallback == ""


@given(st.binary(min_size=1, max_size=300))
def test_most_open_counts_what_a_loop_does(data: bytes) -> None:
    most = level = 0
    for byte in data:
        level = level + 1 if byte in b"([{" else max(level - 1, 0) if byte in b")]}" else level
        most = max(most, level)
    assert _most_open(data, -1) == most
