"""One line of a speed report: what was measured, what it cost, what it is compared with, and the bar it must meet."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from benchmarks.processes import Cost

__all__ = ["Measure", "latency", "table"]


@dataclass(frozen=True, slots=True)
class Measure:
    """Seconds and bytes. `ratio` is of what `of` says; `bar` is the most it may be, or with `at_least` the least."""

    what: str
    cpu: float | None = None
    wall: float | None = None
    memory: int = 0
    p95: float | None = None
    ratio: float | None = None
    compared: str = ""
    bar: float | None = None
    at_least: bool = False
    runs: int = 1
    note: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, what: str, cost: Cost, **details: Any) -> Measure:
        """Return what a process cost as a line of the report."""
        return cls(what, cost.cpu, cost.wall, cost.memory, runs=cost.runs, details=details)

    def compared_with(
        self, compared: str, ratio: float, bar: float, *, at_least: bool = False, note: str = ""
    ) -> Measure:
        """Return this line with a ratio, what it is of, and its bar."""
        return replace(self, compared=compared, ratio=ratio, bar=bar, at_least=at_least, note=note or self.note)

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None if there is none."""
        if self.bar is None or self.ratio is None:
            return None
        return self.ratio >= self.bar if self.at_least else self.ratio <= self.bar

    def as_json(self) -> dict[str, Any]:
        """Return the line as a JSON object, with whether its bar is met."""
        return {**asdict(self), "met": self.met}


def latency(what: str, cost: Cost, seconds: Sequence[float], **details: Any) -> Measure:
    """Return the median and the 95th percentile of single times, with the CPU and memory of the process around."""
    p95 = statistics.quantiles(seconds, n=20)[18] if len(seconds) > 1 else seconds[0]
    return Measure(what, cost.cpu, statistics.median(seconds), cost.memory, p95=p95, runs=len(seconds),
                   note="wall is p50", details={**details, "seconds": list(seconds)})  # fmt: skip


def table(measures: Sequence[Measure]) -> str:
    """Return the report as aligned text."""
    rows = [("", "CPU s", "wall s", "MB", "ratio", "")]
    rows += [
        (
            line.what,
            _number(line.cpu),
            _number(line.wall),
            _megabytes(line.memory),
            _number(line.ratio, 2),
            _remark(line),
        )
        for line in measures
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = []
    for row in rows:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:5], widths[1:], strict=True)),
        ]
        lines.append("  ".join([*cells, row[5]]).rstrip())
    return "\n".join(lines)


def _remark(measure: Measure) -> str:
    parts = [measure.compared] if measure.compared else []
    if measure.bar is not None:
        sign = ">=" if measure.at_least else "<="
        parts.append(f"bar {sign} {measure.bar:g}{'' if measure.met else ': MISSED'}")
    if measure.p95 is not None:
        parts.append(f"p95 {1000 * measure.p95:.1f} ms")
    return "; ".join([*parts, *([measure.note] if measure.note else [])])


def _number(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f}" if size else ""
