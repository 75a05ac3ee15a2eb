"""A small repository with a history: what each commit changed is known."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from treeseek.settings import Settings, load

ROUTER = '''"""Which handler serves which address?"""


class Router:
    """Maps patterns to handlers."""

    def __init__(self):
        self.routes = []

    def add_route(self, pattern, handler):
        """Register a handler for a pattern."""
        self.routes.append((pattern, handler))

    def resolve(self, path):
        """Return the handler for a path, or None."""
        for pattern, handler in self.routes:
            if pattern == path:
                return handler
        return None
'''
CACHE = '''"""Values that are costly to make again."""


class Cache:
    """Drops the entry that was used least recently."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.entries = {}

    def get(self, key):
        """Return a cached value and mark it as used."""
        value = self.entries.pop(key)
        self.entries[key] = value
        return value

    def evict(self):
        """Forget the oldest entry."""
        self.entries.pop(next(iter(self.entries)))
'''
TEST = "def test_router_resolves():\n    assert True\n"
README = "# Server\n\nAnswers requests.\n"


def git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), "-c", "user.name=Test", "-c", "user.email=test@example.com", *arguments]
    environment = os.environ | {"GIT_CONFIG_GLOBAL": str(root.parent / "no-configuration")}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.strip()


Commit = Callable[..., str]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = (tmp_path / "server").resolve()
    for path, text in {"src/router.py": ROUTER, "src/cache.py": CACHE, "tests/test_router.py": TEST,
                       "README.md": README}.items():  # fmt: skip
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Begin the server")
    return root


@pytest.fixture
def commit(repository: Path) -> Commit:
    """Replace texts in files, commit that, and return the commit's id: `commit(subject, (path, old, new), ...)`."""

    def make(subject: str, *edits: tuple[str, str, str]) -> str:
        for path, old, new in edits:
            file = repository / path
            text = file.read_text() if file.exists() else ""
            assert old in text
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.replace(old, new, 1) if old else text + new)
        git(repository, "add", "-A")
        git(repository, "commit", "-q", "-m", subject)
        return git(repository, "rev-parse", "HEAD")

    return make
