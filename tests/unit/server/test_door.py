"""From the bytes of a webhook to the queue, through every part of the door but the network and the store."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from starlette.types import Message
from tests.github.fetch import EXAMPLES
from tests.unit.forges.github.webhooks import COMMENT, PULL_REQUEST, WEBHOOK_SECRET, headers_for, payload

from mesrai.domain.pull_request import Person
from mesrai.flows.obey import HELP
from mesrai.flows.receive import Meaning, Work, receive
from mesrai.forges.github.bodies import comment_text
from mesrai.forges.github.wire import read_event
from mesrai.server.app import Doors, server_app

APP = Person(id=77, login="mesrai-review[bot]", is_bot=True)
ADA = Person(id=5, login="ada")  # whose personal token we have


class MemoryIntake:
    """Keeps what it took."""

    def __init__(self) -> None:
        self.work: list[Work] = []

    async def take(self, delivery: str, meaning: Meaning) -> str:
        if meaning.work is not None:
            self.work.append(meaning.work)
        return meaning.told


def through_the_door(webhooks: Sequence[tuple[str, Any]], me: Person | None) -> tuple[list[int], list[Work]]:
    """The status each webhook got, and the work that all made."""
    intake = MemoryIntake()

    async def webhook(headers: Mapping[str, str], body: bytes) -> str:
        event = read_event(headers, body, secret=WEBHOOK_SECRET, me=me)
        return "Nothing is to be done." if event is None else await receive(intake, event)

    async def nothing_broken() -> Mapping[str, str]:
        return {}

    app = server_app(Doors(github_webhook=webhook, broken=nothing_broken))

    async def status_of(name: str, body: bytes) -> int:
        sent: list[Message] = []

        async def come() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        headers = [(key.lower().encode(), value.encode()) for key, value in headers_for(name, body).items()]
        path = "/webhooks/github"
        scope: dict[str, Any] = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
                                 "query_string": b"", "headers": headers, "http_version": "1.1",
                                 "scheme": "http", "server": ("test", 80), "client": ("test", 1)}  # fmt: skip
        await app(scope, come, send)
        return int(sent[0]["status"])

    async def all_of_them() -> list[int]:
        return [await status_of(name, json.dumps(each).encode()) for name, each in webhooks]

    return asyncio.run(all_of_them()), intake.work


def work_of(name: str, said: Any, me: Person | None) -> list[Work]:
    statuses, work = through_the_door([(name, said)], me)
    assert statuses == [202]
    return work


@pytest.mark.skipif(not EXAMPLES.exists(), reason="GitHub's example payloads are not here: run tests/github/fetch.py")
def test_every_official_example_passes_through() -> None:
    listed = json.loads(EXAMPLES.read_text("utf-8"))
    webhooks = [(each["name"], example) for each in listed for example in each["examples"]]
    statuses, work = through_the_door(webhooks, APP)
    assert (len(webhooks), set(statuses)) == (329, {202})
    assert Counter((each.kind, each.payload.get("trigger")) for each in work) == {
        ("review", "opened"): 9,
        ("review", "pushed"): 1,
        ("review", "asked"): 2,
        ("look", None): 10,
    }


def as_sender(person: Person) -> dict[str, Any]:
    return {"login": person.login, "id": person.id, "type": "Bot" if person.is_bot else "User"}


def our_doings(us: Person) -> list[tuple[str, dict[str, Any]]]:
    """What GitHub tells because of all that we do there ourselves."""
    by: dict[str, Any] = {"sender": as_sender(us)}
    comment: dict[str, Any] = {**COMMENT, "user": as_sender(us)}
    issue = {"number": 2, "pull_request": {"url": "…"}}
    ours = [comment | {"body": comment_text(text)} for text in (HELP, "@mesrai review", "@mesrai pause\n\nwell")]
    check = {"id": 1, "head_sha": PULL_REQUEST["head"]["sha"], "pull_requests": [{**PULL_REQUEST}]}
    said: list[tuple[str, dict[str, Any]]] = []
    for each in ours:
        said += [
            ("issue_comment", payload(action, issue=issue, comment=each, **by))
            for action in ("created", "edited", "deleted")
        ]
        said += [
            ("pull_request_review_comment", payload(action, pull_request=PULL_REQUEST, comment=each, **by))
            for action in ("created", "edited", "deleted")
        ]
    said += [
        ("pull_request_review", payload(action, pull_request=PULL_REQUEST, review=ours[1], **by))
        for action in ("submitted", "edited", "dismissed")
    ]
    said += [
        ("pull_request_review_thread", payload(action, pull_request=PULL_REQUEST, thread={}, **by))
        for action in ("resolved", "unresolved")
    ]
    said += [("check_run", payload(action, check_run=check, **by)) for action in ("created", "completed")]
    said += [("check_suite", payload(action, check_suite=check, **by)) for action in ("requested", "completed")]
    said.append(("status", payload(sha=PULL_REQUEST["head"]["sha"], state="success", **by)))
    changes = {"body": {"from": "what stood there"}}
    said.append(("pull_request", payload("edited", pull_request=PULL_REQUEST, changes=changes, **by)))
    said += [
        ("pull_request", payload(action, pull_request=PULL_REQUEST, **by))
        for action in ("labeled", "unlabeled", "assigned", "review_requested", "review_request_removed")
    ]
    return said


@pytest.mark.parametrize(("us", "known"), [(APP, APP), (APP, None), (ADA, ADA), (ADA, None)])
def test_nothing_that_we_do_ourselves_makes_work(us: Person, known: Person | None) -> None:
    for name, said in our_doings(us):
        assert work_of(name, said, known) == [], (name, said.get("action", ""))


def test_a_person_whose_token_we_have_is_still_obeyed() -> None:
    comment = {**COMMENT, "user": as_sender(ADA), "body": "@mesrai review"}
    issue = {"number": 2, "pull_request": {"url": "…"}}
    said = payload("created", issue=issue, comment=comment, sender=as_sender(ADA))
    for known in (ADA, None):
        assert [each.kind for each in work_of("issue_comment", said, known)] == ["command"]
    pushed = payload("synchronize", pull_request=PULL_REQUEST, sender=as_sender(ADA))
    assert [each.kind for each in work_of("pull_request", pushed, ADA)] == ["review"]
