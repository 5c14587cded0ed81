import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from mesrai.errors import (
    CredentialMissing,
    ForgeNotFound,
    ForgeRateLimited,
    ForgeUnavailable,
    LeaseLost,
    MesraiError,
    ModelQuota,
    StoreUnavailable,
)
from mesrai.jobs.queue import Job, Waiting
from mesrai.worker import Desk, work

NOW = 1_000_000.0
Handler = Callable[[Job], Awaitable[str]]


class MemoryQueue:
    """Hands out the jobs it was given, and writes down what became of them."""

    def __init__(self, *jobs: Job) -> None:
        self.jobs = list(jobs)
        self.ends: list[tuple[object, ...]] = []
        self.is_away = False
        self.is_newer_there = False
        self.emptied: asyncio.Event | None = None

    async def put(self, kind: str, subject: str, payload: Mapping[str, Any], *, delay_s: float = 0.0) -> int:
        raise NotImplementedError

    async def claim(self, worker: str, *, kinds: tuple[str, ...]) -> Job | None:
        if self.is_away:
            self.is_away = False
            raise StoreUnavailable("The database is away.")
        return self.jobs.pop(0) if self.jobs else None

    async def wait(self, timeout_s: float) -> None:
        if self.emptied is None:
            await asyncio.sleep(timeout_s)
        else:
            self.emptied.set()

    async def standing(self, *, most: int = 1_000, number: int | None = None) -> Sequence[Waiting]:
        return ()

    async def cancel(self, kind: str, subject: str, reason: str) -> int | None:
        raise NotImplementedError

    async def retry(self, number: int) -> bool:
        raise NotImplementedError

    async def renew(self, job: Job) -> bool:
        return not self.is_newer_there

    async def finish(self, job: Job) -> None:
        self.ends.append(("finished", job.id))

    async def park(self, job: Job, *, until: float, reason: str) -> None:
        self.ends.append(("parked", job.id, until))

    async def fail(self, job: Job, reason: str, *, retry_in_s: float | None) -> None:
        self.ends.append(("failed", job.id, retry_in_s))

    async def give_up(self, job: Job, reason: str) -> None:
        self.ends.append(("given up", job.id, reason))


def a_job(number: int = 1, attempt: int = 1) -> Job:
    return Job(id=number, kind="review", subject=f"s{number}", payload={}, attempt=attempt, worker="w")


def worked(
    queue: MemoryQueue, handler: Handler, *, most_s: float = 2.0, untold: Exception | None = None
) -> list[tuple[str, str]]:
    """Work until the queue is empty; the subjects that were given up, and why. `untold`: why nobody can be told."""
    given_up: list[tuple[str, str]] = []

    async def gave_up(job: Job, error: MesraiError) -> None:
        if untold is not None:
            raise untold
        queue.ends.append(("told",))
        given_up.append((job.subject, error.message))

    async def scenario() -> None:
        stop = queue.emptied = asyncio.Event()
        desk = Desk(queue=queue, handlers={"review": handler}, gave_up=gave_up, now=lambda: NOW)
        await asyncio.wait_for(work(desk, name="w", hands=1, stop=stop), most_s)

    asyncio.run(scenario())
    return given_up


def raising(error: Exception) -> Handler:
    async def handler(_job: Job) -> str:
        raise error

    return handler


def test_jobs_are_carried_out_until_there_are_none() -> None:
    queue = MemoryQueue(a_job(1), a_job(2))

    async def handler(job: Job) -> str:
        await queue.finish(job)
        return "done"

    assert worked(queue, handler) == []
    assert queue.ends == [("finished", 1), ("finished", 2)]


def a_spent_quota(until: float = NOW + 900) -> ModelQuota:
    error = ModelQuota()
    error.until = until
    return error


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (ForgeRateLimited(retry_after_s=60), ("parked", 1, NOW + 60)),
        (a_spent_quota(), ("parked", 1, NOW + 900)),
        (a_spent_quota(NOW - 1), ("parked", 1, NOW + 15)),  # over, but somebody else is trying it: no busy loop
        (ForgeUnavailable(), ("failed", 1, 30.0)),
        (KeyError("a fault of ours"), ("failed", 1, 30.0)),
    ],
)
def test_an_error_that_time_may_heal_lets_a_job_wait(error: Exception, end: tuple[object, ...]) -> None:
    queue = MemoryQueue(a_job())
    assert worked(queue, raising(error)) == []
    assert queue.ends == [end]


