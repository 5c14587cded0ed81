import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.database_clock import Clocked
from tests.databases import ENGINES, a_database

from mesrai.errors import UserError
from mesrai.store.opening import open_database
from mesrai.store.reviews import (
    PARKED,
    RUNNING,
    KeptReview,
    ReviewFilter,
    begin_review,
    end_review,
    find_report,
    find_review,
    latest_review,
    newest_reviews,
    set_outcome,
)

pytestmark = pytest.mark.parametrize("engine", ENGINES)
ONE, TWO = "forge.example/owner/one#1", "forge.example/owner/two#2"


def with_clock(engine: str, folder: Path, use: Callable[[Clocked], Awaitable[None]]) -> None:
    async def run(url: str) -> None:
        async with open_database(url) as database:
            await use(Clocked(database))

    with a_database(engine, folder) as url:
        asyncio.run(run(url))


def test_a_review_is_kept_from_its_beginning_to_its_report(engine: str, tmp_path: Path) -> None:
    async def use(clock: Clocked) -> None:
        assert await find_review(clock, "r1") is None
        await begin_review(clock, review="r1", subject=ONE, head_sha="a" * 40, base_ref="main", organisation="us")
        clock.at += 5
        await set_outcome(clock, "r1", PARKED, reason="the quota is used up")
        parked = await find_review(clock, "r1")
        assert parked == KeptReview(
            id="r1",
            organisation="us",
            subject=ONE,
            repository="forge.example/owner/one",
            head_sha="a" * 40,
            base_ref="main",
            outcome=PARKED,
            reason="the quota is used up",
            created_at=1_000.0,
            changed_at=1_005.0,
        )
        assert await find_report(clock, "r1") is None
        clock.at += 5
        await begin_review(clock, review="r1", subject=ONE, head_sha="b" * 40, organisation="us")
        again = await find_review(clock, "r1")
        assert again is not None
        assert (again.outcome, again.reason, again.head_sha, again.created_at) == (RUNNING, "", "b" * 40, 1_000.0)
        assert again.base_ref == ""
        await end_review(clock, "r1", "reviewed", report='{"summary": "漢字"}')
        assert await find_report(clock, "r1") == '{"summary": "漢字"}'
        assert await latest_review(clock, ONE, outcomes=("reviewed", "partial")) == await find_review(clock, "r1")

    with_clock(engine, tmp_path, use)


def test_the_latest_of_a_pull_request_may_be_asked_for_by_outcome(engine: str, tmp_path: Path) -> None:
    async def use(clock: Clocked) -> None:
        for name, outcome in (("r1", "reviewed"), ("r2", "failed"), ("r3", RUNNING)):
            await begin_review(clock, review=name, subject=ONE, head_sha="a")
            await set_outcome(clock, name, outcome)
            clock.at += 1
        found = [
            await latest_review(clock, ONE),
            await latest_review(clock, ONE, outcomes=("reviewed", "failed")),
            await latest_review(clock, ONE, outcomes=("nothing",)),
            await latest_review(clock, TWO),
        ]
        assert [each and each.id for each in found] == ["r3", "r2", None, None]

    with_clock(engine, tmp_path, use)


def test_pages_hold_every_review_once_newest_first_also_of_the_same_moment(engine: str, tmp_path: Path) -> None:
    async def use(clock: Clocked) -> None:
        clock.at = 1_700_000_000.123456
        for at in range(9):
            await begin_review(clock, review=f"r{at}", subject=ONE, head_sha="a")
            clock.at += 0.1 * (at % 3 == 0)
        seen: list[KeptReview] = []
        after = ""
        while page := await newest_reviews(clock, ReviewFilter(), most=2, after=after):
            seen += page
            after = page[-1].cursor
            if len(seen) == 4:
                await begin_review(clock, review="newer", subject=ONE, head_sha="a")
        assert [each.id for each in seen] == ["r8", "r7", "r6", "r5", "r4", "r3", "r2", "r1", "r0"]
        assert [each.created_at for each in seen] == sorted((each.created_at for each in seen), reverse=True)

    with_clock(engine, tmp_path, use)


def test_filters_hold_together(engine: str, tmp_path: Path) -> None:
    async def use(clock: Clocked) -> None:
        for at, (subject, organisation) in enumerate([(ONE, "us"), (TWO, "us"), (ONE, "them"), (TWO, "them")]):
            clock.at = 1_000.0 + at
            await begin_review(clock, review=f"r{at}", subject=subject, head_sha="a", organisation=organisation)
        await set_outcome(clock, "r1", "failed")

        async def ids(chosen: ReviewFilter) -> list[str]:
            return [each.id for each in await newest_reviews(clock, chosen)]

        assert await ids(ReviewFilter(organisation="us")) == ["r1", "r0"]
        assert await ids(ReviewFilter(repository="forge.example/owner/two")) == ["r3", "r1"]
        assert await ids(ReviewFilter(subject=ONE, organisation="them")) == ["r2"]
        assert await ids(ReviewFilter(outcomes=("failed", "partial"))) == ["r1"]
        assert await ids(ReviewFilter(since=1_001.0, until=1_003.0)) == ["r2", "r1"]
        assert await ids(ReviewFilter(organisation="nobody")) == []

    with_clock(engine, tmp_path, use)


@pytest.mark.parametrize("cursor", ["x", "_", "1.5.5_r1"])
def test_a_cursor_that_is_none_is_the_callers_mistake(engine: str, cursor: str, tmp_path: Path) -> None:
    async def use(clock: Clocked) -> None:
        with pytest.raises(UserError):
            await newest_reviews(clock, ReviewFilter(), after=cursor)

    with_clock(engine, tmp_path, use)
