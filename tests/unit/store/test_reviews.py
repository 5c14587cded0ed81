import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.database_clock import Clocked
from tests.databases import ENGINES, a_database

from mesrai.errors import UserError
from mesrai.store.calls import Ended, begin_call, end_call
from mesrai.store.opening import open_database
from mesrai.store.review_figures import reviewed_authors
from mesrai.store.reviews import (
    PARKED,
    RUNNING,
    About,
    KeptReview,
    ReviewFilter,
    Sums,
    ask_to_stop,
    begin_review,
    begun_among,
    end_review,
    find_excerpts,
    find_report,
    find_review,
    latest_review,
    newest_reviews,
    set_outcome,
    stop_by,
    tell_about,
    tell_sums,
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


def test_a_review_is_told_about_and_found_by_it(engine: str, tmp_path: Path) -> None:
    async def use(clock: Clocked) -> None:
        for name, title, author in (("r1", "100% Sure_", "ada"), ("r2", "Other", "eve")):
            await begin_review(clock, review=name, subject=ONE, head_sha="a", organisation="us")
            await tell_about(clock, name, About(title=title, author=author, trigger="opened"))
            clock.at += 1
        await tell_sums(clock, "r2", Sums(high=2, models="a/m", took_s=1.5, nanos=7, currency="USD", excerpts="{}"))
        found = await find_review(clock, "r2")
        assert found is not None
        assert (found.high, found.models, found.took_s, found.nanos, found.currency) == (2, "a/m", 1.5, 7, "USD")
        assert await find_excerpts(clock, "r2") == "{}"
        assert await reviewed_authors(clock, "us") == ["ada", "eve"]
        assert await begun_among(clock, ["r1", "r9"]) == {"r1"}

        async def named(**chosen: Any) -> list[str]:
            return [each.id for each in await newest_reviews(clock, ReviewFilter(organisation="us", **chosen))]

        assert await named(title="% SURE_") == ["r1"]
        assert await named(title="%other") == []
        assert await named(author="eve") == ["r2"]
        assert (await named(severity="high"), await named(severity="critical")) == (["r2"], [])
        assert await named(severity="low") == ["r2"]

    with_clock(engine, tmp_path, use)


def test_failovers_are_counted_from_the_calls(engine: str, tmp_path: Path) -> None:
    async def use(clock: Clocked) -> None:
        await begin_review(clock, review="r1", subject=ONE, head_sha="a")
        for at in range(3):
            number = await begin_call(clock, "r1", purpose="", asked=("a", "m"), prompt="")
            await end_call(clock, number, Ended(took_s=1.0, provider="b", model="n", is_failover=at > 0))
        await tell_sums(clock, "r1", Sums())
        found = await find_review(clock, "r1")
        assert found is not None
        assert (found.failovers, found.nanos) == (2, None)

    with_clock(engine, tmp_path, use)


def test_one_person_stops_a_review_that_is_not_over(engine: str, tmp_path: Path) -> None:
    async def use(clock: Clocked) -> None:
        await begin_review(clock, review="r1", subject=ONE, head_sha="a")
        assert await ask_to_stop(clock, "r1", "Ada")
        assert not await ask_to_stop(clock, "r1", "Eve")
        assert await stop_by(clock, "r1") == "Ada"
        await begin_review(clock, review="r2", subject=ONE, head_sha="a")
        await end_review(clock, "r2", "reviewed", report="{}")
        assert not await ask_to_stop(clock, "r2", "Ada")
        assert (await stop_by(clock, "r2"), await stop_by(clock, "r9")) == ("", "")

    with_clock(engine, tmp_path, use)
