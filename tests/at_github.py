"""Reviews of a pull request on the stand-in, by the real client, queue, store and worker, with a scripted model.

Time stands still but for what `later` skips; each time the worker goes on, it is as a new process would.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from tests.database_clock import Clocked
from tests.databases import a_new_file
from tests.github.played import PlayedPull, PlayedRepository
from tests.github.stand_in import GitHub, running_github
from tests.github.through import QUICK
from tests.reviewing import AFTER, BEFORE, finds_one
from tests.scripted_model import ScriptedModel

from mesrai.domain.occasion import Trigger
from mesrai.domain.pull_request import PullRequest, RepositoryName
from mesrai.domain.secret import Secret
from mesrai.errors import MesraiError
from mesrai.flows import run_review
from mesrai.flows.receive import REVIEW
from mesrai.forges.clone_cache import Bounds, CloneCache
from mesrai.forges.clones import open_pull_request
from mesrai.forges.forge import Forge, Source
from mesrai.forges.github.app import App
from mesrai.forges.github.client import GitHub as Client
from mesrai.forges.github.place import place_at
from mesrai.forges.github.transport import Session, Timing, Transport, open_session
from mesrai.jobs.embedded import DatabaseQueue
from mesrai.jobs.queue import Job, State, Waiting
from mesrai.llm.journal import Journaled
from mesrai.llm.model import Model, Prompt
from mesrai.store.answers import book_now
from mesrai.store.database import Database
from mesrai.store.opening import open_database
from mesrai.worker import Desk, work

SLOW: Final = Timing(write_gap_s=0.0, backoff_s=0.001, read_s=0.3, write_s=0.3, connect_s=0.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What stands on the pull request, and how its job stands."""

    lines: int  # comments on lines
    comments: int  # in the conversation
    check: str  # how the check on the head ended; empty: it has not, or there is none
    reactions: tuple[str, ...]
    job: str  # empty: it is done


