"""Findings in SARIF 2.1.0, as code hosts and editors take them in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from treeseek import __version__
from treeseek.frontends.escapes import escaped_json

if TYPE_CHECKING:
    from treeseek.scanning.report import Place, ScanReport

__all__ = ["sarif"]

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"high": "error", "medium": "warning", "low": "note"}


def sarif(report: ScanReport) -> str:
    """Return the document of a scan, in one line."""
    rules = sorted({place.rule for place in report.found})
    run = {
        "tool": {"driver": {"name": "treeseek", "version": __version__, "rules": _rules(rules)}},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"ROOT": {"uri": f"file://{quote(report.root)}/"}},
        "results": [_result(place, rules) for place in report.found],
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return escaped_json(json.dumps(document, ensure_ascii=False)) + "\n"


def _rules(names: Sequence[str]) -> list[dict[str, Any]]:
    from treeseek.safety.rules import rule_of

    return [
        {
            "id": name,
            "shortDescription": {"text": _told(name)},
            "defaultConfiguration": {"level": _LEVELS[rule_of(name).tier]},
            "properties": {
                "kind": rule_of(name).kind,
                "precision": _precision(rule_of(name).tier),
                "tags": ["security"],
            },
        }
        for name in names
    ]


def _precision(tier: str) -> str:
    return {"high": "very-high"}.get(tier, tier)


def _told(name: str) -> str:
    from treeseek.safety.rules import rule_of

    rule = rule_of(name)
    return rule.description if rule.provider == "any" else f"{rule.provider}: {rule.description}"


def _result(place: Place, rules: Sequence[str]) -> dict[str, Any]:
    region = {
        "startLine": place.line,
        "startColumn": place.column,
        "byteOffset": place.start_byte,
        "byteLength": place.end_byte - place.start_byte,
    }
    result: dict[str, Any] = {
        "ruleId": place.rule,
        "ruleIndex": rules.index(place.rule),
        "level": _LEVELS[place.tier],
        "message": {"text": f"{_told(place.rule)} ({place.preview})"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(place.path), "uriBaseId": "ROOT"},
                    "region": region,
                }
            }
        ],
        "partialFingerprints": {"treeseek/v1": place.fingerprint},
    }
    if place.commit:
        result["properties"] = {"commit": place.commit, "blob": place.blob}
    return result
