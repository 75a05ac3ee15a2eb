"""Caches over a directory of their own. `tree_codec` is found here, as the processes that tests start find it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tree_codec import SMALL, Cache, SyntaxCodec

from treeseek import telemetry
from treeseek.cache import Budgets

NewCache = Callable[..., Cache]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "trees"


@pytest.fixture
def new_cache(directory: Path) -> Iterator[NewCache]:
    """Make caches over one directory, closed at the end."""
    made: list[Cache] = []

    def make(budgets: Budgets = SMALL, *, where: Path | None = directory, **keywords: object) -> Cache:
        made.append(Cache(SyntaxCodec(), where, budgets, **keywords))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for cache in made:
        cache.close()


@pytest.fixture(autouse=True)
def _fresh_telemetry() -> None:
    telemetry.reset()
