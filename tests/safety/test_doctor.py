"""What the doctor finds, on this machine and on one that lacks something."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

import treeseek
from treeseek.frontends.cli.main import main
from treeseek.indexing import health
from treeseek.safety.sandbox import Sandbox
from treeseek.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "data", tmp_path / "cache", workers=1)


def states(settings: Settings) -> dict[str, str]:
    return {check.name: check.state for check in health.checks(settings)}


def test_everything_is_looked_at_and_in_one_line(settings: Settings) -> None:
    found = list(health.checks(settings))
    names = [check.name for check in found]
    assert names == ["versions", "sandbox", "opening", "watching", "data", "cache", "git"]
    assert all(check.state in ("ok", "warn") and "\n" not in check.detail for check in found)
    assert not (settings.data_dir.exists() or settings.cache_dir.exists()), "nothing is made"


def test_the_sandbox_is_what_a_worker_says(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health.Worker, "sandbox", lambda self: Sandbox(0, False, ("cpu",)))
    found = health._sandbox(settings)
    assert (found.state, found.detail) == ("warn", "no Landlock, no seccomp, limits on cpu; 1,024 MiB a worker")
    monkeypatch.setattr(health.Worker, "sandbox", lambda self: Sandbox())
    assert "no limits" in health._sandbox(settings).detail


def test_a_sandbox_that_is_off_or_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    off = Settings(tmp_path, tmp_path, sandbox="off")
    assert health._sandbox(off).detail.startswith("off by setting")
    monkeypatch.setattr("treeseek.indexing.workers._BOOT", "import sys; sys.exit(3)  # {path!r}")
    assert health._sandbox(off).state == "fail"


def test_what_is_scarce_or_lacking_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "inotify").mkdir()
    (tmp_path / "inotify/max_user_watches").write_text("100\n")
    monkeypatch.setattr(health, "_INOTIFY", tmp_path / "inotify")
    monkeypatch.setattr(health, "has_openat2", lambda: False)
    monkeypatch.setattr(health.shutil, "which", lambda _: None)
    found = states(settings)
    assert (found["watching"], found["opening"], found["git"]) == ("warn", "warn", "warn")
    monkeypatch.setattr(health, "_INOTIFY", tmp_path / "gone")
    assert states(settings)["watching"] == "ok"
    monkeypatch.setattr(health, "_PACKAGES", ("no-such-package",))
    assert "no-such-package (no release)" in health._versions().detail


def test_a_directory_that_can_not_be_written_fails(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(health.tempfile, "TemporaryFile", full)
    found = health._directory("data", settings.data_dir)
    assert (found.state, "No space left" in found.detail) == ("fail", True)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.py").write_text("x = 1\n")
    monkeypatch.chdir(root)
    monkeypatch.setenv("TREESEEK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TREESEEK_CACHE_DIR", str(tmp_path / "cache"))

    def told(*arguments: str) -> tuple[int, str, str]:
        code = main(["doctor", str(root), *arguments])
        out, err = capfd.readouterr()
        return code, out, err

    code, out, err = told()
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == f"ok    index     {root} has none yet"
    with treeseek.open(root, Settings(tmp_path / "data", tmp_path / "cache", workers=1)) as engine:
        engine.sync()
        directory = engine.directory
    code, out, _ = told("--json")
    document = json.loads(out)
    assert (code, document["fine"], document["checks"][-1]["name"]) == (0, True, "index")
    assert "clean, version" in document["checks"][-1]["detail"]
    journal = next(directory.glob("gen-*/journal"))
    journal.write_bytes(b"x" * 100)
    code, out, err = told()
    assert code == 1
    assert out.splitlines()[-1].startswith("fail  index")
    assert err.count("\n") == 1
