import asyncio
from typing import Any

import pytest

from mesrai.domain.pull_request import Comment, Event, EventKind, Person, RepositoryName
from mesrai.flows.receive import COMMAND, LOOK, REVIEW, Meaning, meaning_of, receive

SHOP = RepositoryName(forge="github.com", owner="acme", name="shop")
PLACE = {"forge": "github.com", "owner": "acme", "name": "shop", "number": 7, "installation": 99}


class MemoryIntake:
    """Keeps what it took."""

    def __init__(self) -> None:
        self.taken: dict[str, Meaning] = {}

    async def take(self, delivery: str, meaning: Meaning) -> str:
        is_new = delivery not in self.taken
        self.taken.setdefault(delivery, meaning)
        return meaning.told if is_new else ""


def an_event(kind: EventKind, **changes: Any) -> Event:
    facts: dict[str, Any] = {"kind": kind, "delivery": "d1", "repository": SHOP, "number": 7, "installation": 99}
    return Event(**(facts | changes))


def a_comment(body: str, *, is_bot: bool = False) -> Comment:
    return Comment(id=5, author=Person(id=1, login="ada", is_bot=is_bot), body=body)


@pytest.mark.parametrize(
    ("kind", "trigger"),
    [
        (EventKind.OPENED, "opened"),
        (EventKind.PUSHED, "pushed"),
        (EventKind.EDITED, "edited"),
        (EventKind.RERUN, "asked"),
    ],
)
def test_what_happens_to_a_pull_request_makes_a_review_due(kind: EventKind, trigger: str) -> None:
    work = meaning_of(an_event(kind)).work
    assert work is not None
    assert (work.kind, work.subject, work.payload) == (REVIEW, "github.com/acme/shop#7", PLACE | {"trigger": trigger})
    assert work.is_asked == (kind is EventKind.RERUN)


def test_a_command_is_work_of_its_own_and_replaces_no_other() -> None:
    work = meaning_of(an_event(EventKind.COMMENTED, comment=a_comment("@mesrai pause"))).work
    assert work is not None
    assert (work.kind, work.subject) == (COMMAND, "github.com/acme/shop#7:5")
    assert work.payload == PLACE | {"comment": 5, "thread": None, "login": "ada", "body": "@mesrai pause"}


@pytest.mark.parametrize(
    "event",
    [
        an_event(EventKind.COMMENTED, comment=a_comment("looks good")),
        an_event(EventKind.COMMENTED, comment=a_comment("@mesrai review", is_bot=True)),
        an_event(EventKind.CLOSED),
        an_event(EventKind.PING, repository=None, number=None),
    ],
)
def test_what_needs_no_work_makes_none(event: Event) -> None:
    assert meaning_of(event).work is None


@pytest.mark.parametrize("kind", [EventKind.CONNECTED, EventKind.DISCONNECTED])
def test_a_change_of_an_installation_has_the_repositories_looked_for_anew(kind: EventKind) -> None:
    work = meaning_of(an_event(kind, repository=None, number=None)).work
    assert work is not None
    assert (work.kind, work.subject, work.payload) == (LOOK, "repositories", {})


def test_a_delivery_that_comes_again_does_nothing_again() -> None:
    intake = MemoryIntake()
    first = asyncio.run(receive(intake, an_event(EventKind.OPENED)))
    again = asyncio.run(receive(intake, an_event(EventKind.OPENED)))
    assert first == "A review of github.com/acme/shop#7 is due."
    assert again == "This delivery came before; nothing is done twice."
    assert len(intake.taken) == 1
