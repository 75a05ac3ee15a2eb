"""docs/http.md names what there is: routes, parameters, codes, reasons and settings."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from treeseek.frontends.http.replies import STATUSES

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = (REPOSITORY / "docs/http.md").read_text()
HTTP = REPOSITORY / "src/treeseek/frontends/http"
SETTINGS = (
    "client_rate", "client_burst", "client_seconds", "request_seconds", "max_body_bytes", "max_connections",
    "max_response_bytes", "max_concurrent_requests", "allowed_hosts", "token_file", "trace",
)  # fmt: skip


def test_every_route_and_parameter_is_named(client: httpx.Client) -> None:
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for method, operation in operations.items():
            assert f"`{method.upper()} {path}`" in TEXT
            for parameter in operation.get("parameters", []):
                assert f"`{parameter['name']}`" in TEXT


@pytest.mark.parametrize("code", sorted(STATUSES.keys() - {"access-denied", "answer", "endpoint", "throttled"}))
def test_every_code_and_status_is_named(code: str) -> None:
    assert f"`{code}`" in TEXT
    assert str(STATUSES[code]) in TEXT


def test_every_reason_of_a_refusal_is_named() -> None:
    source = "".join(path.read_text() for path in HTTP.glob("*.py"))
    reasons = set(re.findall(r"_refused\(\s*\"([a-z]+)\"", source)) | set(re.findall(r"reason=\"([a-z]+)\"", source))
    assert len(reasons) >= 9
    assert {reason for reason in reasons if f"`{reason}`" not in TEXT} == set()


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_of_a_server_is_named(setting: str) -> None:
    assert re.search(rf"\b{setting}\b", TEXT)
