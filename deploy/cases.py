"""Under which series is an alert quiet, when does it fire, and when is it quiet again? Cases, in three phases.

`document()` gives them to promtool, as `deploy/prometheus/tests.yml`. The texts of annotations come from the rules;
that an alert fires, with which labels, and that it doesn't, stands here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

__all__ = ["CASES", "Case", "document", "rules"]

PROMETHEUS = Path(__file__).parent / "prometheus"
TARGET = {"instance": "one:8765", "job": "treeseek"}
FILES = ("recordings.yml", "alerts.yml")


@dataclass(frozen=True, slots=True)
class Case:
    """An alert, how many minutes each of its phases lasts (quiet, firing, resolved), and its series.

    A series is a selector without job and instance, with `at`, its value in each phase, or `by`, how much it grows a
    minute in each. `labels` are those of the alert beside job, instance and severity.
    """

    alert: str
    minutes: tuple[int, int, int]
    series: Mapping[str, str]
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def times(self) -> tuple[int, int, int]:
        """The minutes at which it is looked at: the end of each phase."""
        first, second, third = self.minutes
        return first, first + second, first + second + third


def at(*values: float) -> str:
    """Return what `Case.series` takes for a gauge: its value in each phase."""
    return "at " + " ".join(f"{value:g}" for value in values)


def by(*steps: float, start: float = 0.0) -> str:
    """Return what `Case.series` takes for a counter, or a gauge that grows: how much a minute in each phase."""
    return f"by {start:g} " + " ".join(f"{step:g}" for step in steps)


def _values(kind: str, minutes: Sequence[int]) -> str:
    """Return a series in promtool's notation, a sample a minute."""
    how, *numbers = kind.split()
    value, parts = (float(numbers.pop(0)) if how == "by" else 0.0), []
    for number, duration in zip(map(float, numbers), minutes, strict=True):
        step = number if how == "by" else 0.0
        value = value if how == "by" else number
        parts.append(f"{value:g}+{step:g}x{duration - 1}")
        value += step * duration
    return " ".join(parts)


HTTP = 'treeseek_http_requests_total{{route="/v1/search",method="GET",status="{status}"}}'


def _searches(*slow: int) -> dict[str, str]:
    """A hundred searches a minute, of which so many take over a second in each phase."""
    return {
        'treeseek_search_seconds_bucket{le="1.0"}': by(*(100 - one for one in slow)),
        'treeseek_search_seconds_bucket{le="+Inf"}': by(*(100 for _ in slow)),
        "treeseek_search_seconds_count": by(*(100 for _ in slow)),
    }


def _requests(*failed: int) -> dict[str, str]:
    """A thousand requests a minute, of which so many fail in each phase."""
    return {HTTP.format(status=200): by(*(1000 - one for one in failed)), HTTP.format(status=500): by(*failed)}


def _outcomes(found: Sequence[int], empty: Sequence[int]) -> dict[str, str]:
    return {
        'treeseek_searches_total{outcome="found"}': by(*found),
        'treeseek_searches_total{outcome="empty"}': by(*empty),
    }


def _failures(noun: str, event: str, *steps: int) -> dict[str, str]:
    """Something that happens to one of the caches; the others are quiet."""
    label = {"failures": '{operation="write"}', "damaged": ""}[event]
    of_trees = label or '{tier="frozen"}'
    names = {"cache": of_trees, "artifacts": label, "vectors": label}
    return {
        f"treeseek_{name}_{event}_total{labels}": by(*(steps if name == noun else (0, 0, 0)))
        for name, labels in names.items()
    }


PROVIDER = {"provider": "openai"}
ANSWERED = 'treeseek_embedding_requests_total{provider="openai",outcome="ok"}'
FAILED = 'treeseek_embedding_requests_total{provider="openai",outcome="unreachable"}'

