"""One line of the report on syntax trees: a figure, and the bar it must meet."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

__all__ = ["Figure", "percentile", "table"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure in `unit`. `bar` is the most it may be, or with `at_least` the least; `details` are for the JSON."""

    part: str
    what: str
    value: float | None
    unit: str = ""
    bar: float | None = None
    at_least: bool = False
    note: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None if there is none, or nothing was measured."""
        if self.bar is None or self.value is None:
            return None
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def as_json(self) -> dict[str, Any]:
        """Return the line as a JSON object, with whether its bar is met."""
        return {**{one.name: getattr(self, one.name) for one in fields(self)}, "met": self.met}


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie, interpolated.

    Raises StatisticsError if there are no values.
    """
    if not values:
        raise statistics.StatisticsError("no values")
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def table(figures: Sequence[Figure]) -> str:
    """Return the report as aligned text, a block for each part."""
    rows = [(one.what, _number(one.value), one.unit, _bar(one), _verdict(one), one.note) for one in figures]
    widths = [max((len(row[at]) for row in rows), default=0) for at in range(5)]
    lines = []
    part = ""
    for one, row in zip(figures, rows, strict=True):
        if one.part != part:
            part = one.part
            lines.append(part)
        cells = (row[0].ljust(widths[0]), row[1].rjust(widths[1]), row[2].ljust(widths[2]), row[3].rjust(widths[3]))
        lines.append("  " + "  ".join((*cells, row[4].ljust(widths[4]), row[5])).rstrip())
    return "\n".join(lines)


def _bar(figure: Figure) -> str:
    return "" if figure.bar is None else f"{'>=' if figure.at_least else '<='} {figure.bar:g}"


def _verdict(figure: Figure) -> str:
    return {None: "", True: "met", False: "MISSED"}[figure.met]


def _number(value: float | None) -> str:
    if value is None:
        return "not measured"
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
