"""Take what a forge tells us: note that it came, and put the work it means into the queue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from mesrai.domain.command import command_in
from mesrai.domain.occasion import Trigger
from mesrai.domain.pull_request import Event, EventKind

REVIEW: Final = "review"  # kinds of jobs
COMMAND: Final = "command"
LOOK: Final = "look"  # for the repositories there are
_TRIGGERS: Final = {
    EventKind.OPENED: Trigger.OPENED,
    EventKind.PUSHED: Trigger.PUSHED,
    EventKind.EDITED: Trigger.EDITED,
    EventKind.RERUN: Trigger.ASKED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A job to be put into the queue."""

    kind: str
    subject: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    is_asked: bool = False  # somebody asked for it, which no later event may undo


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What an event comes to."""

    told: str  # a sentence for people
    work: Work | None = None


class Intake(Protocol):
    """Where deliveries and jobs are written."""

    async def take(self, delivery: str, meaning: Meaning) -> str:
        """Note the delivery, put its work and remember what was asked, all or nothing.

        Returns what was made of it, in a sentence; empty if it was noted before. Errors: StoreError.
        """
        ...


async def receive(intake: Intake, event: Event) -> str:
    """Take an event, once however often it is delivered; what was made of it. Errors: StoreError."""
    told = await intake.take(event.delivery, meaning_of(event))
    return told or "This delivery came before; nothing is done twice."


def meaning_of(event: Event) -> Meaning:
    """What is to be done about an event."""
    if event.kind is EventKind.PING:
        return Meaning(told="Pong.")
    if event.kind in (EventKind.CONNECTED, EventKind.DISCONNECTED):
        return Meaning(told="The repositories are looked for anew.", work=Work(kind=LOOK, subject="repositories"))
    if event.repository is None or event.number is None:
        return Meaning(told=f"Nothing is to be done about {event.kind}.")
    subject = f"{event.repository}#{event.number}"
    if event.kind in _TRIGGERS:
        payload = _payload(event) | {"trigger": _TRIGGERS[event.kind].value}
        # GitHub lets only people who may write run a check again.
        work = Work(kind=REVIEW, subject=subject, payload=payload, is_asked=event.kind is EventKind.RERUN)
        return Meaning(told=f"A review of {subject} is due.", work=work)
    if event.kind is EventKind.COMMENTED and event.comment is not None:
        return _meaning_of_comment(event, subject)
    return Meaning(told=f"Nothing is to be done about {event.kind}.")


def _meaning_of_comment(event: Event, subject: str) -> Meaning:
    comment = event.comment
    if comment is None or comment.author.is_bot or command_in(comment.body) is None:
        return Meaning(told="The comment does not speak to us.")
    payload = _payload(event) | {
        "comment": comment.id,
        "thread": comment.thread,
        "login": comment.author.login,
        "body": comment.body[:4_000],
    }
    # Each comment is its own subject: none replaces another, and two may be worked on at once.
    work = Work(kind=COMMAND, subject=f"{subject}:{comment.id}", payload=payload)
    return Meaning(told=f"A command on {subject} is to be carried out.", work=work)


def _payload(event: Event) -> dict[str, Any]:
    repository = event.repository
    if repository is None:
        raise ValueError("only events about a repository have a payload")
    return {
        "forge": repository.forge,
        "owner": repository.owner,
        "name": repository.name,
        "number": event.number,
        "installation": event.installation,
    }
