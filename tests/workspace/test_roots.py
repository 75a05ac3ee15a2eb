from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from treeseek.errors import RootError
from treeseek.workspace import repository_of, resolve_root


def test_a_root_is_absolute_and_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    assert resolve_root("link") == resolve_root(Path("real/../link")) == (tmp_path / "real").resolve()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "missing does not exist"),
        ("file", "file is not a directory; name the directory that holds it"),
        ("file/x", "'file/x' can't be a root: Not a directory"),
        ("loop", "'loop' can't be a root: "),
        ("nul\0", "'nul\\x00' can't be a root: "),
        ("n" * 300, "can't be a root: File name too long"),
        ("/", "/ is all of the disk; name a project in it"),
    ],
)
def test_no_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("loop").symlink_to("loop")
    with pytest.raises(RootError) as caught:
        resolve_root(name)
    assert message in str(caught.value)
    assert "force" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_home_directory_has_to_be_forced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(RootError, match=r"is the home directory; name a project in it$"):
        resolve_root(tmp_path)
    assert resolve_root(tmp_path, force=True) == tmp_path.resolve()
    assert resolve_root("/", force=True) == Path("/")


@pytest.mark.parametrize("mode", [0o000, 0o444, 0o111])
def test_a_root_without_permission(public_tree: Path, unprivileged: Callable[..., object], mode: int) -> None:
    (public_tree / "closed").mkdir(mode=0o700)
    (public_tree / "closed").chmod(mode)
    told = unprivileged(
        "try:\n    print(json.dumps(str(resolve_root(sys.argv[1]))))\n"
        "except RootError as error:\n    print(json.dumps(str(error)))",
        public_tree / "closed",
    )
    assert told == f"{public_tree / 'closed'} can't be read: you lack permission to list or enter it"


def test_the_repository_is_the_nearest_checkout(tmp_path: Path) -> None:
    (tmp_path / "outer" / ".git").mkdir(parents=True)
    (tmp_path / "outer" / "inner" / "deep").mkdir(parents=True)
    assert repository_of(tmp_path / "outer" / "inner" / "deep") == tmp_path / "outer"
    (tmp_path / "outer" / "inner" / ".git").write_text("gitdir: elsewhere\n")
    assert repository_of(tmp_path / "outer" / "inner" / "deep") == tmp_path / "outer" / "inner"
    assert repository_of(tmp_path / "outer") == tmp_path / "outer"


def test_outside_a_checkout_it_is_the_path_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project").mkdir()
    assert repository_of(tmp_path / "project") == tmp_path / "project"
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("HOME", os.fspath(tmp_path))
    assert repository_of(tmp_path / "project") == tmp_path / "project", "dotfiles don't swallow a project"
