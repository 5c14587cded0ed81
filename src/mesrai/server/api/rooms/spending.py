"""What reviews cost, and the budget."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Final

import msgspec

from mesrai.domain.budget import Budget
from mesrai.domain.roles import Right
from mesrai.flows.spend import By, Filter, Spent, Standing, budget_standing, clear_budget, set_budget, spending
from mesrai.server.api.call import Call, Operation
from mesrai.server.api.paging import After, RepositoryName, Sent, Shape, cut
from mesrai.server.api.problems import ApiError, Code, not_found
from mesrai.server.api.rooms.findings import number_after
from mesrai.server.api.rooms.review_shapes import Money

_TAG: Final = "usage"
_MOST_DAYS: Final = 3_660
_Amount = Annotated[
    str, msgspec.Meta(pattern="^[0-9]{1,9}([.][0-9]{1,6})?$", description="A decimal number above 0, as text.")
]


class UsageLine(Shape, frozen=True, kw_only=True):
    """What was spent under one key."""

    key: str
    reviews: int
    calls: int
    failures: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    costs: list[Money]
    unpriced_calls: int


class SpendingShown(Shape, frozen=True, kw_only=True):
    """What was spent, divided, and all of it."""

    by: By
    lines: list[UsageLine]
    total: UsageLine | None
    next: str | None


class UsageQuery(Sent, frozen=True, kw_only=True):
    """Which spending is meant: days in UTC, both included."""

    by: By = By.DAY
    since: date | None = None
    until: date | None = None
    repository: RepositoryName = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1_000
    after: After = ""


class BudgetShown(Shape, frozen=True, kw_only=True):
    """The budget, and how much of this month's is used."""

    currency: str
    month: Decimal | None
    review: Decimal | None
    this_month: Annotated[str, msgspec.Meta(description="As 2026-11.")]
    spent: Decimal
    reserved: Decimal


class SetBudget(Sent, frozen=True, kw_only=True):
    """The most that may be spent; what is not given stays, unless the currency is another one."""

    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    month: _Amount | None = None
    review: _Amount | None = None


async def show_usage(call: Call) -> SpendingShown:
    """GET /usage."""
    asked, house = call.read(UsageQuery), call.house
    if asked.since and asked.until and not 0 <= (asked.until - asked.since).days < _MOST_DAYS:
        raise ApiError(Code.INVALID, "The first day comes before the last one, ten years at most.")
    chosen = Filter(since=_seconds(asked.since, 0), until=_seconds(asked.until, 1), repository=asked.repository)
    at = number_after(asked.after) or 0
    report = await spending(house.database, house.organisation, asked.by, chosen)
    shown, has_more = cut(list(report.lines[at:]), asked.limit)
    return SpendingShown(
        by=report.by,
        lines=[_line(each) for each in shown],
        total=_line(report.total) if report.total else None,
        next=str(at + asked.limit) if has_more else None,
    )


async def show_budget(call: Call) -> BudgetShown:
    """GET /budget."""
    return _budget(await budget_standing(call.house.database, call.house.organisation))


async def put_budget(call: Call) -> BudgetShown:
    """PUT /budget."""
    asked, house = call.read(SetBudget), call.house
    month, review = _money(asked.month), _money(asked.review)
    if month is None and review is None:
        raise ApiError(Code.INVALID, "Give the most for a month, for one review, or both.")
    wanted = Budget(currency=asked.currency, month=month, review=review)
    await set_budget(house.database, wanted, organisation=house.organisation, who=call.who)
    return _budget(await budget_standing(house.database, house.organisation))


async def remove_budget(call: Call) -> None:
    """DELETE /budget."""
    if not await clear_budget(call.house.database, organisation=call.house.organisation, who=call.who):
        raise not_found("budget")


def _budget(standing: Standing | None) -> BudgetShown:
    """Errors: ApiError if there is none."""
    if standing is None:
        raise not_found("budget")
    return BudgetShown(
        currency=standing.budget.currency,
        month=standing.budget.month,
        review=standing.budget.review,
        this_month=standing.month,
        spent=standing.spent,
        reserved=standing.reserved,
    )


def _line(spent: Spent) -> UsageLine:
    names = (
        "key", "reviews", "calls", "failures", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens"
    )  # fmt: skip
    costs = [Money(amount=amount, currency=currency) for currency, amount in spent.costs.items()]
    return UsageLine(costs=costs, unpriced_calls=spent.unpriced, **{name: getattr(spent, name) for name in names})


def _seconds(day: date | None, later: int) -> float | None:
    """The beginning of a day, or of the one `later` days after it. Errors: ApiError outside of our calendar."""
    if day is None:
        return None
    try:
        return (datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=later)).timestamp()
    except (OverflowError, ValueError):
        raise ApiError(Code.INVALID, "That day is too far away.") from None


def _money(text: str | None) -> Decimal | None:
    if text is None:
        return None
    if not Decimal(text):
        raise ApiError(Code.INVALID, "An amount is a number above 0.")
    return Decimal(text)


OPERATIONS: Final = (
    Operation(
        name="showUsage",
        tag=_TAG,
        method="GET",
        path="/usage",
        needs=Right.SEE_USAGE,
        told="What was spent, by day, model, repository, author or review.",
        do=show_usage,
        query=UsageQuery,
        answer=SpendingShown,
    ),
    Operation(
        name="showBudget",
        tag=_TAG,
        method="GET",
        path="/budget",
        needs=Right.SEE_USAGE,
        told="The budget, and how much of it this month used.",
        do=show_budget,
        answer=BudgetShown,
        errors=(Code.NOT_FOUND,),
    ),
    Operation(
        name="setBudget",
        tag=_TAG,
        method="PUT",
        path="/budget",
        needs=Right.EDIT_BUDGETS,
        told="Set the most that reviews may cost. It holds from the next question on, also for reviews that run.",
        do=put_budget,
        body=SetBudget,
        answer=BudgetShown,
        errors=(Code.REFUSED,),
    ),
    Operation(
        name="removeBudget",
        tag=_TAG,
        method="DELETE",
        path="/budget",
        needs=Right.EDIT_BUDGETS,
        told="Remove the budget; nothing limits then what reviews cost.",
        do=remove_budget,
        status=204,
        errors=(Code.NOT_FOUND,),
    ),
)
