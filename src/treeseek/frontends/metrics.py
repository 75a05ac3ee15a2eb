"""How is a server observed? Everything that `telemetry` counted, in the text format of Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from treeseek import telemetry

if TYPE_CHECKING:
    from treeseek.service import Service

__all__ = ["render"]


def render(service: Service) -> tuple[bytes, str]:
    """Return all series and their content type."""
    counters, _ = telemetry.snapshot()
    lines = [_line(name, labels, value) for (name, labels), value in sorted(counters.items())]
    lines += [_line(name, labels, value) for (name, labels), value in sorted(telemetry.gauges().items())]
    return "".join(lines).encode(), "text/plain; version=0.0.4; charset=utf-8"


def _line(name: str, labels: telemetry.Labels, value: float) -> str:
    inner = ",".join(f'{label}="{text}"' for label, text in labels)
    return f"{name}{{{inner}}} {value}\n" if inner else f"{name} {value}\n"
