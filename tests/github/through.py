"""Our own client at the stand-in, with the app's credentials."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from tests.github.stand_in import GitHub

from mesrai.domain.pull_request import RepositoryName
from mesrai.domain.secret import Secret
from mesrai.forges.github.app import App
from mesrai.forges.github.client import GitHub as Client
from mesrai.forges.github.place import place_at
from mesrai.forges.github.transport import Timing, Transport, open_session

T = TypeVar("T")
QUICK: Final = Timing(write_gap_s=0.0, backoff_s=0.001, read_s=5.0, write_s=5.0, connect_s=1.0)


def through_github(
    github: GitHub, work: Callable[[Client], Awaitable[T]], *, path: str = "acme/shop", timing: Timing = QUICK
) -> T:
    """Do the work in a project."""
    owner, _, name = path.partition("/")
    repository = RepositoryName(forge="github.com", owner=owner, name=name)

    async def all_of_it() -> T:
        async with open_session(place_at(github.url), version="1.2.3", timing=timing) as session:
            app = App(session, app_id=str(github.app.id), private_key=Secret(github.app.private_key))
            credentials = app.credentials(await app.installation_of(repository), repository)
            return await work(Client(Transport(session, credentials), repository))

    return asyncio.run(all_of_it())
