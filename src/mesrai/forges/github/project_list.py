"""What an App or a token reaches on GitHub: its repositories, and their open pull requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from mesrai.domain.pull_request import PullRequest, RepositoryName
from mesrai.domain.secret import Secret
from mesrai.errors import ForgeRejected
from mesrai.forges.github.app import App
from mesrai.forges.github.payloads import a_list, a_mapping, an_id, as_documented, text
from mesrai.forges.github.transport import Session, Token, Transport
from mesrai.forges.github.wire import pull_request_from, repository_from

_MOST_PAGES: Final = 50
_PAGE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A repository that can be reviewed."""

    repository: RepositoryName
    installation: int | None  # under which an App reaches it
    is_private: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApp:
    """A GitHub App that was just made from our manifest."""

    app_id: str
    slug: str
    private_key: Secret
    webhook_secret: Secret


async def reached_by_app(app: App, session: Session) -> Sequence[Reached]:
    """The repositories of all installations of an App. Errors: ForgeError."""
    found: list[Reached] = []
    for installation in await app.installations():
        transport = Transport(session, Token(await app.seeing(installation)))
        found += [_reached(each, session, installation) for each in await _listed(transport)]
    return found


async def reached_by_token(transport: Transport, session: Session) -> Sequence[Reached]:
    """The repositories of a personal token's owner in which something may be written. Errors: ForgeError."""
    with as_documented():
        rows = [a_mapping(each) for each in await transport.pages("user/repos", sort="full_name")]
    return [_reached(row, session, None) for row in rows if _may_push(row)]


async def open_pull_requests(transport: Transport, repository: RepositoryName) -> Sequence[PullRequest]:
    """The newest hundred open pull requests of a repository. Errors: ForgeError."""
    path = f"repos/{quote(repository.owner, safe='')}/{quote(repository.name, safe='')}/pulls"
    rows = await transport.read(path, state="open", sort="updated", direction="desc", per_page=_PAGE)
    with as_documented():
        return [pull_request_from(a_mapping(row), repository) for row in rows if isinstance(rows, list)]


async def made_from_manifest(transport: Transport, code: str) -> NewApp:
    """The App that GitHub made of our manifest, by the code it sent the person back with. Errors: ForgeError.

    https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
    """
    answer = await transport.write("POST", f"app-manifests/{quote(code, safe='')}/conversions")
    with as_documented():
        told = a_mapping(answer)
        return NewApp(
            app_id=str(an_id(told)),
            slug=text(told, "slug"),
            private_key=Secret(text(told, "pem")),
            webhook_secret=Secret(text(told, "webhook_secret")),
        )


async def _listed(transport: Transport) -> Sequence[Mapping[str, Any]]:
    """All that an installation's token reaches. Errors: ForgeError; ForgeRejected rather than leave some out."""
    found: list[Mapping[str, Any]] = []
    for page in range(1, _MOST_PAGES + 1):
        answer = await transport.read("installation/repositories", per_page=_PAGE, page=page)
        with as_documented():
            rows = [a_mapping(each) for each in a_list(a_mapping(answer), "repositories")]
        found += rows
        if len(rows) < _PAGE:
            return found
    raise ForgeRejected(f"The App is installed on more than {_MOST_PAGES * _PAGE:,} repositories of one account.")


def _reached(row: Mapping[str, Any], session: Session, installation: int | None) -> Reached:
    with as_documented():
        repository = repository_from(row, session.place.host)
    return Reached(repository=repository, installation=installation, is_private=row.get("private") is True)


def _may_push(row: Mapping[str, Any]) -> bool:
    rights = row.get("permissions")
    return isinstance(rights, Mapping) and rights.get("push") is True
