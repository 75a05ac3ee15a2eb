"""What a search of each small tree finds, in which order, down to the lines: a change of it is a diff that is read.

A list is in `golden/TREE.txt`: a query stands at the margin, and beneath it, indented, its first five hits. A line with
a # says of which kind the queries below are. `pytest tests/ranking --update-golden` writes the hits anew and shows what
changed.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from treeseek import Engine

GOLDEN = Path(__file__).parent / "golden"
SHOWN = 5
CLASSES = ("symbol", "path", "plain language", "error message", "code fragment")


def listed(engine: Engine, lines: list[str]) -> Iterator[str]:
    """Yield the lines of a list again, with the hits of now."""
    for line in lines:
        if line.startswith("    "):
            continue
        yield line
        if line and not line.startswith("#"):
            for hit in engine.search(line, limit=SHOWN).hits:
                yield f"    {hit.path}:{hit.start_line}-{hit.end_line} {hit.name}".rstrip()


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.txt")), ids=lambda file: file.stem)
def test_a_list_is_as_it_was(
    file: Path,
    engine_of: Callable[[str], Engine],
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = file.read_text("utf-8").splitlines()
    now = list(listed(engine_of(file.stem), before))
    changed = "\n".join(difflib.unified_diff(before, now, file.name, "now", lineterm="", n=2))
    if request.config.getoption("--update-golden") and changed:
        file.write_text("\n".join(now) + "\n", "utf-8")
        with capsys.disabled():
            print(f"\n{changed}")
        return
    assert not changed, f"meant? then run pytest tests/ranking --update-golden\n{changed}"


def test_every_tree_has_a_list_with_queries_of_every_kind() -> None:
    lists = {file.stem: file.read_text("utf-8").splitlines() for file in GOLDEN.glob("*.txt")}
    assert lists.keys() == {file.stem for file in GOLDEN.parent.glob("trees/*.tree")}
    for name, lines in lists.items():
        assert {line.removeprefix("# ") for line in lines if line.startswith("#")} == set(CLASSES), name
        assert sum(bool(line) and not line.startswith(("#", " ")) for line in lines) >= 8, name
