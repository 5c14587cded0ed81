"""Reviews of one pull request of a forge in memory, with a real queue and database and a model that is scripted."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.databases import a_new_file
from tests.fakes import Files, MemorySource, change_between
from tests.memory_forge import MemoryForge
from tests.scripted_model import Script, ScriptedModel

from mesrai.domain.change import Revision
from mesrai.domain.occasion import Trigger
from mesrai.domain.pull_request import PullRequest, RepositoryName
from mesrai.errors import HeadGone
from mesrai.flows.configured import FindCentral, finding_saved
from mesrai.flows.obey import obey
from mesrai.flows.receive import COMMAND, REVIEW
from mesrai.flows.run_review import Desk, run_review
from mesrai.forges.forge import Forge, Source
from mesrai.jobs.embedded import DatabaseQueue
from mesrai.jobs.queue import Job, Waiting
from mesrai.llm.journal import Journaled
from mesrai.llm.model import Answer, Model, Prompt, UserTurn
from mesrai.store.answers import book_now
from mesrai.store.database import Database
from mesrai.store.opening import open_database
from mesrai.store.pull_requests import Followed, find_followed
from mesrai.store.reviews import find_review

SUBJECT = "github.com/acme/shop#7"
NOW = 1_900_000_000.0  # later than any clock here, so that what waits until then waits
BEFORE = "def total(items):\n    return sum(items)\n"
AFTER = "def total(items):\n    return sum(items) / len(items)\n"
CHANGED: Files = {"cart.py": AFTER}
PLACE = {"forge": "github.com", "owner": "acme", "name": "shop", "number": 7, "installation": 3}


def finds_one(prompt: Prompt) -> str:
    """One finding in cart.py, which is confirmed."""
    first = prompt.turns[0]
    assert isinstance(first, UserTurn)
    if prompt.shape is not None and prompt.shape.name == "submit_review":
        listed = first.text.split("each with an entry in `files`:\n", 1)[1]
        notes = [{"path": path, "note": "changed"} for path in re.findall(r"^- (.+)$", listed, re.MULTILINE)]
        found = {
            "path": "cart.py",
            "line": 2,
            "quote": "return sum(items) / len(items)",
            "evidence": "len of an empty list is 0",
            "title": "Divides by zero for an empty cart",
            "body": "An empty cart raises ZeroDivisionError.",
            "category": "bug",
            "severity": "high",
            "confidence": 0.9,
            "replacement": None,
        }
        return json.dumps({"files": notes, "findings": [found], "summary": "Averages."})
    count = int(re.findall(r"numbered 1 to (\d+)", first.text)[0])
    one = {"evidence": "line 2", "verdict": "confirmed", "severity": "high", "confidence": 0.9}
    return json.dumps({"verdicts": [{"number": number, **one} for number in range(1, count + 1)]})


@dataclass(slots=True, kw_only=True)
class Bench:
    """All a job is done with, and what it came to."""

    database: Database
    queue: DatabaseQueue
    forge: MemoryForge = field(default_factory=MemoryForge)
    model: ScriptedModel = field(default_factory=lambda: ScriptedModel(finds_one))
    base: Files = field(default_factory=lambda: {"cart.py": BEFORE})
    head: Files = field(default_factory=lambda: dict(CHANGED))
    now: float = NOW
    renew_s: float = 20.0
    central: FindCentral | None = None
    gone: bool = False  # the head is no longer part of the pull request
    is_rewritten: bool = False  # it was not built on what was reviewed before
    sinces: list[str] = field(default_factory=list)

    @property
    def desk(self) -> Desk:
        """What the stories get."""
        return Desk(
            queue=self.queue,
            database=self.database,
            organisation="acme",
            forge=self._forge,
            source=self._source,
            model=self._model,
            analysers=(),
            now=lambda: self.now,
            renew_s=self.renew_s,
            central=self.central,
            saved=finding_saved(self.database, "acme"),
        )

    async def put(self, trigger: Trigger = Trigger.OPENED) -> int:
        """A review is due."""
        return await self.queue.put(REVIEW, SUBJECT, PLACE | {"trigger": trigger.value})

    async def claimed(self, kind: str = REVIEW, worker: str = "w") -> Job:
        """The job that is due."""
        job = await self.queue.claim(worker, kinds=(kind,))
        assert job is not None, "no job is due"
        return job

    async def reviewed(self, trigger: Trigger = Trigger.OPENED) -> str:
        """A review is due, and is carried out; what came of it."""
        await self.put(trigger)
        return await self.go_on()

    async def go_on(self) -> str:
        """The review that is due is carried out."""
        return await run_review(self.desk, await self.claimed())

    async def told(self, body: str, *, login: str = "ada", comment: int = 50, thread: int | None = None) -> str:
        """Somebody writes a comment to us, and the command is carried out; what came of it."""
        said = {"comment": comment, "thread": thread, "login": login, "body": body}
        await self.queue.put(COMMAND, f"{SUBJECT}:{comment}", PLACE | said)
        return await obey(self.desk, await self.claimed(COMMAND))

    def push(self, head: str, files: Files) -> None:
        """The pull request has another head."""
        self.forge.pull = replace(self.forge.pull, head_sha=head)
        self.base, self.head = self.head, files

    async def followed(self) -> Followed:
        """What is remembered of it."""
        return await find_followed(self.database, SUBJECT)

    async def outcome(self, job: int = 1) -> str:
        """How a job's review stands; empty if it never began."""
        kept = await find_review(self.database, f"job-{job}")
        return kept.outcome if kept is not None else ""

    async def standing(self) -> list[Waiting]:
        """The jobs that are not done."""
        return list(await self.queue.standing())

    def says(self, script: Script) -> None:
        """From now on the model says this."""
        self.model.script = script

    @asynccontextmanager
    async def _forge(self, repository: RepositoryName, installation: int | None) -> AsyncIterator[Forge]:
        assert (str(repository), installation) == ("github.com/acme/shop", 3)
        yield self.forge

    @asynccontextmanager
    async def _source(self, forge: Forge, pull_request: PullRequest, since: str) -> AsyncIterator[Source]:
        self.sinces.append(since)
        if self.gone:
            raise HeadGone
        base = since if since and not self.is_rewritten else "b" * 40
        change = replace(change_between(self.base, self.head), revision=Revision(base=base, head=pull_request.head_sha))
        yield MemorySource(self.base, self.head, change)

    @asynccontextmanager
    async def _model(self, job: Job, pull_request: PullRequest) -> AsyncIterator[Model]:
        yield Journaled(self.model, await book_now(self.database, job.subject))


@asynccontextmanager
async def a_bench(folder: Path, *, lease_s: float = 60.0) -> AsyncIterator[Bench]:
    """A new one, with a database of its own."""
    async with open_database(a_new_file(folder)) as database:
        yield Bench(database=database, queue=DatabaseQueue(database, lease_s=lease_s, look_every_s=0.0))


class SlowModel:
    """The bench's model, but something happens before its first answer, and that is given only after a while."""

    def __init__(self, bench: Bench, before: Callable[[], Awaitable[None]], *, most_s: float = 0.1) -> None:
        self._bench = bench
        self._before = before
        self._most_s = most_s
        self.profile = bench.model.profile

    @asynccontextmanager
    async def opened(self, job: Job, pull_request: PullRequest) -> AsyncIterator[Model]:
        """It, for a job."""
        yield self

    async def ask(self, prompt: Prompt) -> Answer:
        """See Model."""
        if not self._bench.model.prompts:
            await self._before()
            await asyncio.sleep(self._most_s)
        return await self._bench.model.ask(prompt)
