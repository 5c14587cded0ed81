"""Where the parts of the service are joined: the forge, the queue, the store and the stories, behind two doors."""

import hashlib
import logging
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from mesrai import __version__
from mesrai.domain.pull_request import Event, Person, PullRequest, RepositoryName
from mesrai.domain.pull_request_address import PullRequestAddress
from mesrai.errors import ForgeError, MesraiError, SettingsError, StoreError, WebhookRejected
from mesrai.flows import obey, receive, review_once, run_review
from mesrai.flows.configured import FindCentral, finding_central
from mesrai.flows.publishing.progress import seal_with
from mesrai.forges.clone_cache import CloneCache
from mesrai.forges.clones import open_pull_request
from mesrai.forges.forge import Forge, Source
from mesrai.forges.github.app import App
from mesrai.forges.github.central import CentralRepository
from mesrai.forges.github.client import GitHub
from mesrai.forges.github.place import Place, place_at
from mesrai.forges.github.transport import Credentials, Session, Timing, Token, Transport, open_session
from mesrai.forges.github.wire import event_from, read_event
from mesrai.jobs.embedded import DatabaseQueue, put_in
from mesrai.jobs.queue import Job
from mesrai.llm.catalogue import load_catalogue
from mesrai.llm.journal import Journaled, tuning_of
from mesrai.llm.model import Model
from mesrai.llm.reach import Reach, place_of
from mesrai.server.app import Doors
from mesrai.server.web.house import House
from mesrai.server.web.pages.all import PAGES
from mesrai.server.web.site import Site
from mesrai.settings import database_url_from, load_settings
from mesrai.settings.serving import GitHubAccess, Serving, SourceMode, load_serving
from mesrai.store.answers import book_now, prune_answers
from mesrai.store.attempts import prune_attempts
from mesrai.store.deliveries import note_delivery, prune_deliveries
from mesrai.store.invitations import prune_invitations
from mesrai.store.opening import open_database
from mesrai.store.passwords import Passwords
from mesrai.store.pull_requests import USUAL, change_followed_in
from mesrai.store.sessions import prune_sessions
from mesrai.wiring import Errand, Installation, all_analysers, installation_on, model_for
from mesrai.worker import Desk

if TYPE_CHECKING:
    from mesrai.store.database import Database

LOG: Final = logging.getLogger("mesrai.service")
NOT_CONNECTED: Final = """No forge is connected.
  MESRAI_GITHUB_APP_ID, MESRAI_GITHUB_PRIVATE_KEY_FILE      as a GitHub App
  MESRAI_GITHUB_TOKEN                                       or with a personal access token
  MESRAI_GITHUB_WEBHOOK_SECRET_FILE                         what GitHub signs its webhooks with
  docs/github.md has the exact steps"""
_NO_GIT: Final = (
    "git is not installed, so pull requests are read through GitHub's interface alone: the model cannot search the "
    "repository, and very large changes are read in part. MESRAI_SOURCE=api says that this is meant."
)
_JOBS_KEPT_S: Final = 14 * 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """The service, ready to be put behind its doors."""

    doors: Doors
    desk: Desk
    told: tuple[str, ...]  # what an operator should know at the start
    site: Site
    tidy: Callable[[], Awaitable[None]]  # forget what is no longer needed. Errors: StoreError


