"""Rules that git keeps outside the tree, compared with what git itself makes of them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from treeseek.workspace import walk

NAMES = ["a.swp", "b.tmp", "c.log", "d.py"]


def git(directory: Path, *arguments: str) -> bytes:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always")
    command = ["git", "-C", str(directory), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


def agree(top: Path) -> set[str]:
    """Assert that the walk keeps what git keeps, and return it."""
    for name in NAMES:
        (top / name).touch()
    listed = git(top, "ls-files", "-co", "--exclude-standard", "-z")
    expected = {path.decode() for path in listed.split(b"\0") if path}
    assert {file.path for file in walk(top, max_file_bytes=1000, max_files=100).files} == expected
    return expected


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    top = tmp_path / "checkout"
    git(tmp_path, "init", "-q", str(top))
    (top / ".git" / "info").mkdir(exist_ok=True)
    return top


@pytest.fixture
def home(empty_home: Path, tmp_path: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path / "home"))
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / ".config"))
        (tmp_path / "home" / ".config" / "git").mkdir(parents=True)
        yield tmp_path / "home"


def test_info_exclude(checkout: Path) -> None:
    (checkout / ".git" / "info" / "exclude").write_text("/*.swp\n")
    assert agree(checkout) == {"b.tmp", "c.log", "d.py"}


def test_the_default_global_excludes_rank_last(checkout: Path, home: Path) -> None:
    (home / ".config" / "git" / "ignore").write_text("*.swp\n*.tmp\n*.log\n")
    (checkout / ".git" / "info" / "exclude").write_text("!*.tmp\n")
    (checkout / ".gitignore").write_text("!*.log\n")
    assert agree(checkout) == {".gitignore", "b.tmp", "c.log", "d.py"}


@pytest.mark.parametrize(
    "line",
    [
        "[core]\n\texcludesFile = ~/mine\n",
        '[Core]\nexcludesfile="~/mi\\ne" ; no such escape\n[core] excludesfile = "~/mine" # comment\n',
        "[core]\n  excludesfile = ~/other\n  excludesfile = ~/mine   ; the last one counts\n",
        '[core "x"]\n excludesfile = ~/other\n[core]\nexcludesfile = {home}/mine\n[user]\nexcludesfile = ~/other\n',
    ],
)
@pytest.mark.parametrize("where", ["home/.gitconfig", "home/.config/git/config", "checkout/.git/config"])
def test_the_configured_global_excludes(checkout: Path, home: Path, tmp_path: Path, where: str, line: str) -> None:
    (home / "mine").write_text("*.log\n")
    (home / "other").write_text("*.py\n")
    (home / ".config" / "git" / "ignore").write_text("*.swp\n")
    with (tmp_path / where).open("a") as config:
        config.write(line.replace("{home}", str(home)))
    assert agree(checkout) == {"a.swp", "b.tmp", "d.py"}


def test_the_repositorys_configuration_ranks_before_the_users(checkout: Path, home: Path) -> None:
    (home / "mine").write_text("*.log\n")
    (home / "other").write_text("*.py\n")
    (home / ".gitconfig").write_text("[core]\nexcludesfile = ~/other\n")
    git(checkout, "config", "core.excludesFile", "~/mine")
    assert agree(checkout) == {"a.swp", "b.tmp", "d.py"}


def test_a_worktree_shares_its_repositorys_exclude(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "commit", "-q", "--allow-empty", "-m", "first")
    git(checkout, "worktree", "add", "-q", str(tmp_path / "tree"))
    (checkout / ".git" / "info" / "exclude").write_text("*.swp\n")
    assert (tmp_path / "tree" / ".git").is_file()
    assert agree(tmp_path / "tree") == {"b.tmp", "c.log", "d.py"}


def test_a_submodule_has_its_own_exclude(checkout: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "other")
    git(tmp_path / "other", "commit", "-q", "--allow-empty", "-m", "first")
    git(checkout, "submodule", "add", "-q", str(tmp_path / "other"), "sub")
    (checkout / ".gitignore").write_text("*.tmp\n")
    exclude = checkout / ".git" / "modules" / "sub" / "info" / "exclude"
    exclude.parent.mkdir(exist_ok=True)
    exclude.write_text("/*.swp\n")
    assert agree(checkout / "sub") == {"b.tmp", "c.log", "d.py"}
    within = {file.path for file in walk(checkout, max_file_bytes=1000, max_files=100).files}
    assert within == {".gitignore", ".gitmodules", "sub/b.tmp", "sub/c.log", "sub/d.py"}


@pytest.mark.parametrize("content", ["", "gitdir: /nonexistent\n", "gitdir: \0\n", "nonsense"])
def test_a_broken_git_file_costs_its_rules_only(tmp_path: Path, content: str) -> None:
    (tmp_path / ".git").write_text(content)
    (tmp_path / ".gitignore").write_text("*.log\n")
    (tmp_path / "a.log").touch()
    assert [file.path for file in walk(tmp_path, max_file_bytes=1000, max_files=10).files] == [".gitignore"]
