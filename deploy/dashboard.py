"""The dashboard, by the questions that an operator asks. `python -m deploy.make` writes deploy/grafana/treeseek.json.

`ROWS` is all there is to it; `queries()` gives every query to who wants to try them (`deploy/smoke.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["ROWS", "Panel", "Query", "document", "queries"]

WIDTH, HEIGHT = 24, 8
WINDOW = "$__rate_interval"
OF = 'job="$job",instance=~"$instance"'


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, and what its series are called; `{{label}}` stands for a label's value."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture: its title, the unit that Grafana knows, its queries, what to see in it, and its share of the width."""

    title: str
    unit: str
    queries: Sequence[Query]
    description: str = ""
    width: int = 8
    kind: str = "timeseries"


def _rate(name: str, by: str = "", where: str = "") -> str:
    return f"sum by ({by or 'instance'}) (rate({name}{{{OF}{where}}}[{WINDOW}]))"


def _quantiles(name: str, by: str = "", where: str = "", shares: Sequence[float] = (0.5, 0.95, 0.99)) -> list[Query]:
    grouped = f"le, {by}" if by else "le"
    legend = f" {{{{{by}}}}}" if by else ""
    return [
        Query(
            f"histogram_quantile({share}, sum by ({grouped}) (rate({name}_bucket{{{OF}{where}}}[{WINDOW}])))",
            f"p{round(100 * share)}{legend}",
        )
        for share in shares
    ]


def _p95(names: dict[str, str]) -> list[Query]:
    return [
        Query(f"histogram_quantile(0.95, sum by (le) (rate({name}_bucket{{{OF}}}[{WINDOW}])))", legend)
        for legend, name in names.items()
    ]


def _gauge(name: str, legend: str = "{{instance}}", where: str = "") -> Query:
    return Query(f"{name}{{{OF}{where}}}", legend)


def _share(part: Sequence[str], whole: Sequence[str], legend: str) -> Query:
    return Query(f"({' + '.join(part)}) / ({' + '.join(whole)})", legend)


def _reuse(noun: str, made: str) -> Query:
    reused = _rate(f"treeseek_{noun}_reused_total")
    return _share([reused], [reused, _rate(f"treeseek_{noun}_{made}_total")], noun)


HITS, WAITS, MISSES = (_rate(f"treeseek_query_cache_{event}_total") for event in ("hits", "waits", "misses"))
TREE_HITS = _rate("treeseek_cache_hits_total")
TREE_MISSES = _rate("treeseek_cache_misses_total", where=',tier="frozen"')