@asynccontextmanager
async def assembled(environ: Mapping[str, str]) -> AsyncIterator[Assembled]:
    """Everything joined, with an open database. Errors: SettingsError, StoreError."""
    told = load_serving(environ)
    if told.github is None:
        raise SettingsError(NOT_CONNECTED)
    place = _place(told.github.url)
    cache = _clones_of(told, environ)
    async with (
        open_database(database_url_from(environ)) as database,
        open_session(place, version=__version__, timing=Timing(write_gap_s=told.github.write_gap_s)) as session,
    ):
        host = _Host(told.github, session)
        queue = DatabaseQueue(database, lease_s=told.lease_s)
        reach = reach_of(environ, told.allowed_hosts)
        central = finding_central(told.central, CentralRepository(told.central, host.transport).files)
        stories = _Stories(environ, database, queue, host, cache, reach=reach, central=central)
        me = await host.find_me()

        async def webhook(headers: Mapping[str, str], body: bytes) -> str:
            if told.github is None or told.github.webhook_secret is None:
                raise SettingsError(NOT_CONNECTED)
            event = read_event(headers, body, secret=told.github.webhook_secret, me=me, forge=place.host)
            if event is None:
                return "Nothing is to be done."
            return await receive.receive(_Intake(database, queue, seal=hashlib.sha256(body).hexdigest()), event)

        has_secret = told.github.webhook_secret is not None
        yield Assembled(
            doors=Doors(github_webhook=webhook if has_secret else None, broken=lambda: _broken(database)),
            desk=stories.desk(renew_s=told.lease_s / 3),
            told=(*_told(told.github, place.host, me), *([_NO_GIT] if cache is None and told.source is None else [])),
            site=Site(house_of(environ, database, queue, told.public_url), PAGES),
            tidy=lambda: _tidy(database, queue),
        )


def house_of(environ: Mapping[str, str], database: "Database", queue: DatabaseQueue, public_url: str) -> House:
    """What the pages need."""
    return House(
        database=database,
        organisation=load_settings(environ).organisation,
        queue=queue,
        passwords=Passwords(),
        installation=lambda: installation_on(environ, database),
        broken=lambda: _broken(database),
        public_url=public_url,
    )


async def _tidy(database: "Database", queue: DatabaseQueue) -> None:
    """Forget what is no longer needed. Errors: StoreError."""
    await prune_deliveries(database)
    await prune_answers(database)
    await queue.prune(older_than_s=_JOBS_KEPT_S)
    await prune_sessions(database)
    await prune_attempts(database)
    await prune_invitations(database)


class _Host:
    """One GitHub, under our credentials."""

    def __init__(self, access: GitHubAccess, session: Session) -> None:
        self._session = session
        self._token = None if access.token is None else Token(access.token)
        self._app = App(session, app_id=access.app_id, private_key=access.private_key) if access.private_key else None

    async def find_me(self) -> Person | None:
        """Who we are there; None if that cannot be known now."""
        try:
            if self._app is not None:
                return await self._app.me()
            anywhere = RepositoryName(forge="", owner="", name="")
            return await GitHub(Transport(self._session, self._credentials(anywhere, None)), anywhere).me()
        except ForgeError as error:
            LOG.warning("It is not known yet who we are on GitHub: %s", error.message)
            return None

    @asynccontextmanager
    async def forge(self, repository: RepositoryName, installation: int | None) -> AsyncIterator[GitHub]:
        """A repository, under credentials that reach it alone where we are an App. Errors: ForgeError."""
        yield GitHub(await self.transport(repository, installation), repository)

    async def transport(self, repository: RepositoryName, installation: int | None = None) -> Transport:
        """The way to a repository, under those credentials. Errors: ForgeError."""
        if self._app is not None and installation is None:
            installation = await self._app.installation_of(repository)
        return Transport(self._session, self._credentials(repository, installation))

    def _credentials(self, repository: RepositoryName, installation: int | None) -> Credentials:
        if self._app is not None and installation is not None:
            return self._app.credentials(installation, repository)
        if self._token is None:
            raise SettingsError(NOT_CONNECTED)
        return self._token


