"""Reviews at the interface: start, page through, look at, watch, stop, repeat, and say what one thinks of findings."""

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.api.stand import Counter, Program, an_interface
from tests.web.kept_reviews import FULL, SUBJECT, put_many, put_review
from tests.web.reviewed import a_worker

from mesrai.domain.roles import Role
from mesrai.server.api.door import BASE, MOST_WATCHING
from mesrai.store.repositories import Found, put_repositories
from mesrai.store.reviews import set_outcome

NAME = "github.com/acme/shop"


@pytest.fixture
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    with an_interface(tmp_path_factory.mktemp("reviews")) as made:
        house = made.stand.house
        found = [Found(name=NAME, installation=3, is_private=True)]
        made.stand.run(put_repositories(house.database, house.organisation, found))
        yield made


def events_in(text: str) -> list[tuple[str, Any]]:
    blocks = [block for block in text.split("\n\n") if "event: " in block]
    pairs = [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]
    return [(pair["event"], json.loads(pair["data"])) for pair in pairs]


def test_a_review_is_started_watched_and_read(counter: Counter) -> None:
    program = counter.program(Role.MEMBER)
    asked = program.post("/reviews", {"url": "https://github.com/acme/shop/pull/7", "scope": "full"})
    assert asked.status == 202
    name = asked.json["id"]
    assert asked.json == {"id": name, "repository": NAME, "pull_request": 7}
    assert program.get(f"/reviews/{name}").json["state"] == "waiting"
    assert program.get(f"/reviews/{name}/events").code == "not_found", "it has not begun"
    with a_worker(counter.stand):
        while program.get(f"/reviews/{name}").json["state"] == "waiting":
            pass
        watched = program.get(f"/reviews/{name}/events")
    assert watched.headers["content-type"].startswith("text/event-stream")
    told = events_in(watched.text)
    assert told[-1] == ("end", {"state": "reviewed"})
    assert [kind for kind, _ in told].count("end") == 1
    assert any(kind == "step" for kind, _ in told)
    read = program.get(f"/reviews/{name}").json
    assert (read["state"], read["pull_request"], read["trigger"]) == ("reviewed", 7, "asked")
    assert read["report"]["outcome"] == "reviewed"
    assert read["findings"] == {"critical": 0, "high": 1, "medium": 0, "low": 0}
    ids = [line.removeprefix("id: ") for line in watched.text.splitlines() if line.startswith("id: ")]
    rest = program.get(f"/reviews/{name}/events", last_event_id=ids[-2])
    assert [line for line in rest.text.splitlines() if line.startswith("id: ")] == [f"id: {ids[-1]}"]


def test_one_caller_does_not_hold_all_connections(counter: Counter) -> None:
    name = put_review(counter.stand, None, name="job-901")
    program, other = counter.program(), counter.program()
    place = urlsplit(counter.stand.url)
    held = []
    for _ in range(MOST_WATCHING):
        connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=10)
        connection.request("GET", f"{BASE}/reviews/{name}/events", headers=dict(program.headers))
        held.append((connection, connection.getresponse()))
        assert held[-1][1].status == 200
    refused = program.get(f"/reviews/{name}/events")
    assert (refused.status, refused.code) == (429, "rate_limited")
    counter.stand.run(set_outcome(counter.stand.house.database, name, "stopped"))
    assert other.get(f"/reviews/{name}/events").status == 200
    for connection, response in held:
        assert b"event: end" in response.read()
        connection.close()
    assert program.get(f"/reviews/{name}/events").status == 200


def test_what_is_asked_for_wrongly_starts_nothing(counter: Counter) -> None:
    program = counter.program()
    for body in ({}, {"url": "x", "number": 3}, {"repository": NAME}, {"number": 7}):
        assert program.post("/reviews", body).code == "invalid"
    for body in ({"url": "https://github.com/acme/shop"}, {"repository": "github.com/acme/else", "number": 1}):
        assert program.post("/reviews", body).code == "refused"
    assert program.get("/queue").json["items"] == []


