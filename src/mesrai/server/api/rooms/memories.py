"""What reviews are told to remember."""

from typing import Annotated, Final, Literal

import msgspec

from mesrai.domain.memory import Memory, MemoryScope, MemoryState, memory_paths, memory_text
from mesrai.domain.roles import Right
from mesrai.errors import MemoryRefused
from mesrai.flows.connect_forge import repository_named
from mesrai.server.api.call import Call, Operation
from mesrai.server.api.paging import After, Instant, Most, Name, Number, RepositoryName, Sent, Shape, cut, when
from mesrai.server.api.problems import Code, not_found
from mesrai.server.api.rooms.findings import number_after
from mesrai.store.memories import add_memory, decide_memory, find_memory, list_memories, remove_memory

_TAG: Final = "memories"


class MemoryShown(Shape, frozen=True, kw_only=True):
    """One lasting convention, in plain words."""

    id: int
    text: str
    scope: MemoryScope
    repository: str
    paths: list[str]
    state: MemoryState
    author: str
    origin: str
    replaces: int | None
    created_at: Instant
    decided_by: str
    decided_at: Instant | None


class MemoryList(Shape, frozen=True, kw_only=True):
    """A page of memories, the newest first."""

    items: list[MemoryShown]
    next: str | None


class MemoryQuery(Sent, frozen=True, kw_only=True):
    """Which memories are meant."""

    repository: RepositoryName = ""
    state: Literal["active", "pending", "discarded"] | None = None
    limit: Most = 25
    after: After = ""


class MemoryAt(Sent, frozen=True, kw_only=True):
    """Which memory."""

    memory: Number


class AddMemory(Sent, frozen=True, kw_only=True):
    """One or two plain sentences; for all repositories if none is named."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=4_000)]
    repository: RepositoryName = ""
    paths: Annotated[tuple[Name, ...], msgspec.Meta(max_length=20, description="Patterns as in .gitignore.")] = ()


class DecideMemory(Sent, frozen=True, kw_only=True):
    """Whether reviews are told of it."""

    state: Literal["active", "discarded"]


async def list_(call: Call) -> MemoryList:
    """GET /memories."""
    asked, house = call.read(MemoryQuery), call.house
    states = (MemoryState(asked.state),) if asked.state else tuple(MemoryState)
    found = await list_memories(
        house.database, house.organisation, repository=asked.repository or None, states=states, most=10_000
    )
    before = number_after(asked.after)
    shown, has_more = cut([each for each in found if before is None or each.id < before], asked.limit)
    return MemoryList(items=[_shown(each) for each in shown], next=str(shown[-1].id) if has_more else None)


async def show(call: Call) -> MemoryShown:
    """GET /memories/{memory}."""
    return _shown(await _found(call))


async def add(call: Call) -> MemoryShown:
    """POST /memories."""
    asked, house = call.read(AddMemory), call.house
    call.refuse_other_repository(asked.repository)
    if asked.repository:
        repository_named(asked.repository)
    scope = MemoryScope.DIRECTORY if asked.paths else MemoryScope.REPOSITORY
    try:
        if asked.paths and not asked.repository:
            raise ValueError("paths are those of a repository")
        memory = Memory(
            id=0,
            text=memory_text(asked.text),
            scope=scope if asked.repository else MemoryScope.ORGANISATION,
            repository=asked.repository,
            paths=memory_paths(asked.paths) if asked.paths else (),
            author=call.who,
        )
    except ValueError as problem:
        raise MemoryRefused(f"This cannot be remembered: {problem}.") from None
    return _shown(await add_memory(house.database, memory, organisation=house.organisation))


async def decide(call: Call) -> MemoryShown:
    """PATCH /memories/{memory}."""
    memory, house = await _found(call), call.house
    call.refuse_other_repository(memory.repository)
    state = MemoryState(call.read(DecideMemory).state)
    return _shown(await decide_memory(house.database, house.organisation, memory.id, state, who=call.who))


async def remove(call: Call) -> None:
    """DELETE /memories/{memory}."""
    memory = await _found(call)
    call.refuse_other_repository(memory.repository)
    await remove_memory(call.house.database, call.house.organisation, memory.id, who=call.who)


async def _found(call: Call) -> Memory:
    memory = await find_memory(call.house.database, call.house.organisation, call.read(MemoryAt).memory)
    if memory is None:
        raise not_found("memory")
    return memory


def _shown(memory: Memory) -> MemoryShown:
    names = ("id", "text", "scope", "repository", "state", "author", "origin", "decided_by")
    return MemoryShown(
        paths=list(memory.paths),
        replaces=memory.replaces or None,
        created_at=when(memory.created_at),
        decided_at=when(memory.decided_at) if memory.decided_at else None,
        **{name: getattr(memory, name) for name in names},
    )


OPERATIONS: Final = (
    Operation(
        name="listMemories",
        tag=_TAG,
        method="GET",
        path="/memories",
        needs=Right.SEE_CONFIGURATION,
        told="List what is remembered, the newest first; with `repository` what holds there.",
        do=list_,
        query=MemoryQuery,
        answer=MemoryList,
    ),
    Operation(
        name="getMemory",
        tag=_TAG,
        method="GET",
        path="/memories/{memory}",
        needs=Right.SEE_CONFIGURATION,
        told="Look at one memory, and where it came from.",
        do=show,
        at=MemoryAt,
        answer=MemoryShown,
    ),
    Operation(
        name="addMemory",
        tag=_TAG,
        method="POST",
        path="/memories",
        needs=Right.EDIT_OWN_REPOSITORIES,
        told="Have something remembered; reviews are told of it from then on.",
        do=add,
        body=AddMemory,
        answer=MemoryShown,
        status=201,
        errors=(Code.REFUSED,),
        is_once=True,
    ),
    Operation(
        name="decideMemory",
        tag=_TAG,
        method="PATCH",
        path="/memories/{memory}",
        needs=Right.EDIT_OWN_REPOSITORIES,
        told="Approve a memory that waits, discard one, or take a discarded one up again.",
        do=decide,
        at=MemoryAt,
        body=DecideMemory,
        answer=MemoryShown,
        errors=(Code.REFUSED,),
    ),
    Operation(
        name="removeMemory",
        tag=_TAG,
        method="DELETE",
        path="/memories/{memory}",
        needs=Right.EDIT_OWN_REPOSITORIES,
        told="Delete a memory for good.",
        do=remove,
        at=MemoryAt,
        status=204,
        errors=(Code.REFUSED,),
    ),
)
