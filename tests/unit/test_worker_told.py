"""What a worker tells of each job: its figures, and the review and subject in every line of the log."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest
from tests.unit.test_worker import NOW, MemoryQueue, a_job

from mesrai.domain.log_subject import subject_now
from mesrai.errors import ForgeNotFound, ForgeRateLimited, ForgeUnavailable, LeaseLost, MesraiError
from mesrai.jobs.queue import Job
from mesrai.worker import Desk, work

Handler = Callable[[Job], Awaitable[str]]


def ended_as(error: Exception | None) -> list[tuple[str, str]]:
    """The kinds and outcomes that were told of one job whose handler ends so."""
    told: list[tuple[str, str]] = []
    queue = MemoryQueue(a_job())

    async def handler(_job: Job) -> str:
        if error is not None:
            raise error
        return "done"

    async def gave_up(_job: Job, _error: MesraiError) -> None: ...

    async def scenario() -> None:
        stop = queue.emptied = asyncio.Event()
        desk = Desk(
            queue=queue,
            handlers={"review": handler},
            gave_up=gave_up,
            now=lambda: NOW,
            ended=lambda kind, outcome, took_s: told.append((kind, outcome if 0 <= took_s < 5 else "odd")),
        )
        await asyncio.wait_for(work(desk, name="w", hands=1, stop=stop), 2)

    asyncio.run(scenario())
    return told


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "ended"),
        (ForgeRateLimited("Later.", retry_after_s=60), "waits"),
        (ForgeUnavailable("Away."), "failed"),
        (ForgeNotFound("Gone."), "gave_up"),
        (LeaseLost("Another has it."), "lost"),
        (RuntimeError("a fault"), "failed"),
    ],
)
def test_what_became_of_a_job_is_told_once(error: Exception | None, outcome: str) -> None:
    assert ended_as(error) == [("review", outcome)]


def test_every_line_about_a_job_carries_its_review_and_subject() -> None:
    seen: list[tuple[str, str]] = []

    class Seen(logging.Handler):
        def emit(self, _record: logging.LogRecord) -> None:
            about = subject_now()
            seen.append((about.get("review", ""), about.get("subject", "")))

    log, shown = logging.getLogger("mesrai.worker"), Seen()
    log.addHandler(shown)
    before = log.level
    log.setLevel(logging.INFO)
    try:
        ended_as(ForgeNotFound("Gone."))
    finally:
        log.removeHandler(shown)
        log.setLevel(before)
    assert len(seen) >= 2
    assert set(seen) == {("job-1", "s1")}