ROWS: dict[str, Sequence[Panel]] = {
    "Is it up and ready?": (
        Panel("Up", "bool_yes_no", [_gauge("up")], width=4, kind="stat"),
        Panel("Ready", "bool_yes_no", [_gauge("treeseek_ready")], "Every root has a version to answer from.", 4, "stat"),
        Panel("Version", "none", [_gauge("treeseek_build_info", "{{version}}, {{embedder}}, format {{format}}")], width=4, kind="stat"),
        Panel("Running for", "s", [Query(f"time() - process_start_time_seconds{{{OF}}}", "{{instance}}")], width=4, kind="stat"),
        Panel("Roots by phase", "short", [Query(f"sum by (phase) (treeseek_roots{{{OF}}})", "{{phase}}")], "`failing` keeps answering from its last version, if it has one."),
    ),
    "Are answers fast?": (
        Panel("Search", "s", _quantiles("treeseek_search_seconds"), "The objective: 95% within 1 s."),
        Panel("HTTP requests, p95 by route", "s", _quantiles("treeseek_http_request_seconds", "route", shares=(0.95,))),
        Panel("Related, symbols, diff, p95", "s", _p95({"related": "treeseek_related_seconds", "symbols": "treeseek_symbols_seconds", "diff": "treeseek_diff_seconds"})),
        Panel("HTTP requests", "reqps", [Query(_rate("treeseek_http_requests_total", "route, status"), "{{route}} {{status}}")]),
        Panel("Errors of the server", "percentunit", [Query(f'(sum(rate(treeseek_http_requests_total{{{OF},status=~"5..",route!="/readyz"}}[{WINDOW}])) or vector(0)) / sum(rate(treeseek_http_requests_total{{{OF},route!="/readyz"}}[{WINDOW}]))', "errors")], "The objective: under 0.5%."),
        Panel("In flight", "short", [_gauge("treeseek_http_in_flight")]),
        Panel("Query cache, hit rate", "percentunit", [_share([HITS, WAITS], [HITS, WAITS, MISSES], "hits")], "A commit forgets all answers."),
        Panel("Query cache, entries and bytes", "short", [_gauge("treeseek_query_cache_entries", "entries"), _gauge("treeseek_query_cache_bytes", "bytes"), _gauge("treeseek_query_cache_budget_bytes", "budget")]),
        Panel("Query cache, events", "ops", [Query(_rate(f"treeseek_query_cache_{event}_total"), event) for event in ("hits", "misses", "waits", "renewals", "evictions", "invalidations")]),
    ),
    "Are they right?": (
        Panel("Searches by outcome", "reqps", [Query(_rate("treeseek_searches_total", "outcome"), "{{outcome}}")], "doubtful: hits, but most likely no answer."),
        Panel("Searches without an answer", "percentunit", [_share([_rate("treeseek_searches_total", where=',outcome!="found"')], [_rate("treeseek_searches_total")], "no answer")]),
        Panel("Confidence", "percentunit", _quantiles("treeseek_search_confidence_ratio", shares=(0.1, 0.5, 0.9)), "The chance that the index has an answer, over searches."),
        Panel("Searches by words alone", "reqps", [Query(_rate("treeseek_searches_by_words_total", "reason"), "{{reason}}")], "The embedder failed."),
    ),
    "Are they fresh?": (
        Panel("Staleness", "s", [_gauge("treeseek_index_staleness_seconds")], "Since a root was last looked at as a whole; every 30 s at rest.", 6),
        Panel("Lag", "s", [_gauge("treeseek_index_lag_seconds")], "For how long seen changes have been waiting.", 6),
        Panel("From a change to the index", "s", _quantiles("treeseek_change_seconds"), width=6),
        Panel("Pending files, commits behind", "short", [_gauge("treeseek_index_pending_files", "pending files"), _gauge("treeseek_index_behind_commits", "commits behind")], width=6),
    ),
    "What does indexing do?": (
        Panel("Files and chunks", "short", [_gauge("treeseek_files", "files"), _gauge("treeseek_chunks", "chunks")]),
        Panel("Files looked at, by cause", "cps", [Query(_rate("treeseek_files_looked_at_total", "cause"), "{{cause}}")]),
        Panel("Reuse", "percentunit", [_reuse("files", "parsed"), _reuse("chunks", "embedded")], "Of files that changed, what needn't be parsed and embedded."),
        Panel("Sync, look, parse, p95", "s", _p95({"sync": "treeseek_sync_seconds", "look": "treeseek_look_seconds", "parse of a file": "treeseek_parse_seconds"})),
        Panel("Left out, by reason", "short", [Query(f"sum by (reason) (treeseek_files_left_out{{{OF}}})", "{{reason}}")], "`treeseek status --skipped` lists them."),
        Panel("Failed syncs and analyses", "ops", [Query(_rate("treeseek_sync_failures_total", "code"), "{{code}}")]),
        Panel("Commits, p95", "s", _p95({"commit": "treeseek_store_commit_seconds"})),
        Panel("Rows committed", "cps", [Query(_rate("treeseek_store_rows_total"), "rows")]),
        Panel("Damage and repair", "short", [Query(f"sum(increase({name}{{{OF}}}[{WINDOW}]))", legend) for legend, name in {"unreadable versions": "treeseek_store_unreadable_versions_total", "recoveries": "treeseek_store_recoveries_total", "files set aside": "treeseek_store_quarantined_files_total", "rebuilds": "treeseek_store_rebuilds_total", "takeovers": "treeseek_store_takeovers_total", "times tidied": "treeseek_store_maintenance_seconds_count", "rollbacks": "treeseek_store_rollbacks_total", "migrations": "treeseek_store_migrations_total"}.items()]),
    ),
    "What do the caches do?": (
        Panel("Syntax trees, hit rate", "percentunit", [_share([TREE_HITS], [TREE_HITS, TREE_MISSES], "hits")], "The objective: over 80%."),
        Panel("Hits by tier", "ops", [Query(_rate("treeseek_cache_hits_total", "tier"), "{{tier}}")]),
        Panel("Look-ups, p95 by tier", "s", _quantiles("treeseek_cache_load_seconds", "tier", shares=(0.95,))),
        Panel("Bytes of budget, by tier", "percentunit", [Query(f"sum by (tier) (treeseek_cache_bytes{{{OF}}}) / (sum by (tier) (treeseek_cache_budget_bytes{{{OF}}}) > 0)", "{{tier}}")]),
        Panel("Entries by tier", "short", [Query(f"sum by (tier) (treeseek_cache_entries{{{OF}}})", "{{tier}}")]),
        Panel("Moves", "ops", [Query(_rate(f"treeseek_cache_{event}_total"), event) for event in ("promotions", "demotions", "evictions", "damaged")]),
        Panel("Analysed files and vectors on disk", "bytes", [_gauge("treeseek_artifacts_bytes", "analysed files"), _gauge("treeseek_vectors_bytes", "vectors")]),
        Panel("Analysed files and vectors, hits and misses", "ops", [Query(_rate(f"treeseek_{noun}_{event}_total"), f"{noun} {event}") for noun in ("artifacts", "vectors") for event in ("hits", "misses")]),
        Panel("Failures of caches", "ops", [Query(_rate(f"treeseek_{noun}_failures_total", "operation"), f"{noun} {{{{operation}}}}") for noun in ("cache", "artifacts", "vectors")]),
    ),
    "What does the embedder do, and what does it cost?": (
        Panel("Requests by outcome", "reqps", [Query(_rate("treeseek_embedding_requests_total", "provider, outcome"), "{{provider}} {{outcome}}")], "Empty with the bundled model."),
        Panel("Latency", "s", _quantiles("treeseek_embedding_request_seconds", "provider", shares=(0.5, 0.95))),
        Panel("Tokens", "cps", [Query(_rate("treeseek_embedding_tokens_total", "provider"), "{{provider}}")]),
        Panel("Dollars in a day, at this rate", "currencyUSD", [Query(f"86400 * {_rate('treeseek_embedding_dollars_total', 'provider')}", "{{provider}}")]),
        Panel("Throttles, retries, waiting", "ops", [Query(_rate("treeseek_embedding_throttles_total"), "throttles"), Query(_rate("treeseek_embedding_retries_total"), "retries"), Query(_rate("treeseek_embedding_waited_seconds_total"), "seconds waited")]),
        Panel("Given a rest", "bool_yes_no", [_gauge("treeseek_embedding_breaker_open", "{{provider}}")]),
    ),
    "Is it safe?": (
        Panel("Requests refused, by reason", "reqps", [Query(_rate("treeseek_requests_refused_total", "reason"), "{{reason}}")]),
        Panel("Workers killed, by reason", "cps", [Query(_rate("treeseek_worker_failures_total", "reason"), "{{reason}}"), Query(_rate("treeseek_files_quarantined_total", "reason"), "quarantined: {{reason}}")]),
        Panel("Secrets painted over", "cps", [Query(_rate("treeseek_secrets_redacted_total", "kind, tier"), "{{kind}} {{tier}}")]),
        Panel("Caps hit", "cps", [Query(_rate("treeseek_caps_hit_total", "cap"), "{{cap}}")]),
    ),
    "What does it take?": (
        Panel("Memory", "bytes", [_gauge("process_resident_memory_bytes", "server"), _gauge("treeseek_worker_resident_bytes", "workers")], "The objective: under 3 GB together at 10,000 files."),
        Panel("Processor", "percentunit", [Query(f"rate(process_cpu_seconds_total{{{OF}}}[{WINDOW}])", "{{instance}}")], "Of one core, workers not counted."),
        Panel("Open files, workers", "short", [_gauge("process_open_fds", "open files"), _gauge("treeseek_worker_processes", "workers")]),
        Panel("Indexes on disk", "bytes", [_gauge("treeseek_index_bytes", "indexes"), _gauge("treeseek_index_set_aside_bytes", "set aside")]),
        Panel("Versions and generations", "short", [_gauge("treeseek_index_versions", "versions"), _gauge("treeseek_index_generations", "generations")]),
        Panel("Free disk", "percentunit", [Query(f"treeseek_disk_free_bytes{{{OF}}} / treeseek_disk_bytes{{{OF}}}", "{{instance}}")]),
    ),
}  # fmt: skip


