"""A worker beside the pages: it reviews a pull request of a forge in memory with a scripted model that can be held."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tests.reviewing import PLACE, SUBJECT, Bench
from tests.web.stand import Stand

from mesrai.domain.occasion import Trigger
from mesrai.domain.pull_request import PullRequest
from mesrai.errors import MesraiError
from mesrai.flows.receive import REVIEW
from mesrai.flows.recording import ReviewCalls, review_of
from mesrai.flows.run_review import run_review, tell_failure
from mesrai.jobs.queue import Job
from mesrai.llm.journal import Journaled
from mesrai.llm.model import Answer, Model, Prompt
from mesrai.llm.recorded import Recorded
from mesrai.store.answers import book_now
from mesrai.worker import Desk, work


class Held:
    """The bench's model, which answers a shape only once it is let."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.profile = bench.model.profile
        self.gates: dict[str, asyncio.Event] = {}

    async def ask(self, prompt: Prompt) -> Answer:
        """See Model."""
        gate = self.gates.get(prompt.shape.name if prompt.shape else "")
        if gate is not None:
            await gate.wait()
        return await self._bench.model.ask(prompt)


@dataclass
class Working:
    """The worker, and what it works with."""

    stand: Stand
    bench: Bench
    model: Held
    keeps_words: bool = True
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def hold(self, shape: str) -> None:
        """From now on no question with that shape is answered."""
        self.model.gates[shape] = asyncio.Event()

    def let(self, shape: str) -> None:
        """They are answered."""
        self.stand.loop.call_soon_threadsafe(self.model.gates[shape].set)

    def put(self, trigger: Trigger = Trigger.OPENED) -> str:
        """A review is due; its id."""
        number = self.stand.run(self.stand.house.queue.put(REVIEW, SUBJECT, PLACE | {"trigger": trigger.value}))
        return f"job-{number}"

    @property
    def desk(self) -> Desk:
        """What the worker gets."""
        reviewing = replace(
            self.bench.desk, organisation=self.stand.house.organisation, model=self._opened, renew_s=0.2
        )

        async def gave_up(job: Job, error: MesraiError) -> None:
            await tell_failure(reviewing, job, error)

        handlers = {REVIEW: lambda job: run_review(reviewing, job)}
        return Desk(queue=self.stand.house.queue, handlers=handlers, gave_up=gave_up)

    @asynccontextmanager
    async def _opened(self, job: Job, pull_request: PullRequest) -> AsyncIterator[Model]:
        database = self.stand.house.database
        recorded = Recorded(self.model, ReviewCalls(database, review_of(job)), keeps_words=self.keeps_words)
        yield Journaled(recorded, await book_now(database, job.subject))


@contextmanager
def a_worker(stand: Stand, *, is_at_work: bool = True, **bench: Any) -> Iterator[Working]:
    """A worker on the stand's own queue, database and event loop, for as long as the block runs."""
    made = Bench(database=stand.house.database, queue=stand.house.queue, **bench)  # type: ignore[arg-type]

    async def begin() -> Working:
        return Working(stand=stand, bench=made, model=Held(made))

    working = stand.run(begin())
    ended = None
    if is_at_work:
        done = work(working.desk, name="w", hands=1, stop=working.stop)
        ended = asyncio.run_coroutine_threadsafe(done, stand.loop)
    try:
        yield working
    finally:
        stand.loop.call_soon_threadsafe(working.stop.set)
        if ended is not None:
            ended.result(20)
