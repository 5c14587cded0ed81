"""The description is true: it is valid OpenAPI, the pages are made of it, and no call is answered in another way."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator
from tests.api.drawing import drawn, field
from tests.api.stand import Counter, an_interface
from tests.api_page import DESCRIPTION, PAGE, api_page, description
from tests.sandbox_server import Sandbox, running_sandbox
from tests.web.kept_reviews import FULL, put_review

from mesrai.domain.roles import Role
from mesrai.server.api.call import Operation
from mesrai.server.api.operations import OPERATIONS
from mesrai.server.api.problems import MEANINGS, Code
from mesrai.store.repositories import Found, put_repositories

DOCUMENT = json.loads(json.dumps(description()))
PARTS: Mapping[str, Any] = DOCUMENT["components"]["schemas"]
SHOP = "github.com/acme/shop"
WORDS: dict[str, list[Any]] = {
    "repository": [SHOP], "name": [SHOP], "number": [7], "pull_request": [7], "review": ["job-1", "job-77"],
    "fingerprint": [each.fingerprint for each in FULL.findings[:2]], "memory": [1, 2], "job": [1, 2], "delivery": [1],
    "url": ["https://github.com/acme/shop/pull/7", "https://hooks.example.com/x"], "events": [["review.failed"]],
    "card": ["kimi-k2.6", ""], "plan": ["developer", ""], "provider": ["moonshot", ""], "key": ["sk-sim-ok-tier1"],
    "temperature": [None], "custom_json": [None], "routing": [[]], "tier": [1, None], "model": [""], "limit": [1, 25],
    "after": ["1", "2"], "title": ["Cents", ""], "rule": [{"title": "Cents", "rule": "Money is counted in cents."}],
    "replaces": [""], "values": [{"summary.generatePRSummary": False}], "folder": ["", "packages/api"], "paths": [[]],
    "text": ["Money is counted in cents.", ""], "seen": [""], "month": ["20"], "is_excluded": [None],
}  # fmt: skip
EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "350"))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Counter]:
    folder = tmp_path_factory.mktemp("description")
    with an_interface(folder, env={"MESRAI_CATALOGUE": str(sandbox.overlay(folder))}) as made:
        house = made.stand.house
        found = [Found(name=SHOP, installation=3, is_private=True)]
        made.stand.run(put_repositories(house.database, house.organisation, found))
        put_review(made.stand, name="job-1")
        put_review(made.stand, name="job-77", subject=f"{SHOP}#8")
        made.stand.run(house.database.rows("INSERT INTO sqlite_sequence (name, seq) VALUES ('jobs', 100)"))
        hook = {"url": "https://hooks.example.com/x", "events": ["review.failed"]}
        WORDS["webhook"] = [made.program().post("/webhooks", hook).json["id"]]
        yield made


def test_the_description_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_the_page_and_the_description_in_docs_are_made_of_it() -> None:
    assert PAGE.read_text("utf-8") == api_page(), "run: python -m tests.api_page"
    assert json.loads(DESCRIPTION.read_text("utf-8")) == DOCUMENT, "run: python -m tests.api_page"


def test_every_operation_has_a_name_of_its_own_and_every_code_a_meaning() -> None:
    names = [each.name for each in OPERATIONS]
    assert len(names) == len(set(names))
    assert set(MEANINGS) == set(Code)
    assert [name for name in PARTS if "." in name] == [], "two shapes have the same name"
    assert all(each.answer is None for each in OPERATIONS if each.status == 204)


def test_what_is_served_is_the_description(counter: Counter) -> None:
    assert counter.nobody().get("/openapi.json").json == DOCUMENT


@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_call_is_a_fault_or_is_answered_in_an_undocumented_way(counter: Counter, data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(OPERATIONS), label="operation")
    path, body = data.draw(a_call(operation), label="call")
    if operation.name in ("saveConnection", "tryConnection") and isinstance(body, dict):
        body.pop("base_url", None)  # nothing is looked up in the network
    role = data.draw(st.sampled_from((Role.OWNER, Role.OWNER, Role.OWNER, Role.MEMBER)))
    headers = (
        {"idempotency_key": data.draw(st.sampled_from(("a", "b")))}
        if operation.is_once and data.draw(st.booleans())
        else {}
    )
    answer = program_of(counter, role).ask(operation.method, path, body, **headers)  # it finds its description
    assert answer.status != 500, answer.text


def a_call(operation: Operation) -> st.SearchStrategy[tuple[str, Any]]:
    """An address and a body, mostly as described; now and then something is left out, added or replaced."""
    told = DOCUMENT["paths"][operation.path][operation.method.lower()]
    parameters = told.get("parameters", [])
    made = {each["name"]: field(each["name"], each["schema"], PARTS, WORDS) for each in parameters}
    at, asked = (
        {each["name"]: made[each["name"]] for each in parameters if each["in"] == place} for place in ("path", "query")
    )
    body: st.SearchStrategy[Any] = st.none()
    if operation.body is not None:
        right = drawn({"$ref": f"#/components/schemas/{operation.body.__name__}"}, PARTS, WORDS)
        wrong = st.one_of(
            st.sampled_from(["{", "[]", '"x"', "1", "null", "\x00"]),
            st.dictionaries(st.text(max_size=5), st.integers()),
        )
        spoiled = st.tuples(right, st.text(max_size=8), st.one_of(st.none(), st.integers(), st.text(max_size=5))).map(
            lambda drawn_: {**drawn_[0], drawn_[1]: drawn_[2]}
        )
        body = st.one_of(right, right, right, right, right, spoiled, wrong)
    return st.tuples(st.fixed_dictionaries(at), st.fixed_dictionaries({}, optional=asked), body).map(
        lambda found: (address(operation.path, found[0], found[1]), found[2])
    )


def address(path: str, at: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    made = re.sub(r"\{([^}]+)\}", lambda found: quote(str(at[found[1]]), safe="") or "x", path)
    query = urlencode({name: str(value).lower() if isinstance(value, bool) else value for name, value in asked.items()})
    return f"{made}?{query}" if query else made


def program_of(counter: Counter, role: Role) -> Any:
    known = counter.__dict__.setdefault("known", {})
    if role not in known:
        known[role] = counter.program(role)
    return known[role]
