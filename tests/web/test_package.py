"""The page's files go with the package, and name each other rightly."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from importlib.resources import files
from pathlib import Path

import treeseek

FOLDER = files("treeseek.frontends") / "web"
NAMES = {entry.name for entry in FOLDER.iterdir() if entry.name.endswith((".html", ".css", ".js"))}
SOURCE = Path(treeseek.__file__).parent.parent.parent


def test_the_wheel_has_the_page(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=SOURCE, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        assert {f"treeseek/frontends/web/{name}" for name in NAMES} <= set(packed.namelist())


def test_every_script_is_named_and_every_name_is_a_file() -> None:
    page = (FOLDER / "index.html").read_text()
    assert {name for name in NAMES if not name.endswith(".html")} == set(re.findall(r'"/assets/([\w.]+)"', page))
    for name in NAMES:
        for imported in re.findall(r'from "\./([\w.]+)"', (FOLDER / name).read_text()):
            assert imported in NAMES


def test_nothing_is_put_into_the_page_but_as_text_and_nothing_comes_from_elsewhere() -> None:
    for name in NAMES:
        text = (FOLDER / name).read_text()
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser", text
        ), name
        assert not re.search(r"(?:src|href)=.?https?:|@import|url\(\s*.?https?:", text), name
        assert not re.search(r"\son\w+=\"|\sstyle=", text), name


def test_every_script_says_what_question_it_answers_and_is_short() -> None:
    for name in NAMES - {"index.html", "style.css"}:
        text = (FOLDER / name).read_text()
        assert re.match(r"// .*\?|// The page: ", text), name
        assert text.count("\n") <= 350, name
