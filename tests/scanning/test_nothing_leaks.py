"""Secrets of every rule are planted; what is stored, cached, answered and logged afterwards holds none of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import zstandard
from benchmarks.planted import Planted, plant

import treeseek
from treeseek.engine import Engine
from treeseek.model import DeclarationQuery
from treeseek.settings import Settings, load

COUNT = 700
FRAME = b"\x28\xb5\x2f\xfd"


def settings(home: Path, **choices: str) -> Settings:
    return load({}, data_dir=home / "data", cache_dir=home / "cache", **choices)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Planted]]:
    root = tmp_path_factory.mktemp("planted")
    values = [one for one in plant(root, COUNT, seed=9) if one.tier == "high"]
    for command in (
        ["init", "-q"],
        ["add", "-A", "-f"],
        ["-c", "user.name=x", "-c", "user.email=x@y.z", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *command], cwd=root, check=True)
    for path in sorted(root.rglob("settings.py")):
        path.write_text(path.read_text() + "\n\ndef added():\n    return 1\n")
    return root, values


def pieces(one: Planted) -> list[bytes]:
    """What of a value must not be anywhere: of a key, each line."""
    return [line for line in one.value.splitlines() if len(line) > 15 and b"-----" not in line] or [one.value]


def stored(home: Path) -> bytes:
    """All bytes of the index and the caches; what is compressed there, unpacked as well."""
    everything = bytearray()
    for path in sorted(home.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            everything += data + b"\n"
            everything += b"\n".join(unpacked(data)) if "trees" in path.parts else b""
    return bytes(everything)


def unpacked(data: bytes) -> Iterator[bytes]:
    at = data.find(FRAME)
    while at >= 0:
        with suppress(zstandard.ZstdError):
            yield zstandard.ZstdDecompressor().decompressobj().decompress(data[at:])
        at = data.find(FRAME, at + 1)


def answers(engine: Engine, root: Path, values: list[Planted]) -> str:
    said: list[object] = [engine.diff("HEAD", nodes=True), engine.symbols("value", limit=1000)]
    questions = ["primary value", "client region key", *(one.value.decode()[:200] for one in values[::40])]
    said += [engine.search(question, limit=50).hits for question in questions]
    said += [engine.outline(path.relative_to(root).as_posix()) for path in sorted(root.rglob("part*/*"))]
    said.append(engine.query(DeclarationQuery(kinds=("variable", "constant", "class", "function")), limit=1000))
    said.append(engine.query(DeclarationQuery(pattern="(string) @s", languages=("python",)), limit=1000))
    said.append(engine.related(values[0].path, 1, limit=50).hits)
    return repr(said)


def leaked(values: list[Planted], where: bytes | str) -> list[Planted]:
    text = where if isinstance(where, bytes) else where.encode()
    return [one for one in values if any(piece in text for piece in pieces(one))]


def test_what_is_stored_holds_no_secret(planted: tuple[Path, list[Planted]], tmp_path: Path) -> None:
    root, values = planted
    with treeseek.open(root, settings(tmp_path, redact_store="high")) as engine:
        engine.sync()
        said = answers(engine, root, values)
        assert engine.status().redaction.startswith("redact-high+pii-")
        assert engine.search("primary value").hits
    assert len(values) > 300 and leaked(values, stored(tmp_path)) == []
    assert leaked(values, said) == []


def test_without_redaction_they_are_all_there(planted: tuple[Path, list[Planted]], tmp_path: Path) -> None:
    root, values = planted
    with treeseek.open(root, settings(tmp_path)) as engine:
        engine.sync()
        engine.query(DeclarationQuery(kinds=("function",)), limit=1000)
    assert leaked(values, stored(tmp_path)) == values


def test_answers_alone_can_be_redacted(planted: tuple[Path, list[Planted]], tmp_path: Path) -> None:
    root, values = planted
    with treeseek.open(root, settings(tmp_path, redact_answers="high")) as engine:
        engine.sync()
        said = answers(engine, root, values)
    assert leaked(values, said) == []


def test_another_policy_makes_the_index_anew_and_leaves_no_older_one(tmp_path: Path) -> None:
    root = tmp_path / "root"
    values = plant(root, 60, wanted=lambda rule: rule.tier == "high")
    home = tmp_path / "home"
    with treeseek.open(root, settings(home, cache_artifact_bytes="0")) as engine:  # type: ignore[arg-type]
        engine.sync()
        assert engine.status().redaction == "off"
    assert leaked(values, stored(home / "data")) == values
    with treeseek.open(root, settings(home, redact_store="high", cache_artifact_bytes="0")) as engine:  # type: ignore[arg-type]
        assert not engine.indexed
        assert engine.sync().parsed == engine.status().files
        assert engine.sync().committed is False
    assert leaked(values, stored(home / "data")) == []
    with treeseek.open(root, settings(home, redact_store="high", redact_pii="false")) as engine:
        assert not engine.indexed


def test_an_index_made_without_redaction_stays_valid(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a.py").write_text("x = 1\n")
    with treeseek.open(tmp_path / "root", settings(tmp_path)) as engine:
        engine.sync()
        assert engine._identity().analysis == treeseek.indexing.FINGERPRINT  # type: ignore[attr-defined]


def test_an_error_does_not_tell_a_secret(planted: tuple[Path, list[Planted]], tmp_path: Path) -> None:
    value = next(one.value.decode() for one in planted[1] if one.rule == "github-pat")
    command = [sys.executable, "-m", "treeseek", "search", "x", f"/nowhere/{value}", "--json", "--debug"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "REDACTED" in done.stderr and "REDACTED" in done.stdout
    assert value not in done.stderr + done.stdout
