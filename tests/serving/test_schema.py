"""Everything that the schema describes, asked by schemathesis: no answer but those that it declares, and no 500."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import Case, Config, GenerationMode
from schemathesis.schemas import BaseSchema

from .conftest import Served

EXAMPLES = 50
ACCEPTED = ["2xx", "400", "401", "404", "409"]
"""Whether a language is known, or a file there, no schema can say; what it can say must not be refused with 422."""
CALM = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)


@pytest.fixture(scope="session")
def described(running: Served) -> BaseSchema:
    config = Config.from_dict({"checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTED}}})
    config.projects.default.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
    return schemathesis.openapi.from_url(f"{running.url}/openapi.json", config=config)


OPERATIONS = [
    "GET /v1/search", "GET /v1/related", "GET /v1/symbols", "GET /v1/outline", "GET /v1/lines", "GET /v1/diff",
    "GET /v1/status", "GET /v1/roots", "POST /v1/refresh", "GET /healthz", "GET /readyz", "GET /metrics",
]  # fmt: skip


def test_these_are_all(described: BaseSchema) -> None:
    assert [result.ok().label for result in described.get_all_operations()] == OPERATIONS


@pytest.mark.parametrize("label", OPERATIONS)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_operation_answers_as_it_is_described(described: BaseSchema, label: str, mode: GenerationMode) -> None:
    method, path = label.split()
    operation = described[path][method]

    @settings(CALM, max_examples=EXAMPLES)
    @given(operation.as_strategy(generation_mode=mode))
    def holds(case: Case) -> None:
        case.call_and_validate()

    try:
        holds()
    except Unsatisfiable:  # nothing can be given to it that it doesn't take
        assert mode is GenerationMode.NEGATIVE


def test_where_answers_lead_is_answered_too(described: BaseSchema) -> None:
    run_state_machine_as_test(described.as_state_machine(), settings=settings(CALM, max_examples=12, stateful_step_count=6))
