"""Write what is made of code: `python -m deploy.make`. A test compares it with what is stored."""

from __future__ import annotations

from pathlib import Path

import yaml

from deploy import cases, dashboard, reference

__all__ = ["made"]

HERE = Path(__file__).parent
HEAD = "# Written by `python -m deploy.make` from deploy/cases.py; `promtool test rules` runs it.\n"


def made() -> dict[Path, str]:
    """Return the files and what stands in them."""
    return {
        reference.DOCUMENT: reference.document(),
        HERE / "prometheus/tests.yml": HEAD + yaml.safe_dump(cases.document(), sort_keys=False, width=120),
        HERE / "grafana/treeseek.json": dashboard.document(),
    }


if __name__ == "__main__":
    for path, text in made().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
