"""The purse of one review in memory."""

import asyncio
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.spenders import ORDERS, Order, spend

from mesrai.domain.budget import Asked, Paid
from mesrai.domain.usage import Usage
from mesrai.errors import BudgetSpent
from mesrai.llm.purse import ReviewPurse


def asked(amount: str) -> Asked:
    return Asked(provider="p", model="m", most=Decimal(amount), currency="USD")


def paid(amount: str) -> Paid:
    usage = Usage(calls=1, input_tokens=1, cost=Decimal(amount), currency="USD")
    return Paid(asked=asked("0"), usage=usage, is_failed=False)


@given(ORDERS, st.integers(min_value=0, max_value=100))
def test_spent_and_reserved_never_pass_the_limit(orders: list[Order], cents: int) -> None:
    async def scenario() -> None:
        purse = ReviewPurse(Decimal(cents) / 100, "USD")

        async def look() -> None:
            assert purse.used <= Decimal(cents) / 100

        costs = await asyncio.gather(*(spend(purse, order, look) for order in orders))
        assert purse.used == sum((cost for cost in costs if cost is not None), Decimal(0))

    asyncio.run(asyncio.wait_for(scenario(), 5))


def test_a_request_waits_until_another_settles_for_less() -> None:
    async def scenario() -> list[str]:
        purse = ReviewPurse(Decimal("1"), "USD")
        first = await purse.reserve(asked("0.8"))
        order: list[str] = []

        async def second() -> None:
            await purse.reserve(asked("0.8"))
            order.append("second")

        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.01)
        order.append("settled")
        await purse.settle(first, paid("0.1"))
        await waiting
        return order

    assert asyncio.run(scenario()) == ["settled", "second"]


def test_a_request_that_waited_in_vain_is_refused() -> None:
    async def scenario() -> None:
        purse = ReviewPurse(Decimal("1"), "USD")
        first = await purse.reserve(asked("0.8"))
        waiting = asyncio.create_task(purse.reserve(asked("0.8")))
        await asyncio.sleep(0.01)
        await purse.settle(first, paid("0.8"))
        await waiting

    with pytest.raises(BudgetSpent) as caught:
        asyncio.run(scenario())
    assert caught.value.message == (
        "The budget of this review, 1.00 USD, allows no further question: 0.80 USD is spent, "
        "and the next question may cost up to 0.80 USD."
    )
    assert caught.value.is_of_review


def test_a_failed_request_gives_back_what_it_reserved() -> None:
    async def scenario() -> Decimal:
        purse = ReviewPurse(Decimal("1"), "USD")
        await purse.settle(await purse.reserve(asked("1")), paid("0"))
        await purse.reserve(asked("1"))
        return purse.used

    assert asyncio.run(scenario()) == 1


def test_one_who_stops_waiting_takes_nothing() -> None:
    async def scenario() -> Decimal:
        purse = ReviewPurse(Decimal("1"), "USD")
        first = await purse.reserve(asked("0.8"))
        waiting = asyncio.create_task(purse.reserve(asked("0.8")))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await purse.settle(first, paid("0.3"))
        return purse.used

    assert asyncio.run(scenario()) == Decimal("0.3")


def test_what_costs_nothing_needs_no_reservation() -> None:
    purse = ReviewPurse(Decimal("0"), "USD")
    assert asyncio.run(purse.reserve(Asked(provider="p", model="m", most=None))) == 0
