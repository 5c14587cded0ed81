import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from mesrai.errors import (
    CredentialMissing,
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

    async def standing(self, *, most: int = 1_000) -> Sequence[Waiting]:
        return ()

    async def renew(self, job: Job) -> bool:
        return True

    async def finish(self, job: Job) -> None:
        self.ends.append(("finished", job.id))

    async def park(self, job: Job, *, until: float, reason: str) -> None:
        self.ends.append(("parked", job.id, until))

    async def fail(self, job: Job, reason: str, *, retry_in_s: float | None) -> None:
        self.ends.append(("failed", job.id, retry_in_s))


def a_job(number: int = 1, attempt: int = 1) -> Job:
    return Job(id=number, kind="review", subject=f"s{number}", payload={}, attempt=attempt, worker="w")


def worked(queue: MemoryQueue, handler: Handler, *, most_s: float = 2.0) -> list[str]:
    """Work until the queue is empty; the subjects that were given up."""
    given_up: list[str] = []

    async def gave_up(job: Job, _error: MesraiError) -> None:
        given_up.append(job.subject)

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


def a_spent_quota() -> ModelQuota:
    error = ModelQuota()
    error.until = NOW + 900
    return error


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (ForgeRateLimited(retry_after_s=60), ("parked", 1, NOW + 60)),
        (a_spent_quota(), ("parked", 1, NOW + 900)),
        (ForgeUnavailable(), ("failed", 1, 30.0)),
        (KeyError("a fault of ours"), ("failed", 1, 30.0)),
        (CredentialMissing(), ("failed", 1, None)),
    ],
)
def test_an_error_ends_a_job_by_what_may_help(error: Exception, end: tuple[object, ...]) -> None:
    queue = MemoryQueue(a_job())
    given_up = worked(queue, raising(error))
    assert queue.ends == [end]
    assert given_up == (["s1"] if end[2] is None else [])


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
    queue = MemoryQueue(a_job(attempt=5))
    assert worked(queue, raising(ForgeUnavailable())) == ["s1"]
    assert queue.ends == [("failed", 1, None)]


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


def test_a_failure_that_cannot_be_told_does_not_end_the_worker() -> None:
    queue = MemoryQueue(a_job(1), a_job(2))

    async def gave_up(_job: Job, _error: MesraiError) -> None:
        raise KeyError("a fault of ours")

    async def scenario() -> None:
        stop = queue.emptied = asyncio.Event()
        desk = Desk(queue=queue, handlers={"review": raising(CredentialMissing())}, gave_up=gave_up)
        await asyncio.wait_for(work(desk, name="w", hands=1, stop=stop), 2)

    asyncio.run(scenario())
    assert queue.ends == [("failed", 1, None), ("failed", 2, None)]
