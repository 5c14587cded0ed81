"""The budgets of organisations."""

from mesrai.domain.budget import Budget, amount_of, most_nanos_of
from mesrai.store.audit import add_entry
from mesrai.store.database import Database, Row, Statements

_BUDGET = "SELECT review_nanos, month_nanos, currency FROM budgets WHERE organisation = :organisation"
_SAVE = """
    INSERT INTO budgets (organisation, review_nanos, month_nanos, currency)
    VALUES (:organisation, :review_nanos, :month_nanos, :currency)
    ON CONFLICT (organisation) DO UPDATE SET
        review_nanos = excluded.review_nanos, month_nanos = excluded.month_nanos, currency = excluded.currency
"""


async def find_budget(statements: Statements, organisation: str, *, lock: str = "") -> Budget | None:
    """The budget that holds; None if there is none. `lock` is the database's `for_update`, inside a transaction."""
    rows = await statements.rows(_BUDGET + lock, organisation=organisation)
    return _budget(rows[0]) if rows else None


async def save_budget(database: Database, budget: Budget, *, organisation: str, who: str) -> None:
    """Put a budget in the place of what there was; it holds from the next request on."""
    review = None if budget.review is None else most_nanos_of(budget.review)
    month = None if budget.month is None else most_nanos_of(budget.month)
    async with database.transaction() as statements:
        before = await find_budget(statements, organisation, lock=database.for_update)
        await statements.rows(
            _SAVE, organisation=organisation, review_nanos=review, month_nanos=month, currency=budget.currency
        )
        details = _changes(before, budget)
        await add_entry(
            statements, organisation=organisation, who=who, what="budget.change", subject="budget", details=details
        )


async def remove_budget(database: Database, *, organisation: str, who: str) -> bool:
    """Remove the budget; whether there was one."""
    async with database.transaction() as statements:
        removed = await statements.rows(
            "DELETE FROM budgets WHERE organisation = :organisation RETURNING organisation", organisation=organisation
        )
        if removed:
            await add_entry(
                statements, organisation=organisation, who=who, what="budget.remove", subject="budget", details={}
            )
    return bool(removed)


def _changes(before: Budget | None, after: Budget) -> dict[str, list[str | None]]:
    """Each value that changed, as it was and as it is."""
    was, now = _texts(before), _texts(after)
    return {name: [was[name], now[name]] for name in now if was[name] != now[name]}


def _texts(budget: Budget | None) -> dict[str, str | None]:
    if budget is None:
        return dict.fromkeys(("month", "review", "currency"))
    limits = {"month": budget.month, "review": budget.review}
    texts = {name: None if limit is None else f"{limit:f}" for name, limit in limits.items()}
    return {**texts, "currency": budget.currency}


def _budget(row: Row) -> Budget:
    review, month = row["review_nanos"], row["month_nanos"]
    return Budget(
        currency=row["currency"],
        review=None if review is None else amount_of(review),
        month=None if month is None else amount_of(month),
    )
