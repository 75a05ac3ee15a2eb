"""The benchmark of the embedders runs, on a tiny tree."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from benchmarks import embedders


def test_throughput_is_told_by_provider(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"):
        monkeypatch.setenv(name, os.environ.get(name, ""))  # what the benchmark sets is taken back
    (tmp_path / "a.py").write_text("".join(f"def f{i}(x):\n" + "    x = x + 1\n" * 90 for i in range(4)))
    arguments = ["--tree", str(tmp_path), "--texts", "4", "--runs", "1", "--latency", "0", "--only", "remote"]
    assert embedders.main(arguments) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["texts"] == 4
    assert len(figures["texts/s over loopback"]) == 4
    assert all(value > 0 for value in figures["texts/s over loopback"].values())
