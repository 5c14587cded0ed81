"""Tasks that spend at once, in an order that hypothesis chooses, watched at every step."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal

from hypothesis import strategies as st

from mesrai.domain.budget import Asked, Paid
from mesrai.domain.usage import Usage
from mesrai.errors import BudgetSpent
from mesrai.llm.model import Purse


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One request: what it may cost, what it does cost, and how it ends."""

    most: int  # cents
    share: int  # percent of `most` that it really costs
    pauses: int
    is_failed: bool

    @property
    def asked(self) -> Asked:
        return Asked(provider="p", model="m", most=Decimal(self.most) / 100, currency="USD")

    @property
    def cost(self) -> Decimal:
        return Decimal(0) if self.is_failed else Decimal(self.most * self.share) / 10_000


ORDERS = st.lists(
    st.builds(
        Order,
        most=st.integers(min_value=1, max_value=60),
        share=st.integers(min_value=0, max_value=100),
        pauses=st.integers(min_value=0, max_value=5),
        is_failed=st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


async def spend(purse: Purse, order: Order, look: Callable[[], Awaitable[None]]) -> Decimal | None:
    """Reserve, wait a little, settle, and look after each; what it cost, or None if it was not allowed."""
    try:
        reservation = await purse.reserve(order.asked)
    except BudgetSpent:
        return None
    await look()
    for _ in range(order.pauses):
        await asyncio.sleep(0)
    usage = Usage(calls=1, input_tokens=1, cost=order.cost, currency="USD")
    await purse.settle(reservation, Paid(asked=order.asked, usage=usage, is_failed=order.is_failed))
    await look()
    return order.cost
