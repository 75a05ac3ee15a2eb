"""Which code, versions and machine a figure comes from."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

__all__ = ["provenance"]

PACKAGES = ("treeseek", "numpy", "pyarrow", "pylance", "tree-sitter")


def provenance() -> dict[str, str]:
    """Return the revision, the versions of what matters, and the machine's kind, as flat text."""
    revision = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=Path(__file__).parent, capture_output=True, text=True
    )
    return {
        "revision": revision.stdout.strip() or "unknown",
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        **{name: metadata.version(name) for name in PACKAGES},
    }