def test_what_only_people_can_put_right_is_told_before_the_job_ends() -> None:
    queue = MemoryQueue(a_job())
    assert worked(queue, raising(CredentialMissing("No model."))) == [("s1", "No model.")]
    assert queue.ends == [("given up", 1, "No model."), ("told",), ("failed", 1, None)]


def test_a_lost_lease_is_left_to_whoever_has_it_now() -> None:
    queue = MemoryQueue(a_job())
    assert worked(queue, raising(LeaseLost())) == []
    assert queue.ends == []


@pytest.mark.parametrize(("attempt", "wait"), [(1, 30.0), (2, 60.0), (4, 240.0)])
def test_each_attempt_waits_longer(attempt: int, wait: float) -> None:
    queue = MemoryQueue(a_job(attempt=attempt))
    worked(queue, raising(ForgeUnavailable()))
    assert queue.ends == [("failed", 1, wait)]


def test_after_the_last_attempt_the_people_are_told() -> None:
    queue = MemoryQueue(a_job(attempt=8))
    assert worked(queue, raising(ForgeUnavailable("It is away."))) == [("s1", "It is away.")]
    assert queue.ends == [("given up", 1, "It is away."), ("told",), ("failed", 1, None)]


def test_a_worker_that_is_stopped_gives_its_job_back() -> None:
    queue = MemoryQueue(a_job())
    given_up: list[str] = []

    async def scenario() -> None:
        stop, begun = asyncio.Event(), asyncio.Event()

        async def handler(_job: Job) -> str:
            begun.set()
            await asyncio.sleep(60)
            return "never"

        async def gave_up(job: Job, _error: MesraiError) -> None:
            given_up.append(job.subject)

        desk = Desk(queue=queue, handlers={"review": handler}, gave_up=gave_up, now=lambda: NOW)
        working = asyncio.create_task(work(desk, name="w", hands=1, stop=stop))
        await begun.wait()
        stop.set()
        await asyncio.wait_for(working, 2)

    asyncio.run(scenario())
    assert queue.ends == [("parked", 1, NOW)]
    assert given_up == []


def test_attempts_that_were_parked_do_not_count() -> None:
    queue = MemoryQueue(replace(a_job(attempt=7), spared=6))
    assert worked(queue, raising(ForgeUnavailable())) == []
    assert queue.ends == [("failed", 1, 30.0)]


def a_failure(attempt: int = 5) -> Job:
    return replace(a_job(attempt=attempt), failure="its worker was lost")


async def never(_job: Job) -> str:
    raise AssertionError("a job that failed for good is not carried out")


def test_a_job_that_comes_as_a_failure_is_told_and_not_carried_out() -> None:
    queue = MemoryQueue(a_failure())
    assert worked(queue, never) == [("s1", "its worker was lost")]
    assert queue.ends == [("told",), ("failed", 1, None)]


@pytest.mark.parametrize(
    ("error", "attempt", "end"),
    [
        (ForgeRateLimited(retry_after_s=60), 5, ("parked", 1, NOW + 60)),
        (ForgeUnavailable(), 5, ("failed", 1, 480.0)),
        (KeyError("a fault of ours"), 5, ("failed", 1, 480.0)),
        (ForgeUnavailable(), 16, ("failed", 1, None)),
        (ForgeNotFound(), 5, ("failed", 1, None)),
    ],
)
def test_a_failure_that_cannot_be_told_is_told_later_where_that_may_help(
    error: Exception, attempt: int, end: tuple[object, ...]
) -> None:
    queue = MemoryQueue(a_failure(attempt))
    assert worked(queue, never, untold=error) == []
    assert queue.ends == [end]


def test_a_failure_that_cannot_be_told_does_not_end_the_worker() -> None:
    queue = MemoryQueue(a_job(1), a_job(2))
    worked(queue, raising(CredentialMissing("No model.")), untold=KeyError("a fault of ours"))
    assert [end for end in queue.ends if end[0] == "failed"] == [("failed", 1, 30.0), ("failed", 2, 30.0)]


def test_nobody_is_told_of_a_failure_that_a_newer_job_takes_the_place_of() -> None:
    queue = MemoryQueue(a_failure())
    queue.is_newer_there = True
    assert worked(queue, never) == []
    assert queue.ends == [("failed", 1, None)]
