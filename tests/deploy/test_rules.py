"""Alerts, recordings, panels and the runbook name what there is, and every alert is shown to fire and to stop."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from click import Group, Option
from deploy import cases, dashboard, make
from deploy.expressions import faults, names, selectors

from treeseek.frontends.cli.commands import cli
from treeseek.frontends.series import BY_NAME, PROCESS
from treeseek.settings import Settings

PROMETHEUS = cases.PROMETHEUS
RUNBOOK = (Path(make.HERE).parent / "docs/runbook.md").read_text()
ALERTS = cases.rules()
RECORDED: dict[str, str] = {
    rule["record"]: rule["expr"]
    for group in yaml.safe_load((PROMETHEUS / "recordings.yml").read_text())["groups"]
    for rule in group["rules"]
}
KINDS = (
    {name: series.kind for name, series in BY_NAME.items()}
    | {name: "counter" if name.endswith("_total") else "gauge" for name in PROCESS}
    | dict.fromkeys(RECORDED, "gauge")
    | {"up": "gauge"}
)
EXPRESSIONS = (
    [(name, rule["expr"]) for name, rule in ALERTS.items()]
    + list(RECORDED.items())
    + [(f"panel {title}: {query.legend}", query.expr) for title, query in dashboard.queries()]
)


@pytest.mark.parametrize(("name", "expression"), EXPRESSIONS, ids=[name for name, _ in EXPRESSIONS])
def test_expressions_ask_for_what_there_is_and_rate_counters_only(name: str, expression: str) -> None:
    assert names(expression)
    assert list(faults(expression, KINDS)) == []


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("rate(treeseek_files[5m])", "treeseek_files is a gauge, and rated"),
        ("treeseek_searches_total > 5", "treeseek_searches_total is a counter, and not rated"),
        ("treeseek_search_seconds > 1", "treeseek_search_seconds is a histogram: say _bucket, _count or _sum"),
        ("sum by (job) (rate(treeseek_nothing_total[5m]))", "treeseek_nothing_total is unknown"),
        (
            "histogram_quantile(0.9, sum by (le) (rate(treeseek_search_seconds_count[5m])))",
            "a quantile needs buckets, grouped by le among others",
        ),
        (
            "histogram_quantile(0.9, sum by (job) (rate(treeseek_search_seconds_bucket[5m])))",
            "a quantile needs buckets, grouped by le among others",
        ),
    ],
)
def test_an_expression_that_is_wrong_is_seen(expression: str, fault: str) -> None:
    assert list(faults(expression, KINDS)) == [fault]


def test_selectors_are_found_with_their_labels() -> None:
    found = selectors('sum by (job, up) (rate(treeseek_cache_hits_total{tier="hot"}[5m])) / on (job) up{job="a"} > 1')
    assert found == ['treeseek_cache_hits_total{tier="hot"}', 'up{job="a"}']


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_has_a_case_that_is_quiet_fires_and_is_quiet_again(alert: str) -> None:
    tests = [test for test in _tests() if test["name"] == alert]
    assert tests
    for test in tests:
        looks = sorted(test["alert_rule_test"], key=lambda look: int(look["eval_time"][:-1]))
        assert [look["alertname"] for look in looks] == [alert] * 3
        assert [bool(look["exp_alerts"]) for look in looks] == [False, True, False]
        given = {series["series"].partition("{")[0] for series in test["input_series"]}
        assert given <= _raw(names(ALERTS[alert]["expr"])), "a series that the alert doesn't look at"


def test_no_case_is_of_an_alert_that_is_gone() -> None:
    assert {case.alert for case in cases.CASES} == ALERTS.keys()


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_leads_to_its_section_of_the_runbook(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in ("info", "warning", "critical")
    document, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert (document, anchor) == ("docs/runbook.md", alert.lower())
    section = re.search(rf"^### {alert}\n(.*?)(?=^###? |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)
    assert section, "no such heading"
    assert "\nLook at:\n" in section[1] and "\nDo:\n" in section[1]


def test_the_runbook_has_no_section_of_an_alert_that_is_gone_and_no_dead_link() -> None:
    headings = set(re.findall(r"^### (\w+)$", RUNBOOK, re.MULTILINE))
    assert headings == ALERTS.keys()
    assert set(re.findall(r"\(#(\w+)\)", RUNBOOK)) <= {heading.lower() for heading in headings}


def test_the_runbook_knows_the_commands_settings_and_panels() -> None:
    assert isinstance(cli, Group)
    for line in re.findall(r"`treeseek (\w[^`|]*)`?", RUNBOOK):
        command, *words = line.split()
        options = {
            name for one in cli.commands[command].params if isinstance(one, Option) for name in one.opts
        }  # fmt: skip
        assert {word for word in words if word.startswith("-")} <= options, line
    known = {f"TREESEEK_{one.name.upper()}" for one in fields(Settings)}
    assert set(re.findall(r"TREESEEK_[A-Z_]+", RUNBOOK)) <= known
    titles = [panel.title for panels in dashboard.ROWS.values() for panel in panels]
    for named in re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", RUNBOOK):
        assert any(title.startswith(named) for title in titles), named


def test_what_is_written_by_code_is_current() -> None:
    for path, text in make.made().items():
        assert path.read_text() == text, f"{path.name}: run `python -m deploy.make`"


def test_the_dashboard_is_well_formed_and_large_enough() -> None:
    told = json.loads(dashboard.document())
    panels = [panel for panel in told["panels"] if panel["type"] != "row"]
    assert len(panels) >= 12
    assert len({panel["id"] for panel in told["panels"]}) == len(told["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in told["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, f"{panel['title']} lies over another"
        assert place["x"] + place["w"] <= dashboard.WIDTH
        taken |= cells
    assert all(target["expr"] for panel in panels for target in panel["targets"])


@pytest.mark.needs("promtool")
def test_promtool_takes_the_rules() -> None:
    command = ["promtool", "check", "rules", *(str(PROMETHEUS / name) for name in cases.FILES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("change", "is_fine"), [(("> 900", "> 900"), True), (("> 900", "> 9000"), False)])
@pytest.mark.needs("promtool")
def test_promtool_runs_the_cases_and_sees_an_alert_that_does_not_fire(
    tmp_path: Path, change: tuple[str, str], is_fine: bool
) -> None:
    """All cases are run by `make rules`, which takes half a minute; here one, with its rule as it is and spoilt."""
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    kept = [rule for group in groups for rule in group["rules"] if rule["alert"] == "TreeseekIndexStale"]
    text = yaml.safe_dump({"groups": [{"name": "one", "rules": kept}]})
    assert change[0] in text
    (tmp_path / "alerts.yml").write_text(text.replace(*change))
    tests = [test for test in _tests() if test["name"] == "TreeseekIndexStale"]
    document = {"rule_files": ["alerts.yml"], "evaluation_interval": "1m", "tests": tests}
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(document))
    done = subprocess.run(["promtool", "test", "rules", "tests.yml"], cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode == 0) == is_fine, done.stdout + done.stderr


def _tests() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / "tests.yml").read_text())["tests"]
    return found


def _raw(found: set[str]) -> set[str]:
    """Return names with those that recorded ones are made of."""
    while recorded := found & RECORDED.keys():
        found = (found - recorded).union(*(names(RECORDED[name]) for name in recorded))
    return found
