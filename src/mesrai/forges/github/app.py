"""A GitHub App: who it is, where it is installed, and tokens that reach one repository only."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import jwt

from mesrai.domain.pull_request import Person, RepositoryName
from mesrai.domain.secret import Secret
from mesrai.errors import ForgeRejected, ForgeUnavailable, SettingsError
from mesrai.forges.github.payloads import a_login, a_mapping, an_id, as_documented, owner_and_name
from mesrai.forges.github.transport import Session, Token, Transport

PERMISSIONS: Final = {
    "metadata": "read",
    "contents": "read",
    "pull_requests": "write",
    "checks": "write",
    "issues": "write",  # comments and reactions of a pull request count as an issue's
}
_BACKDATED_S: Final = 60  # for a clock that runs ahead
_VALID_S: Final = 480  # GitHub takes 10 minutes from its own clock
_RENEWED_BEFORE_S: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Minted:
    token: Secret
    expires_at: float


class App:
    """A GitHub App, known by its private key. Errors of its methods: ForgeError, SettingsError."""

    def __init__(
        self, session: Session, *, app_id: str, private_key: Secret, clock: Callable[[], float] = time.time
    ) -> None:
        """`app_id` is the App's id or its client id; `private_key` the PEM file's text."""
        self._session = session
        self._transport = Transport(session, _AppKey(app_id, private_key, clock))
        self._clock = clock
        self._login = ""
        self._minted: dict[tuple[int, RepositoryName], _Minted] = {}
        self._locks: dict[tuple[int, RepositoryName], asyncio.Lock] = {}

    async def me(self) -> Person:
        """Who the App acts as. The id is not told to an App (0); the login is nobody else's."""
        if not self._login:
            with as_documented():
                self._login = a_login(a_mapping(await self._transport.read("app")), "slug") + "[bot]"
        return Person(id=0, login=self._login, is_bot=True)

    async def installation_of(self, repository: RepositoryName) -> int:
        """The installation that reaches a repository. Errors: ForgeNotFound where the App is not installed."""
        path = f"repos/{quote(repository.owner, safe='')}/{quote(repository.name, safe='')}/installation"
        with as_documented():
            return an_id(a_mapping(await self._transport.read(path)))

    async def installations(self) -> list[int]:
        """Where the App is installed and not suspended."""
        with as_documented():
            rows = [a_mapping(each) for each in await self._transport.pages("app/installations")]
            return [an_id(row) for row in rows if row.get("suspended_at") is None]

    async def seeing(self, installation: int) -> Secret:
        """A token that may list the repositories of an installation and read nothing in them."""
        return (await self._obtain(installation, {"permissions": {"metadata": "read"}})).token

    def credentials(self, installation: int, repository: RepositoryName) -> "InstallationToken":
        """What reaches one repository, and no other of the installation."""
        return InstallationToken(self, installation, repository)

    async def minted(self, installation: int, repository: RepositoryName) -> Secret:
        """A token for one repository, good for five minutes at least."""
        key = (installation, repository)
        async with self._locks.setdefault(key, asyncio.Lock()):
            kept = self._minted.get(key)
            if kept is None or not self._is_fresh(kept):
                kept = await self._mint(installation, repository)
                self._minted = {old: each for old, each in self._minted.items() if self._is_fresh(each)}
                self._minted[key] = kept
            return kept.token

    def forget(self, installation: int, repository: RepositoryName, refused: Secret) -> None:
        """Keep a refused token no longer."""
        kept = self._minted.get((installation, repository))
        if kept is not None and kept.token == refused:
            del self._minted[installation, repository]

    def _is_fresh(self, minted: _Minted) -> bool:
        return minted.expires_at - _RENEWED_BEFORE_S > self._clock()

    async def _mint(self, installation: int, repository: RepositoryName) -> _Minted:
        try:
            return await self._obtain(installation, {"repositories": [repository.name], "permissions": PERMISSIONS})
        except ForgeRejected as error:
            name = await self._name_now(installation, repository) if error.status == 422 else repository.name
            if name == repository.name:
                raise
        return await self._obtain(installation, {"repositories": [name], "permissions": PERMISSIONS})

    async def _name_now(self, installation: int, repository: RepositoryName) -> str:
        """The name of a repository that may have got another one, found with a token that may read nothing else."""
        path = f"repos/{quote(repository.owner, safe='')}/{quote(repository.name, safe='')}"
        told = await Transport(self._session, Token(await self.seeing(installation))).read(path)
        with as_documented():
            return owner_and_name(a_mapping(told))[1]

    async def _obtain(self, installation: int, body: Mapping[str, Any]) -> _Minted:
        answer = await self._transport.obtain(f"app/installations/{installation}/access_tokens", body)
        with as_documented():
            token, expires_at = a_mapping(answer).get("token"), a_mapping(answer).get("expires_at")
        try:
            expires = datetime.fromisoformat(str(expires_at)).timestamp()
        except (ValueError, OverflowError) as error:
            raise ForgeUnavailable("GitHub gave a token without a time of expiry.") from error
        if not isinstance(token, str) or not token:
            raise ForgeUnavailable("GitHub answered without a token.")
        return _Minted(token=Secret(token), expires_at=expires)


class InstallationToken:
    """Credentials for one repository of one installation, renewed as needed."""

    def __init__(self, app: App, installation: int, repository: RepositoryName) -> None:
        self._app = app
        self._installation = installation
        self._repository = repository

    @property
    def name(self) -> str:
        """See Credentials."""
        return f"installation {self._installation}"

    async def token(self) -> Secret:
        """See Credentials."""
        return await self._app.minted(self._installation, self._repository)

    def renew(self, refused: Secret) -> bool:
        """See Credentials."""
        self._app.forget(self._installation, self._repository, refused)
        return True

    async def login(self) -> str:
        """See Credentials."""
        return (await self._app.me()).login


class _AppKey:
    """The App's own credentials: a signed statement, made anew for each request."""

    def __init__(self, app_id: str, private_key: Secret, clock: Callable[[], float]) -> None:
        self._app_id = app_id
        self._private_key = private_key
        self._clock = clock

    @property
    def name(self) -> str:
        return f"app {self._app_id}"

    async def token(self) -> Secret:
        now = int(self._clock())
        claims = {"iss": self._app_id, "iat": now - _BACKDATED_S, "exp": now + _VALID_S}
        pem = self._private_key.open()
        if "\n" not in pem:
            pem = pem.replace("\\n", "\n")  # as it is often put into an environment variable
        try:
            return Secret(jwt.encode(claims, pem, algorithm="RS256"))
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise SettingsError("The private key of the GitHub App is not an RSA key in PEM form.") from error

    def renew(self, refused: Secret) -> bool:  # noqa: ARG002 - made anew each time
        return False

    async def login(self) -> str:
        return ""
