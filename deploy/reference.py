"""Write docs/metrics.md from the list of series: `python -m deploy.reference`."""

from __future__ import annotations

from pathlib import Path

from treeseek.frontends.series import AREAS, PROCESS, Series

__all__ = ["DOCUMENT", "document"]

DOCUMENT = Path(__file__).parent.parent / "docs/metrics.md"

HEAD = """# Metrics

`GET /metrics` of `treeseek serve` gives these in Prometheus' text format. `deploy/` has rules, alerts and a dashboard
for them, and [runbook.md](runbook.md) says what to do about the alerts. Written by `python -m deploy.reference`.

- Labels never hold a path, a query, the name of a root, or a client. Over several roots a gauge is the sum, or for
  times the longest.
- A series whose labels are known is there from the start, at 0; one whose labels aren't, such as a provider's, begins
  with its first event.
- What takes reading directories (sizes on disk, versions, memory of workers, tiers of the cache) is measured every 15
  seconds; a scrape reads no disk.
"""

TAIL = """
## The process

Of the Prometheus client, for any process on Linux: {names}.
"""


def document() -> str:
    """Return the document."""
    parts = [HEAD]
    for question, series in AREAS.items():
        parts.append(f"\n## {question}\n\n| Name | Type | Labels | Meaning |\n|---|---|---|---|\n")
        parts += [_row(one) for one in series]
    return "".join(parts) + TAIL.format(names=", ".join(f"`{name}`" for name in PROCESS))


def _row(one: Series) -> str:
    labels = "; ".join(
        f"`{label}`" + (f": {', '.join(values)}" if values else "") for label, values in one.labels.items()
    )
    return f"| `{one.name}` | {one.kind} | {labels} | {one.help} |\n"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
