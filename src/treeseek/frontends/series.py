"""What does a server tell of itself? Every series, with its type, its labels and what it means, from `series.toml`.

The only list of them: `metrics.py` exports what stands there and nothing else, `docs/metrics.md` is written from it,
and tests compare it with what the code counts. No label holds a path, a query, a name of a root, or a client.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

__all__ = ["AREAS", "BY_NAME", "PROCESS", "Series"]

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Series:
    """One name. `labels` has for each label the values that are there from the start, at 0, so that the first event is
    seen as one; with a label that has none, a series begins with its first event.
    """

    name: str
    kind: Kind
    help: str
    labels: Mapping[str, tuple[str, ...]]

    @property
    def is_closed(self) -> bool:
        """Whether all its values of labels are known, so that it can be there from the start."""
        return all(self.labels.values())


def _read() -> dict[str, tuple[Series, ...]]:
    areas: dict[str, Any] = tomllib.loads((files("treeseek.frontends") / "series.toml").read_text(encoding="utf-8"))
    return {area["question"]: tuple(map(_series, area["series"])) for area in areas.values()}


def _series(entry: Mapping[str, Any]) -> Series:
    labels = {label: tuple(values) for label, values in entry.get("labels", {}).items()}
    return Series(entry["name"], entry["type"], entry["help"], labels)


AREAS = _read()
"""All series, by the question of an operator that they help to answer."""

BY_NAME = {series.name: series for area in AREAS.values() for series in area}

PROCESS = (
    "process_cpu_seconds_total", "process_max_fds", "process_open_fds", "process_resident_memory_bytes",
    "process_start_time_seconds", "process_virtual_memory_bytes",
)  # fmt: skip
"""What the Prometheus client tells of any process, on Linux."""
