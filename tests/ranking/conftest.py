"""Small trees, each in one file of `trees/`, laid out and indexed once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import treeseek
from treeseek import Engine
from treeseek.settings import load

TREES = Path(__file__).parent / "trees"
MARK = "=== "


def lay_out(tree: Path, root: Path) -> None:
    """Write the files of a tree: each begins with a line of its path behind three equals signs."""
    file: Path | None = None
    lines: list[str] = []
    for line in [*tree.read_text("utf-8").splitlines(), MARK]:
        if line.startswith(MARK):
            if file is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text("\n".join(lines) + "\n", "utf-8")
            file, lines = root / line.removeprefix(MARK), []
        else:
            lines.append(line)


@pytest.fixture(scope="session")
def engine_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Engine]]:
    """Return the engine of a tree by its name."""
    engines: dict[str, Engine] = {}
    with ExitStack() as stack:

        def opened(name: str) -> Engine:
            if name not in engines:
                root = tmp_path_factory.mktemp(name)
                lay_out(TREES / f"{name}.tree", root)
                settings = load({}, data_dir=tmp_path_factory.mktemp("data"), cache_artifact_bytes=0)
                engine = stack.enter_context(treeseek.open(root, settings))
                engine.sync()
                engines[name] = engine
            return engines[name]

        yield opened
