"""What reviewing one pull request needs where no service runs: in a terminal, or in a workflow."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

from mesrai.assembly.hosts import NOT_CONNECTED, Host, access_from, open_place, place_named
from mesrai.assembly.sources import clones_of, source_of
from mesrai.domain.policy import Policy
from mesrai.domain.pull_request import Event, PullRequest, RepositoryName
from mesrai.domain.pull_request_address import PullRequestAddress
from mesrai.errors import SettingsError, WebhookRejected
from mesrai.flows import review_once
from mesrai.flows.configured import finding_central, finding_saved
from mesrai.flows.publishing.progress import seal_with
from mesrai.flows.remember import with_memories
from mesrai.forges.github.central import CentralRepository
from mesrai.forges.github.place import place_at
from mesrai.forges.github.wire import event_from
from mesrai.llm.model import Model
from mesrai.settings.serving import GitHubAccess, load_serving
from mesrai.wiring import Errand, Installation, all_analysers, model_for

if TYPE_CHECKING:
    from mesrai.store.database import Database


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
    told, place = load_serving(environ), place_named(access.url)
    if address.origin and place_at(address.origin) != place:
        raise SettingsError(
            f"The pull request is at {address.origin}, and the credentials are for {place.host}: set MESRAI_GITHUB_URL."
        )
    repository = RepositoryName(forge=place.host, owner=address.owner, name=address.name)
    cache = clones_of(told, environ)
    settings = installation.unlocked() if installation is not None else None

    def model(pull_request: PullRequest) -> AbstractAsyncContextManager[Model]:
        if settings is None or installation is None:
            raise SettingsError(NOT_CONNECTED)
        errand = Errand(repository=str(pull_request.repository), limit=limit)
        return model_for(settings, settings.connections, database=installation.database, errand=errand)

    main = settings.main if settings is not None else None
    database = installation.database if installation is not None else None
    organisation = settings.organisation if settings is not None else ""
    async with AsyncExitStack() as opened:
        session = await opened.enter_async_context(open_place(access.url, access.write_gap_s))
        host = Host(access_from(access, place), session)
        forge = await opened.enter_async_context(host.forge(repository, None))
        yield review_once.Desk(
            forge=forge,
            source=lambda pull_request, since: source_of(cache, forge, pull_request, since),
            model=model if main is not None else None,
            analysers=all_analysers(),
            seal=seal_with(main.key if main is not None else None),
            central=finding_central(told.central, CentralRepository(told.central, host.transport).files),
            saved=finding_saved(database, organisation) if database is not None else None,
            remembered=_remembering(database, organisation) if database is not None else None,
        )


def _remembering(database: "Database", organisation: str) -> review_once.FindRemembered:
    async def remembered(policy: Policy, repository: RepositoryName, paths: Sequence[str]) -> Policy:
        return await with_memories(policy, database, organisation=organisation, repository=str(repository), paths=paths)

    return remembered


def workflow_event(name: str, body: bytes) -> Event | None:
    """What an event of a GitHub workflow says; None if it is nothing we act on. Errors: SettingsError."""
    try:
        # The two differ in which workflow runs, with which rights; what happened is the same.
        named = "pull_request" if name == "pull_request_target" else name
        return event_from(named, body, delivery="", forge="")
    except WebhookRejected as error:
        raise SettingsError(f"GITHUB_EVENT_PATH: {error.message}") from error
