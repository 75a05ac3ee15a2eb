"""The ignore rules decide as git does, on trees and patterns that are made to be awkward."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from treeseek.workspace import walk
from treeseek.workspace.ignore import Scope, decide, parse

NAMES = [
    "a", "b", "ab", "abc", "b.c", "x y", "[a]", "a]", "-", "a-b", "é", "*", "\\", "foo", "fo.p", "a\nb", "!a", "#a",
    " a", "a ", "A", "ba", "aa.b.c",
]  # fmt: skip
ATOMS = [
    "a", "b", "c", "ab", "*", "*", "**", "?", "/", "/", "/", "**/", "/**", "[ab]", "[!a]", "[^b-c]", "[a-", "[]a]",
    "[[:alpha:]]", "[[:foo:]]", "[[:a]", "\\a", "\\*", "\\", "\\/", " ", "\\ ", ".", "*.c", "-", "!", "#", "é", "foo",
    "fo.p", "]", "[", "[a\\]b]", "[--0]", "[a-a-c]", "[\\a-c]", "***", "\r", "[!]a]",
]  # fmt: skip


def kept_by_git(top: Path) -> set[str]:
    command = ["git", "-C", str(top), "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(command, check=True, capture_output=True).stdout
    return {path.decode() for path in listed.split(b"\0") if path}


def kept_by_walk(top: Path) -> set[str]:
    return {file.path for file in walk(top, max_file_bytes=1000, max_files=10**6).files}


def random_pattern(rnd: random.Random) -> str:
    body = "".join(rnd.choice(ATOMS) for _ in range(rnd.choice([1, 1, 2, 2, 3, 3, 4, 5, 6])))
    return rnd.choice(["", "", "", "!", "/"]) + body + rnd.choice(["", "", "", "/", " "])


def random_tree(rnd: random.Random, directory: Path, depth: int = 0) -> None:
    directory.mkdir()
    for name in rnd.sample(NAMES, rnd.randint(2, 6)):
        if depth < 3 and rnd.random() < 0.4:
            random_tree(rnd, directory / name, depth + 1)
        else:
            (directory / name).touch()
    if depth == 0 or rnd.random() < 0.2:
        patterns = [random_pattern(rnd) for _ in range(rnd.randint(1, 4))]
        (directory / ".gitignore").write_text("\n".join(patterns) + rnd.choice(["", "\n"]), newline="")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("checkout")
    subprocess.run(["git", "init", "-q", str(top)], check=True)
    return top


@pytest.mark.parametrize("seed", [1, 2])
def test_random_trees(tmp_path: Path, seed: int) -> None:
    rnd = random.Random(seed)
    for i in range(200):
        random_tree(rnd, tmp_path / f"d{i}")
    everything = sum(1 for path in tmp_path.rglob("*") if path.is_file())
    without_git = kept_by_walk(tmp_path)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    expected = kept_by_git(tmp_path)
    assert 0 < len(expected) < everything - 100, "the patterns must leave out something"
    assert kept_by_walk(tmp_path) == expected
    assert without_git == expected


patterns = st.lists(st.sampled_from(ATOMS), min_size=1, max_size=6).map("".join)
lines = st.lists(
    st.tuples(st.sampled_from(["", "", "!", "/"]), patterns, st.sampled_from(["", "", "/", " "])).map("".join),
    min_size=1, max_size=4,
)  # fmt: skip
paths = st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(top=lines, inner=lines, files=paths)
def test_a_subfolder_of_a_checkout(checkout: Path, top: list[str], inner: list[str], files: list[str]) -> None:
    """The root is below the checkout's top, whose rules still apply; shrinks to the pattern that differs."""
    root = checkout / "sub" / "root"
    shutil.rmtree(checkout / "sub", ignore_errors=True)
    root.mkdir(parents=True)
    for file in files:
        if not any((root / parent).is_file() for parent in Path(file).parents) and not (root / file).is_dir():
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).touch()
    (checkout / "sub" / ".gitignore").write_text("\n".join([*top, "!root"]), newline="")
    (root / ".gitignore").write_text("\n".join(inner), newline="")
    expected = {path.removeprefix("root/") for path in kept_by_git(root.parent) if path.startswith("root/")}
    assert kept_by_walk(root) == expected


