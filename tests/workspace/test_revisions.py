"""Files of git revisions: the same that git itself tells of, whatever the repository's configuration asks for."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from treeseek.errors import RootError, UnreadableError, UsageError
from treeseek.workspace import open_root, walk
from treeseek.workspace.revisions import FileChange, Repository, Version, open_repository

LIMIT = 1 << 20


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), "-c", "user.name=Test", "-c", "user.email=test@example.com", *arguments],
        capture_output=True, text=True, check=True, env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull},
    )  # fmt: skip
    return done.stdout.strip()


def commit(root: Path, **files: str | None) -> str:
    """Write files (`__` in a name is a `/`, `_dot_` a dot), delete those that are None, and commit all."""
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink() if text is None else path.write_text(text)
    git(root, "add", "-A", "-f")
    git(root, "commit", "-q", "--allow-empty", "-m", "change")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = (tmp_path / "repository").resolve()
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    commit(root, a="one\n", lib__b="two\n", lib__c="three\n")
    return root


@pytest.fixture
def repository(root: Path) -> Iterator[Repository]:
    with open_repository(root) as opened:
        yield opened


def told(changes: list[FileChange]) -> list[str]:
    """Return changes as letter and path."""
    marks = {(True, True): "M", (True, False): "D", (False, True): "A"}
    return [f"{marks[bool(old), bool(new)]} {(new or old or Version('', '')).path}" for old, new in changes]


def since(repository: Repository, root: Path, revision: str = "HEAD") -> list[str]:
    found = walk(root, max_file_bytes=LIMIT, max_files=1000)
    with open_root(root) as reader:
        return told(repository.changed_since(repository.tree(revision), found, reader, LIMIT))


def test_what_differs_between_two_revisions_is_what_git_tells(repository: Repository, root: Path) -> None:
    commit(root, a="uno\n", lib__b=None, lib__d="four\n", lib__e="five\n")
    changes = repository.changed(repository.tree("HEAD~1"), repository.tree("HEAD"))
    expected = git(root, "diff", "--name-status", "HEAD~1", "HEAD").replace("\t", " ").split("\n")
    assert told(changes) == sorted(expected, key=lambda line: line[2:])
    old = changes[0].old
    assert old is not None
    assert repository.read(old.blob, LIMIT) == b"one\n"


def test_files_on_disk_are_compared_as_the_walk_sees_them(repository: Repository, root: Path) -> None:
    assert since(repository, root) == []
    (root / "a").write_text("changed\n")
    (root / "lib/b").unlink()
    (root / "new").write_text("untracked\n")
    (root / ".gitignore").write_text("*.log\nlib/c\n")
    (root / "noise.log").write_text("ignored\n")
    (root / "lib/c").write_text("tracked, but ignored: neither changed nor gone\n")
    assert since(repository, root) == ["A .gitignore", "M a", "D lib/b", "A new"]


def test_an_ignored_directory_that_is_gone_is_not_removed(repository: Repository, root: Path) -> None:
    commit(root, node_modules__x="1\n")
    (root / "node_modules/x").unlink()
    assert since(repository, root) == []


def test_new_files_of_a_checkout_within_are_not_new(repository: Repository, root: Path) -> None:
    inner = root / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    (inner / "file").write_text("x\n")
    assert since(repository, root) == []


def test_only_regular_files_count_and_names_may_be_odd(repository: Repository, root: Path) -> None:
    (root / "link").symlink_to("a")
    (root / "new\nline ünd.txt").write_text("x\n")
    (root / "a").chmod(0o755)
    commit(root)
    assert told(repository.changed(repository.tree("HEAD~1"), repository.tree("HEAD"))) == ["A new\nline ünd.txt"]
    assert set(repository.files(repository.tree("HEAD"))) == {"a", "lib/b", "lib/c", "new\nline ünd.txt"}
    assert since(repository, root) == []


def test_a_root_below_the_top_sees_its_own_files_only(root: Path) -> None:
    commit(root, a="uno\n", lib__b="dos\n")
    with open_repository(root / "lib") as repository:
        assert told(repository.changed(repository.tree("HEAD~1"), repository.tree("HEAD"))) == ["M b"]
        assert set(repository.files(repository.tree("HEAD"))) == {"b", "c"}
        assert since(repository, root / "lib", "HEAD~1") == ["M b"]


def test_a_directory_that_was_not_there_yet_was_empty(root: Path) -> None:
    commit(root, later__x="1\n")
    with open_repository(root / "later") as repository:
        assert told(repository.changed(repository.tree("HEAD~1"), repository.tree("HEAD"))) == ["A x"]
        assert since(repository, root / "later", "HEAD~1") == ["A x"]


def test_ranges(repository: Repository, root: Path) -> None:
    git(root, "branch", "side")
    commit(root, a="on main\n")
    git(root, "checkout", "-q", "side")
    commit(root, lib__b="on side\n")
    assert told(repository.changed(*repository.trees_of_range("main..side"))) == ["M a", "M lib/b"]
    assert told(repository.changed(*repository.trees_of_range("main...side"))) == ["M lib/b"]
    assert told(repository.changed(*repository.trees_of_range("main.."))) == ["M a", "M lib/b"]


@pytest.mark.parametrize("revision", ["", "-x", "--output=evil", "nix", "HEAD:a", "HEAD\0", "HEAD~99", "a b"])
def test_what_is_no_revision_is_refused(repository: Repository, root: Path, revision: str) -> None:
    with pytest.raises(UsageError):
        repository.tree(revision)
    assert not (root / "evil").exists()


def test_objects_that_are_too_large_or_missing_do_not_stop_the_rest(repository: Repository) -> None:
    blobs = repository.files(repository.tree("HEAD"))
    with pytest.raises(UnreadableError) as error:
        repository.read(blobs["lib/c"], 3)
    assert error.value.reason == "too-large"
    with pytest.raises(UnreadableError) as error:
        repository.read("0" * 40, LIMIT)
    assert error.value.reason == "vanished"
    assert repository.read(blobs["lib/b"], LIMIT) == b"two\n"


def test_outside_of_a_repository(tmp_path: Path) -> None:
    with pytest.raises(RootError, match="no git repository"), open_repository(tmp_path):
        pass


def test_a_repository_with_longer_ids(tmp_path: Path) -> None:
    root = tmp_path.resolve() / "sha256"
    root.mkdir()
    git(root, "init", "-q", "--object-format=sha256")
    commit(root, a="one\n")
    with open_repository(root) as repository:
        assert since(repository, root) == []
        (root / "a").write_text("two\n")
        assert since(repository, root) == ["M a"]


def test_a_repository_cannot_make_git_run_a_program(root: Path, tmp_path: Path) -> None:
    """Everything in a repository's configuration that names a program names one here that leaves a mark."""
    mark = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho $0 $@ >> {mark}\nexit 1\n")
    program.chmod(0o755)
    commit(root, _dot_gitattributes="* diff=evil filter=evil\n", a="uno\n")
    for key in ("core.fsmonitor", "diff.external", "diff.evil.command", "diff.evil.textconv", "filter.evil.clean",
                "filter.evil.smudge", "filter.evil.process", "core.pager", "core.sshCommand", "pager.diff-tree",
                "core.alternateRefsCommand"):  # fmt: skip
        git(root, "config", key, str(program))
    for key, value in (("remote.origin.url", f"ext::{program} %S"), ("remote.origin.promisor", "true"),
                       ("remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"),
                       ("protocol.ext.allow", "always"), ("extensions.partialClone", "origin"),
                       ("core.repositoryFormatVersion", "1")):  # fmt: skip
        git(root, "config", key, value)
    for name in ("post-index-change", "post-checkout", "reference-transaction"):
        (root / ".git/hooks").mkdir(exist_ok=True)
        (root / ".git/hooks" / name).symlink_to(program)
    mark.unlink(missing_ok=True)
    (root / "a").write_text("dos\n")
    with open_repository(root) as repository:
        assert told(repository.changed(repository.tree("HEAD~1"), repository.tree("HEAD"))) == [
            "A .gitattributes",
            "M a",
        ]
        assert since(repository, root) == ["M a"]
        with pytest.raises(UnreadableError):
            repository.read("1" * 40, LIMIT)  # of a partial clone git would fetch it
    assert not mark.exists(), mark.read_text()