def test_lists_are_pages_and_take_filters(counter: Counter) -> None:
    put_many(counter.stand, 30)
    put_review(counter.stand, name="job-901", title="Something else", author="grace")
    program = counter.program()
    seen: list[str] = []
    after = ""
    while True:
        page = program.get(f"/reviews?limit=12&after={after}").json
        seen += [each["id"] for each in page["items"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert len(seen) == len(set(seen)) == 31
    assert [each["id"] for each in program.get("/reviews?author=grace").json["items"]] == ["job-901"]
    assert [each["id"] for each in program.get("/reviews?title=ELSE&severity=critical").json["items"]] == ["job-901"]
    assert program.get("/reviews?state=parked").json == {"items": [], "next": None}
    assert program.get("/reviews?since=2100-01-01T00:00:00Z").json["items"] == []
    assert program.get("/reviews?since=2100-01-01T00:00:00").code == "invalid", "a time has a zone"
    assert program.get(f"/reviews?repository={NAME}&pull_request=7").json["items"]
    assert program.get("/reviews?pull_request=7").code == "invalid"
    assert program.get("/reviews?after=nonsense").code == "invalid"


def test_a_review_of_another_organisation_is_not_there(counter: Counter) -> None:
    name = put_review(counter.stand)
    counter.stand.run(counter.stand.house.database.rows("UPDATE reviews SET organisation = 'other'"))
    program = counter.program()
    assert program.get("/reviews").json["items"] == []
    for path in (f"/reviews/{name}", f"/reviews/{name}/findings", f"/reviews/{name}/events"):
        assert program.get(path).code == "not_found"
    fingerprint = FULL.findings[0].fingerprint
    assert say(program, name, fingerprint, "wrong").code == "not_found"
    assert program.post(f"/reviews/{name}/cancel").code == "not_found"


def test_a_review_that_waits_or_runs_is_stopped(counter: Counter) -> None:
    program = counter.program(Role.MEMBER)
    name = program.post("/reviews", {"repository": NAME, "number": 7}).json["id"]
    stopped = program.post(f"/reviews/{name}/cancel")
    assert (stopped.status, stopped.json["state"]) == (202, "stopped")
    assert program.get(f"/reviews/{name}").code == "not_found", "it never began"
    name = put_review(counter.stand, None, name="job-99")
    assert program.post(f"/reviews/{name}/cancel").json["state"] == "stopped", "nobody carries it out"
    assert program.post(f"/reviews/{name}/cancel").code == "conflict"
    assert program.post("/reviews/job-4711/cancel").code == "not_found"


def test_a_review_that_is_over_is_done_again(counter: Counter) -> None:
    name = put_review(counter.stand, name="job-901")
    program = counter.program(Role.MEMBER)
    first = program.post(f"/reviews/{name}/retry", {"scope": "deep"}, idempotency_key="a")
    again = program.post(f"/reviews/{name}/retry", {"scope": "deep"}, idempotency_key="a")
    assert (first.status, first.json) == (again.status, again.json)
    assert first.json["id"] != name
    (job,) = counter.program().get("/queue").json["items"]
    assert (job["kind"], job["subject"], job["state"]) == ("review", SUBJECT, "waiting")
    waiting = first.json["id"]
    assert program.post(f"/reviews/{waiting}/retry").json["id"] == waiting, "it waits already"


def say(program: Program, review: str, fingerprint: str, verdict: str, note: str = "") -> Any:
    return program.put(f"/reviews/{review}/findings/{fingerprint}/feedback", {"verdict": verdict, "note": note})


def test_the_last_word_of_each_person_on_a_finding_counts(counter: Counter) -> None:
    name = put_review(counter.stand)
    ada, grace = counter.program(Role.MEMBER), counter.program(Role.ADMIN)
    fingerprint = FULL.findings[0].fingerprint
    assert say(ada, name, fingerprint, "wrong", "it is checked above").status == 200
    assert say(ada, name, fingerprint, "useful").json["verdict"] == "useful"
    assert say(grace, name, fingerprint, "later").status == 200
    found = {each["fingerprint"]: each for each in ada.get(f"/reviews/{name}/findings").json["items"]}
    assert set(found) == {each.fingerprint for each in FULL.findings}
    said = {each["who"]: (each["verdict"], each["note"]) for each in found[fingerprint]["feedback"]}
    assert said == {ada.person.email: ("useful", ""), grace.person.email: ("later", "")}
    listed = ada.get(f"/feedback?repository={NAME}&limit=1").json
    assert len(listed["items"]) == 1
    assert ada.get(f"/feedback?limit=1&after={listed['next']}").json["next"] is None
    assert ada.delete(f"/reviews/{name}/findings/{fingerprint}/feedback").status == 204
    assert ada.delete(f"/reviews/{name}/findings/{fingerprint}/feedback").code == "not_found"
    assert [each["who"] for each in ada.get("/feedback").json["items"]] == [grace.person.email]


def test_a_finding_that_is_none_and_a_verdict_that_is_none_are_refused(counter: Counter) -> None:
    name = put_review(counter.stand)
    program = counter.program()
    assert say(program, name, "0" * 16, "wrong").code == "not_found"
    assert say(program, name, FULL.findings[0].fingerprint, "great").code == "invalid"
    assert counter.program(Role.BILLING).get(f"/reviews/{name}/findings").code == "forbidden"


def test_a_repository_is_switched_off_and_on(counter: Counter) -> None:
    program = counter.program()
    (shown,) = program.get("/repositories").json["items"]
    assert (shown["name"], shown["is_private"], shown["is_reviewed"]) == (NAME, True, True)
    assert program.patch("/repositories", {"name": NAME, "is_reviewed": False}).json["is_reviewed"] is False
    assert program.get("/repositories?is_reviewed=true").json["items"] == []
    assert program.patch("/repositories", {"name": "github.com/a/b", "is_reviewed": True}).code == "not_found"
    (entry,) = program.get("/audit").json["items"]
    assert (entry["what"], entry["subject"], entry["who"]) == ("repository.switch", NAME, program.person.email)
    assert program.post("/repositories/look").code == "refused", "no code host is connected"
