"""How benchmarks run treeseek: as a process of its own, with an index of its own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["treeseek", "variables"]

ENTRY = "import sys; from treeseek.frontends.cli.main import main; sys.exit(main())"
"""What the installed `treeseek` script does."""


def treeseek(command: str, *arguments: str | Path) -> Sequence[str | Path]:
    """Return how to run a command of treeseek in a new process."""
    return [sys.executable, "-c", ENTRY, command, *arguments]


def variables(data: Path, workers: int) -> dict[str, str]:
    """Return the environment that keeps a run's index below `data`, whatever the user's own settings are."""
    return {
        "TREESEEK_DATA_DIR": str(data),
        "TREESEEK_CACHE_DIR": str(data / "cache"),
        "TREESEEK_CONFIG": str(data / "none.toml"),
        "TREESEEK_WORKERS": str(workers),
        # An installed package has its modules compiled; a checkout must be allowed to keep them, or every process
        # compiles them anew. Empty is as good as not set.
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(data.parent / "bytecode"),
    }
