"""What others wrote judges the interface: schemathesis draws requests from its description and checks every answer."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.api.stand import Counter, Program, an_interface

from mesrai.server.api.door import BASE

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SLOW = ("events",)  # streams that do not end, which the tests of reviews read


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    with an_interface(tmp_path_factory.mktemp("drawn")) as made:
        yield made


def described(counter: Counter) -> BaseSchema:
    return schemathesis.openapi.from_dict(counter.nobody().get("/openapi.json").json)


def judge(
    operation: schemathesis.APIOperation[Any, Any, Any, Any], program: Program, mode: schemathesis.GenerationMode
) -> None:
    """Send a few requests as they are described, or as they are not, and hold every answer to the description."""

    @settings(
        max_examples=3,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def drawn(case: schemathesis.Case[Any]) -> None:
        url = program.person.url + BASE
        case.call_and_validate(base_url=url, headers=dict(program.headers), checks=CHECKS, timeout=20)

    with contextlib.suppress(Unsatisfiable):  # where nothing can be wrong about a request
        drawn()


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=str)
def test_no_drawn_request_gets_a_fault_or_an_answer_that_is_not_described(
    counter: Counter, mode: schemathesis.GenerationMode
) -> None:
    program = counter.program()
    operations = [found.ok() for found in described(counter).get_all_operations() if isinstance(found, Ok)]
    judged = [each for each in operations if each.path.rsplit("/", 1)[-1] not in SLOW]
    assert len(judged) > 40
    for operation in judged:
        judge(operation, program, mode)
