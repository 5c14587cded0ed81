"""The purse of one review, kept in the store: all processes of an organisation see what each of them spends."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeVar

from mesrai.domain.budget import (
    Asked,
    Budget,
    Fit,
    Paid,
    Spender,
    amount_of,
    crossed,
    fit,
    money_text,
    most_nanos_of,
    nanos_of,
    spent_words,
)
from mesrai.errors import BudgetSpent, MesraiError, StoreUnavailable
from mesrai.store.budgets import find_budget
from mesrai.store.database import Database, Statements
from mesrai.store.spending import Sums, month_sums, record, release, reserve, review_sums, settle

T = TypeVar("T")
_POLL_S: Final = 0.5
_RESERVED_S: Final = 300.0  # until reviews that run now may have settled for less
_PAUSES_S: Final = (0.1, 0.5, 2.0)  # before the store is tried again: it may be restarting
_PATIENCE_S: Final = 60.0  # for what other processes reserved; a request rarely takes longer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limit:
    """One of the limits that hold, and how much of it is used."""

    name: str
    amount: Decimal
    sums: Sums
    is_of_review: bool = False


class StoredPurse:
    """Records every request of a review, and keeps the organisation's budget. See Purse.

    Without a budget nothing is reserved: each request is recorded once it is over. A budget that is set, changed or
    removed in the meantime holds from the next request on.
    """

    def __init__(
        self,
        database: Database,
        spender: Spender,
        *,
        review_limit: Decimal | None = None,
        currency: str = "",
        patience_s: float = _PATIENCE_S,
    ) -> None:
        """`review_limit` in `currency` holds besides the stored budget: of the two for one review, the smaller."""
        self._database = database
        self._spender = spender
        self._own = None if review_limit is None else Budget(currency=currency, review=review_limit)
        self._patience_s = patience_s
        self._mine: set[int] = set()  # reservations that are not settled yet
        self._changed = asyncio.Condition()
        self._notices: list[str] = []

    async def reserve(self, asked: Asked) -> int:
        """Set the most that a request may cost aside. Errors: BudgetSpent, StoreError."""
        if asked.most is None:
            return 0
        waited = 0.0
        async with self._changed:
            while (number := await _again(lambda: self._unbroken(asked))) is None:
                # While one of our own runs it may settle for less; others are waited for, but not for ever.
                if not self._mine and waited >= self._patience_s:
                    raise BudgetSpent(
                        "Other reviews that run now reserved the rest of the budget. Try again later.",
                        retry_after_s=_RESERVED_S,
                    )
                waited += 0.0 if self._mine else _POLL_S
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_S):
                        await self._changed.wait()
        return number

    async def settle(self, reservation: int, paid: Paid) -> None:
        """Record what it really cost. Errors: StoreError."""
        try:
            if reservation:
                await _again(lambda: self._settle(reservation, paid))
            else:  # tried again it might be written twice
                await self._settle(reservation, paid)
        finally:
            async with self._changed:
                self._mine.discard(reservation)
                self._changed.notify_all()

    def take_notices(self) -> tuple[str, ...]:
        """The shares of the month's budget that were reached since they were last taken."""
        taken, self._notices = tuple(self._notices), []
        return taken

    async def _unbroken(self, asked: Asked) -> int | None:
        """`_try`, so that being cancelled leaves no reservation behind."""
        trying = asyncio.ensure_future(self._try(asked))
        try:
            return await asyncio.shield(trying)
        except asyncio.CancelledError:
            with suppress(MesraiError):
                number = await trying
                if number:
                    self._mine.discard(number)
                    await release(self._database, number)
            raise

    async def _try(self, asked: Asked) -> int | None:
        """The number of a reservation, 0 if none is needed, None if it does not fit yet. Errors: BudgetSpent."""
        stored = await find_budget(self._database, self._spender.organisation)
        if stored is None and self._own is None:
            return 0
        wanted = most_nanos_of(asked.most or Decimal(0))
        async with self._database.transaction() as statements:
            for limit in await self._limits(statements, asked.currency):
                verdict = fit(
                    most_nanos_of(limit.amount), spent=limit.sums.spent, reserved=limit.sums.reserved, wanted=wanted
                )
                if verdict is Fit.SPENT:
                    named = f"{limit.name}, {money_text(limit.amount, asked.currency)}"
                    error = BudgetSpent(spent_words(named, amount_of(limit.sums.spent), asked))
                    error.is_of_review = limit.is_of_review
                    raise error
                if verdict is Fit.WAIT:
                    return None
            number = await reserve(self._database, statements, self._spender, asked, wanted)
        self._mine.add(number)
        return number

    async def _limits(self, statements: Statements, currency: str) -> list[_Limit]:
        """The limits in that currency. Inside a transaction: whoever else asks for the organisation's waits for us."""
        budget = await find_budget(statements, self._spender.organisation, lock=self._database.for_update)
        budgets = [each for each in (self._own, budget) if each is not None and each.currency == currency]
        reviews = [each.review for each in budgets if each.review is not None]
        limits: list[_Limit] = []
        if reviews:
            sums = await review_sums(self._database, statements, self._spender.review, currency)
            limits.append(_Limit(name="The budget of this review", amount=min(reviews), sums=sums, is_of_review=True))
        if budget is not None and budget in budgets and budget.month is not None:
            _, sums = await month_sums(self._database, statements, self._spender.organisation, currency)
            limits.append(_Limit(name="The budget of this month", amount=budget.month, sums=sums))
        return limits

    async def _settle(self, reservation: int, paid: Paid) -> None:
        usage = paid.usage
        if not reservation:
            await record(self._database, self._spender, paid)
            return
        async with self._database.transaction() as statements:
            organisation = self._spender.organisation
            budget = await find_budget(statements, organisation, lock=self._database.for_update)
            await settle(statements, reservation, paid)
            if budget is None or budget.month is None or not usage.cost or budget.currency != usage.currency:
                return
            _, sums = await month_sums(self._database, statements, organisation, budget.currency)
        share = crossed(most_nanos_of(budget.month), before=sums.spent - nanos_of(usage.cost), after=sums.spent)
        if share is not None:
            self._notices.append(
                f"{share} % of this month's budget is reached: {money_text(amount_of(sums.spent), budget.currency)} "
                f"of {money_text(budget.month, budget.currency)} are spent."
            )


async def _again(work: Callable[[], Awaitable[T]]) -> T:
    """Do what may be done more than once, until the store is there. Errors: StoreUnavailable after the last try."""
    for pause_s in _PAUSES_S:
        with suppress(StoreUnavailable):
            return await work()
        await asyncio.sleep(pause_s)
    return await work()
