"""The model that reviews in a terminal ask, the one here or else that of the team's server, and the team's wishes."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from mesrai import __version__
from mesrai.domain.memory import Memory, MemoryScope
from mesrai.domain.saved_policy import NOTHING_SAVED, Saved
from mesrai.settings.team import Login, find_login
from mesrai.wiring import Errand, Installation, model_for

if TYPE_CHECKING:
    from mesrai.domain.policy import Policy
    from mesrai.domain.pull_request import PullRequest, RepositoryName
    from mesrai.flows import review_once
    from mesrai.llm.model import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the team saved on the pages for the reviews of a repository."""

    saved: Saved = NOTHING_SAVED
    memories: tuple[Memory, ...] = ()


def login_used(environ: Mapping[str, str], installation: Installation) -> Login | None:
    """The login at the server whose model is asked; None if one is connected here, or there is no login.

    Errors: SettingsError.
    """
    is_connected = installation.locked is not None or bool(installation.settings.connections)
    return None if is_connected else find_login(environ)


def asking_team(
    environ: Mapping[str, str], installation: Installation, desk: "review_once.Desk", limit: Decimal | None
) -> "review_once.Desk":
    """The desk, where it has no model: with that of the team's server, and what is saved there, if there is a login.

    Errors: SettingsError.
    """
    login = login_used(environ, installation) if desk.model is None else None
    if login is None:
        return desk
    from mesrai.flows.publishing.progress import seal_with

    def model(pull_request: "PullRequest") -> "AbstractAsyncContextManager[Model]":
        return model_asked(environ, installation, Errand(repository=str(pull_request.repository), limit=limit))

    async def saved(repository: "RepositoryName") -> Saved:
        return (await wishes_for(environ, installation, str(repository))).saved

    async def remembered(policy: "Policy", repository: "RepositoryName", paths: Sequence[str]) -> "Policy":
        told = await wishes_for(environ, installation, str(repository))
        held = [each for each in told.memories if each.holds_for(str(repository), paths)]
        return replace(policy, memories=(*policy.memories, *held))

    return replace(desk, model=model, saved=saved, remembered=remembered, seal=seal_with(login.token))


async def wishes_for(environ: Mapping[str, str], installation: Installation, repository: str) -> Wishes:
    """What holds for a review in a terminal: what the server whose model it asks keeps, or else the database here.

    Memories in the database here are not among it. Errors: SettingsError, ModelError, StoreError.
    """
    login = login_used(environ, installation)
    if login is None:
        return await _kept_here(installation, repository)
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


async def _kept_here(installation: Installation, repository: str) -> Wishes:
    if installation.database is None:
        return Wishes()
    from mesrai.store.configurations import saved_for

    return Wishes(saved=await saved_for(installation.database, installation.settings.organisation, repository))


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
