"""A scrape of a real service: well formed, complete, right, and without what is nobody's business."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from treeseek import telemetry
from treeseek.errors import UsageError
from treeseek.frontends.metrics import render
from treeseek.frontends.series import BY_NAME, PROCESS
from treeseek.service import Service
from treeseek.settings import load


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service over two roots that are indexed, with a name that must not get out."""
    telemetry.reset()
    for name in ("hush-one", "hush-two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "whisper.py").write_text(f"def retry_upload(path):\n    '''{name}'''\n    return path\n")
    (tmp_path / "hush-two/logo.bin").write_bytes(b"\0\1\2" * 99)
    settings = load({}, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache", workers=1, redact_store="high")
    with Service([tmp_path / "hush-one", tmp_path / "hush-two"], settings) as one:
        yield one


def scraped(service: Service) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    content, kind = render(service)
    assert kind.startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(content.decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.mark.needs("promtool")
def test_promtool_finds_nothing_to_complain_of(service: Service) -> None:
    refresh(service)
    service.root("hush-one").engine.search("retry an upload")
    content, _ = render(service)
    done = subprocess.run(["promtool", "check", "metrics"], input=content, capture_output=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_series_of_known_labels_are_there_from_the_start(service: Service) -> None:
    names = {name for name, _ in scraped(service)}
    for name, series in BY_NAME.items():
        if series.is_closed:
            assert name in names or f"{name}_count" in names
    assert set(PROCESS) <= names
    assert scraped(service)["treeseek_worker_failures_total", (("reason", "parser-hang"),)] == 0
    assert scraped(service)["treeseek_ready", ()] == 0


def test_gauges_are_sums_and_phases_over_all_roots(service: Service) -> None:
    refresh(service)
    service.measuring.measure()
    told = scraped(service)
    assert told["treeseek_ready", ()] == 1
    assert told["treeseek_roots", (("phase", "ready"),)] == 2
    assert told["treeseek_files", ()] == 2
    assert told["treeseek_chunks", ()] == 2
    assert told["treeseek_files_left_out", (("reason", "binary"),)] == 1
    assert told["treeseek_index_bytes", ()] == sum(root.engine.status().bytes_on_disk for root in roots(service))
    assert told["treeseek_index_versions", ()] >= 2
    assert 0 <= told["treeseek_index_staleness_seconds", ()] < 3600
    assert told["treeseek_index_lag_seconds", ()] == 0
    assert told["treeseek_disk_bytes", ()] > told["treeseek_disk_free_bytes", ()] > 0
    assert any(name == "treeseek_build_info" and dict(labels)["format"] == "2.0" for name, labels in told)


def test_the_cache_of_trees_is_told_as_it_is_now(service: Service) -> None:
    refresh(service)
    for root in roots(service):
        root.engine.diff_files(root.engine.root / "whisper.py", Path(__file__))
    told, tier = scraped(service), (("tier", "warm"),)
    sizes = [root.engine.tree_sizes()["warm"] for root in roots(service)]
    names = ("treeseek_cache_entries", "treeseek_cache_bytes", "treeseek_cache_budget_bytes")
    assert [told[name, tier] for name in names] == [sum(size) for size in zip(*sizes, strict=True)]
    assert told["treeseek_cache_bytes", tier] > 0


def test_what_a_sync_parsed_in_workers_and_embedded_is_counted(service: Service) -> None:
    refresh(service)
    told = scraped(service)
    assert told["treeseek_files_parsed_total", ()] == 2
    assert told["treeseek_parse_seconds_count", ()] == 2
    assert told["treeseek_chunks_embedded_total", ()] == 2
    assert told["treeseek_look_seconds_count", (("scope", "all"),)] >= 2
    assert told["treeseek_sync_seconds_count", ()] == 2


def test_searches_are_counted_by_what_came_of_them_when_asked_again_too(service: Service) -> None:
    refresh(service)
    engine = service.root("hush-one").engine
    for _ in range(3):
        engine.search("retry upload")
    engine.symbols("retry_upload")
    engine.related("whisper.py", 1)
    told = scraped(service)
    assert sum(value for (name, _), value in told.items() if name == "treeseek_searches_total") == 3
    assert told["treeseek_search_confidence_ratio_count", ()] == 3
    assert told["treeseek_query_cache_hits_total", ()] == 2
    assert [told[f"treeseek_{noun}_seconds_count", ()] for noun in ("search", "symbols", "related")] == [3, 1, 1]


def test_secrets_are_counted_where_they_are_painted_over(service: Service, tmp_path: Path) -> None:
    key = "AKIA" + "QYLPMN5HHBFGTZ3K"
    (tmp_path / "hush-one/deploy.sh").write_text(f"export AWS_ACCESS_KEY_ID={key}\n")
    refresh(service)
    told = scraped(service)
    assert told["treeseek_secrets_redacted_total", (("kind", "secret"), ("tier", "high"))] >= 1


def test_nothing_of_a_root_is_in_a_scrape(service: Service, tmp_path: Path) -> None:
    refresh(service)
    service.measuring.measure()
    with pytest.raises(UsageError):
        service.root("hush-one").engine.search("retry upload", limit=10**6)
    content = render(service)[0].decode()
    assert 'treeseek_caps_hit_total{cap="max_results"} 1.0' in content
    assert not re.search(rf"hush|whisper|{re.escape(str(tmp_path))}", content)


def test_an_index_that_cannot_be_measured_is_told(service: Service) -> None:
    refresh(service)
    for current in (service.settings.data_dir).glob("hush-two-*/CURRENT"):
        current.write_bytes(b"nonsense\n")
    service.measuring.measure()
    assert scraped(service)["treeseek_measuring_failures", ()] == 1


def test_a_name_that_is_not_in_the_list_is_not_exported_but_told(service: Service) -> None:
    telemetry.count("treeseek_surprises_total")
    assert scraped(service)["treeseek_telemetry_unknown_names", ()] == 1
    assert not any(name.startswith("treeseek_surprises") for name, _ in scraped(service))


def test_a_change_that_waits_is_lag_until_it_is_committed(service: Service) -> None:
    root = service.root("hush-one")
    seen: list[bool] = []
    committed = threading.Event()

    def note() -> None:
        seen.append(root.state.behind_since > 0)
        if True in seen and root.state.phase == "ready" and not root.state.behind_since:
            committed.set()

    service.subscribe(note)
    root.start()
    assert committed.wait(60)
    assert scraped(service)["treeseek_index_lag_seconds", ()] == 0


def test_what_a_worker_tells_is_believed_only_in_part() -> None:
    telemetry.reset()
    known = {("treeseek_parse_seconds", ""): (), ("treeseek_analysis_errors_total", "error"): ("ValueError",)}
    buckets = [1] + [0] * (len(telemetry.BUCKETS) - 1)
    told = (
        [
            ["treeseek_analysis_errors_total", [["error", "ValueError"]], 1],
            ["treeseek_analysis_errors_total", [["error", "hush"]], float("nan")],
            ["treeseek_requests_refused_total", [["reason", "hush"]], 5],
        ],
        [["treeseek_parse_seconds", [], buckets, 1, float("inf")]],
    )
    telemetry.absorb(told, known)
    counters, histograms = telemetry.snapshot()
    assert counters == {
        ("treeseek_analysis_errors_total", (("error", "ValueError"),)): 1,
        ("treeseek_analysis_errors_total", (("error", "other"),)): 0,
    }
    assert histograms["treeseek_parse_seconds", ()].sum == telemetry.MOST
    for wrong in (None, [[["x"]], []], [[], [["treeseek_parse_seconds", [], [1], 1, 1]]]):
        with pytest.raises((TypeError, ValueError)):
            telemetry.absorb(wrong, known)


def refresh(service: Service) -> None:
    for root in service.roots.values():
        root.refresh()


def roots(service: Service) -> list[object]:
    return list(service.roots.values())
