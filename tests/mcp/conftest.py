"""A project, and real servers over it: one that an agent starts, and one at an address."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "safety")]

from speaking import Agent, over_http, over_stdio, served  # noqa: E402 - it is found by the line before

from treeseek.settings import load  # noqa: E402

GIT = ("git", "-c", "user.name=A", "-c", "user.email=a@example.com")


def make_project(root: Path) -> Path:
    """Make a small checkout with a change in it."""
    (root / "lib").mkdir(parents=True)
    (root / "lib/net.py").write_text(
        '"""Moving files to the server."""\n\n\nclass Uploader:\n    """Uploads files."""\n\n'
        "    def retry_upload(self, path):\n        '''Retry a failed upload with growing pauses.'''\n"
        "        return path\n\n\ndef checksum(data):\n    '''Sum the bytes of some data.'''\n    return sum(data)\n"
    )
    (root / "lib/io.go").write_text("package io\n\n// Close closes it.\nfunc Close() error {\n\treturn nil\n}\n")
    (root / "README.md").write_text("# Project\n\nUploads files.\n\n## Retrying\n\nIt retries with pauses.\n")
    for command in (("init", "-q"), ("add", "."), ("commit", "-qm", "Begin")):
        subprocess.run([*GIT, *command], cwd=root, check=True, capture_output=True)
    (root / "lib/io.go").write_text("package io\n\n// Shut closes it.\nfunc Shut() error {\n\treturn nil\n}\n")
    return root


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("project").resolve() / "project")


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the servers of this session keep their indexes: one for both, as they ask the same roots."""
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="session")
def near(project: Path, place: Path) -> Iterator[Agent]:
    """An agent's own server."""
    with over_stdio([project], place) as agent:
        yield agent


@pytest.fixture(scope="session")
def far(project: Path, place: Path) -> Iterator[Agent]:
    """A session with a server at an address."""
    settings = load({}, data_dir=place / "data", cache_dir=place / "cache", workers=1, client_rate=0)
    with served([project], settings) as (url, _), over_http(url) as agent:
        yield agent


@pytest.fixture(scope="session", params=["near", "far"])
def agent(request: pytest.FixtureRequest) -> Agent:
    """Either of them."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Agent)
    return found
