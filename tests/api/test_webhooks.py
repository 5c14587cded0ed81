"""Webhooks out: signed, tried again, given up, switched off after repeated failure, sent again by hand."""

import asyncio
import hashlib
import hmac
import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.api.stand import Counter, Program, an_interface
from tests.databases import ENGINES, a_database
from tests.web.kept_reviews import FULL, put_review

from mesrai.assembly.outgoing import sending
from mesrai.domain.roles import Role
from mesrai.errors import UserError
from mesrai.flows import webhooks
from mesrai.flows.webhooks import DELIVER, RETRIES_S, Answered, Happening, refuse_address
from mesrai.jobs.queue import Job
from mesrai.llm.reach import Reach
from mesrai.store.reviews import set_outcome
from mesrai.store.vault import KEY_BYTES, Keyring, MasterKey
from mesrai.store.webhooks import MOST_FAILURES, any_webhook, opened_secret, reseal_webhooks

URL = "https://hooks.example.com/mesrai"
ALL = [str(each) for each in Happening if each is not Happening.PING]


@dataclass
class Listener:
    """Somebody who is told."""

    port: int
    statuses: list[int] = field(default_factory=list)  # to answer with, one after the other; then 204
    came: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def a_listener() -> Iterator[Listener]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told.came.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status = told.statuses.pop(0) if told.statuses else 204
            self.send_response(status)
            if status == 302:
                self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told = Listener(server.server_address[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    with a_listener() as made:
        yield made


@pytest.fixture
def counter(tmp_path: Path, listener: Listener) -> Iterator[Counter]:
    with an_interface(tmp_path, env={"MESRAI_ALLOWED_HOSTS": f"127.0.0.1:{listener.port}"}) as made:
        yield made


def desk_of(counter: Counter) -> webhooks.Desk:
    house = counter.stand.house
    keyring = counter.stand.run(house.installation()).keyring
    return webhooks.Desk(database=house.database, organisation=house.organisation, queue=house.queue, keyring=keyring)


def delivered(counter: Counter, listener: Listener) -> list[str]:
    """Carry out all deliveries that wait, whenever they are due; what came of each."""
    desk, queue = desk_of(counter), counter.stand.house.queue
    post = sending(Reach(allowed=frozenset({f"127.0.0.1:{listener.port}"})))

    async def work() -> list[str]:
        told: list[str] = []
        for each in await queue.standing():
            await queue.retry(each.id)
        while (job := await queue.claim("w", kinds=(DELIVER,))) is not None:
            told.append(await webhooks.deliver(desk, job, post, lambda: 1_900_000_000.0))
        return told

    return counter.stand.run(work())


def subscribed(program: Program, listener: Listener, events: list[str] | None = None) -> Any:
    answer = program.post("/webhooks", {"url": listener.url, "events": events or ALL})
    assert answer.status == 201, answer.text
    return answer.json


def deliveries(program: Program, webhook: str) -> list[Any]:
    found: list[Any] = program.get(f"/webhooks/{webhook}/deliveries").json["items"]
    return found


def test_what_became_of_a_review_is_told_once_and_signed(counter: Counter, listener: Listener) -> None:
    program = counter.program()
    made = subscribed(program, listener)
    review = put_review(counter.stand)
    for _ in range(2):
        counter.stand.run(webhooks.tell_of_review(desk_of(counter), review))
    delivered(counter, listener)
    events = [headers["x-mesrai-event"] for headers, _ in listener.came]
    assert sorted(events) == ["finding.posted"] * len(FULL.findings) + ["review.finished"]
    headers, body = next(each for each in listener.came if each[0]["x-mesrai-event"] == "review.finished")
    text = f"{headers['x-mesrai-timestamp']}.".encode() + body
    seal = hmac.new(made["secret"].encode(), text, hashlib.sha256).hexdigest()
    assert headers["x-mesrai-signature"] == f"sha256={seal}"
    assert headers["user-agent"].startswith("Mesrai-Webhook/")
    told = json.loads(body)
    assert told["id"] == headers["x-mesrai-delivery"]
    assert (told["event"], told["data"]["review"], told["data"]["state"]) == ("review.finished", review, "reviewed")
    assert {each["state"] for each in deliveries(program, made["id"])} == {"delivered"}
    assert delivered(counter, listener) == []


def test_only_what_was_asked_for_is_told(counter: Counter, listener: Listener) -> None:
    program = counter.program()
    made = subscribed(program, listener, ["review.failed"])
    review = put_review(counter.stand)
    counter.stand.run(webhooks.tell_of_review(desk_of(counter), review))
    assert deliveries(program, made["id"]) == []
    for _ in range(2):  # it may fail again
        counter.stand.run(set_outcome(counter.stand.house.database, review, "failed", reason="The key is refused."))
        counter.stand.run(webhooks.tell_of_review(desk_of(counter), review))
    assert [each["event"] for each in deliveries(program, made["id"])] == ["review.failed"] * 2


def test_the_secret_is_shown_once_and_lies_sealed(counter: Counter, listener: Listener) -> None:
    program = counter.program()
    made = subscribed(program, listener)
    assert made["secret"].startswith("whsec_")
    for path in ("/webhooks", f"/webhooks/{made['id']}", "/audit"):
        assert made["secret"] not in program.get(path).text
    (row,) = counter.stand.run(counter.stand.house.database.rows("SELECT * FROM webhooks"))
    assert made["secret"] not in json.dumps(dict(row))


@pytest.mark.parametrize("engine", ENGINES)
def test_another_master_key_seals_the_secrets_anew(engine: str, tmp_path: Path) -> None:
    with a_database(engine, tmp_path) as url, an_interface(tmp_path, url=url) as counter:
        made = counter.program().post("/webhooks", {"url": URL, "events": ["review.failed"]}).json
        database = counter.stand.house.database
        before = desk_of(counter).keyring()
        stored = counter.stand.run(any_webhook(database, made["id"]))
        assert stored is not None
        assert opened_secret(stored, before).open() == made["secret"]
        old = MasterKey(b"o" * KEY_BYTES)
        counter.stand.run(reseal_webhooks(database, keyring_beside(before, old)))
        newest = Keyring(MasterKey(b"n" * KEY_BYTES), [old])
        assert counter.stand.run(reseal_webhooks(database, newest)) == 1
        assert counter.stand.run(reseal_webhooks(database, newest)) == 0
        again = counter.stand.run(any_webhook(database, made["id"]))
        assert again is not None
        assert opened_secret(again, Keyring(MasterKey(b"n" * KEY_BYTES))).open() == made["secret"]


def keyring_beside(known: Keyring, current: MasterKey) -> Keyring:
    """A keyring whose current key is another one, and which still opens what the first one sealed."""
    return Keyring(current, list(known._keys.values()))


def test_a_delivery_is_tried_again_and_then_given_up(counter: Counter, listener: Listener) -> None:
    program = counter.program()
    made = subscribed(program, listener)
    listener.statuses = [500, 302, 404, 503, 410]
    number = program.post(f"/webhooks/{made['id']}/ping").json["id"]
    for attempt in range(1, len(RETRIES_S) + 1):
        (told,) = delivered(counter, listener)
        assert "tried again" in told
        (shown,) = deliveries(program, made["id"])
        assert (shown["state"], shown["attempts"]) == ("waiting", attempt)
    (told,) = delivered(counter, listener)
    assert told == "Not delivered: It answered 410."
    (shown,) = deliveries(program, made["id"])
    assert (shown["state"], shown["attempts"], shown["status"]) == ("failed", 5, 410)
    assert len(listener.came) == 5, "a redirect is not followed"
    assert program.post(f"/webhooks/{made['id']}/deliveries/{number}/again").json["state"] == "waiting"
    assert delivered(counter, listener) == ["It was delivered (204)."]
    (shown,) = deliveries(program, made["id"])
    assert (shown["state"], shown["attempts"]) == ("delivered", 6)
    assert len({headers["x-mesrai-delivery"] for headers, _ in listener.came}) == 1


def test_the_waits_between_attempts_grow(counter: Counter, listener: Listener) -> None:
    program = counter.program()
    made = subscribed(program, listener)
    listener.statuses = [500, 500]
    program.post(f"/webhooks/{made['id']}/ping")
    waits = []
    for _ in range(2):
        delivered(counter, listener)
        (job,) = program.get("/queue").json["items"]
        waits.append(job["due_at"])
        assert job["state"] == "parked"
    assert waits == sorted(waits)


def test_repeated_failure_switches_a_webhook_off_and_says_so(counter: Counter, listener: Listener) -> None:
    program = counter.program()
    made = subscribed(program, listener)
    listener.statuses = [500] * (MOST_FAILURES * (len(RETRIES_S) + 1))
    for _ in range(MOST_FAILURES):
        program.post(f"/webhooks/{made['id']}/ping")
    told = [each for _ in range(len(RETRIES_S) + 1) for each in delivered(counter, listener)]
    assert told[-1].endswith("The webhook is switched off now.")
    shown = program.get(f"/webhooks/{made['id']}").json
    assert (shown["is_active"], shown["failures"]) == (False, MOST_FAILURES)
    assert shown["reason"] == f"{MOST_FAILURES} deliveries in a row failed; the last one: It answered 500."
    assert any(each["what"] == "webhook.disable" for each in program.get("/audit").json["items"])
    number = deliveries(program, made["id"])[0]["id"]
    assert program.post(f"/webhooks/{made['id']}/deliveries/{number}/again").code == "refused"
    counter.stand.run(webhooks.tell_of_review(desk_of(counter), put_review(counter.stand)))
    assert len(deliveries(program, made["id"])) == MOST_FAILURES, "nothing more is told"
    again = program.patch(f"/webhooks/{made['id']}", {"is_active": True}).json
    assert (again["is_active"], again["failures"], again["reason"]) == (True, 0, "")


def test_one_that_arrives_ends_the_count_of_failures(counter: Counter, listener: Listener) -> None:
    program = counter.program()
    made = subscribed(program, listener)
    listener.statuses = [500] * (len(RETRIES_S) + 1)
    program.post(f"/webhooks/{made['id']}/ping")
    for _ in range(len(RETRIES_S) + 1):
        delivered(counter, listener)
    assert program.get(f"/webhooks/{made['id']}").json["failures"] == 1
    program.post(f"/webhooks/{made['id']}/ping")
    delivered(counter, listener)
    assert program.get(f"/webhooks/{made['id']}").json["failures"] == 0


def test_a_webhook_that_is_removed_gets_nothing_more(counter: Counter, listener: Listener) -> None:
    program = counter.program()
    made = subscribed(program, listener)
    program.post(f"/webhooks/{made['id']}/ping")
    assert program.delete(f"/webhooks/{made['id']}").status == 204
    assert delivered(counter, listener) == ["There is nothing to deliver any more."]
    assert listener.came == []
    for path in ("", "/deliveries"):
        assert program.get(f"/webhooks/{made['id']}{path}").code == "not_found"
    assert counter.program(Role.MEMBER).get("/webhooks").code == "forbidden"


def test_a_delivery_whose_workers_were_lost_has_failed(counter: Counter, listener: Listener) -> None:
    program = counter.program()
    made = subscribed(program, listener)
    number = program.post(f"/webhooks/{made['id']}/ping").json["id"]
    job = Job(
        id=1, kind=DELIVER, subject="", payload={"webhook": made["id"], "delivery": number}, attempt=5, worker="w"
    )
    counter.stand.run(webhooks.give_up(desk_of(counter), job, "its worker was lost"))
    (shown,) = deliveries(program, made["id"])
    assert (shown["state"], shown["told"]) == ("failed", "its worker was lost")


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/", "https://127.0.0.1/", "https://10.1.2.3/x", "https://[::1]/", "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest", "https://user:word@example.com/", "https://example.com/#x", "ftp://example.com/",
        "https:///x", "https://exa mple.com/", "javascript:alert(1)", "https://example.com:99999/", "https://exämple.com/",
    ],
)  # fmt: skip
def test_no_address_inside_and_no_unsafe_one_is_taken(url: str) -> None:
    with pytest.raises(UserError):
        refuse_address(url, Reach())


def sent(reach: Reach, url: str) -> Answered:
    async def send() -> Answered:
        return await sending(reach)(url, {}, b"{}")

    return asyncio.run(send())


def test_a_name_that_leads_inside_is_found_out_when_it_is_sent() -> None:
    with a_listener() as listener:
        for host in ("127.0.0.1", "localhost"):
            answered = sent(Reach(), f"http://{host}:{listener.port}/")
            assert answered.status is None
            assert answered.told == "The address lies inside the network that the service runs in."
        assert listener.came == []


def test_what_is_not_there_is_said_in_our_own_words() -> None:
    with a_listener() as listener:
        port = listener.port
    answered = sent(Reach(allowed=frozenset({"127.0.0.1"})), f"http://127.0.0.1:{port}/")
    assert (answered.status, answered.told) == (None, "The address cannot be reached.")
