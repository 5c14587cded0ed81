"""What is kept of tests, requests in flight and failovers, for the page of the models."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.databases import ENGINES, a_database

from mesrai.domain.permits import Limits, Wanted
from mesrai.store.database import Database
from mesrai.store.failovers import last_failovers
from mesrai.store.in_flight import InFlight, in_flight
from mesrai.store.opening import open_database
from mesrai.store.permits import StorePermits
from mesrai.store.reviews import begin_review
from mesrai.store.trials import Trial, last_trial, note_trial

pytestmark = pytest.mark.parametrize("engine", ENGINES)
TRIAL = Trial(name="a m", is_full=True, is_failed=False, facts=("Balance: 漢 5.00 USD",), listed=("m", "n"))


def with_database(engine: str, folder: Path, use: Callable[[Database], Awaitable[None]]) -> None:
    async def run(url: str) -> None:
        async with open_database(url) as database:
            await use(database)

    with a_database(engine, folder) as url:
        asyncio.run(run(url))


async def until(database: Database, is_so: Callable[[InFlight], bool]) -> None:
    for _ in range(500):
        if is_so(await in_flight(database, "a")):
            return
        await asyncio.sleep(0.01)


def test_of_each_model_the_last_test_is_kept(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        assert await last_trial(database, "a m") is None
        await note_trial(database, replace(TRIAL, is_failed=True, told="Out of credit.", facts=()))
        await note_trial(database, TRIAL)
        await note_trial(database, replace(TRIAL, name="b m"))
        found = await last_trial(database, "a m")
        assert found is not None
        assert found.at > 1e9
        assert replace(found, at=0.0) == TRIAL

    with_database(engine, tmp_path, use)


def test_requests_in_flight_and_waiting_are_counted_by_account(engine: str, tmp_path: Path) -> None:
    def wanted(account: str) -> Wanted:
        return Wanted(account=account, limits=Limits(concurrent=2))

    async def use(database: Database) -> None:
        assert await in_flight(database, "a") == InFlight()
        async with StorePermits(database) as permits, permits.hold(wanted("a")), permits.hold(wanted("a")):
            waiting = asyncio.create_task(permits.hold(wanted("a")).__aenter__())
            async with permits.hold(wanted("b")):
                await until(database, lambda use: use.waiting > 0)
                assert await in_flight(database, "a") == InFlight(flying=2, waiting=1)
                assert await in_flight(database, "b") == InFlight(flying=1)
            await permits.throttled(wanted("a"))
            await until(database, lambda use: use.reduced is not None)
            assert (await in_flight(database, "a")).reduced == 1
            waiting.cancel()

    with_database(engine, tmp_path, use)


def test_the_newest_reviews_that_a_fallback_carried_are_found(engine: str, tmp_path: Path) -> None:
    async def use(database: Database) -> None:
        for number in range(4):
            review, subject = f"job-{number}", f"github.com/o/r#{number}"
            await begin_review(database, review=review, subject=subject, head_sha="a" * 40, organisation="default")
        await database.rows("UPDATE reviews SET failovers = 2, title = 'T', models = 'zai/glm-5.1' WHERE id <> 'job-3'")
        await database.rows("UPDATE reviews SET created_at = created_at - 5 WHERE id = 'job-2'")
        await database.rows("UPDATE reviews SET created_at = created_at - 9999999 WHERE id = 'job-0'")
        found = await last_failovers(database, "default")
        assert [(each.review, each.subject, each.count, each.title, each.models) for each in found] == [
            ("job-1", "github.com/o/r#1", 2, "T", "zai/glm-5.1"),
            ("job-2", "github.com/o/r#2", 2, "T", "zai/glm-5.1"),
        ]
        assert [each.review for each in await last_failovers(database, "default", most=1)] == ["job-1"]
        assert await last_failovers(database, "other") == []

    with_database(engine, tmp_path, use)
