"""A small repository with a history, made the same way each time."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Commit = Callable[[str, dict[str, str]], None]

THINGS = "cache parser router socket logger session buffer token header cookie".split()
DEEDS = {
    "open": ("Open the {thing} and take its lock.", "acquire", "lock"),
    "drop": ("Forget what the {thing} holds.", "clear", "entries"),
    "measure": ("Count the bytes that the {thing} takes.", "total", "size"),
}


def _git(root: Path, *arguments: str, home: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_DATE": "2024-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2024-01-01T00:00:00Z",
    }  # fmt: skip
    subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false", *arguments],
        cwd=root, env=environment, check=True, capture_output=True,
    )  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty repository."""
    top = tmp_path / "project"
    top.mkdir()
    (tmp_path / "git-home").mkdir()
    _git(top, "init", "-q", "-b", "main", home=tmp_path / "git-home")
    return top


@pytest.fixture
def commit(root: Path, tmp_path: Path) -> Commit:
    """Write files and commit them under a message."""

    def make(message: str, files: dict[str, str]) -> None:
        for path, text in files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
        _git(root, "add", "-A", home=tmp_path / "git-home")
        _git(root, "commit", "-q", "--allow-empty", "-m", message, home=tmp_path / "git-home")

    return make


def module(thing: str, deeds: list[str]) -> str:
    """Return a module about a thing, with a documented function a deed."""
    parts = [f'"""What a {thing} is good for in this program."""\n\nimport threading\n']
    for deed in deeds:
        said, word, noun = DEEDS[deed]
        parts.append(
            f'\n\ndef {deed}_{thing}({thing}, limit):\n    """{said.format(thing=thing)}"""\n'
            f"    {noun} = {thing}.{word}(limit)\n    if {noun} is None:\n"
            f'        raise ValueError("the {thing} has no {noun} to {word} here")\n'
            f"    for one in {noun}:\n        {thing}.note(one, limit)\n    return {noun}\n"
        )
    return "".join(parts)


@pytest.fixture
def project(root: Path, commit: Commit) -> Path:
    """A repository of ten modules that came about in thirty commits, each with a telling subject."""
    for deed in DEEDS:
        for thing in THINGS:
            deeds = list(DEEDS)[: list(DEEDS).index(deed) + 1]
            commit(f"Let callers {deed} a {thing} under a limit", {f"lib/{thing}.py": module(thing, deeds)})
    return root
