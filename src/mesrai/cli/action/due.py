"""What the event of a workflow asks for."""

from dataclasses import dataclass
from typing import Final

from mesrai.domain.command import CommandKind, Scope, command_in
from mesrai.domain.occasion import Trigger
from mesrai.domain.pull_request import Comment, Event, EventKind
from mesrai.review.options import Depth

_TRIGGERS: Final = {
    EventKind.OPENED: Trigger.OPENED,
    EventKind.PUSHED: Trigger.PUSHED,
    EventKind.EDITED: Trigger.EDITED,
    EventKind.RERUN: Trigger.ASKED,
}
_DEPTHS: Final = {Scope.FAST: Depth.FAST, Scope.DEEP: Depth.DEEP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A review that is asked for."""

    number: int
    trigger: Trigger = Trigger.ASKED
    is_full: bool = False
    depth: Depth | None = None  # None: as the inputs say
    comment: Comment | None = None  # by which somebody asked, if they may


def due_of(event: Event | None, number: int | None) -> Due | str:
    """The review that is due, or why none is, as a sentence. `number` is the one that the inputs name."""
    if number is not None and (event is None or event.comment is None):
        return Due(number=number)
    if event is None or event.number is None:
        return "This event is about no change to a pull request."
    if event.comment is not None:
        return _asked(event.number, event.comment)
    if event.kind not in _TRIGGERS:
        return f"Nothing is to be reviewed when a pull request is {event.kind}."
    return Due(number=event.number, trigger=_TRIGGERS[event.kind])


def _asked(number: int, comment: Comment) -> Due | str:
    command = None if comment.author.is_bot else command_in(comment.body)
    if command is None:
        return "The comment does not speak to Mesrai."
    if command.kind is not CommandKind.REVIEW:
        return "In a workflow Mesrai knows `@mesrai review` alone, with --full, --fast or --deep."
    scope = command.scope
    return Due(number=number, is_full=scope is Scope.FULL, depth=_DEPTHS.get(scope), comment=comment)
