"""Memories in the store: each change is whole, bounded, and in the audit trail."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.databases import ENGINES, a_database

from mesrai.domain.memory import MOST_MEMORIES, Memory, MemoryScope, MemoryState
from mesrai.errors import MemoryRefused
from mesrai.store.audit import entries
from mesrai.store.database import Database
from mesrai.store.memories import (
    add_memory,
    change_memory,
    count_pending,
    decide_memory,
    find_by_origin,
    find_memory,
    list_memories,
    memories_that_hold,
    remove_memory,
)
from mesrai.store.opening import open_database

pytestmark = pytest.mark.parametrize("engine", ENGINES)
SHOP, OTHER = "github.com/acme/shop", "github.com/acme/other"
ACTIVE, PENDING, DISCARDED = MemoryState.ACTIVE, MemoryState.PENDING, MemoryState.DISCARDED


def a_memory(**changes: Any) -> Memory:
    given: dict[str, Any] = {"id": 0, "text": "Money is in cents.", "repository": SHOP, "author": "ada"}
    return Memory(**(given | changes))


def with_database(engine: str, folder: Path, use: Callable[[Database], Awaitable[None]]) -> None:
    async def run(url: str) -> None:
        async with open_database(url) as database:
            await use(database)

    with a_database(engine, folder) as url:
        asyncio.run(run(url))


async def add(database: Database, **changes: Any) -> Memory:
    return await add_memory(database, a_memory(**changes), organisation="acme")


async def states(database: Database) -> dict[int, MemoryState]:
    found = await list_memories(database, "acme", states=tuple(MemoryState))
    return {memory.id: memory.state for memory in found}


def test_a_memory_comes_back_whole(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        whole = a_memory(
            text="Zażółć “cents” 🪙", scope=MemoryScope.DIRECTORY, paths=("src/**", "!src/old"), state=PENDING,
            origin="github.com/acme/shop#7, comment 50",
        )  # fmt: skip
        kept = await add_memory(database, whole, organisation="acme")
        assert kept == replace(whole, id=kept.id, created_at=kept.created_at)
        assert kept.id > 0
        assert kept.created_at > 1_700_000_000
        assert await find_memory(database, "acme", kept.id) == kept
        assert await find_by_origin(database, "acme", whole.origin) == kept
        for number in (kept.id + 1, 0, -1, 10**30):
            assert await find_memory(database, "acme", number) is None
        assert await find_memory(database, "globex", kept.id) is None

    with_database(engine, tmp_path, use)


def test_one_comment_is_remembered_once_even_by_many_at_once(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        kept = await asyncio.gather(*(add(database, origin="comment 50", text=f"As {n} said.") for n in range(6)))
        assert len({memory.id for memory in kept}) == 1
        assert len(await list_memories(database, "acme")) == 1
        assert [entry.what for entry in await entries(database, "acme")] == ["memory.add"]
        await add(database)
        await add(database)
        assert len(await list_memories(database, "acme")) == 3, "without an origin there is nothing to tell them apart"
        other = await add_memory(database, a_memory(origin="comment 50"), organisation="globex")
        assert other.id not in {memory.id for memory in kept}

    with_database(engine, tmp_path, use)


def test_those_that_hold_are_the_active_ones_of_the_repository_and_the_organisation(
    engine: str, tmp_path: Path
) -> None:
    async def use(database: Database) -> None:
        await add(database, text="all", scope=MemoryScope.ORGANISATION, repository="")
        await add(database, text="shop")
        await add(database, text="other", repository=OTHER)
        await add(database, text="waits", state=PENDING)
        await add(database, text="src", scope=MemoryScope.DIRECTORY, paths=("src/**",))
        await add(database, text="docs", scope=MemoryScope.DIRECTORY, paths=("docs/**",))
        held = await memories_that_hold(database, "acme", "github.com/Acme/shop", ["src/cart.py"])
        assert [memory.text for memory in held] == ["all", "shop", "src"]
        assert await memories_that_hold(database, "globex", SHOP, ["src/cart.py"]) == []
        listed = await list_memories(database, "acme", repository=OTHER)
        assert [memory.text for memory in listed] == ["other", "all"]
        assert [memory.text for memory in await list_memories(database, "acme", states=(PENDING,))] == ["waits"]
        assert await list_memories(database, "acme", states=()) == []

    with_database(engine, tmp_path, use)


def test_an_active_one_takes_the_place_of_the_one_it_replaces_at_once(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        old = await add(database)
        new = await add(database, text="Money is in mills.", replaces=old.id, author="bob")
        assert await states(database) == {old.id: DISCARDED, new.id: ACTIVE}
        gone = await find_memory(database, "acme", old.id)
        assert gone is not None
        assert (gone.decided_by, gone.decided_at > 0) == ("bob", True)

    with_database(engine, tmp_path, use)


def test_a_pending_one_takes_the_place_of_others_only_when_it_is_approved(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        first = await add(database)
        second = await add(database, text="In mills.", replaces=first.id, state=PENDING)
        third = await add(database, text="In cents and mills.", replaces=second.id, state=PENDING)
        assert await states(database) == {first.id: ACTIVE, second.id: PENDING, third.id: PENDING}
        approved = await decide_memory(database, "acme", third.id, ACTIVE, who="ann")
        assert (approved.state, approved.decided_by) == (ACTIVE, "ann")
        assert await states(database) == {first.id: DISCARDED, second.id: DISCARDED, third.id: ACTIVE}

    with_database(engine, tmp_path, use)


def test_a_decision_can_be_taken_back_and_is_written_down_once(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        kept = await add(database, state=PENDING)
        for state in (DISCARDED, DISCARDED, ACTIVE, ACTIVE):
            assert (await decide_memory(database, "acme", kept.id, state, who="ann")).state is state
        told = [(entry.what, entry.who, entry.details["state"]) for entry in await entries(database, "acme")]
        assert told == [
            ("memory.apply", "ann", ["discarded", "active"]),
            ("memory.discard", "ann", ["pending", "discarded"]),
            ("memory.add", "ada", "pending"),
        ]
        with pytest.raises(ValueError, match="approved or discarded"):
            await decide_memory(database, "acme", kept.id, PENDING, who="ann")

    with_database(engine, tmp_path, use)


def test_what_is_removed_is_gone_but_for_the_audit_trail(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        kept = await add(database)
        assert await remove_memory(database, "acme", kept.id, who="ann") == kept
        assert await find_memory(database, "acme", kept.id) is None
        newest = (await entries(database, "acme"))[0]
        assert (newest.what, newest.subject, newest.details["text"]) == (
            "memory.remove", f"memory {kept.id}", "Money is in cents."
        )  # fmt: skip
        assert (await add(database)).id > kept.id, "a number is never given twice"

    with_database(engine, tmp_path, use)


@pytest.mark.parametrize("number", [404, 0, 10**30])
def test_what_is_not_there_cannot_be_changed(engine: str, tmp_path: Path, number: int) -> None:
    async def use(database: Database) -> None:
        await add_memory(database, a_memory(), organisation="globex")
        for change in (
            decide_memory(database, "acme", number, ACTIVE, who="ann"),
            decide_memory(database, "acme", 1, ACTIVE, who="ann"),
            remove_memory(database, "acme", number, who="ann"),
            remove_memory(database, "acme", 1, who="ann"),
        ):
            with pytest.raises(MemoryRefused, match="There is no memory"):
                await change
        assert await entries(database, "acme") == []

    with_database(engine, tmp_path, use)


def test_there_are_no_more_than_so_many(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        first = await add(database)
        copy = (
            "INSERT INTO memories (organisation, repository, scope, paths, text, state, author, origin, replaces,"
            " created_at, changed_at, decided_by, decided_at) SELECT organisation, repository, scope, paths, text,"
            " state, author, origin, replaces, created_at, changed_at, decided_by, decided_at FROM memories"
        )
        while (await database.rows("SELECT count(*) AS many FROM memories"))[0]["many"] < MOST_MEMORIES:
            await database.rows(f"{copy} LIMIT 250")
        with pytest.raises(MemoryRefused, match=f"There are {MOST_MEMORIES} memories"):
            await add(database)
        replaced = await add(database, replaces=first.id)
        assert (await states(database))[first.id] is DISCARDED
        with pytest.raises(MemoryRefused):
            await decide_memory(database, "acme", first.id, ACTIVE, who="ann")
        await remove_memory(database, "acme", replaced.id, who="ann")
        for _ in range(MOST_MEMORIES):
            standing = await list_memories(database, "acme")
            if len(standing) < MOST_MEMORIES:
                break
            await remove_memory(database, "acme", standing[0].id, who="ann")
        assert (await decide_memory(database, "acme", first.id, ACTIVE, who="ann")).state is ACTIVE

    with_database(engine, tmp_path, use)


def test_one_is_given_another_text_and_reach_and_keeps_its_state_and_author(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        kept = await add_memory(database, a_memory(state=PENDING), organisation="acme")
        wanted = replace(kept, text="Times are in UTC.", scope=MemoryScope.DIRECTORY, paths=("db/**",), author="eve")
        changed = await change_memory(database, wanted, organisation="acme", who="bob")
        assert changed == replace(wanted, author="ada")
        assert await find_memory(database, "acme", kept.id) == changed
        assert await change_memory(database, changed, organisation="acme", who="bob") == changed
        told = [(each.who, each.what) for each in await entries(database, "acme")]
        assert told == [("bob", "memory.change"), ("ada", "memory.add")], "what changes nothing is not told"
        (entry, _) = await entries(database, "acme")
        assert entry.details["text"] == ["Money is in cents.", "Times are in UTC."]
        with pytest.raises(MemoryRefused):
            await change_memory(database, changed, organisation="elsewhere", who="eve")
        assert (await count_pending(database, "acme"), await count_pending(database, "elsewhere")) == (1, 0)

    with_database(engine, tmp_path, use)
