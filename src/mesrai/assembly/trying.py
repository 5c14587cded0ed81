"""What reading a pull request for somebody at the pages needs: to try a rule on it, and post nothing."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from mesrai.assembly.hosts import Hosts
from mesrai.assembly.sources import source_of
from mesrai.domain.pull_request import PullRequest
from mesrai.flows import review_once
from mesrai.flows.configured import FindCentral, finding_saved
from mesrai.flows.connect_forge import repository_named
from mesrai.forges.clone_cache import CloneCache
from mesrai.llm.model import Model
from mesrai.llm.reach import Reach
from mesrai.store.repositories import find_repository
from mesrai.wiring import Errand, installation_on, model_for

if TYPE_CHECKING:
    from mesrai.store.database import Database

Reading = Callable[[str], AbstractAsyncContextManager[review_once.Desk]]


def reading_of(
    environ: Mapping[str, str],
    database: "Database",
    hosts: Hosts,
    cache: CloneCache | None,
    *,
    reach: Reach,
    central: FindCentral | None,
) -> Reading:
    """How pull requests are read for somebody; static analysers are left out.

    Entering it raises ForgeError, SettingsError and StoreError, and VaultLocked if no model can be asked.
    """

    @asynccontextmanager
    async def reading(name: str) -> AsyncIterator[review_once.Desk]:
        settings = (await installation_on(environ, database)).unlocked()
        repository = repository_named(name)
        known = await find_repository(database, settings.organisation, name)

        def model(pull_request: PullRequest) -> AbstractAsyncContextManager[Model]:
            errand = Errand(repository=str(pull_request.repository))
            return model_for(settings, settings.connections, database=database, errand=errand, reach=reach)

        async with hosts.forge(repository, known.installation if known else None) as forge:
            yield review_once.Desk(
                forge=forge,
                source=lambda pull_request, since: source_of(cache, forge, pull_request, since),
                model=model,
                analysers=(),
                central=central,
                saved=finding_saved(database, settings.organisation),
            )

    return reading
