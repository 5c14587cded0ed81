"""What holds for every call: limits, idempotency keys, problems, and what is refused before anything is done."""

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.api.stand import Counter, an_interface
from tests.databases import ENGINES, a_database

from mesrai.domain.roles import Right, Role
from mesrai.errors import StoreUnavailable
from mesrai.server.api.call import MOST_BODY
from mesrai.server.api.door import BASE
from mesrai.server.api.problems import problem_of

MEMORY = {"text": "Money is counted in cents."}


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    with an_interface(tmp_path_factory.mktemp("door")) as made:
        yield made


def test_an_unknown_field_is_refused_with_its_place(counter: Counter) -> None:
    answer = counter.program().post("/connections/preview", {"card": "kimi-k2.6", "plan": "code", "teir": 1})
    assert (answer.status, answer.code) == (422, "invalid")
    assert answer.json["errors"] == [{"path": "$", "message": "Object contains unknown field `teir`"}]
    answer = counter.program().get("/reviews?limit=0")
    assert answer.json["errors"] == [{"path": "limit", "message": "Expected `int` >= 1"}]
    answer = counter.program().get("/reviews?limt=5")
    assert (answer.status, answer.json["errors"][0]["message"]) == (422, "Object contains unknown field `limt`")
    assert counter.program().get("/reviews?limit=5&limit=6").json["errors"][0]["path"] == "limit"


def test_only_json_is_taken(counter: Counter) -> None:
    program = counter.program()
    assert program.ask("POST", "/memories", "{", content_type="application/json").code == "not_json"
    assert program.ask("POST", "/memories", '{"text": "\\ud83d"}').code == "not_json", "half of a character"
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = program.ask("POST", "/memories", json.dumps(MEMORY), content_type=kind)
        assert (answer.status, answer.code) == (415, "unsupported_type")
    assert (
        program.ask("POST", "/memories", json.dumps(MEMORY), content_type="application/json; charset=utf-8").status
        == 201
    )


def test_a_body_that_is_too_large_is_not_read_to_its_end(counter: Counter) -> None:
    program = counter.program()
    answer = program.ask("POST", "/memories", json.dumps({"text": "x" * MOST_BODY}))
    assert (answer.status, answer.code, answer.headers["connection"]) == (413, "too_large", "close")


def test_an_address_that_is_none_and_a_method_that_is_none_are_problems_too(counter: Counter) -> None:
    program = counter.program()
    assert program.get("/nothing").code == "not_found"
    answer = program.delete("/reviews")
    assert (answer.code, answer.headers["allow"]) == ("method_not_allowed", "GET, HEAD, POST")
    looked = program.ask("HEAD", "/caller", None)
    assert (looked.status, looked.text) == (200, "")
    assert program.ask("OPTIONS", "/reviews", None, origin="https://evil.example").status == 405
    assert "access-control-allow-origin" not in program.get("/caller", origin="https://evil.example").headers


def test_every_answer_is_kept_nowhere_and_sniffed_by_nobody(counter: Counter) -> None:
    for answer in (counter.program().get("/caller"), counter.nobody().get("/caller"), counter.nobody().get("/x")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_request_under_one_key_is_carried_out_once(counter: Counter) -> None:
    program, other = counter.program(), counter.program()
    first = program.post("/memories", MEMORY, idempotency_key="one")
    again = program.post("/memories", MEMORY, idempotency_key="one")
    assert (first.status, again.status, again.text) == (201, 201, first.text)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    changed = program.post("/memories", {"text": "Another one."}, idempotency_key="one")
    assert (changed.status, changed.code) == (422, "key_reused")
    assert other.post("/memories", MEMORY, idempotency_key="one").json["id"] != first.json["id"], (
        "keys are each one's own"
    )
    assert program.post("/memories", MEMORY, idempotency_key="k" * 201).code == "invalid"


def test_what_failed_may_be_sent_again_under_its_key(counter: Counter) -> None:
    program = counter.program()
    asked = {"repository": "github.com/acme/later", "number": 1}
    assert program.post("/reviews", asked, idempotency_key="two").code == "refused"
    put_repository(counter, "github.com/acme/later")
    assert program.post("/reviews", asked, idempotency_key="two").status == 202


def test_of_requests_at_once_under_one_key_one_is_carried_out(counter: Counter) -> None:
    program = counter.program()
    answers: list[int] = []
    callers = [
        threading.Thread(
            target=lambda: answers.append(program.post("/memories", MEMORY, idempotency_key="three").status)
        )
        for _ in range(6)
    ]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    assert set(answers) <= {201, 409}
    assert answers.count(201) >= 1
    rows = counter.stand.run(
        counter.stand.house.database.rows(
            "SELECT count(*) AS count FROM memories WHERE author = :who", who=program.person.email
        )
    )
    assert rows[0]["count"] == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_too_many_calls_of_one_token_wait_and_others_do_not(engine: str, tmp_path: Path) -> None:
    with a_database(engine, tmp_path) as url, an_interface(tmp_path, url=url, per_minute=3) as counter:
        program, other = counter.program(), counter.program(Role.MEMBER, (Right.OWN_ACCOUNT,))
        answers = [program.get("/caller") for _ in range(8)]  # a minute may end between two of them
        assert answers[0].headers["ratelimit-limit"] == "3"
        assert answers[0].headers["ratelimit-remaining"] == "2"
        refused = [each for each in answers if each.status == 429]
        assert refused
        assert all(each.code == "rate_limited" for each in refused)
        assert 1 <= int(refused[0].headers["retry-after"]) <= 60
        assert refused[0].headers["retry-after"] == refused[0].headers["ratelimit-reset"]
        assert other.get("/caller").status == 200


def test_what_the_store_says_of_itself_is_for_the_operator_alone() -> None:
    inside = StoreUnavailable("connection to 10.1.2.3:5432 as mesrai failed")
    problem, headers = problem_of(inside)
    assert (problem.status, problem.code, headers["retry-after"]) == (503, "unavailable", "5")
    assert "10.1.2.3" not in problem.detail


def test_a_fault_of_ours_is_a_problem_without_a_trace(tmp_path: Path) -> None:
    async def broken(**_: object) -> object:
        raise RuntimeError("secret inside")

    with an_interface(tmp_path) as counter:
        program = counter.program()
        object.__setattr__(counter.stand.house.queue, "standing", broken)
        answer = program.get("/queue")
        assert (answer.status, answer.code) == (500, "fault")
        assert "inside" not in answer.text


def test_the_interface_stands_beside_the_pages(counter: Counter, tmp_path: Path) -> None:
    from tests.api.stand import both
    from tests.web.stand import a_site

    with a_site(tmp_path, app=both) as stand:
        place = urlsplit(stand.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=10)
        connection.request("GET", f"{BASE}/openapi.json")
        assert json.loads(connection.getresponse().read())["openapi"] == "3.1.0"
        connection.close()
        assert stand.visitor().get("/welcome").status == 200
        assert stand.visitor().get("/health/live").status == 200


def put_repository(counter: Counter, name: str) -> None:
    from mesrai.store.repositories import Found, put_repositories

    house = counter.stand.house
    found = [Found(name=name, installation=3, is_private=False)]
    counter.stand.run(put_repositories(house.database, house.organisation, found))
