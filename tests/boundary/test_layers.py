"""The rules that hold the structure: who may import whom, who may import what, who may read the environment."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import treeseek

PACKAGE = Path(treeseek.__file__).parent
MODULES = {
    "treeseek." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")
}

LAYERS = (
    ("model", "errors", "tokens"),
    ("settings",),
    ("telemetry",),
    ("workspace", "syntax", "safety", "embedding", "cache", "store"),
    ("indexing", "retrieval", "learning", "scanning"),
    ("engine",),
    ("evaluation", "service", "agents"),
    ("frontends",),
)
RANK = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}
FACADE = {"__init__", "__main__"}
"""The package's own two modules: `__init__` names the engine lazily, `__main__` is the command."""

OWNERS = {
    "lance": "store", "lancedb": "store", "pyarrow": "store", "filelock": "store", "tree_sitter": "syntax",
    "click": "frontends", "re2": "safety", "platformdirs": "settings", "watchfiles": "workspace",
}  # fmt: skip
EXCEPTIONS = {("workspace", "platformdirs")}
"""Where git keeps its own configuration is the walk's business, not a setting."""

LAUNCHERS = {"treeseek.frontends.launch"}
"""What starts a frontend for a command, or one under the roof of another, must know them; nothing else does."""


def part_of(module: str) -> str:
    return module.split(".")[1]


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield every module imported anywhere: `from treeseek import x` as `treeseek.x`, relative ones with dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield "." * node.level + (node.module or "")
            elif node.module == "treeseek":
                yield from (f"treeseek.{alias.name}" for alias in node.names)
            else:
                yield node.module or ""


def breaches(module: str, source: str) -> list[str]:
    """Return what a module imports against the rules."""
    part = part_of(module)
    found = []
    for name in imported(ast.parse(source)):
        top = name.split(".")[0]
        if name.startswith("."):
            found.append(f"{module} imports {name}: say it from treeseek")
        elif top == "treeseek" and name.count(".") and part not in FACADE:
            other = part_of(name)
            if other in RANK and other != part and RANK[other] >= RANK[part] and not _among_the_lowest(part, other):
                found.append(f"{module} imports {name}: not below it")
            if part == other == "frontends" and module not in LAUNCHERS and _is_another_frontend(name, module):
                found.append(f"{module} imports {name}: frontends don't import each other")
        owner = next(
            (owner for package, owner in OWNERS.items() if top == package or top.startswith(package + "_")), part
        )
        if owner != part and (part, top) not in EXCEPTIONS:
            found.append(f"{module} imports {name}: only {owner} may")
    return found


def _is_another_frontend(name: str, module: str) -> bool:
    """Modules that lie beside the frontends' folders are for all of them."""
    top = name.split(".")[2:3]
    return top not in ([], module.split(".")[2:3]) and (PACKAGE / "frontends" / top[0]).is_dir()


def _among_the_lowest(part: str, other: str) -> bool:
    """The lowest layer holds plain modules, not folders with a question: they may name each other's types."""
    return RANK[part] == RANK[other] == 0


def reads_environment(source: str) -> bool:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv", "getenvb", "putenv"):
            return True
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            return any(alias.name.startswith(("environ", "getenv")) for alias in node.names)
    return False


def test_every_part_has_a_layer() -> None:
    assert {part_of(module) for module in MODULES} - FACADE <= RANK.keys()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_one_way(module: str) -> None:
    assert breaches(module, MODULES[module].read_text()) == []


@pytest.mark.parametrize("module", sorted(MODULES))
def test_only_settings_reads_the_environment(module: str) -> None:
    assert reads_environment(MODULES[module].read_text()) == (module == "treeseek.settings")


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_module_says_what_it_is_for_and_is_short(module: str) -> None:
    source = MODULES[module].read_text()
    assert ast.get_docstring(ast.parse(source)), "no docstring"
    assert source.count("\n") <= 600


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("treeseek.store.table", "from treeseek.syntax import analyse"),
        ("treeseek.store.table", "def f():\n    import treeseek.engine"),
        ("treeseek.retrieval.rank", "from treeseek import indexing"),
        ("treeseek.model", "from treeseek.settings import load"),
        ("treeseek.store.table", "from . import schema"),
        ("treeseek.engine", "import lance"),
        ("treeseek.engine", "from pyarrow import compute"),
        ("treeseek.indexing.analyse", "import tree_sitter_python"),
        ("treeseek.frontends.http.app", "from treeseek.frontends.cli.main import main"),
        ("treeseek.service.roots", "from treeseek.frontends import documents"),
    ],
)
def test_a_breach_is_seen(module: str, source: str) -> None:
    assert len(breaches(module, source)) == 1


@pytest.mark.parametrize(
    "source",
    ["import os\nos.environ['A']", "import os\nos.getenv('A')", "from os import environ", "from os import getenv"],
)
def test_a_read_of_the_environment_is_seen(source: str) -> None:
    assert reads_environment(source)
