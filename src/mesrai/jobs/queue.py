"""The contract of the queue: jobs that survive their workers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A piece of work that one worker holds under a lease."""

    id: int
    kind: str
    subject: str  # what it is about, such as `github.com/owner/name#7`; one job of a kind waits and one runs for it
    payload: Mapping[str, Any]  # JSON
    attempt: int  # 1 for the first
    worker: str


class Queue(Protocol):
    """Jobs, each finished once. Errors of every method: StoreUnavailable."""

    async def put(self, kind: str, subject: str, payload: Mapping[str, Any], *, delay_s: float = 0.0) -> int:
        """Add a job, or replace the payload of the one that waits already for that subject; its id."""
        ...

    async def claim(self, worker: str, *, kinds: tuple[str, ...]) -> Job | None:
        """The next job that is due, held for the length of a lease. Never one whose subject has a job running."""
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
        """Give it back to wait until a time (seconds since the epoch); it wakes up by itself. Errors: LeaseLost."""
        ...

    async def fail(self, job: Job, reason: str, *, retry_in_s: float | None) -> None:
        """It did not work; try again after a while, or never (None). Errors: LeaseLost."""
        ...
