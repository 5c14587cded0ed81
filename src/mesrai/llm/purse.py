"""The purse of one review that nothing is remembered of: its limit holds in this process."""

import asyncio
from decimal import Decimal

from mesrai.domain.budget import Asked, Fit, Paid, amount_of, fit, money_text, most_nanos_of, nanos_of, spent_words
from mesrai.errors import BudgetSpent


class ReviewPurse:
    """A limit for one review, kept in memory. See Purse."""

    def __init__(self, limit: Decimal, currency: str) -> None:
        """At most `limit` of that currency is spent."""
        self._limit = limit
        self._currency = currency
        self._spent = 0  # nanos, as all that follows
        self._reserved: dict[int, int] = {}  # by number
        self._last = 0
        self._settled = asyncio.Condition()

    @property
    def used(self) -> Decimal:
        """What is spent and reserved."""
        return amount_of(self._spent + sum(self._reserved.values()))

    async def reserve(self, asked: Asked) -> int:
        """Set the most that a request may cost aside. Errors: BudgetSpent."""
        if asked.most is None:
            return 0
        wanted = most_nanos_of(asked.most)
        async with self._settled:
            while (verdict := self._fit(wanted)) is Fit.WAIT:
                await self._settled.wait()
            if verdict is Fit.SPENT:
                limit = money_text(self._limit, self._currency)
                error = BudgetSpent(spent_words(f"The budget of this review, {limit}", amount_of(self._spent), asked))
                error.is_of_review = True
                raise error
            self._last += 1
            self._reserved[self._last] = wanted
            return self._last

    async def settle(self, reservation: int, paid: Paid) -> None:
        """Count what it really cost."""
        async with self._settled:
            self._reserved.pop(reservation, None)
            if paid.usage.cost and paid.usage.currency == self._currency:
                self._spent += nanos_of(paid.usage.cost)
            self._settled.notify_all()

    def take_notices(self) -> tuple[str, ...]:
        """Nothing: only a month's budget warns."""
        return ()

    def _fit(self, wanted: int) -> Fit:
        reserved = sum(self._reserved.values())
        return fit(most_nanos_of(self._limit), spent=self._spent, reserved=reserved, wanted=wanted)
