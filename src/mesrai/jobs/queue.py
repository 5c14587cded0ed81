"""The contract of the queue: jobs that survive their workers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A piece of work that one worker holds under a lease."""

    id: int
    kind: str
    subject: str  # what it is about, such as `github.com/owner/name#7`; one job of a kind waits and one runs for it
    payload: Mapping[str, Any]  # JSON
    attempt: int  # 1 for the first; grows with every claim, also after it was parked
    worker: str
    spared: int = 0  # attempts before this one that do not count, since it was parked or is another piece of work now
    failure: str = ""  # why it failed for good, which is to be told and then ended by `fail`; empty: it is to be done


class State(StrEnum):
    """How a job stands that is not done."""

    WAITING = "waiting"  # it is due, or will be
    PARKED = "parked"  # it waits until a time, for a reason
    RUNNING = "running"
    LOST = "lost"  # its worker is gone; the next claim takes it
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A job that is not done, for an operator."""

    id: int
    state: State
    kind: str
    subject: str
    due_at: float  # seconds since the epoch
    reason: str  # why it waits, or why it failed
    attempts: int
    worker: str  # empty: nobody had it yet
    age_s: float  # since it was put


class Queue(Protocol):
    """Jobs, each finished once. Errors of every method: StoreUnavailable."""

    async def put(self, kind: str, subject: str, payload: Mapping[str, Any], *, delay_s: float = 0.0) -> int:
        """Add a job, or replace the payload of the one that waits already for that subject; its id.

        The one that waits keeps its place, but is due later if the delay says so, and at once if there is none.
        A parked one is woken.
        """
        ...

    async def claim(self, worker: str, *, kinds: tuple[str, ...]) -> Job | None:
        """The next job that is due, held for the length of a lease; None if there is none.

        Never one whose subject has a job of that kind running. Repositories take turns. One whose workers were lost
        too often comes as a failure.
        """
        ...

    async def wait(self, timeout_s: float) -> None:
        """After a claim that gave nothing: until it is worth another try, or for that long."""
        ...

    async def renew(self, job: Job) -> bool:
        """Hold a job longer; False if a newer job for its subject waits, so that it should stop soon.

        Errors: LeaseLost.
        """
        ...

    async def finish(self, job: Job) -> None:
        """It is done. Errors: LeaseLost."""
        ...

    async def park(self, job: Job, *, until: float, reason: str) -> None:
        """Give it back to wait until a time (seconds since the epoch); it wakes up by itself. Errors: LeaseLost.

        Where a newer job for its subject waits, that one takes its place. The attempt does not count.
        """
        ...

    async def fail(self, job: Job, reason: str, *, retry_in_s: float | None) -> None:
        """It did not work; try again after a while, or never (None), or never after too many attempts.

        Where a newer job for its subject waits, that one takes its place. Errors: LeaseLost.
        """
        ...

    async def give_up(self, job: Job, reason: str) -> None:
        """It failed for good. Whoever holds it is to tell the people, and then to end it by `fail`.

        Until it is ended it is claimed as any other, as a failure. A newer job for its subject takes its place, and
        then nobody need be told. Errors: LeaseLost.
        """
        ...

    async def cancel(self, kind: str, subject: str, reason: str) -> int | None:
        """Take the job that waits for that subject, or is parked, out of the queue; its id, None if there is none."""
        ...

    async def retry(self, number: int) -> bool:
        """Let a job that waits, is parked or has failed be due at once; a failed one has all its attempts again.

        False if there is no such job, or a newer one waits in the failed one's place.
        """
        ...

    async def standing(self, *, most: int = 1_000, number: int | None = None) -> Sequence[Waiting]:
        """The jobs that are not done, oldest first; with `number` only the one of that id."""
        ...