def queries() -> Iterator[tuple[str, Query]]:
    """Yield the title of each panel with each of its queries."""
    for panels in ROWS.values():
        for panel in panels:
            yield from ((panel.title, query) for query in panel.queries)


def document() -> str:
    """Return the dashboard as Grafana imports it."""
    dashboard = {
        "uid": "treeseek", "title": "treeseek", "tags": ["treeseek"], "schemaVersion": 38, "editable": True,
        "refresh": "30s", "time": {"from": "now-6h", "to": "now"}, "timezone": "",
        "templating": {"list": list(_variables())}, "panels": list(_panels()),
    }  # fmt: skip
    return json.dumps(dashboard, indent=1, ensure_ascii=False) + "\n"


def _variables() -> Iterator[dict[str, Any]]:
    yield {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
    for name, label, query, several in (
        ("job", "Job", "label_values(treeseek_build_info, job)", False),
        ("instance", "Instance", 'label_values(treeseek_build_info{job="$job"}, instance)', True),
    ):
        yield {"name": name, "label": label, "type": "query", "datasource": {"uid": "${source}"}, "query": query,
               "refresh": 2, "multi": several, "includeAll": several}  # fmt: skip


def _panels() -> Iterator[dict[str, Any]]:
    number, y = 0, 0
    for title, panels in ROWS.items():
        number += 1
        yield {"id": number, "type": "row", "title": title, "collapsed": False, "panels": [],
               "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1}}  # fmt: skip
        y, x = y + 1, 0
        for panel in panels:
            number += 1
            if x + panel.width > WIDTH:
                x, y = 0, y + HEIGHT
            yield _panel(number, panel, x, y)
            x += panel.width
        y += HEIGHT


def _panel(number: int, panel: Panel, x: int, y: int) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${source}"}
    return {
        "id": number, "type": panel.kind, "title": panel.title, "description": panel.description, "datasource": source,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"reduceOptions": {"calcs": ["lastNotNull"]}, "textMode": "value_and_name"}
        if panel.kind == "stat" else {"legend": {"displayMode": "list"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + at), "expr": query.expr, "legendFormat": query.legend, "datasource": source}
            for at, query in enumerate(panel.queries)
        ],
    }  # fmt: skip
