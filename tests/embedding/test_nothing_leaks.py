"""What goes to a remote embedder holds none of the secrets that are planted, and neither does what stays here."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from benchmarks.loopback import Loopback
from benchmarks.planted import Planted, plant

import treeseek
from treeseek.settings import Settings, load

COUNT = 250


def settings(home: Path, server: Loopback, provider: str, **choices: str) -> Settings:
    embedder = server.setting(provider, rpm=0, tpm=0)
    return load({}, data_dir=home / "data", cache_dir=home / "cache", embedder=embedder, **choices)


def pieces(one: Planted) -> list[bytes]:
    return [line for line in one.value.splitlines() if len(line) > 15 and b"-----" not in line] or [one.value]


def leaked(values: list[Planted], where: bytes) -> list[Planted]:
    return [one for one in values if any(piece in where for piece in pieces(one))]


def sent(server: Loopback) -> bytes:
    return b"\n".join(
        repr((one.body, one.headers)).encode() + b"\n".join(map(str.encode, one.texts)) for one in server.asked
    )


@pytest.mark.parametrize("provider", ["openai", "titan-v2"])
def test_no_planted_secret_reaches_a_request_the_index_a_cache_a_log_or_an_answer(
    tmp_path: Path, provider: str, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "root"
    values = [one for one in plant(root, COUNT, seed=4) if one.tier == "high"]
    home = tmp_path / "home"
    caplog.set_level(logging.DEBUG)
    with (
        Loopback() as server,
        treeseek.open(root, settings(home, server, provider, redact_store="high", redact_answers="high")) as engine,
    ):
        engine.sync()
        said = repr([engine.search(question, limit=50).hits for question in ("primary value", "client region key")])
        assert server.asked
        assert leaked(values, sent(server)) == []
    kept = b"\n".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert len(values) > 80
    assert leaked(values, kept) == []
    assert leaked(values, said.encode()) == []
    assert leaked(values, caplog.text.encode()) == []


def test_what_is_stored_as_it_is_still_leaves_without_secrets(tmp_path: Path) -> None:
    root = tmp_path / "root"
    values = [one for one in plant(root, 300, seed=11) if one.tier == "high"]
    with Loopback() as server, treeseek.open(root, settings(tmp_path / "home", server, "openai")) as engine:
        engine.sync()
        assert any(one.rule == "putty-private-key" for one in values), "it is long enough to be cut in two"
        assert leaked(values, sent(server)) == []


def test_with_redaction_off_they_leave(tmp_path: Path) -> None:
    root = tmp_path / "root"
    values = [one for one in plant(root, 100, seed=5) if one.tier == "high"]
    with (
        Loopback() as server,
        treeseek.open(root, settings(tmp_path / "home", server, "openai", redact="off")) as engine,
    ):
        engine.sync()
        assert len(leaked(values, sent(server))) > len(values) * 0.9
