"""The stories of the worker, and what they are told with."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Final

from mesrai.assembly.hosts import Hosts
from mesrai.assembly.outgoing import sending
from mesrai.assembly.sources import source_of
from mesrai.assembly.traces import TracedModel, traced_desk, traced_reading
from mesrai.domain.pull_request import PullRequest, RepositoryName
from mesrai.domain.tracing import UNTRACED, Tracing
from mesrai.errors import CredentialMissing, MesraiError
from mesrai.flows import obey, receive, run_review, webhooks
from mesrai.flows.configured import FindCentral, finding_saved
from mesrai.flows.recording import ReviewCalls, review_of
from mesrai.forges.clone_cache import CloneCache
from mesrai.forges.forge import Forge, Source
from mesrai.forges.github.client import GitHub
from mesrai.jobs.embedded import DatabaseQueue
from mesrai.jobs.queue import Job
from mesrai.llm.journal import Journaled, tuning_of
from mesrai.llm.model import Model
from mesrai.llm.reach import Reach
from mesrai.llm.recorded import Recorded
from mesrai.settings import load_settings
from mesrai.settings.serving import load_serving
from mesrai.store.answers import book_now
from mesrai.store.repositories import put_repositories
from mesrai.store.spent import ANSWERS
from mesrai.wiring import Errand, all_analysers, installation_on, keyring_of, model_for
from mesrai.worker import Desk

if TYPE_CHECKING:
    from mesrai.store.database import Database

# Stands on pull requests, where nobody has a terminal of the server.
_NO_MODEL: Final = (
    "No model is connected to Mesrai. Whoever runs it connects one on its page Models, or there with "
    "`mesrai byok connect`."
)


class Stories:
    """The stories, and what they are told with."""

    def __init__(
        self,
        environ: Mapping[str, str],
        database: "Database",
        queue: DatabaseQueue,
        hosts: Hosts,
        cache: CloneCache | None,  # None: nothing is cloned
        *,
        reach: Reach,
        central: FindCentral | None,
    ) -> None:
        self._environ = environ
        self._database = database
        self._queue = queue
        self._hosts = hosts
        self._cache = cache
        self._reach = reach
        self._central = central

    def desk(self, *, renew_s: float, tracing: Tracing = UNTRACED) -> Desk:
        """What the worker needs; it renews the lease of a job so often."""
        outside, post = self._outside(), sending(self._reach)
        reviewing = run_review.Desk(
            queue=self._queue,
            database=self._database,
            organisation=load_settings(self._environ).organisation,
            forge=self._forge,
            source=lambda *asked: traced_reading(self._source(*asked), tracing),
            model=lambda job, pull_request: self._model(job, pull_request, tracing),
            analysers=all_analysers(),
            now=time.time,
            renew_s=renew_s,
            central=self._central,
            saved=finding_saved(self._database, load_settings(self._environ).organisation),
            tell=lambda review: webhooks.tell_of_review(outside, review),
        )

        async def gave_up(job: Job, error: MesraiError) -> None:
            if job.kind == receive.LOOK:
                return  # nobody waits for it; the next change of an installation, or a person, has it done again
            if job.kind == webhooks.DELIVER:
                await webhooks.give_up(outside, job, error.message)
            elif job.kind == receive.REVIEW:
                await run_review.tell_failure(reviewing, job, error)
                await webhooks.tell_of_review(outside, review_of(job))
            else:
                await obey.tell_failure(reviewing, job, error)

        desk = Desk(
            queue=self._queue,
            handlers={
                receive.REVIEW: lambda job: run_review.run_review(reviewing, job),
                receive.COMMAND: lambda job: obey.obey(reviewing, job),
                receive.LOOK: self._look,
                webhooks.DELIVER: lambda job: webhooks.deliver(outside, job, post, time.time),
            },
            gave_up=gave_up,
        )
        return traced_desk(desk, tracing)

    def _outside(self) -> webhooks.Desk:
        """What telling others needs."""
        return webhooks.Desk(
            database=self._database,
            organisation=load_settings(self._environ).organisation,
            queue=self._queue,
            keyring=lambda: keyring_of(self._environ),
        )

    async def _look(self, job: Job) -> str:
        """Find the repositories anew. Errors: ForgeError, SettingsError, StoreError."""
        found = await (await self._hosts.needed()).repositories()
        await put_repositories(self._database, load_settings(self._environ).organisation, found)
        await self._queue.finish(job)
        return f"{len(found)} repositories are reached."

    def _forge(self, repository: RepositoryName, installation: int | None) -> AbstractAsyncContextManager[Forge]:
        return self._hosts.forge(repository, installation)

    @asynccontextmanager
    async def _source(self, forge: Forge, pull_request: PullRequest, since: str) -> AsyncIterator[Source]:
        if not isinstance(forge, GitHub):
            raise TypeError("only GitHub is joined here")
        async with source_of(self._cache, forge, pull_request, since) as source:
            yield source

    @asynccontextmanager
    async def _model(self, job: Job, pull_request: PullRequest, tracing: Tracing) -> AsyncIterator[Model]:
        """The connections as they are now: what an administrator changed holds from the next review on."""
        settings = (await installation_on(self._environ, self._database)).unlocked()
        about = review_of(job) if job.kind == receive.REVIEW else f"{ANSWERS}{job.id}"
        errand = Errand(repository=str(pull_request.repository), review=about)
        if not settings.connections:
            raise CredentialMissing(_NO_MODEL)
        async with model_for(
            settings,
            settings.connections,
            database=self._database,
            errand=errand,
            reach=self._reach,
            around=lambda each: TracedModel(each, tracing),
        ) as model:
            book, asked = await book_now(self._database, job.subject), model
            if job.kind == receive.REVIEW:  # below what remembers answers, so that only what is paid for is recorded
                keeps_words = load_serving(self._environ).keep_prompts_days > 0
                asked = Recorded(model, ReviewCalls(self._database, review_of(job)), keeps_words=keeps_words)
            yield Journaled(asked, book, tuning=tuning_of(settings.connections))
