"""For what a page of configuration is shown: the organisation, a repository, a folder; and where values come from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from markupsafe import Markup, escape

from mesrai.domain.policy_levels import Origin
from mesrai.domain.roles import Right
from mesrai.domain.saved_policy import Place
from mesrai.errors import AccessDenied, UserError
from mesrai.flows import configuring
from mesrai.server.web.house import House
from mesrai.server.web.visit import Visit, asked_with
from mesrai.store.configurations import configurations
from mesrai.store.repositories import find_repository, repositories

_SHORT: Final = ("llm",)
_LINK: Final = re.compile(r"\[([^\]]+)\]\([^)\s]*\)")
_FILE: Final = re.compile(r"(?P<name>[^/:\s]+/[^/:\s]+):(?P<path>.+?)(?::(?P<line>\d+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where something stands."""

    words: str
    url: str = ""  # empty: it is no place that can be visited


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The places that can be gone to."""

    place: Place
    repositories: Sequence[str]
    folders: Sequence[str]


async def place_asked(visit: Visit) -> Place:
    """The place that the address names. Errors: UserError for a repository that is not known."""
    return await _known(visit, visit.query("repository"), visit.query("folder"))


async def place_filled_in(visit: Visit) -> Place:
    """The place a form is for, which the person may change. Errors: UserError, AccessDenied."""
    place = await _known(visit, visit.form.text("repository"), visit.form.text("folder"))
    needs_edit(visit, place.repository)
    return place


def may_edit(visit: Visit, repository: str) -> bool:
    """Whether the person may change what holds for a repository; empty: for all of them."""
    if visit.may(Right.EDIT_CONFIGURATION):
        return True
    own = {each.lower() for each in visit.member.repositories}
    return bool(repository) and visit.may(Right.EDIT_OWN_REPOSITORIES) and repository.lower() in own


def needs_edit(visit: Visit, repository: str) -> None:
    """Errors: AccessDenied if the person may not."""
    if not may_edit(visit, repository):
        raise AccessDenied(
            f"{short(repository)} is not among the repositories you may change."
            if repository
            else "What holds for the whole organisation is changed by an owner or admin."
        )


def desk_of(visit: Visit) -> configuring.Desk:
    """What the stories of configuration need."""
    return visit.house.configuring(visit.member.email)


async def choices(visit: Visit, place: Place) -> Choices:
    """The places a page offers."""
    house = visit.house
    known = [each.name for each in await repositories(house.database, house.organisation)]
    kept = await configurations(house.database, house.organisation, place.repository)
    return Choices(
        place=place, repositories=known, folders=[each.folder for each in kept if each.repository and each.folder]
    )


def address(path: str, place: Place, **more: str) -> str:
    """The address of a page for a place."""
    query = asked_with({"repository": place.repository, "folder": place.folder, **more})
    return f"{path}?{query}" if query else path


def name_of(place: Place) -> str:
    """A place in words."""
    if place.folder:
        return f"{place.folder} in {short(place.repository)}"
    return short(place.repository) or "The whole organisation"


def short(repository: str) -> str:
    """`owner/name` of `host/owner/name`."""
    return repository.partition("/")[2] or repository


def where(house: House, place: Place, origin: Origin, path: str = "/configuration") -> Where:
    """Where a value or a rule comes from, seen from a place."""
    if not origin.where:
        return Where(words="the default")
    if origin.is_saved:
        at = next((each for each in around(place) if each.level is origin.level), Place())
        return Where(words=at.file, url=address(path, at))
    return Where(words=origin.where, url=file_url(house, origin.where))


def around(place: Place) -> Sequence[Place]:
    """The place, and those around it."""
    return (place, Place(repository=place.repository), Place())


def file_url(house: House, told: str) -> str:
    """Where a file such as `owner/name:path:line` is shown; empty if it is not known."""
    found = _FILE.fullmatch(told)
    if found is None:
        return ""
    line = f"#L{found['line']}" if found["line"] else ""
    return f"{house.forge.web}/{quote(found['name'])}/blob/HEAD/{quote(found['path'])}{line}"


def spelled(text: str) -> Markup:
    """A sentence of the policy's table, with its code as code and without its links."""
    parts = _LINK.sub(r"\1", text).split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if at % 2 else escape(part) for at, part in enumerate(parts)
    )


def label_of(key: str) -> str:
    """A key as words: "Generate PR summary"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_", " ", key.rpartition(".")[2]).split()
    told = " ".join(word.upper() if word.isupper() or word.lower() in _SHORT else word.lower() for word in words)
    return told[:1].upper() + told[1:]


async def _known(visit: Visit, repository: str, folder: str) -> Place:
    house = visit.house
    if not repository:
        return Place()
    if await find_repository(house.database, house.organisation, repository) is None:
        raise UserError("That repository is not among those that were found.")
    return Place(repository=repository, folder=folder)
