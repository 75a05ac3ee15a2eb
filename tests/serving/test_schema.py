"""Everything that the schema describes, asked by schemathesis: no answer but those that it declares, and no 500.

Words that are drawn at random name no file and find nothing, so half of what is asked is of the project.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import Case, Config, GenerationMode, Response
from schemathesis.schemas import BaseSchema

from .conftest import Served

EXAMPLES = 50
ACCEPTED = ["2xx", "400", "401", "404", "409"]
"""Whether a language is known, or a file there, no schema can say; what it can say must not be refused with 422."""
CALM = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)
KNOWN = {
    "q": ("retry a failed upload", "Uploader"), "name": ("Uploader", "close", "checksum"),
    "path": ("lib/net.py", "lib/io.go", "README.md"), "language": ("python", "go"),
    "kind": ("function", "class,method"),
    "include": ("*.{py,go}",), "exclude": ("*.md",), "root": ("project", ""), "old": ("HEAD",), "new": ("", "HEAD"),
    "min_score": (0.0, 0.01), "max_tokens": (100, 1000), "start": (1, 3), "end": (5, 2**31 - 1), "line": (1, 7),
}  # fmt: skip

OPERATIONS = [
    "GET /v1/search", "GET /v1/related", "GET /v1/symbols", "GET /v1/outline", "GET /v1/lines", "GET /v1/diff",
    "GET /v1/status", "GET /v1/roots", "POST /v1/refresh", "GET /healthz", "GET /readyz", "GET /metrics",
]  # fmt: skip


@pytest.fixture(scope="session")
def described(running: Served) -> BaseSchema:
    config = Config.from_dict({
        "checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTED}}, "generation": {"mode": "positive"},
    })  # fmt: skip
    return schemathesis.openapi.from_url(f"{running.url}/openapi.json", config=config)


def test_these_are_all(described: BaseSchema) -> None:
    assert [result.ok().label for result in described.get_all_operations()] == OPERATIONS


@pytest.mark.parametrize("label", OPERATIONS)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_operation_answers_as_it_is_described(described: BaseSchema, label: str, mode: GenerationMode) -> None:
    method, path = label.split()
    seen = defaultdict(int)

    @settings(CALM, max_examples=EXAMPLES)
    @given(described[path][method].as_strategy(generation_mode=mode), st.data())
    def holds(case: Case, data: st.DataObject) -> None:
        if mode is GenerationMode.POSITIVE and data.draw(st.booleans()):
            case.query = {name: _known(name, value, data) for name, value in (case.query or {}).items()}
        seen[case.call_and_validate().status_code] += 1

    try:
        holds()
    except Unsatisfiable:  # nothing can be given to it that it doesn't take
        assert mode is GenerationMode.NEGATIVE
    assert seen[200] >= min(5, sum(seen.values())) or mode is GenerationMode.NEGATIVE, seen


def _known(name: str, value: Any, data: st.DataObject) -> Any:
    if name not in KNOWN:
        return value
    one = data.draw(st.sampled_from(KNOWN[name]))
    return [one] if isinstance(value, list) else one


def test_where_answers_lead_is_answered_too(described: BaseSchema) -> None:
    led: set[str] = set()

    class Walk(described.as_state_machine()):  # type: ignore[misc]
        def before_call(self, case: Case) -> None:
            if case.operation.label == "GET /v1/search":
                case.query = {"q": "retry a failed upload"}
            elif "path" in case.query:  # what a link gives, and nothing that would make it find less
                case.query = {name: case.query[name] for name in ("path", "line", "start", "end") if name in case.query}

        def after_call(self, response: Response, case: Case) -> None:
            if response.status_code == 200:
                led.add(case.operation.label)

    run_state_machine_as_test(
        Walk, settings=settings(CALM, max_examples=8, stateful_step_count=5, phases=[Phase.generate])
    )
    assert led >= {"GET /v1/search", "GET /v1/outline", "GET /v1/related"}
