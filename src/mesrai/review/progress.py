"""What happens while a review runs, for whoever watches it."""

from collections.abc import Callable
from dataclasses import dataclass

from mesrai.domain.usage import Estimate, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The change was divided; asking begins."""

    files: int  # files to be read
    batches: int
    estimate: Estimate | None = None  # of what it will cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A finding that was verified; the owners' policy may still leave it out."""

    severity: str
    title: str
    path: str
    line: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchEnded:
    """A batch was read and its findings verified, or it failed."""

    batch: int
    paths: tuple[str, ...]
    failure: str = ""  # a sentence; empty if it was read
    confirmed: int = 0
    refuted: int = 0
    found: tuple[Found, ...] = ()  # the confirmed ones


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSplit:
    """A batch was too large for the model and goes on as several."""

    batch: int
    into: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What was spent so far, and how many conversations run."""

    usage: Usage
    in_flight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to tell the person at once, such as a failover."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """The person asked to stop: nothing more is asked."""


Event = Started | BatchEnded | BatchSplit | Spending | Notice | Stopping
Watch = Callable[[Event], None]


def unwatched(_event: Event) -> None:
    """Watch nothing."""
