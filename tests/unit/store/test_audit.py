"""The audit trail."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.databases import ENGINES, a_database

from mesrai.store.audit import Entry, add_entry, entries
from mesrai.store.database import Database
from mesrai.store.opening import open_database


async def add(database: Database, subject: str, organisation: str = "acme") -> None:
    async with database.transaction() as statements:
        await add_entry(
            statements,
            organisation=organisation,
            who="ann",
            what="connection.change",
            subject=subject,
            details={"model": ["a", "b"], "tier": None},
        )


@pytest.mark.parametrize("engine", ENGINES)
def test_entries_come_back_whole_and_newest_first(engine: str, tmp_path: Path) -> None:
    async def scenario(url: str) -> Sequence[Entry]:
        async with open_database(url) as database:
            for subject in ("main", "fallback"):
                await add(database, subject)
            await add(database, "main", organisation="other")
            return await entries(database, "acme")

    with a_database(engine, tmp_path) as url:
        newest, oldest = asyncio.run(scenario(url))
    assert (newest.subject, oldest.subject) == ("fallback", "main")
    assert newest.id > oldest.id
    assert time.time() - 60 < oldest.at <= newest.at <= time.time()
    assert (newest.organisation, newest.who, newest.what) == ("acme", "ann", "connection.change")
    assert newest.details == {"model": ["a", "b"], "tier": None}


@pytest.mark.parametrize("engine", ENGINES)
def test_pages_follow_each_other_without_gap(engine: str, tmp_path: Path) -> None:
    async def scenario(url: str) -> list[str]:
        async with open_database(url) as database:
            for number in range(5):
                await add(database, str(number))
            found: list[Entry] = []
            for _ in range(3):
                found.extend(await entries(database, "acme", most=2, before=found[-1].id if found else None))
            assert await entries(database, "acme", before=found[-1].id) == []
            return [each.subject for each in found]

    with a_database(engine, tmp_path) as url:
        assert asyncio.run(scenario(url)) == ["4", "3", "2", "1", "0"]


def test_an_entry_is_gone_with_the_change_that_failed(tmp_path: Path) -> None:
    async def change_and_fail(database: Database) -> None:
        async with database.transaction() as statements:
            await add_entry(statements, organisation="acme", who="ann", what="x", subject="main", details={})
            raise RuntimeError

    async def scenario(url: str) -> Sequence[Entry]:
        async with open_database(url) as database:
            with pytest.raises(RuntimeError):
                await change_and_fail(database)
            return await entries(database, "acme")

    with a_database("sqlite", tmp_path) as url:
        assert asyncio.run(scenario(url)) == []
