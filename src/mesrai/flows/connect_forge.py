"""Connect a code host: prove the credentials, keep them sealed, find the repositories, and have one reviewed now."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from mesrai.domain.command import Scope
from mesrai.domain.occasion import Trigger
from mesrai.domain.pull_request import PullRequest, RepositoryName
from mesrai.errors import UserError
from mesrai.flows.receive import REVIEW
from mesrai.jobs.queue import Queue
from mesrai.store.audit import add_entry
from mesrai.store.database import Database
from mesrai.store.forge_access import ForgeAccess, remove_access, save_access
from mesrai.store.pull_requests import USUAL, change_followed
from mesrai.store.repositories import SWITCHED_OFF, Found, find_repository, put_repositories, switch_repository
from mesrai.store.vault import Keyring

_LEAST_SECRET: Final = 16  # characters, as for the one in the environment


class Host(Protocol):
    """A code host under certain credentials. Errors of its methods: ForgeError, SettingsError."""

    async def login(self) -> str:
        """Who we are there; proves the credentials."""
        ...

    async def repositories(self) -> Sequence[Found]:
        """All that these credentials reach."""
        ...

    async def open_pull_requests(self, repository: RepositoryName, installation: int | None) -> Sequence[PullRequest]:
        """The open pull requests of one of them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What these stories need, and on whose behalf they are told."""

    database: Database
    organisation: str
    who: str
    keyring: Callable[[], Keyring]
    host: Callable[[ForgeAccess], Host]  # for credentials that are not kept yet
    current: Callable[[], Awaitable[Host | None]]  # as things are now; None: none is connected
    queue: Queue


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A review that was asked for."""

    subject: str  # such as `github.com/owner/name#7`
    job: int


async def connect(desk: Desk, access: ForgeAccess) -> str:
    """Keep the credentials if the host takes them, and look for the repositories; who we are there.

    Errors: UserError for what cannot be right; ForgeError, SettingsError from the host; nothing is kept then.
    """
    secret = access.webhook_secret
    if not access.key:
        raise UserError("The private key, or the token, is missing.")
    if secret is not None and secret and len(secret.open()) < _LEAST_SECRET:
        raise UserError(f"The webhook secret could be guessed: use {_LEAST_SECRET} characters or more.")
    host = desk.host(access)
    login = await host.login()
    found = await host.repositories()
    kept = ForgeAccess(
        host=access.host, app_id=access.app_id, login=login, key=access.key, webhook_secret=secret or None
    )
    await save_access(desk.database, desk.keyring(), kept, organisation=desk.organisation, who=desk.who)
    await put_repositories(desk.database, desk.organisation, found)
    return login


async def disconnect(desk: Desk) -> bool:
    """Forget the credentials; False if none were kept. Errors: StoreUnavailable."""
    return await remove_access(desk.database, organisation=desk.organisation, who=desk.who)


async def look_for_repositories(desk: Desk) -> int:
    """Ask the host anew which repositories there are; how many. Errors: UserError if none is connected; ForgeError."""
    found = await (await _host(desk)).repositories()
    await put_repositories(desk.database, desk.organisation, found)
    return len(found)


async def switch(desk: Desk, name: str, *, is_reviewed: bool) -> bool:
    """Have a repository's pull requests reviewed or not; False if it was so already. Errors: StoreUnavailable."""
    return await switch_repository(desk.database, desk.organisation, name, is_reviewed=is_reviewed, who=desk.who)


async def open_pull_requests(desk: Desk, name: str) -> Sequence[PullRequest]:
    """The open pull requests of a repository that was found. Errors: UserError, ForgeError."""
    known = await find_repository(desk.database, desk.organisation, name)
    if known is None:
        raise UserError("That repository is not among those that were found.")
    return await (await _host(desk)).open_pull_requests(repository_named(name), known.installation)


async def review_now(desk: Desk, name: str, number: int, scope: Scope = Scope.USUAL) -> Asked:
    """Have a pull request reviewed, whatever the policy leaves out. Errors: UserError, StoreError."""
    known = await find_repository(desk.database, desk.organisation, name)
    if known is None:
        raise UserError("That repository is not among those that were found.")
    if not known.is_reviewed:
        raise UserError(f"{SWITCHED_OFF.format(name)} Switch them on first.")
    repository, subject = repository_named(name), f"{name}#{number}"
    await change_followed(desk.database, subject, lambda now: now.with_ask(scope.value or USUAL))
    async with desk.database.transaction() as statements:
        await add_entry(
            statements,
            organisation=desk.organisation,
            who=desk.who,
            what="review.ask",
            subject=subject,
            details={"scope": scope.value or USUAL},
        )
    payload = {
        "forge": repository.forge,
        "owner": repository.owner,
        "name": repository.name,
        "number": number,
        "installation": known.installation,
        "trigger": Trigger.ASKED.value,
    }
    return Asked(subject=subject, job=await desk.queue.put(REVIEW, subject, payload))


def repository_named(name: str) -> RepositoryName:
    """The repository of a name such as `github.com/owner/name`. Errors: UserError."""
    parts = name.split("/")
    if len(parts) != 3 or not all(parts):
        raise UserError("A repository is named as github.com/owner/name.")
    return RepositoryName(forge=parts[0], owner=parts[1], name=parts[2])


async def _host(desk: Desk) -> Host:
    host = await desk.current()
    if host is None:
        raise UserError("No code host is connected.")
    return host
