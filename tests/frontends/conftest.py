"""The real command against real roots: as a process of its own, or, for many runs, by its entry in this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from treeseek.frontends.cli.main import main


@dataclass(frozen=True)
class Done:
    """What a run left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        assert self.out.count("\n") == 1
        document = json.loads(self.out)
        assert isinstance(document, dict)
        return document

    @property
    def refusal(self) -> str:
        """What an error said: exactly one line, on standard error only."""
        assert (self.code, self.out) == (2, "")
        assert self.err.startswith("treeseek: ")
        assert self.err.count("\n") == 1
        return self.err


Run = Callable[..., Done]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Settings of its own: no data, no configuration and no home of the machine's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TREESEEK_", "NO_COLOR", "XDG_"))}
    home = tmp_path / "home"
    home.mkdir()
    return kept | {"TREESEEK_DATA_DIR": str(tmp_path / "data"), "HOME": str(home)}


@pytest.fixture
def spawn(environment: dict[str, str]) -> Run:
    """Run `treeseek` as a process with arguments, in a directory, and wait for it."""

    def start(*arguments: str | bytes, cwd: Path, **variables: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "treeseek", *arguments], cwd=cwd, env=environment | variables, capture_output=True,
            timeout=60, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    return start


@pytest.fixture
def run(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Call the command's entry with arguments, in a directory: the same without the start of an interpreter."""
    for name in os.environ.keys() - environment.keys():
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def call(*arguments: str, cwd: Path) -> Done:
        monkeypatch.chdir(cwd)
        capfdbinary.readouterr()
        code = main(arguments)
        out, err = capfdbinary.readouterr()
        return Done(code, out.decode(), err.decode())

    return call


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small checkout with three languages."""
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    (root / "lib").mkdir()
    (root / "lib/net.py").write_text(
        '"""Moving files to the server."""\n\n\nclass Uploader:\n    """Uploads files."""\n\n'
        "    def retry_upload(self, path):\n        '''Retry a failed upload with growing pauses.'''\n"
        "        return path\n\n\ndef checksum(data):\n    '''Sum the bytes of some data.'''\n    return sum(data)\n"
    )
    (root / "lib/io.go").write_text("package io\n\n// Close closes it.\nfunc Close() error {\n\treturn nil\n}\n")
    (root / "README.md").write_text("# Project\n\nUploads files.\n\n## Retrying\n\nIt retries with pauses.\n")
    (root / "logo.bin").write_bytes(b"\x00\x01\x02" * 50)
    return root