@dataclass(kw_only=True)
class Scene:
    """A pull request, and the service as far as it reviews it."""

    github: GitHub
    shop: PlayedRepository
    pull: PlayedPull
    url: str  # of the database
    installation: int
    timing: Timing = QUICK
    clones: CloneCache | None = None  # None: it is read through the interface
    model: ScriptedModel = field(default_factory=lambda: ScriptedModel(finds_one))
    at: float = field(default_factory=lambda: float(int(time.time())))

    def reviewed(self, trigger: Trigger = Trigger.OPENED) -> Outcome:
        """A review is due, and the worker goes on until nothing is due any more; how all stands then.

        The project is meant by the name that it had at first.
        """
        return self._run(trigger)

    def later(self) -> Outcome:
        """The same, once what waits is due."""
        self.at = max([self.at, *(job.due_at for job in self.jobs if job.state is not State.FAILED)])
        return self._run(None)

    def in_the_end(self) -> Outcome:
        """How all stands when no job waits any more."""
        for _ in range(8):
            found = self.later()
            if not found.job or found.job == State.FAILED:
                return found
        raise AssertionError(f"it does not end: {self.jobs}")

    def meanwhile(self, event: Callable[[], object]) -> None:
        """This happens while the model is asked for the first time."""
        happened: list[object] = []

        def said(prompt: Prompt) -> str:
            if not happened:
                happened.append(event())
            return finds_one(prompt)

        self.model = ScriptedModel(said)

    @property
    def jobs(self) -> list[Waiting]:
        """The jobs that are not done."""

        async def ask() -> list[Waiting]:
            async with self._open() as (_, queue):
                return list(await queue.standing())

        return asyncio.run(ask())

    @property
    def told(self) -> str:
        """All that stands in the conversation."""
        return "\n".join(comment.body for comment in self.pull.comments)

    def outcome(self) -> Outcome:
        """How all stands."""
        checks = [each for each in self.shop.checks if each.sha == self.pull.head_sha]
        jobs = self.jobs
        assert len(jobs) <= 1
        assert len(checks) <= 1
        return Outcome(
            lines=len(self.pull.review_comments),
            comments=len(self.pull.comments),
            check=next((each.conclusion or "" for each in checks), ""),
            reactions=tuple(each.content for each in self.pull.reactions()),
            job="".join(job.state for job in jobs),
        )

    def _run(self, trigger: Trigger | None) -> Outcome:
        asyncio.run(self._go(trigger))
        return self.outcome()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[tuple[Database, "_Queue"]]:
        async with open_database(self.url) as database:
            clocked = Clocked(database, self.at)
            yield clocked, _Queue(clocked, look_every_s=0.0)

    async def _go(self, trigger: Trigger | None) -> None:
        place = place_at(self.github.url)
        async with self._open() as (database, queue), open_session(place, version="1", timing=self.timing) as session:
            if trigger is not None:
                place_of_it = {"forge": "github.com", "owner": "acme", "name": "shop", "number": self.pull.number}
                told = {"installation": self.installation, "trigger": trigger.value}
                await queue.put(REVIEW, f"github.com/acme/shop#{self.pull.number}", place_of_it | told)
            desk = self._desk(database, queue, session)

            async def gave_up(job: Job, error: MesraiError) -> None:
                await run_review.tell_failure(desk, job, error)

            handlers = {REVIEW: lambda job: run_review.run_review(desk, job)}
            worker = Desk(queue=queue, handlers=handlers, gave_up=gave_up, now=lambda: self.at)
            async with asyncio.timeout(30):
                await work(worker, name="w", hands=1, stop=queue.is_idle)

    def _desk(self, database: Database, queue: DatabaseQueue, session: Session) -> run_review.Desk:
        app = App(session, app_id=str(self.github.app.id), private_key=Secret(self.github.app.private_key))

        @asynccontextmanager
        async def forge(repository: RepositoryName, installation: int | None) -> AsyncIterator[Forge]:
            assert installation is not None
            yield Client(Transport(session, app.credentials(installation, repository)), repository)

        @asynccontextmanager
        async def model(job: Job, _: PullRequest) -> AsyncIterator[Model]:
            yield Journaled(self.model, await book_now(database, job.subject))

        return run_review.Desk(
            queue=queue,
            database=database,
            organisation="acme",
            forge=forge,
            source=self._source,
            model=model,
            analysers=(),
            now=lambda: self.at,
            renew_s=20.0,
        )

    @asynccontextmanager
    async def _source(self, forge: Forge, pull_request: PullRequest, since: str) -> AsyncIterator[Source]:
        assert isinstance(forge, Client)
        async with await self._opened(forge, pull_request, since) as source:
            yield source

    async def _opened(
        self, forge: Client, pull_request: PullRequest, since: str
    ) -> AbstractAsyncContextManager[Source]:
        if self.clones is None:
            return forge.source(pull_request, since)
        access = await forge.git_access()
        return open_pull_request(self.clones, access.url, pull_request, authorization=access.header, since=since)


class _Queue(DatabaseQueue):
    """The queue, which ends the worker when nothing is due."""

    def __init__(self, database: Database, *, look_every_s: float) -> None:
        super().__init__(database, look_every_s=look_every_s)
        self.is_idle = asyncio.Event()

    async def wait(self, timeout_s: float) -> None:
        self.is_idle.set()


@contextmanager
def a_scene(folder: Path, *, timing: Timing = QUICK, is_cloned: bool = False, fetch_s: float = 20.0) -> Iterator[Scene]:
    """The pull request of `tests.reviewing`, on GitHub."""
    with running_github(folder) as github:
        shop = github.repository("acme/shop", {"cart.py": BEFORE})
        shop.grant("ada", "write")
        scene = Scene(
            github=github,
            shop=shop,
            pull=shop.open_pull_request("feature", {"cart.py": AFTER}, author="ada"),
            url=a_new_file(folder),
            installation=github.installation("acme/shop").id,
            timing=timing,
        )
        if is_cloned:
            bounds = Bounds(wait_s=10.0, fetch_s=fetch_s)
            scene = replace(scene, clones=CloneCache(folder / "clones", most_bytes=10**9, bounds=bounds))
        yield scene
