"""Keep what somebody told us to remember: asked of the model what of it lasts, and approved where that is wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mesrai.domain.memory import Memory, MemoryScope, MemoryState
from mesrai.domain.policy import Policy
from mesrai.llm.model import Model
from mesrai.review.remembered import with_stored
from mesrai.review.remembering import Action, Statement, Wording, word_memory
from mesrai.store.database import Database, Statements
from mesrai.store.memories import add_memory, find_by_origin, list_memories, memories_that_hold


class Resolution(StrEnum):
    """What became of a statement."""

    CREATED = "created"
    UPDATED = "updated"  # it takes the place of another, or will when it is approved
    SKIPPED = "skipped"  # nothing was kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What somebody said, and where."""

    text: str  # without the command's own words
    words: str = ""  # the person's own, where the text is not; only they can make it hold in all repositories
    login: str
    origin: str  # the comment, see `origin_of`: one statement is kept once, however often this begins
    repository: str  # `github.com/owner/name`
    path: str = ""  # of the file in whose thread it was said
    may_administer: bool = False  # the repository; who may, need not wait for approval of what holds in all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    """Where it is kept, and who is asked."""

    database: Database
    organisation: str
    model: Model
    requires_approval: bool  # as the repository's policy says


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What came of it."""

    resolution: Resolution
    memory: Memory | None = None  # the new one; None: skipped
    reason: str = ""  # why it was skipped, for the person; from a model


def origin_of(payload: Mapping[str, Any], *, number: int = 0) -> str:
    """Where the comment stands that a job is about; `number` tells several statements in one comment apart."""
    place = f"{payload['forge']}/{payload['owner']}/{payload['name']}#{payload['number']}"
    thread = payload.get("thread")
    said = f"comment {payload['comment']}" if thread is None else f"thread {thread}, comment {payload['comment']}"
    return f"{place}, {said}" + (f", statement {number}" if number else "")


async def with_memories(
    policy: Policy, database: Statements, *, organisation: str, repository: str, paths: Sequence[str]
) -> Policy:
    """The policy with the memories that hold for these paths. Errors: StoreError."""
    stored = await memories_that_hold(database, organisation, repository, paths)
    return with_stored(policy, stored) if stored else policy


async def remember(notebook: Notebook, said: Said) -> Remembered:
    """Keep a statement, once however often this begins; nothing is half kept.

    Errors: ModelError if the model gives no usable answer; MemoryRefused if there is no room; StoreError.
    """
    database, organisation = notebook.database, notebook.organisation
    before = await find_by_origin(database, organisation, said.origin)
    if before is not None:
        return _remembered(before)
    known = await list_memories(database, organisation, repository=said.repository)
    statement = Statement(text=said.text, words=said.words or said.text, path=said.path)
    wording = await word_memory(notebook.model, statement, known)
    if wording.action is Action.SKIP:
        return Remembered(resolution=Resolution.SKIPPED, reason=wording.reason)
    memory = _memory(wording, said, notebook)
    same = next((each for each in known if _says_the_same(each, memory)), None)
    if same is not None:
        return Remembered(resolution=Resolution.SKIPPED, reason=f"Memory {same.id} says so already.")
    return _remembered(await add_memory(database, memory, organisation=organisation))


def _memory(wording: Wording, said: Said, notebook: Notebook) -> Memory:
    is_for_all = wording.scope is MemoryScope.ORGANISATION
    waits = notebook.requires_approval or (is_for_all and not said.may_administer)
    return Memory(
        id=0,
        text=wording.text,
        scope=wording.scope,
        repository="" if is_for_all else said.repository,
        paths=wording.paths,
        state=MemoryState.PENDING if waits else MemoryState.ACTIVE,
        author=said.login,
        origin=said.origin,
        replaces=wording.replaces,
    )


def _remembered(memory: Memory) -> Remembered:
    resolution = Resolution.UPDATED if memory.replaces else Resolution.CREATED
    return Remembered(resolution=resolution, memory=memory)


def _says_the_same(old: Memory, new: Memory) -> bool:
    """Whether nothing would change."""
    return (old.text.casefold(), old.scope, old.repository, set(old.paths)) == (
        new.text.casefold(),
        new.scope,
        new.repository,
        set(new.paths),
    )
