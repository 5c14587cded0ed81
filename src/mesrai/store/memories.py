"""What reviewers are told to remember; each change is written together with its entry in the audit trail."""

import json
from collections.abc import Collection, Sequence
from typing import Any, Final

from mesrai.domain.memory import MOST_MEMORIES, Memory, MemoryScope, MemoryState
from mesrai.errors import MemoryRefused
from mesrai.store.audit import add_entry
from mesrai.store.database import Database, Row, Statements

_STANDING: Final = (MemoryState.ACTIVE, MemoryState.PENDING)
_ADD: Final = """
    INSERT INTO memories (organisation, repository, scope, paths, text, state, author, origin, replaces, created_at,
        changed_at, decided_by, decided_at)
    VALUES (:organisation, :repository, :scope, :paths, :text, :state, :author, :origin, :replaces, {now},
        {now}, '', 0.0)
    ON CONFLICT (organisation, origin) WHERE origin <> '' DO NOTHING
    RETURNING *
"""
_ONE: Final = "SELECT * FROM memories WHERE organisation = :organisation AND id = :id"
_OF_ORIGIN: Final = "SELECT * FROM memories WHERE organisation = :organisation AND origin = :origin"
_ALL: Final = "SELECT * FROM memories WHERE organisation = :organisation AND {where} ORDER BY id DESC LIMIT :most"
_COUNT: Final = """
    SELECT count(*) AS standing FROM memories WHERE organisation = :organisation AND state IN ('active', 'pending')
"""
_DECIDE: Final = """
    UPDATE memories SET state = :state, changed_at = {now}, decided_by = :who, decided_at = {now}
    WHERE organisation = :organisation AND id = :id RETURNING *
"""
_CHANGE: Final = """
    UPDATE memories SET text = :text, scope = :scope, repository = :repository, paths = :paths, changed_at = {now}
    WHERE organisation = :organisation AND id = :id RETURNING *
"""
_PENDING: Final = """
    SELECT count(*) AS pending FROM memories WHERE organisation = :organisation AND state = 'pending'
"""
_REMOVE: Final = "DELETE FROM memories WHERE organisation = :organisation AND id = :id"


async def add_memory(database: Database, memory: Memory, *, organisation: str) -> Memory:
    """Keep a new one, and return it with its number; an active one takes the place of the one it `replaces`.

    If one of the same origin was kept before, nothing changes and that one is returned.
    Errors: MemoryRefused if there is no room; StoreUnavailable.
    """
    values = {name: getattr(memory, name) for name in ("repository", "text", "author", "origin", "replaces")}
    values |= {"scope": memory.scope.value, "paths": json.dumps(memory.paths), "state": memory.state.value}
    async with database.transaction() as statements:
        if memory.origin and (before := await find_by_origin(statements, organisation, memory.origin)) is not None:
            return before
        gone = memory.replaces if memory.state is MemoryState.ACTIVE else 0
        if not gone:
            await _refuse_if_full(statements, organisation)
        rows = await statements.rows(_ADD.format(now=database.now), organisation=organisation, **values)
        if not rows:  # another process was quicker: its row is seen once it is committed
            (row,) = await statements.rows(_OF_ORIGIN, organisation=organisation, origin=memory.origin)
            return _memory(row)
        kept = _memory(rows[0])
        if gone:
            await _give_way(database, statements, gone, organisation=organisation, who=memory.author)
        await _note(statements, "memory.add", kept, organisation=organisation, who=memory.author)
    return kept


async def find_memory(statements: Statements, organisation: str, number: int) -> Memory | None:
    """The one of that number; None if there is none. Errors: StoreUnavailable."""
    rows = await statements.rows(_ONE, organisation=organisation, id=_storable(number))
    return _memory(rows[0]) if rows else None


async def find_by_origin(statements: Statements, organisation: str, origin: str) -> Memory | None:
    """The one that was said there; None if there is none. Errors: StoreUnavailable."""
    rows = await statements.rows(_OF_ORIGIN, organisation=organisation, origin=origin)
    return _memory(rows[0]) if rows else None


async def list_memories(
    statements: Statements,
    organisation: str,
    *,
    repository: str | None = None,
    states: Collection[MemoryState] = _STANDING,
    most: int = 1_000,
) -> Sequence[Memory]:
    """Those in these states, newest first; with `repository` its own and those of the whole organisation.

    Errors: StoreUnavailable.
    """
    names = [f"'{state.value}'" for state in MemoryState if state in states]  # our own words, no one else's
    if not names:
        return []
    where = f"state IN ({', '.join(names)})"
    if repository is None:
        rows = await statements.rows(_ALL.format(where=where), organisation=organisation, most=most)
    else:
        where += " AND lower(repository) IN ('', :repository)"
        rows = await statements.rows(
            _ALL.format(where=where), organisation=organisation, repository=repository.lower(), most=most
        )
    return [_memory(row) for row in rows]


async def memories_that_hold(
    statements: Statements, organisation: str, repository: str, paths: Sequence[str]
) -> Sequence[Memory]:
    """The active ones that a review of these paths is told of, oldest first. Errors: StoreUnavailable."""
    active = await list_memories(statements, organisation, repository=repository, states=(MemoryState.ACTIVE,))
    return [memory for memory in reversed(active) if memory.holds_for(repository, paths)]