CASES = (
    Case("TreeseekDown", (10, 5, 5), {"up": at(1, 0, 1)}),
    Case("TreeseekNotReady", (10, 20, 5), {"treeseek_ready": at(1, 0, 1)}),
    Case("TreeseekRestarting", (60, 10, 60), {"process_start_time_seconds": by(0, 60, 0)}),
    Case("TreeseekLogDropped", (30, 10, 30), {"treeseek_log_lines_dropped_total": by(0, 3, 0)}),
    Case("TreeseekSearchSlowFast", (120, 60, 30), _searches(1, 60, 1)),
    Case("TreeseekSearchSlowSlowly", (60, 150, 60), _searches(1, 10, 1)),
    Case("TreeseekErrorsFast", (120, 60, 30), _requests(1, 200, 1)),
    Case("TreeseekErrorsSlowly", (60, 150, 60), _requests(1, 50, 1)),
    Case("TreeseekOverloaded", (30, 15, 15), {'treeseek_requests_refused_total{reason="overloaded"}': by(1, 30, 1)}),
    Case(
        "TreeseekQueryCacheCold", (120, 180, 90),
        {
            "treeseek_query_cache_hits_total": by(80, 1, 80), "treeseek_query_cache_waits_total": by(0, 0, 0),
            "treeseek_query_cache_misses_total": by(20, 99, 20), **_outcomes((100, 100, 100), (0, 0, 0)),
        },
    ),
    Case("TreeseekNoAnswers", (120, 120, 90), _outcomes((90, 10, 90), (10, 90, 10))),
    Case(
        "TreeseekSearchesByWords", (30, 30, 30),
        {
            'treeseek_searches_by_words_total{reason="endpoint"}': by(0, 50, 0),
            **_outcomes((100, 100, 100), (0, 0, 0)),
        },
    ),
    Case("TreeseekIndexStale", (10, 10, 10), {"treeseek_index_staleness_seconds": at(30, 1000, 30)}),
    Case("TreeseekIndexLagging", (10, 10, 10), {"treeseek_index_lag_seconds": at(0, 300, 0)}),
    Case("TreeseekFilesPending", (10, 40, 10), {"treeseek_index_pending_files": at(0, 12, 0)}),
    Case("TreeseekUnwatched", (10, 20, 10), {"treeseek_roots_unwatched": at(0, 1, 0)}),
    Case(
        "TreeseekSyncFailing", (10, 20, 10), {'treeseek_roots{phase="failing"}': at(0, 1, 0)}, {"phase": "failing"}
    ),
    Case(
        "TreeseekIndexDamaged", (60, 10, 60),
        {
            "treeseek_store_unreadable_versions_total": by(0, 1, 0),
            'treeseek_sync_failures_total{code="store-corrupt"}': by(0, 0, 0),
        },
    ),
    Case(
        "TreeseekIndexDamaged", (60, 10, 60),
        {
            "treeseek_store_unreadable_versions_total": by(0, 0, 0),
            'treeseek_sync_failures_total{code="store-corrupt"}': by(0, 2, 0),
        },
    ),
    Case("TreeseekIndexUnmeasurable", (10, 10, 10), {"treeseek_measuring_failures": at(0, 1, 0)}),
    Case("TreeseekWritersDie", (90, 10, 90), {"treeseek_store_takeovers_total": by(0, 1, 0)}),
    Case(
        "TreeseekAnalysisErrors", (90, 10, 90), {'treeseek_analysis_errors_total{error="ValueError"}': by(0, 1, 0)}
    ),
    Case(
        "TreeseekTreeCacheCold", (120, 180, 120),
        {
            'treeseek_cache_hits_total{tier="hot"}': by(50, 20, 50),
            'treeseek_cache_hits_total{tier="warm"}': by(45, 20, 45),
            'treeseek_cache_misses_total{tier="frozen"}': by(5, 60, 5),
            'treeseek_cache_misses_total{tier="hot"}': by(50, 80, 50),
        },
    ),
    Case("TreeseekCacheFailing", (30, 10, 30), _failures("artifacts", "failures", 0, 1, 0)),
    Case("TreeseekCacheDamaged", (90, 10, 90), _failures("cache", "damaged", 0, 1, 0)),
    Case(
        "TreeseekEmbedderThrottled", (30, 30, 30),
        {
            'treeseek_embedding_throttles_total{provider="openai"}': by(0, 50, 0), ANSWERED: by(100, 50, 100),
            'treeseek_embedding_requests_total{provider="openai",outcome="throttled"}': by(0, 50, 0),
        },
        PROVIDER,
    ),
    Case("TreeseekEmbedderFailing", (30, 30, 30), {ANSWERED: by(100, 50, 100), FAILED: by(0, 50, 0)}, PROVIDER),
    Case(
        "TreeseekEmbedderResting", (10, 10, 10), {'treeseek_embedding_breaker_open{provider="openai"}': at(0, 1, 0)},
        PROVIDER,
    ),
    Case(
        "TreeseekEmbedderCostly", (60, 60, 400),
        {'treeseek_embedding_dollars_total{provider="openai"}': by(0.001, 0.5, 0)},
    ),
    Case(
        "TreeseekWorkersKilled", (30, 15, 30), {'treeseek_worker_failures_total{reason="parser-hang"}': by(0, 2, 0)}
    ),
    Case("TreeseekClientsRefused", (30, 30, 30), {'treeseek_requests_refused_total{reason="rate"}': by(1, 200, 1)}),
    Case("TreeseekStrangersRefused", (30, 15, 30), {'treeseek_requests_refused_total{reason="token"}': by(0, 20, 0)}),
    Case(
        "TreeseekMemoryHigh", (15, 20, 15),
        {"process_resident_memory_bytes": at(5e8, 1.5e9, 5e8), "treeseek_worker_resident_bytes": at(2e8, 2e9, 2e8)},
    ),
    Case("TreeseekMemoryGrowing", (60, 120, 150), {"process_resident_memory_bytes": by(0, 3e6, 0, start=1.1e9)}),
    Case(
        "TreeseekFilesOpen", (10, 10, 10),
        {"process_open_fds": at(100, 900, 100), "process_max_fds": at(1024, 1024, 1024)},
    ),
    Case(
        "TreeseekDiskLow", (15, 20, 15),
        {
            "treeseek_disk_free_bytes": at(5e10, 1e9, 5e10), "treeseek_disk_bytes": at(1e11, 1e11, 1e11),
            "treeseek_index_bytes": at(1e8, 1e8, 1e8),
        },
    ),
    Case(
        "TreeseekDiskLow", (15, 20, 15),
        {
            "treeseek_disk_free_bytes": at(5e10, 5e10, 5e10), "treeseek_disk_bytes": at(1e11, 1e11, 1e11),
            "treeseek_index_bytes": at(1e8, 4e10, 1e8),
        },
    ),
    Case(
        "TreeseekNotTidied", (90, 10, 90), {'treeseek_store_compactions_skipped_total{reason="disk-full"}': by(0, 1, 0)}
    ),
)  # fmt: skip