class _Intake:
    """One delivery and its job, both or neither."""

    def __init__(self, database: "Database", queue: DatabaseQueue, *, seal: str) -> None:
        """`seal`: a digest of what was signed. The id of a delivery is not, so whoever saw one could send it anew."""
        self._database = database
        self._queue = queue
        self._seal = seal

    async def take(self, delivery: str, meaning: receive.Meaning) -> bool:
        """See receive.Intake."""
        async with self._database.transaction() as statements:
            for known_by in (delivery, f"sha256:{self._seal}"):
                if not await note_delivery(self._database, statements, known_by, meaning.told):
                    return False
            if meaning.work is not None:
                work = meaning.work
                if work.is_asked:
                    await change_followed_in(self._database, statements, work.subject, lambda now: now.with_ask(USUAL))
                await put_in(self._database, statements, work.kind, work.subject, work.payload)
        self._queue.wake()
        return True


class _Stories:
    """The stories, and what they are told with."""

    def __init__(
        self,
        environ: Mapping[str, str],
        database: "Database",
        queue: DatabaseQueue,
        host: _Host,
        cache: CloneCache | None,  # None: nothing is cloned
        *,
        reach: Reach,
        central: FindCentral | None,
    ) -> None:
        self._environ = environ
        self._database = database
        self._queue = queue
        self._host = host
        self._cache = cache
        self._reach = reach
        self._central = central

    def desk(self, *, renew_s: float) -> Desk:
        """What the worker needs; it renews the lease of a job so often."""
        reviewing = run_review.Desk(
            queue=self._queue,
            database=self._database,
            organisation=load_settings(self._environ).organisation,
            forge=self._forge,
            source=self._source,
            model=self._model,
            analysers=all_analysers(),
            now=time.time,
            renew_s=renew_s,
            central=self._central,
        )

        async def gave_up(job: Job, error: MesraiError) -> None:
            if job.kind == receive.REVIEW:
                await run_review.tell_failure(reviewing, job, error)
            else:
                await obey.tell_failure(reviewing, job, error)

        return Desk(
            queue=self._queue,
            handlers={
                receive.REVIEW: lambda job: run_review.run_review(reviewing, job),
                receive.COMMAND: lambda job: obey.obey(reviewing, job),
            },
            gave_up=gave_up,
        )

    def _forge(self, repository: RepositoryName, installation: int | None) -> AbstractAsyncContextManager[Forge]:
        return self._host.forge(repository, installation)

    @asynccontextmanager
    async def _source(self, forge: Forge, pull_request: PullRequest, since: str) -> AsyncIterator[Source]:
        if not isinstance(forge, GitHub):
            raise TypeError("only GitHub is joined here")
        async with _source_of(self._cache, forge, pull_request, since) as source:
            yield source

    @asynccontextmanager
    async def _model(self, job: Job, pull_request: PullRequest) -> AsyncIterator[Model]:
        """The connections as they are now: what an administrator changed holds from the next review on."""
        settings = (await installation_on(self._environ, self._database)).unlocked()
        errand = Errand(repository=str(pull_request.repository), review=f"job-{job.id}")
        async with model_for(
            settings, settings.connections, database=self._database, errand=errand, reach=self._reach
        ) as model:
            book = await book_now(self._database, job.subject)
            yield Journaled(model, book, tuning=tuning_of(settings.connections))


