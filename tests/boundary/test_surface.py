"""What treeseek promises: its public names, a cheap start, and documents that name what exists."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import treeseek
from treeseek.frontends.cli.commands import cli

REPOSITORY = Path(__file__).resolve().parents[2]

PUBLIC = [
    "Declaration", "Engine", "Filters", "FormatError", "Hit", "IndexStatus", "NotIndexedError", "RootError",
    "SearchResult", "Settings", "StoreError", "SyncReport", "TreeseekError", "UsageError", "__version__", "open",
]  # fmt: skip

LOADED = """
import sys
before = set(sys.modules)
{action}
names = sorted(name for name in set(sys.modules) - before if name.split(".")[0] not in sys.stdlib_module_names)
print(*names, file=sys.stderr)
"""


def loaded_by(action: str) -> set[str]:
    """Return the modules, but for the standard library's, that a fresh interpreter loads for `action`."""
    code = LOADED.format(action=action)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_the_public_names_are_these_and_no_others() -> None:
    assert treeseek.__all__ == PUBLIC
    assert all(hasattr(treeseek, name) for name in PUBLIC)
    assert not hasattr(treeseek, "no_such_name")


def test_importing_treeseek_loads_nothing_else() -> None:
    assert loaded_by("import treeseek") == {"treeseek"}


def test_version_loads_the_entry_alone() -> None:
    assert loaded_by("from treeseek.frontends.cli.main import main; main(['--version'])") == {
        "treeseek", "treeseek.frontends", "treeseek.frontends.cli", "treeseek.frontends.cli.main",
        "treeseek.frontends.cli.output", "treeseek.frontends.escapes",
    }  # fmt: skip


@pytest.mark.parametrize("arguments", [["--help"], ["search", "--help"], []])
def test_help_loads_click_and_the_command_line_alone(arguments: list[str]) -> None:
    loaded = loaded_by(f"from treeseek.frontends.cli.main import main; main({arguments!r})")
    foreign = {name for name in loaded if name.split(".")[0] not in ("treeseek", "click")}
    own = {name for name in loaded if name.startswith("treeseek.") and not name.startswith("treeseek.frontends")}
    assert "click" in loaded
    assert (foreign, own) == (set(), set())


def test_a_search_by_the_bundled_model_loads_no_extra(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/a.py").write_text("def a():\n    return 1\n")
    settings = f"treeseek.Settings(Path({str(tmp_path)!r}) / 'data', Path({str(tmp_path)!r}) / 'cache', workers=1)"
    action = f"""
import treeseek
from pathlib import Path
with treeseek.open({str(tmp_path / "root")!r}, {settings}) as engine:
    engine.sync()
    assert engine.search("return a").hits
"""
    loaded = {name.split(".")[0] for name in loaded_by(action)}
    assert "numpy" in loaded
    assert not loaded & {"boto3", "botocore", "httpx", "onnxruntime", "tokenizers", "onnx", "limits", "urllib3"}


@pytest.mark.parametrize("setting", ["bedrock:titan-v2", "openai:text-embedding-3-small"])
def test_a_remote_embedder_loads_its_extra_when_it_is_used(setting: str) -> None:
    action = f"""
import treeseek
from pathlib import Path
from treeseek.embedding import load
print(load(treeseek.Settings(Path("data"), Path("cache"), {setting!r})).identity)
"""
    assert not {name.split(".")[0] for name in loaded_by(action)} & {"boto3", "botocore", "httpx", "urllib3"}


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_the_readme_names_every_command(command: str) -> None:
    assert f"treeseek {command}" in (REPOSITORY / "README.md").read_text()


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_every_command_has_help(command: str) -> None:
    assert cli.commands[command].help


def test_the_readme_gives_the_test_command_that_continuous_integration_runs() -> None:
    blocks = (REPOSITORY / "README.md").read_text().split("```")[1::2]
    assert any(
        line.split("#")[0].strip().removeprefix("$ ") == "make test" for block in blocks for line in block.splitlines()
    )