def rules() -> dict[str, dict[str, Any]]:
    """Return the alerts as the rules state them, by name."""
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def document() -> dict[str, Any]:
    """Return what promtool reads."""
    alerts = rules()
    return {
        "rule_files": list(FILES),
        "evaluation_interval": "1m",
        "tests": [_test(case, alerts[case.alert]) for case in CASES],
    }


def _test(case: Case, rule: Mapping[str, Any]) -> dict[str, Any]:
    labels = {**TARGET, **case.labels}
    told = {name: _filled(text, labels) for name, text in rule["annotations"].items()}
    fired = [{"exp_labels": {**labels, **rule["labels"]}, "exp_annotations": told}]
    return {
        "name": case.alert,
        "interval": "1m",
        "input_series": [
            {"series": _with_target(selector), "values": _values(kind, case.minutes)}
            for selector, kind in case.series.items()
        ],
        "alert_rule_test": [
            {"eval_time": f"{minute - 1}m", "alertname": case.alert, "exp_alerts": alerts}
            for minute, alerts in zip(case.times, ([], fired, []), strict=True)
        ],
    }


def _with_target(selector: str) -> str:
    name, _, inner = selector.partition("{")
    target = [f'{label}="{value}"' for label, value in TARGET.items()]
    return f"{name}{{{','.join([*target, *([inner.rstrip('}')] if inner else [])])}}}"


def _filled(text: str, labels: Mapping[str, str]) -> str:
    for label, value in labels.items():
        text = text.replace(f"{{{{ $labels.{label} }}}}", value)
    return text