@asynccontextmanager
async def pull_request_desk(
    environ: Mapping[str, str],
    access: GitHubAccess,
    address: PullRequestAddress,
    installation: Installation | None,
    *,
    limit: Decimal | None = None,
) -> AsyncIterator[review_once.Desk]:
    """What reviewing one pull request needs, for a terminal or a workflow.

    Without `installation`, or without a connection in it, no model is asked. `limit` bounds what it may cost.
    Errors: SettingsError, also where the address is at another GitHub than the credentials; VaultLocked.
    """
    told, place = load_serving(environ), _place(access.url)
    if address.origin and place_at(address.origin) != place:
        raise SettingsError(
            f"The pull request is at {address.origin}, and the credentials are for {place.host}: set MESRAI_GITHUB_URL."
        )
    repository = RepositoryName(forge=place.host, owner=address.owner, name=address.name)
    cache = _clones_of(told, environ)
    settings = installation.unlocked() if installation is not None else None
    timing = Timing(write_gap_s=access.write_gap_s)

    def model(pull_request: PullRequest) -> AbstractAsyncContextManager[Model]:
        if settings is None or installation is None:
            raise SettingsError(NOT_CONNECTED)
        errand = Errand(repository=str(pull_request.repository), limit=limit)
        return model_for(settings, settings.connections, database=installation.database, errand=errand)

    main = settings.main if settings is not None else None
    async with AsyncExitStack() as opened:
        host = _Host(access, await opened.enter_async_context(open_session(place, version=__version__, timing=timing)))
        forge = await opened.enter_async_context(host.forge(repository, None))
        yield review_once.Desk(
            forge=forge,
            source=lambda pull_request, since: _source_of(cache, forge, pull_request, since),
            model=model if main is not None else None,
            analysers=all_analysers(),
            seal=seal_with(main.key if main is not None else None),
            central=finding_central(told.central, CentralRepository(told.central, host.transport).files),
        )


def workflow_event(name: str, body: bytes) -> Event | None:
    """What an event of a GitHub workflow says; None if it is nothing we act on. Errors: SettingsError."""
    try:
        # The two differ in which workflow runs, with which rights; what happened is the same.
        named = "pull_request" if name == "pull_request_target" else name
        return event_from(named, body, delivery="", forge="")
    except WebhookRejected as error:
        raise SettingsError(f"GITHUB_EVENT_PATH: {error.message}") from error


@asynccontextmanager
async def _source_of(
    cache: CloneCache | None, forge: GitHub, pull_request: PullRequest, since: str
) -> AsyncIterator[Source]:
    if cache is None:
        async with forge.source(pull_request, since) as source:
            yield source
        return
    access = await forge.git_access()
    async with open_pull_request(cache, access.url, pull_request, authorization=access.header, since=since) as cloned:
        yield cloned


def _clones_of(told: Serving, environ: Mapping[str, str]) -> CloneCache | None:
    """Where pull requests are cloned to; None if they are read through the forge's interface. Errors: SettingsError."""
    has_git = shutil.which("git", path=environ.get("PATH", os.defpath)) is not None
    if told.source is SourceMode.CLONE and not has_git:
        raise SettingsError("MESRAI_SOURCE: git was not found on PATH. Install git, or set MESRAI_SOURCE=api.")
    if told.source is SourceMode.API or not has_git:
        return None
    return CloneCache(told.clones, most_bytes=told.clones_bytes)


def _place(url: str) -> Place:
    try:
        return place_at(url)
    except SettingsError as error:
        raise SettingsError(f"MESRAI_GITHUB_URL: {error.message}") from None


def reach_of(environ: Mapping[str, str], named: frozenset[str]) -> Reach:
    """Where a model may be asked: what the operator wrote down inside the network is meant, what was saved is not.

    The operator's are the environment, the settings file, and the rows laid over the catalogue.
    """
    settings = load_settings(environ)
    own = {address for row in load_catalogue().providers for address in row.addresses}
    laid_over = {address for row in settings.catalogue.providers for address in row.addresses} - own
    written = {each.base_url for each in (*settings.connections, settings.fixed) if each is not None}
    return Reach(allowed=named | {place_of(address) for address in laid_over | written})


async def _broken(database: "Database") -> Mapping[str, str]:
    try:
        await database.rows("SELECT 1 AS one")
    except StoreError as error:
        return {"database": error.message}
    return {}


def _told(access: GitHubAccess, host: str, me: Person | None) -> tuple[str, ...]:
    who = f"as {me.login}" if me else "under an identity that is not known yet"
    told = [f"Connected to {host} {who}."]
    if access.webhook_secret is None:
        told.append("No webhook secret is set, so no webhook is taken: set MESRAI_GITHUB_WEBHOOK_SECRET_FILE.")
    return tuple(told)
