"""Where settings come from, in which order, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from treeseek.errors import UsageError
from treeseek.settings import load, no_color


def test_later_sources_win(tmp_path: Path) -> None:
    config = tmp_path / "treeseek.toml"
    config.write_text('workers = 3\nmax_file_bytes = 1000\ndata_dir = "/a"\n')
    env = {"TREESEEK_CONFIG": str(config), "TREESEEK_WORKERS": "4"}
    assert load(env).workers == 4
    assert load(env).max_file_bytes == 1000
    assert load(env).data_dir == Path("/a")
    assert load(env, workers=5, data_dir=None).workers == 5
    assert load({"TREESEEK_CONFIG": str(tmp_path / "none")}).workers == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("workers = ", "not valid TOML"),
        ("wrokers = 1", "no such setting"),
        ('workers = "many"', "is not a int"),
        ("workers = -1", "negative"),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    config = tmp_path / "treeseek.toml"
    config.write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        load({"TREESEEK_CONFIG": str(config)})
    assert "\n" not in str(caught.value).strip()


def test_bad_variables_name_themselves(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="TREESEEK_WORKERS"):
        load({"TREESEEK_CONFIG": str(tmp_path / "none"), "TREESEEK_WORKERS": "x"})


def test_no_color() -> None:
    assert no_color({"NO_COLOR": "1"})
    assert not no_color({"NO_COLOR": ""})
    assert not no_color({})
