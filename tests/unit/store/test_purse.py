"""The purse in the store: the limits hold across reviews and processes, on both engines."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.databases import ENGINES, a_database
from tests.spenders import ORDERS, Order, spend

from mesrai.domain.budget import Asked, Budget, Paid, Spender
from mesrai.domain.usage import Usage
from mesrai.errors import BudgetSpent, StoreUnavailable
from mesrai.store.audit import entries
from mesrai.store.budgets import find_budget, remove_budget, save_budget
from mesrai.store.database import Database, Statements
from mesrai.store.opening import open_database
from mesrai.store.purse import StoredPurse

Story = Callable[[Database], Awaitable[object]]


def run(engine: str, folder: Path, story: Story) -> object:
    async def opened(url: str) -> object:
        async with open_database(url) as database:
            return await story(database)

    with a_database(engine, folder) as url:
        return asyncio.run(asyncio.wait_for(opened(url), 30))


def a_spender(review: str = "r1", organisation: str = "acme") -> Spender:
    return Spender(organisation=organisation, repository="shop", review=review)


def asked(amount: str, currency: str = "USD") -> Asked:
    return Asked(provider="moonshot", model="kimi-k2.6", most=Decimal(amount), currency=currency)


def paid(amount: str | None, *, calls: int = 1) -> Paid:
    cost = None if amount is None else Decimal(amount)
    usage = Usage(calls=calls, input_tokens=10, output_tokens=2, cost=cost, currency="" if cost is None else "USD")
    return Paid(asked=asked("0"), usage=usage, is_failed=False)


async def with_budget(database: Database, *, month: str | None = None, review: str | None = None) -> None:
    budget = Budget(
        currency="USD",
        month=None if month is None else Decimal(month),
        review=None if review is None else Decimal(review),
    )
    await save_budget(database, budget, organisation="acme", who="ann")


async def pay(purse: StoredPurse, most: str, cost: str) -> None:
    await purse.settle(await purse.reserve(asked(most)), paid(cost))


async def rows(database: Database) -> list[tuple[int, int | None]]:
    found = await database.rows("SELECT is_settled, nanos FROM spending ORDER BY id")
    return [(row["is_settled"], row["nanos"]) for row in found]


@pytest.mark.parametrize("engine", ENGINES)
def test_without_a_budget_a_request_is_recorded_once_it_is_over(engine: str, tmp_path: Path) -> None:
    async def story(database: Database) -> object:
        purse = StoredPurse(database, a_spender())
        reservation = await purse.reserve(asked("1"))
        before = await rows(database)
        await purse.settle(reservation, paid("0.25"))
        return reservation, before, await rows(database)

    assert run(engine, tmp_path, story) == (0, [], [(1, 250_000_000)])


@pytest.mark.parametrize("engine", ENGINES)
def test_the_month_s_budget_holds_for_all_reviews_of_the_organisation(engine: str, tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        await with_budget(database, month="1")
        await pay(StoredPurse(database, a_spender("r1")), "0.5", "0.4")
        await pay(StoredPurse(database, a_spender("r2")), "0.5", "0.5")
        await pay(StoredPurse(database, a_spender("r3", "other")), "9", "9")
        await StoredPurse(database, a_spender("r4")).reserve(asked("0.11"))

    with pytest.raises(
        BudgetSpent, match=r"budget of this month, 1.00 USD, allows no further question: 0.90 USD"
    ) as caught:
        run(engine, tmp_path, story)
    assert not caught.value.is_of_review


@pytest.mark.parametrize("engine", ENGINES)
def test_the_budget_of_a_review_holds_for_that_review_alone(engine: str, tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        await with_budget(database, review="1")
        await pay(StoredPurse(database, a_spender("r1")), "1", "0.9")
        await pay(StoredPurse(database, a_spender("r2")), "1", "0.9")
        await StoredPurse(database, a_spender("r1")).reserve(asked("0.2"))

    with pytest.raises(BudgetSpent, match=r"budget of this review, 1.00 USD") as caught:
        run(engine, tmp_path, story)
    assert caught.value.is_of_review


@pytest.mark.parametrize(("own", "stored"), [("0.5", "2"), ("2", "0.5"), ("0.5", None)])
def test_of_two_budgets_of_a_review_the_smaller_holds(own: str, stored: str | None, tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        if stored:
            await with_budget(database, review=stored)
        purse = StoredPurse(database, a_spender(), review_limit=Decimal(own), currency="USD")
        await pay(purse, "0.5", "0.5")
        await purse.reserve(asked("0.1"))

    with pytest.raises(BudgetSpent, match=r"0.50 USD, allows no further"):
        run("sqlite", tmp_path, story)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_another_process_reserved_stands_in_the_way_for_a_while(engine: str, tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        await with_budget(database, month="1")
        await StoredPurse(database, a_spender("r1")).reserve(asked("0.8"))
        await StoredPurse(database, a_spender("r2"), patience_s=0.0).reserve(asked("0.8"))

    with pytest.raises(BudgetSpent, match="Other reviews that run now reserved the rest") as caught:
        run(engine, tmp_path, story)
    assert caught.value.retry_after_s == 300.0


@pytest.mark.parametrize("engine", ENGINES)
def test_the_reservation_of_a_killed_process_counts_for_an_hour(engine: str, tmp_path: Path) -> None:
    async def story(database: Database) -> bool:
        await with_budget(database, month="1")
        await StoredPurse(database, a_spender("r1")).reserve(asked("0.8"))
        await database.rows("UPDATE spending SET at = at - 3601.0")
        return bool(await StoredPurse(database, a_spender("r2"), patience_s=0.0).reserve(asked("0.8")))

    assert run(engine, tmp_path, story) is True


@pytest.mark.parametrize("engine", ENGINES)
def test_what_was_spent_in_another_month_does_not_count(engine: str, tmp_path: Path) -> None:
    async def story(database: Database) -> bool:
        await with_budget(database, month="1")
        purse = StoredPurse(database, a_spender("r1"))
        first = await purse.reserve(asked("1"))
        await database.rows("UPDATE spending SET at = at - 2764800.0")  # 32 days: it was asked in another month
        await purse.settle(first, paid("1"))
        return bool(await StoredPurse(database, a_spender("r2")).reserve(asked("1")))

    assert run(engine, tmp_path, story) is True


@pytest.mark.parametrize("engine", ENGINES)
def test_a_request_waits_until_another_of_the_same_review_settles(engine: str, tmp_path: Path) -> None:
    async def story(database: Database) -> list[str]:
        await with_budget(database, month="1")
        purse = StoredPurse(database, a_spender())
        first = await purse.reserve(asked("0.8"))
        order: list[str] = []

        async def second() -> None:
            await purse.reserve(asked("0.8"))
            order.append("second")

        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.05)
        order.append("settled")
        await purse.settle(first, paid("0.1"))
        await asyncio.wait_for(waiting, 0.4)  # woken, and not found by looking again every half second
        return order

    assert run(engine, tmp_path, story) == ["settled", "second"]


@pytest.mark.parametrize("engine", ENGINES)
def test_each_share_of_the_month_is_told_once_by_whoever_reaches_it(engine: str, tmp_path: Path) -> None:
    async def story(database: Database) -> list[tuple[str, ...]]:
        await with_budget(database, month="10")
        purses = [StoredPurse(database, a_spender(f"r{number}")) for number in range(3)]
        told = []
        for at, cost in enumerate(["4", "1", "0.5", "3.5", "0.5"]):
            purse = purses[at % 3]
            await pay(purse, cost, cost)
            told.append(purse.take_notices())
        return told

    assert run(engine, tmp_path, story) == [
        (),
        ("50 % of this month's budget is reached: 5.00 USD of 10.00 USD are spent.",),
        (),
        ("90 % of this month's budget is reached: 9.00 USD of 10.00 USD are spent.",),
        (),
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_failed_request_frees_what_it_reserved_and_one_never_sent_leaves_nothing(engine: str, tmp_path: Path) -> None:
    async def story(database: Database) -> object:
        await with_budget(database, month="1")
        purse = StoredPurse(database, a_spender())
        failed = Paid(asked=asked("1"), usage=Usage(calls=1, currency="USD"), is_failed=True)
        await purse.settle(await purse.reserve(asked("1")), failed)
        await purse.settle(await purse.reserve(asked("1")), Paid(asked=asked("1"), usage=Usage(), is_failed=True))
        return await rows(database)

    assert run(engine, tmp_path, story) == [(1, 0)]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_request_is_counted_once_even_if_it_is_settled_twice(engine: str, tmp_path: Path) -> None:
    async def story(database: Database) -> object:
        await with_budget(database, month="1")
        purse = StoredPurse(database, a_spender())
        first = await purse.reserve(asked("0.5"))
        await purse.settle(first, paid("0.4"))
        await purse.settle(first, paid("0.4"))
        return bool(await purse.reserve(asked("0.6")))

    assert run(engine, tmp_path, story) is True


@pytest.mark.parametrize("engine", ENGINES)
def test_one_who_is_stopped_while_reserving_leaves_no_reservation(engine: str, tmp_path: Path) -> None:
    async def story(database: Database) -> object:
        await with_budget(database, month="1")
        for pauses in range(12):
            purse = StoredPurse(database, a_spender())
            asking = asyncio.create_task(purse.reserve(asked("0.5")))
            for _ in range(pauses):
                await asyncio.sleep(0.001)
            if not asking.done():
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
                assert await rows(database) == []
            else:
                await purse.settle(asking.result(), Paid(asked=asked("0.5"), usage=Usage(), is_failed=True))
        return await rows(database)

    assert run(engine, tmp_path, story) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_a_budget_that_is_changed_holds_from_the_next_request_on(engine: str, tmp_path: Path) -> None:
    async def story(database: Database) -> object:
        purse = StoredPurse(database, a_spender())
        await pay(purse, "5", "5")
        await with_budget(database, month="1")
        with pytest.raises(BudgetSpent):
            await purse.reserve(asked("1"))
        await with_budget(database, month="7", review="6")
        first = await purse.reserve(asked("1"))
        removed = [await remove_budget(database, organisation="acme", who="ann") for _ in range(2)]
        return bool(first), removed, await find_budget(database, "acme"), await purse.reserve(asked("99"))

    assert run(engine, tmp_path, story) == (True, [True, False], None, 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_changes_of_a_budget_are_in_the_audit_trail(engine: str, tmp_path: Path) -> None:
    async def story(database: Database) -> object:
        await with_budget(database, month="20", review="0.5")
        await with_budget(database, month="30", review="0.5")
        await remove_budget(database, organisation="acme", who="bob")
        return [(each.who, each.what, each.details) for each in reversed(await entries(database, "acme"))]

    assert run(engine, tmp_path, story) == [
        ("ann", "budget.change", {"month": [None, "20"], "review": [None, "0.5"], "currency": [None, "USD"]}),
        ("ann", "budget.change", {"month": ["20", "30"]}),
        ("bob", "budget.remove", {}),
    ]


def test_a_request_without_a_price_is_recorded_beside_a_budget(tmp_path: Path) -> None:
    async def story(database: Database) -> object:
        await with_budget(database, month="1")
        purse = StoredPurse(database, a_spender())
        unpriced = Asked(provider="kimi-code", model="kimi-for-coding", most=None)
        await purse.settle(await purse.reserve(unpriced), paid(None))
        return await rows(database)

    assert run("sqlite", tmp_path, story) == [(1, None)]


@asynccontextmanager
async def two_handles(url: str) -> AsyncIterator[list[Database]]:
    """The database opened twice, as two processes have it."""
    async with open_database(url) as first, open_database(url) as second:
        yield [first, second]


async def all_spend(url: str, orders: list[Order], cents: int) -> None:
    async with two_handles(url) as handles:
        await handles[0].rows("DELETE FROM spending")
        await handles[0].rows("DELETE FROM months")
        limit = Decimal(cents) / 100
        await save_budget(handles[0], Budget(currency="USD", month=limit), organisation="acme", who="ann")
        purses = [StoredPurse(each, a_spender(f"r{at}"), patience_s=0.0) for at, each in enumerate(handles)]

        async def look() -> None:
            found = await handles[0].rows("SELECT CAST(coalesce(sum(nanos), 0) AS BIGINT) AS n FROM spending")
            assert found[0]["n"] <= cents * 10_000_000

        costs = await asyncio.gather(*(spend(purses[at % 2], order, look) for at, order in enumerate(orders)))
        done = sum((cost for cost in costs if cost is not None), Decimal(0))
        found = await handles[0].rows("SELECT CAST(coalesce(sum(nanos), 0) AS BIGINT) AS n FROM spending")
        month = await handles[0].rows("SELECT CAST(coalesce(sum(nanos), 0) AS BIGINT) AS n FROM months")
        assert found[0]["n"] == month[0]["n"] == done * 1_000_000_000


@pytest.mark.parametrize(("engine", "examples"), [("sqlite", 25), ("postgresql", 15)])
def test_spent_and_reserved_never_pass_the_limit(engine: str, examples: int, tmp_path: Path) -> None:
    with a_database(engine, tmp_path) as url:

        @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
        @given(ORDERS, st.integers(min_value=0, max_value=100))
        def holds(orders: list[Order], cents: int) -> None:
            asyncio.run(asyncio.wait_for(all_spend(url, orders, cents), 30))

        holds()


@pytest.mark.parametrize("engine", ENGINES)
def test_of_two_processes_that_ask_at_once_one_alone_gets_what_is_left(engine: str, tmp_path: Path) -> None:
    async def story(url: str) -> list[int]:
        async with two_handles(url) as handles:
            await save_budget(handles[0], Budget(currency="USD", month=Decimal(1)), organisation="acme", who="ann")
            allowed = []
            for _ in range(8):
                purses = [StoredPurse(each, a_spender(), patience_s=0.0) for each in handles]
                await handles[0].rows("DELETE FROM spending")
                got = await asyncio.gather(*(each.reserve(asked("0.6")) for each in purses), return_exceptions=True)
                allowed.append(sum(isinstance(each, int) for each in got))
            return allowed

    with a_database(engine, tmp_path) as url:
        assert asyncio.run(asyncio.wait_for(story(url), 30)) == [1] * 8


class Flaky:
    """A database that loses its connection at every other transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_away = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def transaction(self) -> AbstractAsyncContextManager[Statements]:
        self._is_away = not self._is_away
        if self._is_away:
            raise StoreUnavailable("The connection was lost.")
        return self._database.transaction()


def test_a_store_that_is_away_for_a_moment_neither_stops_a_question_nor_loses_its_cost(tmp_path: Path) -> None:
    async def story(database: Database) -> object:
        await with_budget(database, month="1")
        await pay(StoredPurse(Flaky(database), a_spender()), "0.5", "0.4")
        months = await database.rows("SELECT nanos FROM months")
        return await rows(database), [row["nanos"] for row in months]

    assert run("sqlite", tmp_path, story) == ([(1, 400_000_000)], [400_000_000])
