"""`treeseek train`: a model is written if it finds more, or if it is forced."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from treeseek.embedding.static import StaticEmbedder

from .conftest import Run
from .test_json import check


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A checkout with a short history of one file."""
    root = tmp_path / "repository"
    root.mkdir()
    run = ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run([*run, "init", "-q"], cwd=root, check=True)
    for number in range(4):
        (root / "net.py").write_text(
            "".join(
                f'def retry_{word}(path, limit):\n    """Try the {word} again when it failed."""\n'
                f"    for _ in range(limit):\n        {word}(path)\n    return path\n\n\n"
                for word in ("upload", "download", "rename", "removal")[: number + 1]
            )
        )
        subprocess.run([*run, "add", "-A"], cwd=root, check=True)
        subprocess.run([*run, "commit", "-qm", f"Retry failed things number {number}"], cwd=root, check=True)
    return root


def test_without_a_gain_nothing_is_written(run: Run, repository: Path, tmp_path: Path) -> None:
    done = run("train", cwd=repository)
    assert done.code == 1
    assert done.out.startswith("learnt from ")
    assert "--force" in done.err
    assert not list(tmp_path.rglob("*.npz"))


def test_a_forced_model_is_one(run: Run, repository: Path, tmp_path: Path) -> None:
    target = tmp_path / "models" / "mine.npz"
    done = run("train", str(repository), "--force", "--out", str(target), "--json", cwd=tmp_path)
    assert done.code == 0
    document = done.document
    check(document, "Every document", "train")
    for fold in document["folds"]:
        check(fold, "A cut")
    assert document["written"] == str(target)
    assert document["roots"] == [str(repository)]
    assert not document["helped"]
    assert StaticEmbedder(target).embed(["retry the upload"]).any()
    with np.load(target) as parts:
        told = json.loads(parts["provenance"].tobytes())
    assert told["learned_from"].keys() == {"repository"}
    assert [path.name for path in target.parent.iterdir()] == ["mine.npz"]


def test_what_is_no_repository_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    assert "no git repository" in run("train", str(tmp_path / "plain"), cwd=tmp_path).refusal
