"""Embedders that ask a real server on this machine, with a patience that tests can afford."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from benchmarks.loopback import Loopback

from treeseek.embedding.bedrock import titan
from treeseek.embedding.openai import endpoint
from treeseek.embedding.remote import RemoteEmbedder
from treeseek.embedding.retry import Retry
from treeseek.embedding.spec import parse

QUICK = Retry(attempts=6, first=0.005, longest=0.02, patience=5.0)

Opened = Callable[..., RemoteEmbedder]


@pytest.fixture(autouse=True)
def example_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """AWS's published examples, and nothing else of the machine's."""
    for name in os.environ:
        if name.startswith(("AWS_", "TREESEEK_", "OPENAI_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Open an embedder that asks a server as a provider: "openai", "titan-v1" or "titan-v2"."""
    made: list[RemoteEmbedder] = []

    def open_embedder(server: Loopback, provider: str, retry: Retry = QUICK, **options: object) -> RemoteEmbedder:
        spec = parse(server.setting(provider, **({"rpm": 0, "tpm": 0} | options)))
        made.append((endpoint if provider == "openai" else titan)(spec, retry))
        return made[-1]

    yield open_embedder
    for embedder in made:
        embedder.close()
