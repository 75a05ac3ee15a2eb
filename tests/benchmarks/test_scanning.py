"""The benchmark of scans runs on a tiny tree, and what it plants is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import scanning
from benchmarks.planted import plant


def test_a_tiny_tree_is_measured_and_all_that_is_planted_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a.py").write_text("x = 1\n")
    scanning.main(["--tree", str(tmp_path / "tree"), "--planted", "500", "--rounds", "1"])
    said = capsys.readouterr().out
    assert "treeseek scan" in said and "MB/s" in said
    assert "secret high 1.0000" in said and "pii high 1.0000" in said and "beside them 0" in said


def test_the_same_seed_plants_the_same(tmp_path: Path) -> None:
    assert plant(tmp_path / "a", 50, seed=3) == plant(tmp_path / "b", 50, seed=3)
    assert plant(tmp_path / "a", 50, seed=3) != plant(tmp_path / "c", 50, seed=4)
