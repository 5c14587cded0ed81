"""The job door: take jobs from the queue, carry them out, and judge what went wrong."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from mesrai.domain.log_subject import about
from mesrai.errors import ForgeRateLimited, LeaseLost, MesraiError, ModelError, Remedy, StoreError
from mesrai.flows.recording import review_of
from mesrai.jobs.queue import Job, Queue

LOG: Final = logging.getLogger("mesrai.worker")
_MOST_ATTEMPTS: Final = 8
_MOST_TELLINGS: Final = 2 * _MOST_ATTEMPTS  # attempts, those at the job itself included, to tell that it failed
_FIRST_RETRY_S: Final = 30.0
_LONGEST_RETRY_S: Final = 1_800.0
_SHORTEST_WAIT_S: Final = 15.0  # of a job that waits for a time, which may have just come
_IDLE_S: Final = 1.0  # between two looks at the queue while nothing wakes us
_AFTER_STORE_ERROR_S: Final = 5.0

Handler = Callable[[Job], Awaitable[str]]  # ends the job itself, and says what came of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a worker needs."""

    queue: Queue
    handlers: Mapping[str, Handler]  # by kind of job
    # Tell the people that this job failed for good. It is called again where it fails, or is killed before its end.
    gave_up: Callable[[Job, MesraiError], Awaitable[None]]
    # Told of every job that was carried out: its kind, what became of it, and after how many seconds.
    ended: Callable[[str, str, float], None] = field(default=lambda _kind, _outcome, _took_s: None)
    now: Callable[[], float] = field(default=time.time)


async def work(desk: Desk, *, name: str, hands: int, stop: asyncio.Event) -> None:
    """Carry out jobs, `hands` at once, until `stop` is set; what is under way then is given back to the queue."""
    async with asyncio.TaskGroup() as group:
        for number in range(1, hands + 1):
            group.create_task(_hand(desk, f"{name}-{number}", stop))


async def _hand(desk: Desk, name: str, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            job = await desk.queue.claim(name, kinds=tuple(desk.handlers))
        except StoreError as error:
            LOG.error("The queue cannot be read: %s", error.message)
            await _pause(stop, _AFTER_STORE_ERROR_S)
            continue
        if job is None:
            await _until_any(stop, desk.queue.wait(_IDLE_S))
            continue
        with about(review=review_of(job), subject=job.subject):
            await _in_hand(desk, job, stop)


async def _in_hand(desk: Desk, job: Job, stop: asyncio.Event) -> None:
    began, outcome = time.monotonic(), "failed"
    try:
        outcome = await _carry_out(desk, job, stop)
    except LeaseLost:
        outcome = "lost"
        LOG.info("%s %s: another worker has it, or a newer one took its place", job.kind, job.subject)
    except StoreError as error:  # its lease ends, and it is taken up again
        LOG.error("%s %s: how it ended could not be kept: %s", job.kind, job.subject, error.message)
    except Exception:  # the door's outermost loop: no job may end the hand that works on the others
        LOG.exception("%s %s: a fault in Mesrai itself", job.kind, job.subject)
    desk.ended(job.kind, outcome, time.monotonic() - began)


async def _carry_out(desk: Desk, job: Job, stop: asyncio.Event) -> str:
    """Do it, and say in a word what became of it: see figures.JOB_SECONDS."""
    what = "failed for good, which is told" if job.failure else "begins"
    LOG.info("%s %s %s (job %d, attempt %d)", job.kind, job.subject, what, job.id, job.attempt)
    task = asyncio.ensure_future(_tell(desk, job) if job.failure else desk.handlers[job.kind](job))
    await _until_any(stop, asyncio.wait([task]))
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
    if task.cancelled():
        LOG.info("%s %s is given back: the worker stops", job.kind, job.subject)
        await desk.queue.park(job, until=desk.now(), reason="The worker was stopped; another one goes on.")
        return "given_back"
    error = task.exception()
    if error is None:
        LOG.info("%s %s ended: %s", job.kind, job.subject, task.result())
        return "gave_up" if job.failure else "ended"
    if isinstance(error, MesraiError):
        return await _judge(desk, job, error, stop)
    LOG.error("%s %s: a fault in Mesrai itself", job.kind, job.subject, exc_info=error)
    return await _again(
        desk, job, MesraiError(f"A fault in Mesrai itself ({type(error).__name__}); see the log."), stop
    )


async def _tell(desk: Desk, job: Job) -> str:
    """Tell the people that the job failed, unless a newer one for its subject waits, and end it."""
    if await desk.queue.renew(job):
        await desk.gave_up(job, MesraiError(job.failure))
    await desk.queue.fail(job, job.failure, retry_in_s=None)
    return f"It failed: {job.failure}"


async def _judge(desk: Desk, job: Job, error: MesraiError, stop: asyncio.Event) -> str:
    """What becomes of a job that ended in an error: by who can do something about it."""
    LOG.warning("%s %s: %s", job.kind, job.subject, error.message)
    if isinstance(error, LeaseLost):
        return "lost"  # another worker has it
    until = _wakes_at(error, desk.now())
    if until is not None:
        await desk.queue.park(job, until=until, reason=error.message)
        return "waits"
    if error.remedy in (Remedy.RETRY, Remedy.REPORT, Remedy.NEXT_MODEL):
        return await _again(desk, job, error, stop)
    return await _give_up(desk, job, error, stop)


async def _again(desk: Desk, job: Job, error: MesraiError, stop: asyncio.Event) -> str:
    """Later once more, but not for ever."""
    attempts = job.attempt - job.spared
    if attempts >= (_MOST_TELLINGS if job.failure else _MOST_ATTEMPTS):
        return await _give_up(desk, job, error, stop)
    wait = min(_FIRST_RETRY_S * 2 ** (attempts - 1), _LONGEST_RETRY_S)
    await desk.queue.fail(job, error.message, retry_in_s=wait)
    return "failed"


async def _give_up(desk: Desk, job: Job, error: MesraiError, stop: asyncio.Event) -> str:
    """It failed for good: the people are told, also if this process ends before it could do that."""
    if job.failure:
        LOG.error("%s %s failed, and that could not be said there: %s", job.kind, job.subject, error.message)
        await desk.queue.fail(job, job.failure, retry_in_s=None)
        return "gave_up"
    await desk.queue.give_up(job, error.message)
    return await _carry_out(desk, replace(job, failure=error.message), stop)


def _wakes_at(error: MesraiError, now: float) -> float | None:
    if isinstance(error, ForgeRateLimited):
        return now + error.retry_after_s
    if not isinstance(error, ModelError) or error.until is None:
        return None
    return max(error.until, now + _SHORTEST_WAIT_S)


async def _until_any(stop: asyncio.Event, other: Awaitable[object]) -> None:
    """Wait until `stop` is set or `other` is done; `other` is not left running."""
    stopping = asyncio.ensure_future(stop.wait())
    waiting = asyncio.ensure_future(other)
    try:
        await asyncio.wait([stopping, waiting], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in (stopping, waiting):
            each.cancel()


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
