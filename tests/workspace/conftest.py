from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

NOBODY = 65534


@pytest.fixture(scope="session", autouse=True)
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home without configuration, for git and for treeseek alike."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
        yield home


@pytest.fixture
def public_tree() -> Iterator[Path]:
    """A directory that every user may enter, unlike pytest's own."""
    path = Path(tempfile.mkdtemp()).resolve()
    path.chmod(0o755)
    yield path
    for directory, _, _ in os.walk(path):
        Path(directory).chmod(0o755)
    shutil.rmtree(path)


@pytest.fixture
def unprivileged() -> Callable[..., object]:
    """Run code without root's power over permissions and return the JSON that it prints."""

    def run(code: str, *arguments: object) -> object:
        script = (
            "import json, os, sys\nfrom pathlib import Path\nimport treeseek.workspace.walk\n"
            "from treeseek.errors import *\nfrom treeseek.workspace import *\n"
            f"open_root(Path('/')).__enter__()\nos.geteuid() == 0 and os.setuid({NOBODY})\n" + code
        )
        command = [sys.executable, "-c", script, *map(str, arguments)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    return run
