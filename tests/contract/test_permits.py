"""What Permits must keep, in one process and over each database."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.databases import ENGINES, a_database

from mesrai.domain.permits import Limits, Wanted
from mesrai.errors import ModelError, ModelQuota
from mesrai.llm.limited import InProcessPermits
from mesrai.llm.model import Permits
from mesrai.store.opening import open_database
from mesrai.store.permits import StorePermits

KINDS = ["memory", *ENGINES]
Use = Callable[[Permits], Awaitable[Any]]


@pytest.fixture(scope="module", params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Empty, or the URL of the database; each test has an account of its own."""
    if request.param == "memory":
        yield ""
        return
    with a_database(request.param, Path(tmp_path_factory.mktemp("permits"))) as url:
        yield url


@asynccontextmanager
async def opened(place: str) -> AsyncIterator[Permits]:
    if not place:
        yield InProcessPermits()
        return
    async with open_database(place) as database, StorePermits(database) as permits:
        yield permits


def with_permits(place: str, use: Use) -> Any:
    async def run() -> Any:
        async with opened(place) as permits, asyncio.timeout(20):
            return await use(permits)

    return asyncio.run(run())


def wanted(account: str, *, review: str = "", tokens: int = 0, **limits: int | None) -> Wanted:
    return Wanted(account=account, limits=Limits(**limits), tokens=tokens, review=review)


class Holder:
    """One who holds a permit, or waits for it, until told to let go."""

    def __init__(self, permits: Permits, what: Wanted, order: list[str] | None = None) -> None:
        self.has_it = asyncio.Event()
        self.end = asyncio.Event()
        self.order = order
        self.task = asyncio.create_task(self._hold(permits, what))

    async def _hold(self, permits: Permits, what: Wanted) -> None:
        async with permits.hold(what):
            if self.order is not None:
                self.order.append(what.review)
            self.has_it.set()
            await self.end.wait()

    async def holds(self) -> None:
        """Wait until it has its permit."""
        await asyncio.wait_for(self.has_it.wait(), 10)

    async def done(self) -> None:
        self.end.set()
        await self.task


async def a_moment() -> None:
    await asyncio.sleep(0.05)


async def most_at_once(permits: Permits, what: Wanted, expected: int) -> int:
    """How many get a permit beside one another, of which there are then none out."""
    holders = [Holder(permits, what) for _ in range(12)]

    def held() -> int:
        return sum(holder.has_it.is_set() for holder in holders)

    with suppress(TimeoutError):
        async with asyncio.timeout(5):
            while held() < expected:  # noqa: ASYNC110 - whichever they are
                await asyncio.sleep(0.005)
    await a_moment()  # in which one too many could come
    found = held()
    for holder in holders:
        holder.end.set()
    await asyncio.gather(*(holder.task for holder in holders))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_the_cap_holds_while_many_come_go_fail_and_give_up(place: str, seed: int) -> None:
    chance = random.Random(seed)
    now = most = 0

    async def hold(permits: Permits, what: Wanted) -> None:
        nonlocal now, most
        async with permits.hold(what):
            now += 1
            most = max(most, now)
            try:
                await asyncio.sleep(chance.random() / 200)
                if chance.random() < 0.2:
                    raise KeyError
            finally:
                now -= 1

    async def crowd(permits: Permits) -> int:
        what = wanted(f"crowd {seed}", concurrent=3)
        tasks = [asyncio.create_task(hold(permits, what)) for _ in range(60)]
        for task in chance.sample(tasks, 25):
            await asyncio.sleep(chance.random() / 500)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return await most_at_once(permits, what, 3)

    assert with_permits(place, crowd) == 3
    assert most == 3


def test_without_any_limit_all_go_at_once(place: str) -> None:
    assert with_permits(place, lambda permits: most_at_once(permits, wanted("free"), 12)) == 12


def test_a_cap_of_nothing_lets_one_through(place: str) -> None:
    assert with_permits(place, lambda permits: most_at_once(permits, wanted("none", concurrent=0), 1)) == 1


def test_accounts_do_not_wait_for_one_another(place: str) -> None:
    async def use(permits: Permits) -> None:
        holders = [Holder(permits, wanted(f"account {name}", concurrent=1)) for name in "ab"]
        for holder in holders:
            await holder.holds()
        for holder in holders:
            await holder.done()

    with_permits(place, use)


