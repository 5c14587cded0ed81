import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.database_clock import Clocked
from tests.databases import ENGINES, a_database

from mesrai.jobs.embedded import put_in
from mesrai.store.deliveries import note_delivery, prune_deliveries
from mesrai.store.opening import open_database

pytestmark = pytest.mark.parametrize("engine", ENGINES)


def with_clock(engine: str, folder: Path, use: Callable[[Clocked], Awaitable[Any]]) -> Any:
    async def run(url: str) -> Any:
        async with open_database(url) as database:
            return await use(Clocked(database))

    with a_database(engine, folder) as url:
        return asyncio.run(run(url))


async def take(clock: Clocked, delivery: str, *, fails: bool = False) -> bool:
    """As the door for webhooks does: the note and the job are one."""
    async with clock.transaction() as statements:
        is_new = await note_delivery(clock, statements, delivery, "A review is due.")
        if is_new:
            await put_in(clock, statements, "review", f"forge.example/owner/name#{delivery}", {})
        if fails:
            raise KeyError
    return is_new


def test_a_delivery_is_new_once_however_many_bring_it_at_once(engine: str, tmp_path: Path) -> None:
    async def use(clock: Clocked) -> tuple[int, bool, int]:
        results = await asyncio.gather(*(take(clock, "one") for _ in range(6)))
        other = await take(clock, "two")
        return sum(results), other, len(await clock.rows("SELECT id FROM jobs"))

    assert with_clock(engine, tmp_path, use) == (1, True, 2)


def test_a_delivery_whose_work_failed_comes_again_as_new(engine: str, tmp_path: Path) -> None:
    async def use(clock: Clocked) -> tuple[int, bool]:
        with pytest.raises(KeyError):
            await take(clock, "one", fails=True)
        jobs = len(await clock.rows("SELECT id FROM jobs"))
        return jobs, await take(clock, "one")

    assert with_clock(engine, tmp_path, use) == (0, True)


def test_a_delivery_is_remembered_for_more_than_four_days(engine: str, tmp_path: Path) -> None:
    async def use(clock: Clocked) -> list[object]:
        await take(clock, "one")
        clock.at += 4.5 * 86_400
        told: list[object] = [await prune_deliveries(clock), await take(clock, "one")]
        clock.at += 86_400
        return [*told, await prune_deliveries(clock), await take(clock, "one")]

    assert with_clock(engine, tmp_path, use) == [0, False, 1, True]
