"""The code host under our credentials: those of the environment, or else those that are saved, as they are now."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from mesrai import __version__
from mesrai.domain.pull_request import Person, PullRequest, RepositoryName
from mesrai.errors import ForgeError, SettingsError
from mesrai.forges.github.app import App
from mesrai.forges.github.client import GitHub
from mesrai.forges.github.place import Place, place_at
from mesrai.forges.github.project_list import (
    made_from_manifest,
    open_pull_requests,
    reached_by_app,
    reached_by_token,
)
from mesrai.forges.github.transport import Credentials, Nobody, Seen, Session, Timing, Token, Transport, open_session
from mesrai.settings.serving import GitHubAccess
from mesrai.store.forge_access import ForgeAccess, find_access, opened_access
from mesrai.store.repositories import Found

if TYPE_CHECKING:
    from mesrai.store.database import Database
    from mesrai.store.vault import Keyring

LOG: Final = logging.getLogger("mesrai.service")
NOT_CONNECTED: Final = """No code host is connected. Connect GitHub on the pages, or in the environment:
  MESRAI_GITHUB_APP_ID, MESRAI_GITHUB_PRIVATE_KEY_FILE      as a GitHub App
  MESRAI_GITHUB_TOKEN                                       or with a personal access token
  MESRAI_GITHUB_WEBHOOK_SECRET_FILE                         what GitHub signs its webhooks with
  docs/github.md has the exact steps"""
_NOWHERE: Final = RepositoryName(forge="", owner="", name="")


class Host:
    """One GitHub, under certain credentials."""

    def __init__(self, access: ForgeAccess, session: Session) -> None:
        self.webhook_secret = access.webhook_secret
        self._session = session
        self._app = App(session, app_id=access.app_id, private_key=access.key) if access.app_id else None
        self._token = None if access.app_id else Token(access.key)
        self._me: Person | None = None

    async def login(self) -> str:
        """Who we are there. Errors: ForgeError, SettingsError."""
        return (await self._find_me()).login

    async def me(self) -> Person | None:
        """Who we are there; None if that cannot be known now."""
        try:
            return await self._find_me()
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

    async def repositories(self) -> Sequence[Found]:
        """All that these credentials reach. Errors: ForgeError."""
        if self._app is not None:
            reached = await reached_by_app(self._app, self._session)
        else:
            reached = await reached_by_token(Transport(self._session, self._credentials(_NOWHERE, None)), self._session)
        return [
            Found(name=str(each.repository), installation=each.installation, is_private=each.is_private)
            for each in reached
        ]

    async def open_pull_requests(self, repository: RepositoryName, installation: int | None) -> Sequence[PullRequest]:
        """The open pull requests of one of them. Errors: ForgeError."""
        return await open_pull_requests(await self.transport(repository, installation), repository)

    async def _find_me(self) -> Person:
        if self._me is None:
            if self._app is not None:
                self._me = await self._app.me()
            else:
                self._me = await GitHub(Transport(self._session, self._credentials(_NOWHERE, None)), _NOWHERE).me()
        return self._me

    def _credentials(self, repository: RepositoryName, installation: int | None) -> Credentials:
        if self._app is not None and installation is not None:
            return self._app.credentials(installation, repository)
        if self._token is None:
            raise SettingsError(NOT_CONNECTED)
        return self._token


class Hosts:
    """The host as it is connected at this moment. What is saved on the pages holds at once, in every process."""

    def __init__(
        self,
        database: "Database",
        organisation: str,
        keyring: "Callable[[], Keyring]",
        session: Session,
        *,
        outside: ForgeAccess | None,
    ) -> None:
        """`outside`: what the environment says, which wins over what is saved."""
        self.session = session
        self._database = database
        self._organisation = organisation
        self._keyring = keyring
        self._outside = None if outside is None else Host(outside, session)
        self._saved: tuple[str, Host] | None = None
        self._turn = asyncio.Lock()

    async def current(self) -> Host | None:
        """The host; None if none is connected. Errors: StoreUnavailable, VaultLocked."""
        if self._outside is not None:
            return self._outside
        async with self._turn:
            stored = await find_access(self._database, self._organisation)
            if stored is None or stored.host != self.session.place.host:
                self._saved = None
                return None
            if self._saved is None or self._saved[0] != stored.id:
                access = opened_access(stored, await asyncio.to_thread(self._keyring))
                self._saved = (stored.id, Host(access, self.session))
            return self._saved[1]

    async def needed(self) -> Host:
        """The host. Errors: SettingsError if none is connected; StoreUnavailable, VaultLocked."""
        host = await self.current()
        if host is None:
            raise SettingsError(NOT_CONNECTED)
        return host

    def under(self, access: ForgeAccess) -> Host:
        """The host under other credentials, to try them."""
        return Host(access, self.session)

    @asynccontextmanager
    async def forge(self, repository: RepositoryName, installation: int | None) -> AsyncIterator[GitHub]:
        """See Host."""
        async with (await self.needed()).forge(repository, installation) as forge:
            yield forge

    async def transport(self, repository: RepositoryName) -> Transport:
        """See Host."""
        return await (await self.needed()).transport(repository)

    async def new_app(self, code: str) -> ForgeAccess:
        """The App that GitHub made of our manifest. Errors: ForgeError."""
        made = await made_from_manifest(Transport(self.session, Nobody()), code)
        return ForgeAccess(
            host=self.session.place.host, app_id=made.app_id, key=made.private_key, webhook_secret=made.webhook_secret
        )


def access_from(told: GitHubAccess, place: Place) -> ForgeAccess:
    """The credentials that the environment names."""
    key = told.private_key or told.token
    if key is None:
        raise SettingsError(NOT_CONNECTED)
    return ForgeAccess(
        host=place.host,
        app_id=told.app_id if told.private_key is not None else "",
        key=key,
        webhook_secret=told.webhook_secret,
    )


@asynccontextmanager
async def open_place(url: str, write_gap_s: float, *, seen: Seen | None = None) -> AsyncIterator[Session]:
    """A client to the GitHub at that address; `seen` is told of every answer.

    Errors: SettingsError, which names the variable.
    """
    async with AsyncExitStack() as opened:
        timing = Timing(write_gap_s=write_gap_s)
        client = open_session(place_named(url), version=__version__, timing=timing, seen=seen)
        yield await opened.enter_async_context(client)


def place_named(url: str) -> Place:
    """The GitHub at an address of the environment. Errors: SettingsError, which names the variable."""
    try:
        return place_at(url)
    except SettingsError as error:
        raise SettingsError(f"MESRAI_GITHUB_URL: {error.message}") from None
