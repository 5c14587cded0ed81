"""The model that reviews in a terminal ask, the one here or else that of the team's server, and the team's wishes."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesrai import __version__
from mesrai.domain.memory import Memory, MemoryScope
from mesrai.domain.saved_policy import NOTHING_SAVED, Saved
from mesrai.settings.team import find_login
from mesrai.wiring import Errand, Installation, model_for

if TYPE_CHECKING:
    from mesrai.llm.model import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the team saved on its server for the reviews of a repository."""

    saved: Saved = NOTHING_SAVED
    memories: tuple[Memory, ...] = ()


async def team_wishes(environ: Mapping[str, str], installation: Installation, repository: str) -> Wishes:
    """What holds for a review that asks the team's server; nothing for one that asks a model connected here.

    Errors: VaultLocked, SettingsError, ModelError.
    """
    login = None if installation.unlocked().connections else find_login(environ)
    if login is None:
        return Wishes()
    from mesrai.llm.team import Server, find_wishes

    told = await find_wishes(__version__, Server(url=login.url, token=login.token), repository)
    return Wishes(
        saved=Saved(organisation=told.organisation, repository=told.repository, folders=told.folders),
        memories=tuple(
            Memory(
                id=each.id,
                text=each.text,
                scope=_scope(each.repository, each.paths),
                repository=each.repository,
                paths=tuple(each.paths),
                origin=f"memory {each.id} of {login.url}",
            )
            for each in told.memories
        ),
    )


def _scope(repository: str, paths: list[str]) -> MemoryScope:
    if not repository:
        return MemoryScope.ORGANISATION
    return MemoryScope.DIRECTORY if paths else MemoryScope.REPOSITORY


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
