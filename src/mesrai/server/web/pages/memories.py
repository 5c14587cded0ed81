"""What reviewers are told to remember: approve, discard, write, change and delete it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from mesrai.domain.memory import Memory, MemoryScope, MemoryState
from mesrai.errors import MemoryRefused, UserError
from mesrai.flows.keep_memory import Written, memory_from
from mesrai.server.web.house import House
from mesrai.server.web.pages.config_place import may_edit, needs_edit
from mesrai.server.web.visit import Visit, asked_with
from mesrai.store.memories import (
    add_memory,
    change_memory,
    decide_memory,
    find_memory,
    list_memories,
    remove_memory,
)
from mesrai.store.repositories import find_repository, repositories

HERE: Final = "/memories"
_STATES: Final = {
    "": ("In use, or waiting", (MemoryState.ACTIVE, MemoryState.PENDING)),
    "pending": ("Waiting for approval", (MemoryState.PENDING,)),
    "discarded": ("Discarded", (MemoryState.DISCARDED,)),
    "all": ("All", tuple(MemoryState)),
}
_SCOPES: Final = [
    (str(MemoryScope.ORGANISATION), "all repositories"),
    (str(MemoryScope.REPOSITORY), "one repository"),
    (str(MemoryScope.DIRECTORY), "some paths of a repository"),
]
_ORIGIN: Final = re.compile(
    r"(?P<host>[^/\s]+)/(?P<path>[^/\s#]+/[^/\s#]+)#(?P<number>\d+), "
    r"(?P<thread>thread [^,]+, )?comment (?P<comment>\d+).*"
)
_BADGES: Final = {MemoryState.ACTIVE: "good", MemoryState.PENDING: "warn", MemoryState.DISCARDED: ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A memory on the page."""

    memory: Memory
    url: str  # where it was said; empty: it cannot be linked
    kind: str  # of the state's badge
    may_edit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """What stands in the form."""

    text: str = ""
    scope: str = str(MemoryScope.REPOSITORY)
    repository: str = ""
    paths: str = ""  # one a line


async def show(visit: Visit) -> Response:
    """GET /memories?state=…&repository=…"""
    house, state = visit.house, visit.query("state")
    _, states = _STATES.get(state, _STATES[""])
    repository = visit.query("repository")
    found = await list_memories(house.database, house.organisation, states=states, repository=repository or None)
    names = await _repositories(visit)
    return visit.page(
        "memories.html",
        listed=[_listed(visit, each) for each in found],
        states=[(key, name) for key, (name, _) in _STATES.items()],
        state=state if state in _STATES else "",
        repositories=names,
        repository=repository,
        may_add=any(may_edit(visit, each) for each in ("", *names)),
    )


async def show_edit(visit: Visit) -> Response:
    """GET /memories/edit: an empty form, or that of the memory `id`."""
    number = _number(visit.query("id")) if visit.query("id") else 0
    if not number:
        return await _edit_page(visit, Fields(repository=visit.query("repository")), number=0)
    memory = await _mine(visit, number)
    fields = Fields(
        text=memory.text, scope=str(memory.scope), repository=memory.repository, paths="\n".join(memory.paths)
    )
    return await _edit_page(visit, fields, number=number)


async def save(visit: Visit) -> Response:
    """POST /memories/edit."""
    house, form = visit.house, visit.form
    number = _number(form.text("id")) if form.text("id") else 0
    fields = Fields(
        text=form.text("text"),
        scope=form.text("scope"),
        repository=form.text("repository"),
        paths=form.text("paths"),
    )
    if number:
        await _mine(visit, number)
    try:
        memory = memory_from(_written(fields), author=visit.member.email, number=number)
        needs_edit(visit, memory.repository)
        if memory.repository and await find_repository(house.database, house.organisation, memory.repository) is None:
            raise MemoryRefused("That repository is not among those that were found.")
        if number:
            await change_memory(house.database, memory, organisation=house.organisation, who=visit.member.email)
        else:
            await add_memory(house.database, memory, organisation=house.organisation)
    except MemoryRefused as error:
        return await _edit_page(visit, fields, number=number, error=error.message)
    told = f"Memory {number} is changed." if number else "Reviews are told of it from now on."
    return visit.go(HERE, told)


async def decide(visit: Visit) -> Response:
    """POST /memories/decide: apply, discard, or remove for good."""
    house, action = visit.house, visit.form.text("action")
    memory = await _mine(visit, _number(visit.form.text("id")))
    who = visit.member.email
    if action == "remove":
        await remove_memory(house.database, house.organisation, memory.id, who=who)
        return visit.go(_back(visit), f"Memory {memory.id} is deleted.")
    if action not in ("apply", "discard"):
        raise UserError("There is no such decision.")
    state = MemoryState.ACTIVE if action == "apply" else MemoryState.DISCARDED
    try:
        await decide_memory(house.database, house.organisation, memory.id, state, who=who)
    except MemoryRefused as error:
        return visit.go(_back(visit), error.message, kind="bad")
    told = "Reviews are told of it from now on." if action == "apply" else "Reviews are not told of it any more."
    return visit.go(_back(visit), f"Memory {memory.id}: {told}")


def origin_url(house: House, origin: str) -> str:
    """Where a memory was said; empty if that has no address."""
    found = _ORIGIN.fullmatch(origin)
    if found is None:
        return ""
    root = house.forge.web if found["host"] == house.forge.host else f"https://{found['host']}"
    anchor = f"discussion_r{found['comment']}" if found["thread"] else f"issuecomment-{found['comment']}"
    return f"{root}/{found['path']}/pull/{found['number']}#{anchor}"


def _listed(visit: Visit, memory: Memory) -> Listed:
    return Listed(
        memory=memory,
        url=origin_url(visit.house, memory.origin),
        kind=_BADGES[memory.state],
        may_edit=may_edit(visit, memory.repository),
    )


async def _mine(visit: Visit, number: int) -> Memory:
    """A memory that the person may change. Errors: MemoryRefused, AccessDenied."""
    found = await find_memory(visit.house.database, visit.house.organisation, number)
    if found is None:
        raise MemoryRefused(f"There is no memory {number}.")
    needs_edit(visit, found.repository)
    return found


def _written(fields: Fields) -> Written:
    if fields.scope not in set(MemoryScope):
        raise MemoryRefused("Choose where it holds.")
    paths = [line.strip() for line in fields.paths.split("\n") if line.strip()]
    return Written(text=fields.text, scope=MemoryScope(fields.scope), repository=fields.repository, paths=paths)


async def _edit_page(visit: Visit, fields: Fields, *, number: int, error: str = "") -> Response:
    names = await _repositories(visit)
    may_all = may_edit(visit, "")
    return visit.page(
        "memory_edit.html",
        status=400 if error else 200,
        fields=fields,
        number=number,
        error=error,
        scopes=_SCOPES if may_all else _SCOPES[1:],
        repositories=[each for each in names if may_edit(visit, each)],
    )


async def _repositories(visit: Visit) -> Sequence[str]:
    return [each.name for each in await repositories(visit.house.database, visit.house.organisation)]


def _back(visit: Visit) -> str:
    query = asked_with({"state": visit.form.text("state"), "repository": visit.form.text("of")})
    return f"{HERE}?{query}" if query else HERE


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 12:
        raise MemoryRefused("There is no such memory.")
    return int(text)
