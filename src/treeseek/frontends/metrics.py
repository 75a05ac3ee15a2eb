"""How is a server observed? Everything that `series.toml` names, in the text format of Prometheus.

What the core has counted comes from `telemetry`, the rest from the state of the service. Nothing here reads a disk, but
for what the system tells of this process: a scrape takes some milliseconds.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from treeseek import __version__, telemetry
from treeseek.frontends.series import BY_NAME, Series
from treeseek.telemetry import HistogramState, Labels

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from treeseek.model import Measures
    from treeseek.service import Service

__all__ = ["CONTENT_TYPE", "Collector", "render"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Values = dict[tuple[str, Labels], float]


def render(service: Service) -> tuple[bytes, str]:
    """Return all series and their content type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector(service))
    ProcessCollector(registry=registry)
    return generate_latest(registry), CONTENT_TYPE


class Collector:
    """What a registry of the Prometheus client asks for the series of a service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """Yield every series that has a value."""
        counters, histograms = telemetry.snapshot()
        gauges = telemetry.gauges() | _state(self._service, time.time())
        names = {name for values in (counters, gauges, histograms) for name, _ in values}
        gauges["treeseek_telemetry_unknown_names", ()] = len(names - BY_NAME.keys())
        by_kind: dict[str, Mapping[tuple[str, Labels], float | HistogramState]] = {
            "counter": counters, "gauge": gauges, "histogram": histograms,
        }  # fmt: skip
        found: dict[str, dict[Labels, float | HistogramState]] = {name: {} for name in BY_NAME}
        for kind, values in by_kind.items():
            for (name, labels), value in values.items():
                if name in BY_NAME and BY_NAME[name].kind == kind:
                    found[name][labels] = value
        for name, series in BY_NAME.items():
            yield _family(series, found[name])


def _family(series: Series, values: Mapping[Labels, float | HistogramState]) -> Metric:
    """Return a series with its values, and with those that it has from the start."""
    names = sorted(series.labels)
    if series.kind == "histogram":
        histogram = HistogramMetricFamily(series.name, series.help, labels=names)
        bounds = telemetry.BOUNDS.get(series.name, telemetry.BUCKETS)
        nothing = HistogramState(bounds, [0] * len(bounds))
        for labels, state in (dict.fromkeys(_from_the_start(series), nothing) | dict(values)).items():
            assert isinstance(state, HistogramState)
            buckets = [(repr(bound), count) for bound, count in zip(state.bounds, state.buckets, strict=True)]
            histogram.add_metric([text for _, text in labels], [*buckets, ("+Inf", state.count)], state.sum)
        return histogram
    kind = CounterMetricFamily if series.kind == "counter" else GaugeMetricFamily
    family = kind(series.name, series.help, labels=names)
    for labels, value in (dict.fromkeys(_from_the_start(series), 0.0) | dict(values)).items():
        assert not isinstance(value, HistogramState)
        family.add_metric([text for _, text in labels], value)
    return family


def _from_the_start(series: Series) -> Iterable[Labels]:
    if not series.is_closed:
        return ()
    names = sorted(series.labels)
    return [tuple(zip(names, values, strict=True)) for values in product(*(series.labels[name] for name in names))]


def _state(service: Service, now: float) -> Values:
    """Return the gauges that the state of a service makes, over all of its roots."""
    states = [root.state for root in service.roots.values()]
    looked_at = min(state.looked_at or service.started_at for state in states)
    left_out: Counter[str] = Counter()
    for state in states:
        left_out.update(state.left_out)
    found: Values = {
        ("treeseek_ready", ()): float(service.is_ready),
        ("treeseek_roots_answering", ()): sum(state.has_answers for state in states),
        ("treeseek_roots_unwatched", ()): sum(bool(state.notice) for state in states),
        ("treeseek_index_staleness_seconds", ()): now - looked_at,
        ("treeseek_index_lag_seconds", ()): max(now - (state.behind_since or now) for state in states),
        ("treeseek_index_pending_files", ()): sum(state.pending for state in states),
        ("treeseek_index_committed_timestamp_seconds", ()): max(state.committed_at for state in states),
    }
    found |= _labelled("treeseek_roots", "phase", Counter(state.phase for state in states))
    found |= _labelled("treeseek_files_left_out", "reason", left_out)
    return found | _measured(service)


def _measured(service: Service) -> Values:
    """Return the gauges that are measured now and then."""
    figures = service.measuring.figures
    told = (("embedder", figures.embedder), ("format", _format(figures.roots)), ("version", __version__))
    found: Values = {
        ("treeseek_build_info", told): 1,
        ("treeseek_measuring_failures", ()): figures.failures,
        ("treeseek_index_behind_commits", ()): max((one.behind for one in figures.roots), default=0),
        ("treeseek_files", ()): sum(one.files for one in figures.roots),
        ("treeseek_chunks", ()): sum(one.chunks for one in figures.roots),
        ("treeseek_index_bytes", ()): sum(one.bytes_on_disk for one in figures.roots),
        ("treeseek_index_versions", ()): sum(one.versions for one in figures.roots),
        ("treeseek_index_generations", ()): sum(one.generations for one in figures.roots),
        ("treeseek_index_set_aside_bytes", ()): sum(one.set_aside_bytes for one in figures.roots),
        ("treeseek_disk_bytes", ()): figures.disk_bytes,
        ("treeseek_disk_free_bytes", ()): figures.disk_free_bytes,
        ("treeseek_worker_processes", ()): figures.workers,
        ("treeseek_worker_resident_bytes", ()): figures.worker_bytes,
    }
    names = ("treeseek_cache_entries", "treeseek_cache_bytes", "treeseek_cache_budget_bytes")
    for tier, sizes in service.measuring.tree_sizes().items():
        found |= {(name, (("tier", tier),)): size for name, size in zip(names, sizes, strict=True)}
    return found


def _format(roots: Iterable[Measures]) -> str:
    return max((one.format for one in roots), default="")


def _labelled(name: str, label: str, values: Mapping[str, int]) -> Values:
    return {(name, ((label, value),)): count for value, count in values.items()}