async def decide_memory(database: Database, organisation: str, number: int, state: MemoryState, *, who: str) -> Memory:
    """Approve or discard one, and return it; it may be so already. A discarded one can be approved again.

    Where an approved one was to take the place of another, that is discarded.
    Errors: MemoryRefused if there is none of that number, or no room; StoreUnavailable.
    """
    if state not in (MemoryState.ACTIVE, MemoryState.DISCARDED):
        raise ValueError("a memory is approved or discarded")
    async with database.transaction() as statements:
        found = await _locked(database, statements, organisation, number)
        if found.state is state:
            return found
        if found.state is MemoryState.DISCARDED:
            await _refuse_if_full(statements, organisation)
        elif state is MemoryState.ACTIVE and found.replaces:
            await _give_way(database, statements, found.replaces, organisation=organisation, who=who)
        return await _set_state(database, statements, found, state, organisation=organisation, who=who)


async def change_memory(database: Database, changed: Memory, *, organisation: str, who: str) -> Memory:
    """Give the one of that number another text and reach, and return it as it is now.

    Errors: MemoryRefused if there is none; StoreUnavailable.
    """
    values = {"text": changed.text, "scope": changed.scope.value, "repository": changed.repository}
    async with database.transaction() as statements:
        before = await _locked(database, statements, organisation, changed.id)
        (row,) = await statements.rows(
            _CHANGE.format(now=database.now),
            organisation=organisation,
            id=changed.id,
            paths=json.dumps(changed.paths),
            **values,
        )
        after = _memory(row)
        told = {"text": [before.text, after.text], "reach": [before.reach, after.reach]}
        details = {name: pair for name, pair in told.items() if pair[0] != pair[1]}
        if details:
            await _note(statements, "memory.change", after, organisation=organisation, who=who, **details)
    return after


async def count_pending(statements: Statements, organisation: str) -> int:
    """How many wait for approval. Errors: StoreUnavailable."""
    (row,) = await statements.rows(_PENDING, organisation=organisation)
    return int(row["pending"])


async def remove_memory(database: Database, organisation: str, number: int, *, who: str) -> Memory:
    """Delete one for good, and return what it was. Errors: MemoryRefused if there is none; StoreUnavailable."""
    async with database.transaction() as statements:
        found = await _locked(database, statements, organisation, number)
        await statements.rows(_REMOVE, organisation=organisation, id=number)
        await _note(statements, "memory.remove", found, organisation=organisation, who=who)
    return found


async def _locked(database: Database, statements: Statements, organisation: str, number: int) -> Memory:
    rows = await statements.rows(_ONE + database.for_update, organisation=organisation, id=_storable(number))
    if not rows:
        raise MemoryRefused(f"There is no memory {number}.")
    return _memory(rows[0])


async def _give_way(database: Database, statements: Statements, number: int, *, organisation: str, who: str) -> None:
    """Another takes its place, and that of what it was to replace itself. It may be gone already."""
    while number:
        rows = await statements.rows(_ONE + database.for_update, organisation=organisation, id=number)
        if not rows or rows[0]["state"] == MemoryState.DISCARDED:
            return
        old = _memory(rows[0])
        await _set_state(database, statements, old, MemoryState.DISCARDED, organisation=organisation, who=who)
        number = old.replaces if old.state is MemoryState.PENDING else 0


async def _set_state(
    database: Database, statements: Statements, before: Memory, state: MemoryState, *, organisation: str, who: str
) -> Memory:
    sql = _DECIDE.format(now=database.now)
    (row,) = await statements.rows(sql, state=state.value, who=who, organisation=organisation, id=before.id)
    changed = _memory(row)
    what = "memory.apply" if state is MemoryState.ACTIVE else "memory.discard"
    details = {"state": [before.state.value, state.value]}
    await _note(statements, what, changed, organisation=organisation, who=who, **details)
    return changed


async def _refuse_if_full(statements: Statements, organisation: str) -> None:
    """Two at once may both find the last place free: the bound keeps prompts and tables small, and is not exact."""
    (row,) = await statements.rows(_COUNT, organisation=organisation)
    if row["standing"] >= MOST_MEMORIES:
        raise MemoryRefused(
            f"There are {MOST_MEMORIES} memories, and no more are kept. Discard some that no longer matter."
        )


async def _note(
    statements: Statements, what: str, memory: Memory, *, organisation: str, who: str, **details: Any
) -> None:
    told = {"text": memory.text, "reach": memory.reach, "state": memory.state.value}
    if memory.replaces:
        told["replaces"] = str(memory.replaces)
    await add_entry(
        statements,
        organisation=organisation,
        who=who,
        what=what,
        subject=f"memory {memory.id}",
        details=told | details,
    )


def _storable(number: int) -> int:
    """The number if a database can hold it, else one that nothing has."""
    return number if 0 < number < 2**63 else 0


def _memory(row: Row) -> Memory:
    names = (
        "id", "text", "repository", "author", "origin", "replaces", "created_at", "decided_by", "decided_at"
    )  # fmt: skip
    return Memory(
        **{name: row[name] for name in names},
        scope=MemoryScope(row["scope"]),
        state=MemoryState(row["state"]),
        paths=tuple(json.loads(row["paths"])),
    )