@pytest.mark.parametrize(
    "pattern", ["*a" * 12 + "*b", "**/a*" * 12 + "/b", "[a-z]*" * 20 + "!", "*" * 200 + "b", "?*" * 40 + "b"]
)
def test_no_pattern_makes_matching_explode(pattern: str) -> None:
    """A backtracking matcher would not come back from these within anyone's lifetime."""
    scope = Scope(parse(pattern.encode()), "")
    name = b"a" * 250
    assert decide([scope], name, b"a/" * 60 + name, is_dir=False) is None


def test_decision_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / ".gitignore").write_text("# comment\n*.log\n!keep.log\nout/\n")
    for name in ("x.log", "keep.log"):
        (tmp_path / "sub" / name).touch()
    (tmp_path / "sub" / "out").mkdir()
    found = walk(tmp_path, max_file_bytes=1000, max_files=10)
    assert [file.path for file in found.files] == ["sub/.gitignore", "sub/keep.log"]
    assert [(left.path, left.reason, left.detail) for left in found.skipped] == [
        ("sub/out/", "ignored", "sub/.gitignore: out/"),
        ("sub/x.log", "ignored", "sub/.gitignore: *.log"),
    ]


def test_a_byte_order_mark_and_carriage_returns_are_no_part_of_a_pattern(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_bytes(b"\xef\xbb\xbfa\r\nb\\ \r\nc  \r\n")
    for name in ("a", "b ", "c", "d"):
        (tmp_path / name).touch()
    assert kept_by_walk(tmp_path) == {".gitignore", "d"}


CLASSES = "alnum alpha blank cntrl digit graph lower print punct space upper xdigit".split()


@pytest.mark.parametrize("name", CLASSES)
def test_a_named_class_holds_the_same_bytes(checkout: Path, name: str) -> None:
    top = checkout / name
    top.mkdir()
    (top / ".gitignore").write_text(f"x[[:{name}:]]\n")
    for code in range(1, 128):
        if chr(code) != "/":
            (top / f"x{chr(code)}").touch()
    assert kept_by_walk(top) == kept_by_git(top)
    assert 1 < len(kept_by_git(top)) < 126


QUIRKS = [
    "a**/b", "/ab**/b", "a/**/b", "a/**", "**/b", "**b", "a/***/b", "**/a/**/b", "*/b", "a/*", "/*/b/", "a**", "a/b**c",
    "a?b", "a/?/b", "a[/]b", "**\\/b", "foo\\", "[a", "*.c", "/*.c", "*.b.c", "a//b", "//a", "/", "!", "\\!a", "\\#a",
    "a/", "*a*b*", "a\\ ", "\\ a",
]  # fmt: skip


def test_known_quirks(checkout: Path) -> None:
    top = checkout / "quirks"
    top.mkdir()
    shape = [
        "a/b/b", "a/x/b", "a/x/y/b/c", "a/bxc", "ab/x/b", "abx/y/b", "axb/b", "b/a/b", "foo", "x.c", "d/x.b.c", "!a",
        "#a", "x/a", "a ", " a", "a.c/b", "ab.d/a/x/b", "x/b", "bb",
    ]  # fmt: skip
    for i, pattern in enumerate(QUIRKS):
        for path in shape:
            (top / str(i) / path).parent.mkdir(parents=True, exist_ok=True)
            (top / str(i) / path).touch()
        (top / str(i) / ".gitignore").write_text(pattern + "\n")
    kept, expected = kept_by_walk(top), kept_by_git(top)
    assert len(expected) < len(QUIRKS) * (len(shape) + 1) - 50
    differing = {(QUIRKS[int(path.partition("/")[0])], path) for path in kept ^ expected}
    assert not differing
