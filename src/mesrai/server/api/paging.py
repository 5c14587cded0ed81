"""Pages of lists: how long they are, and where the next one begins."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec

USUAL: Final = 25
Most = Annotated[int, msgspec.Meta(ge=1, le=100, description="The most that one page holds.")]
After = Annotated[str, msgspec.Meta(max_length=200, description="`next` of the page before.")]
Number = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
RepositoryName = Annotated[
    str, msgspec.Meta(max_length=300, description="As `github.com/owner/name`.", examples=["github.com/acme/shop"])
]


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer is made of."""


class Sent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request is made of."""


class Page(Sent, frozen=True, kw_only=True):
    """Which part of a list is meant."""

    limit: Most = USUAL
    after: After = ""


def when(at: float) -> datetime:
    """A time, given in seconds since the epoch, for an answer."""
    return datetime.fromtimestamp(at, UTC)


def seconds(at: datetime | None) -> float | None:
    """A time of a request in seconds since the epoch."""
    return None if at is None else at.timestamp()


def cut(found: "list[Any]", limit: int) -> "tuple[list[Any], bool]":
    """A page of what was looked for, one more than it holds, and whether there is more."""
    return found[:limit], len(found) > limit
