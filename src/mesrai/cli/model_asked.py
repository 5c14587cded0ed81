"""The model that reviews in a terminal ask: the one connected here, or else that of the team's server."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mesrai import __version__
from mesrai.settings.team import find_login
from mesrai.wiring import Errand, Installation, model_for

if TYPE_CHECKING:
    from mesrai.llm.model import Model


@asynccontextmanager
async def model_asked(
    environ: Mapping[str, str], installation: Installation, errand: Errand | None = None
) -> "AsyncIterator[Model]":
    """That model, for one errand.

    Errors: CredentialMissing if there is neither; VaultLocked, SettingsError, ModelError.
    """
    settings = installation.unlocked()
    if not settings.connections:
        login = find_login(environ)
        if login is not None:
            from mesrai.llm.team import Server, open_team_model

            told = errand or Errand()
            server = Server(url=login.url, token=login.token)
            async with open_team_model(
                __version__, server, review=told.review, repository=told.repository, limit=told.limit
            ) as model:
                yield model
            return
    async with model_for(settings, settings.connections, database=installation.database, errand=errand) as model:
        yield model
