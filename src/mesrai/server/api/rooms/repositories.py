"""The repositories at the code host, and which of them are reviewed."""

from typing import Final

from mesrai.domain.roles import Right
from mesrai.flows import connect_forge
from mesrai.server.api.call import Call, Operation
from mesrai.server.api.paging import After, Instant, Most, Name, RepositoryName, Sent, Shape, cut, when
from mesrai.server.api.problems import Code, not_found
from mesrai.store.repositories import Repository, find_repository, repositories

_TAG: Final = "repositories"


class RepositoryShown(Shape, frozen=True, kw_only=True):
    """A repository."""

    name: str
    is_private: bool
    is_reviewed: bool
    is_reached: bool
    seen_at: Instant


class RepositoryList(Shape, frozen=True, kw_only=True):
    """A page of repositories, by name."""

    items: list[RepositoryShown]
    next: str | None


class RepositoryQuery(Sent, frozen=True, kw_only=True):
    """Which repositories are meant."""

    name: RepositoryName = ""
    is_reviewed: bool | None = None
    limit: Most = 25
    after: After = ""


class SwitchRepository(Sent, frozen=True, kw_only=True):
    """Whether a repository's pull requests are reviewed."""

    name: Name
    is_reviewed: bool


class Looked(Shape, frozen=True, kw_only=True):
    """How many repositories the code host told of."""

    found: int


async def list_repositories(call: Call) -> RepositoryList:
    """GET /repositories."""
    asked, house = call.read(RepositoryQuery), call.house
    found = sorted(await repositories(house.database, house.organisation), key=lambda each: each.name)
    chosen = [
        each
        for each in found
        if each.name > asked.after and asked.name in ("", each.name) and asked.is_reviewed in (None, each.is_reviewed)
    ]
    shown, has_more = cut(chosen, asked.limit)
    return RepositoryList(items=[_shown(each) for each in shown], next=shown[-1].name if has_more else None)


async def switch(call: Call) -> RepositoryShown:
    """PATCH /repositories."""
    asked, house = call.read(SwitchRepository), call.house
    call.refuse_other_repository(asked.name)
    if await find_repository(house.database, house.organisation, asked.name) is None:
        raise not_found("repository")
    await connect_forge.switch(house.connecting(call.who), asked.name, is_reviewed=asked.is_reviewed)
    found = await find_repository(house.database, house.organisation, asked.name)
    if found is None:
        raise not_found("repository")
    return _shown(found)


async def look(call: Call) -> Looked:
    """POST /repositories/look."""
    return Looked(found=await connect_forge.look_for_repositories(call.house.connecting(call.who)))


def _shown(found: Repository) -> RepositoryShown:
    return RepositoryShown(
        name=found.name,
        is_private=found.is_private,
        is_reviewed=found.is_reviewed,
        is_reached=found.is_reached,
        seen_at=when(found.seen_at),
    )


OPERATIONS: Final = (
    Operation(
        name="listRepositories",
        tag=_TAG,
        method="GET",
        path="/repositories",
        needs=Right.SEE_CONFIGURATION,
        told="List the repositories that the code host told of.",
        do=list_repositories,
        query=RepositoryQuery,
        answer=RepositoryList,
    ),
    Operation(
        name="switchRepository",
        tag=_TAG,
        method="PATCH",
        path="/repositories",
        needs=Right.EDIT_OWN_REPOSITORIES,
        told="Have a repository's pull requests reviewed, or not.",
        do=switch,
        body=SwitchRepository,
        answer=RepositoryShown,
        errors=(Code.NOT_FOUND,),
    ),
    Operation(
        name="findRepositories",
        tag=_TAG,
        method="POST",
        path="/repositories/look",
        needs=Right.CONNECT_FORGE,
        told="Ask the code host anew which repositories there are.",
        do=look,
        answer=Looked,
        errors=(Code.REFUSED, Code.UPSTREAM),
    ),
)
