"""Every operation with every right and role: whoever may carry it out can, and nobody else."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from tests.api.stand import Counter, Program, Told, an_interface

from mesrai.domain.roles import RIGHTS, Right, Role, may
from mesrai.server.api.call import Operation
from mesrai.server.api.operations import OPERATIONS
from mesrai.server.web.visit import cookie_of

NEEDING = [each for each in OPERATIONS if each.needs is not None]


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    with an_interface(tmp_path_factory.mktemp("rights")) as made:
        yield made


@pytest.fixture(scope="module")
def by_role(counter: Counter) -> Mapping[Role, Program]:
    return {role: counter.program(role, tuple(Right)) for role in Role}


@pytest.fixture(scope="module")
def by_right(counter: Counter) -> Mapping[Right, Program]:
    return {right: counter.program(Role.OWNER, (right,)) for right in Right}


def called(program: Program, operation: Operation) -> Told:
    """A call that is refused after the right was looked at, or finds nothing to do."""
    path = re.sub(r"\{[^}]+\}", "404404", operation.path)
    body: Any = {} if operation.body is not None else None
    return program.ask(operation.method, path, body)


@pytest.mark.parametrize("operation", NEEDING, ids=lambda each: each.name)
def test_an_operation_is_for_whoever_has_its_right_and_nobody_else(
    operation: Operation, counter: Counter, by_role: Mapping[Role, Program], by_right: Mapping[Right, Program]
) -> None:
    assert operation.needs is not None
    assert called(counter.nobody(), operation).status == 401
    for role, program in by_role.items():
        is_refused = called(program, operation).status == 403
        assert is_refused is not may(role, operation.needs), f"{role} at {operation.name}"
    for right, program in by_right.items():
        is_refused = called(program, operation).status == 403
        is_given = right is operation.needs or operation.is_for_any_token
        assert is_refused is not is_given, f"a token with {right} at {operation.name}"


def test_only_the_description_is_for_everybody() -> None:
    assert {each.name for each in OPERATIONS if each.needs is None} == {"describe"}


def test_what_any_token_may_is_to_ask_whose_it_is() -> None:
    assert {each.name for each in OPERATIONS if each.is_for_any_token} == {"showCaller"}


def test_a_token_loses_what_its_member_loses(counter: Counter) -> None:
    program = counter.program(Role.ADMIN, (Right.SEE_AUDIT, Right.OWN_ACCOUNT))
    assert program.get("/audit").status == 200
    change = "UPDATE members SET role = 'member' WHERE account = (SELECT id FROM people WHERE email = :email)"
    counter.stand.run(counter.stand.house.database.rows(change, email=program.person.email))
    assert program.get("/audit").status == 403
    assert program.get("/caller").json["rights"] == ["own_account"]


def test_the_session_of_the_pages_reads_and_changes_nothing(counter: Counter) -> None:
    person = counter.stand.member(Role.OWNER)
    assert cookie_of(counter.stand.house) in person.cookies
    reader = Program(person)
    assert reader.get("/caller").json["email"] == person.email
    assert set(reader.get("/caller").json["rights"]) == {right for right in Right if Role.OWNER in RIGHTS[right]}
    refused = reader.put("/budget", {"currency": "USD", "month": "1"})
    assert (refused.status, refused.code) == (401, "unauthenticated")
    assert reader.get("/budget").status == 404


@pytest.mark.parametrize(
    "shown", ["Bearer mesrai_nonsense", "Bearer ", "Basic bWVzcmFpOnNlY3JldA==", "mesrai_x", "Bearer x y"]
)
def test_what_is_no_token_is_refused_also_beside_a_session(counter: Counter, shown: str) -> None:
    person = counter.stand.member(Role.OWNER)
    answer = Program(person, {"authorization": shown}).get("/caller")
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="mesrai"'


def test_a_repository_admin_changes_only_what_is_named_for_it(counter: Counter) -> None:
    own = counter.program(Role.REPOSITORY_ADMIN, repositories=("github.com/acme/shop",))
    rule = {"rule": {"title": "Cents", "rule": "Money is counted in cents."}}
    assert own.put("/rules", {"repository": "github.com/acme/shop", **rule}).status == 200
    for place in ({"repository": "github.com/acme/other"}, {}):
        assert own.put("/rules", {**place, **rule}).code == "forbidden"
        assert own.patch("/configuration", {"values": {"reviewOptions.security": False}, **place}).code == "forbidden"
        assert own.post("/memories", {"text": "Money is counted in cents.", **place}).code == "forbidden"
    assert own.patch("/repositories", {"name": "github.com/acme/other", "is_reviewed": False}).code == "forbidden"
    made = counter.program(Role.OWNER).post("/memories", {"text": "Names are English."}).json["id"]
    assert own.delete(f"/memories/{made}").code == "forbidden"
    assert own.patch(f"/memories/{made}", {"state": "discarded"}).code == "forbidden"
