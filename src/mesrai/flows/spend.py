"""What was spent, and how much more may be: by day, model, repository or review, beside the budget."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from mesrai.domain.budget import Budget, Tariff, amount_of, budget_currency, check_budget
from mesrai.errors import SettingsError
from mesrai.store.budgets import find_budget, remove_budget, save_budget
from mesrai.store.database import Database
from mesrai.store.spending import month_sums
from mesrai.store.spent import By, Filter, Spent, spending_by

__all__ = ["By", "Filter", "Spent"]


_MOST: Final = 1_000_000_000  # in billionths, of which a database counts about nine times as many


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was spent, divided, and all of it."""

    by: By
    lines: Sequence[Spent]
    total: Spent | None  # None: nothing was spent, or it was not asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A budget, and how much of this month's is used."""

    budget: Budget
    month: str  # as 2026-11
    spent: Decimal
    reserved: Decimal  # for requests that run now

    @property
    def share(self) -> Decimal | None:
        """The part of the month's budget that is spent, in percent; None without a limit for the month."""
        return None if not self.budget.month else self.spent * 100 / self.budget.month


async def spending(database: Database, organisation: str, by: By, chosen: Filter, *, with_total: bool = True) -> Report:
    """What was spent: days and reviews in their order, models and repositories with the most tokens first."""
    lines = list(await spending_by(database, organisation, by, chosen))
    if by is By.DAY:
        lines = [replace(line, key=_date(int(line.key))) for line in sorted(lines, key=lambda line: int(line.key))]
    elif by is By.REVIEW:
        lines.sort(key=lambda line: line.last_at)
    else:
        lines.sort(key=lambda line: -(line.input_tokens + line.output_tokens))
    total = await spending_by(database, organisation, None, chosen) if with_total else ()
    return Report(by=by, lines=lines, total=total[0] if total else None)


async def budget_standing(database: Database, organisation: str) -> Standing | None:
    """The budget with what this month used of it; None if there is none."""
    budget = await find_budget(database, organisation)
    if budget is None:
        return None
    since, sums = await month_sums(database, database, organisation, budget.currency)
    return Standing(
        budget=budget,
        month=datetime.fromtimestamp(since, UTC).strftime("%Y-%m"),
        spent=amount_of(sums.spent),
        reserved=amount_of(sums.reserved),
    )


async def refuse_unkept_budget(
    database: Database | None, organisation: str, limit: Decimal | None, tariffs: Sequence[Tariff]
) -> str:
    """Before a review: the currency of its own limit; empty if it has none, or if nothing costs anything by the token.

    Errors: SettingsError where that limit or the stored budget cannot be kept with the models connected, since a price
    is not known or in another currency; StoreError.
    """
    budget = await find_budget(database, organisation) if database is not None else None
    if budget is not None:
        check_budget(budget, tariffs)
    return "" if limit is None else budget_currency(tariffs)


async def set_budget(database: Database, wanted: Budget, *, organisation: str, who: str) -> Budget:
    """Set what `wanted` names; what it does not name stays, unless the currency is another one. Returns what holds.

    Errors: SettingsError for more money than can be counted; StoreError.
    """
    if max(wanted.review or 0, wanted.month or 0) > _MOST:
        raise SettingsError(f"A budget is at most {_MOST:,} {wanted.currency}.")
    found = await find_budget(database, organisation)
    if found is not None and found.currency == wanted.currency:
        wanted = replace(wanted, review=wanted.review or found.review, month=wanted.month or found.month)
    await save_budget(database, wanted, organisation=organisation, who=who)
    return wanted


async def clear_budget(database: Database, *, organisation: str, who: str) -> bool:
    """Remove the budget; whether there was one."""
    return await remove_budget(database, organisation=organisation, who=who)


def _date(days: int) -> str:
    return datetime.fromtimestamp(days * 86_400, UTC).date().isoformat()