def test_the_review_with_the_fewest_permits_goes_first_and_each_in_its_order(place: str) -> None:
    async def use(permits: Permits) -> list[str]:
        def what(review: str) -> Wanted:
            return wanted("fair", review=review, concurrent=2)

        holders = [Holder(permits, what("a")) for _ in range(2)]
        for holder in holders:
            await holder.holds()
        order: list[str] = []
        waiting = []
        for review in ["a", "a", "b", "b"]:
            waiting.append(Holder(permits, what(review), order))
            await asyncio.sleep(0.01)
        await holders[0].done()  # a has one, b none
        await waiting[2].holds()
        await holders[1].done()  # a has none, b one
        await waiting[0].holds()
        await waiting[0].done()  # a has none again
        await waiting[1].holds()
        for each in waiting:
            each.end.set()
        await asyncio.gather(*(each.task for each in waiting))
        return order

    assert with_permits(place, use) == ["b", "a", "a", "b"]


def test_nobody_overtakes_the_one_whose_turn_it_is(place: str) -> None:
    async def use(permits: Permits) -> list[bool]:
        first = Holder(permits, wanted("line", concurrent=1))
        await first.holds()
        second = Holder(permits, wanted("line", concurrent=1))
        await a_moment()
        third = Holder(permits, wanted("line", concurrent=2))  # there is room for this one
        await a_moment()
        has_it = [second.has_it.is_set(), third.has_it.is_set()]
        second.task.cancel()
        await third.holds()  # its turn has come, and there was room all the time
        for holder in (first, third):
            await holder.done()
        return has_it

    assert with_permits(place, use) == [False, False]


def test_a_throttle_halves_the_cap_for_all(place: str) -> None:
    async def use(permits: Permits) -> tuple[int, int]:
        what = wanted("throttled", concurrent=6)
        before = await most_at_once(permits, what, 6)
        async with permits.hold(what):
            await permits.throttled(what)
            await permits.throttled(what)  # of the same burst
        await permits.answered(what)  # too early to raise it
        await a_moment()
        return before, await most_at_once(permits, what, 3)

    assert with_permits(place, use) == (6, 3)


def test_where_no_cap_is_known_a_throttle_makes_one(place: str) -> None:
    async def use(permits: Permits) -> int:
        what = wanted("unknown")
        holders = [Holder(permits, what) for _ in range(8)]
        for holder in holders:
            await holder.holds()
        await permits.throttled(what)
        await a_moment()
        for holder in holders:
            await holder.done()
        return await most_at_once(permits, what, 4)

    assert with_permits(place, use) == 4


def test_so_many_requests_go_in_a_minute(place: str) -> None:
    async def use(permits: Permits) -> list[bool]:
        holders = [Holder(permits, wanted("rpm", requests_per_minute=3)) for _ in range(4)]
        for holder in holders[:3]:
            await holder.holds()
            await holder.done()
        await a_moment()
        holders[3].task.cancel()
        return [holder.has_it.is_set() for holder in holders]

    assert with_permits(place, use) == [True, True, True, False]


def test_so_many_tokens_go_in_a_minute_and_a_large_request_alone(place: str) -> None:
    async def use(permits: Permits) -> list[bool]:
        holders = [Holder(permits, wanted("tpm", tokens=count, tokens_per_minute=1_000)) for count in (5_000, 1)]
        await holders[0].holds()
        await holders[0].done()
        await a_moment()
        holders[1].task.cancel()
        return [holder.has_it.is_set() for holder in holders]

    assert with_permits(place, use) == [True, False]


def test_a_day_that_is_used_up_is_an_error_that_says_when_it_is_over(place: str) -> None:
    async def use(permits: Permits) -> ModelError:
        what = wanted("tpd", tokens=60, tokens_per_day=100)
        async with permits.hold(what):
            pass
        with pytest.raises(ModelQuota) as caught:
            async with permits.hold(what):
                pass
        async with permits.hold(wanted("tpd", tokens=40, tokens_per_day=100)):  # a small one still fits
            pass
        return caught.value

    error = with_permits(place, use)
    assert error.calls == 0
    assert 86_300 < datetime.fromisoformat(error.resets_at).timestamp() - datetime.now(UTC).timestamp() < 86_401


def test_a_failure_inside_goes_up_as_it_is(place: str) -> None:
    async def use(permits: Permits) -> None:
        for kind in (TimeoutError, KeyError):
            with pytest.raises(kind):
                async with permits.hold(wanted("failing", concurrent=1)):
                    raise kind

    with_permits(place, use)
