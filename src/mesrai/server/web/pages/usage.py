"""What reviews cost, and the budget they may not pass."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from starlette.responses import Response

from mesrai.domain.budget import Budget, money_text
from mesrai.domain.roles import Right
from mesrai.errors import UserError
from mesrai.flows.export_spending import spending_csv
from mesrai.flows.spend import By, Filter, Report, Spent, budget_standing, clear_budget, set_budget, spending
from mesrai.review.render.wording import tokens_text
from mesrai.server.web.charts import Chart, bar_chart
from mesrai.server.web.visit import Visit, asked_with
from mesrai.store.review_figures import review_figures, reviewed_repositories

_DAYS: Final = 30  # shown if nothing else is asked for
_MOST_DAYS: Final = 366
_HERE: Final = "/usage"
_TABLES: Final = ((By.MODEL, "By model"), (By.REPOSITORY, "By repository"), (By.AUTHOR, "By author"))
_MOST_LINES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the page is about."""

    since: date
    until: date  # included
    repository: str

    @property
    def filter(self) -> Filter:
        """The same for the store."""
        return Filter(
            since=_seconds(self.since), until=_seconds(self.until + timedelta(days=1)), repository=self.repository
        )

    @property
    def query(self) -> str:
        """The same as an address' query."""
        told = {"since": self.since.isoformat(), "until": self.until.isoformat(), "repository": self.repository}
        return asked_with(told)


async def show(visit: Visit) -> Response:
    """GET /usage."""
    return await _page(visit)


async def as_csv(visit: Visit) -> Response:
    """GET /usage.csv."""
    by = visit.query("by", "day")
    if by not in set(By):
        raise UserError("Spending is divided by day, model, repository, author or review.")
    asked = _asked(visit)
    report = await spending(visit.house.database, visit.house.organisation, By(by), asked.filter)
    name = f"mesrai-usage-{asked.since}-{asked.until}-by-{by}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(spending_csv(report), media_type="text/csv; charset=utf-8", headers=headers)


async def change_budget(visit: Visit) -> Response:
    """POST /usage/budget."""
    house, form = visit.house, visit.form
    if form.is_set("clear"):
        await clear_budget(house.database, organisation=house.organisation, who=visit.member.email)
        return visit.go(_HERE, "The budget is removed; nothing limits what reviews cost.")
    try:
        code = form.text("currency").upper()
        if not (len(code) == 3 and code.isascii() and code.isalpha()):
            raise UserError("A currency is a code of three letters, such as USD or CNY.")
        wanted = Budget(currency=code, month=_money(form.text("month")), review=_money(form.text("review")))
        if wanted.month is None and wanted.review is None:
            raise UserError("Give the most for a month, for one review, or both.")
        await set_budget(house.database, wanted, organisation=house.organisation, who=visit.member.email)
    except UserError as error:
        return await _page(visit, error=error.message)
    return visit.go(_HERE, "The budget is set. It holds from the next question on, also for reviews that run.")


async def _page(visit: Visit, *, error: str = "") -> Response:
    house, asked = visit.house, _asked(visit)
    database, organisation = house.database, house.organisation
    days = await spending(database, organisation, By.DAY, asked.filter)
    reports = [await spending(database, organisation, by, asked.filter, with_total=False) for by, _ in _TABLES]
    tables = [
        (str(by), name, [_row(line, by) for line in report.lines[:_MOST_LINES]])
        for (by, name), report in zip(_TABLES, reports, strict=True)
    ]
    chosen = asked.filter
    figures = await review_figures(
        database, organisation, since=chosen.since, until=chosen.until, repository=asked.repository
    )
    return visit.page(
        "usage.html",
        status=400 if error else 200,
        asked=asked,
        total=_row(days.total, By.DAY) if days.total else None,
        charts=_charts(days, asked),
        day_rows=[_row(line, By.DAY) for line in reversed(days.lines)],
        tables=tables,
        figures=figures,
        repositories=[("", "All"), *((each, each) for each in await reviewed_repositories(database, organisation))],
        standing=await budget_standing(database, organisation),
        money=money_text,
        may_edit=visit.may(Right.EDIT_BUDGETS),
        error=error,
    )


def _charts(days: Report, asked: _Asked) -> list[Chart]:
    """Cost for each currency, and tokens, day by day; days without anything are there too."""
    lines = {line.key: line for line in days.lines}
    span = [asked.since + timedelta(days=at) for at in range((asked.until - asked.since).days + 1)]
    labelled = [(each.strftime("%-d %b"), lines.get(each.isoformat())) for each in span]
    currencies = sorted({currency for line in days.lines for currency in line.costs})
    charts = [
        bar_chart(f"Cost by day, {currency}", [_cost(label, line, currency) for label, line in labelled])
        for currency in currencies
    ]
    tokens = [
        (label, float(count := line.input_tokens + line.output_tokens if line else 0), f"{tokens_text(count)} tokens")
        for label, line in labelled
    ]
    return [*charts, bar_chart("Tokens by day", tokens)] if days.lines else []


def _cost(label: str, line: Spent | None, currency: str) -> tuple[str, float, str]:
    cost = line.costs.get(currency, Decimal(0)) if line else Decimal(0)
    return label, float(cost), money_text(cost, currency)


def _row(line: Spent, by: By) -> Mapping[str, str]:
    unknown = {By.AUTHOR: "not known", By.REPOSITORY: "tests of connections"}.get(by, "")
    costs = " + ".join(money_text(cost, currency) for currency, cost in line.costs.items())
    return {
        "key": line.key or unknown,
        "cost": costs or "–",
        "reviews": f"{line.reviews:,}",
        "calls": f"{line.calls:,}",
        "failures": f"{line.failures:,}",
        "input": tokens_text(line.input_tokens),
        "cached": f"{line.cached_tokens / line.input_tokens:.0%}" if line.input_tokens else "–",
        "output": tokens_text(line.output_tokens),
        "unpriced": f"{line.unpriced:,}" if line.unpriced else "",
    }


def _asked(visit: Visit) -> _Asked:
    """What is asked for. Errors: UserError for days that are none."""
    today = datetime.fromtimestamp(visit.house.now(), UTC).date()
    until = _day(visit.query("until")) or today
    since = _day(visit.query("since")) or until - timedelta(days=_DAYS - 1)
    if since > until:
        raise UserError("The first day is after the last one.")
    if (until - since).days >= _MOST_DAYS:
        raise UserError("A year is the most that is shown at once.")
    return _Asked(since=since, until=until, repository=visit.query("repository"))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise UserError("A day is written as 2026-11-30.") from None


def _seconds(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _money(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0 or len(text) > 15:
        raise UserError("An amount is a number above 0, such as 20 or 0.5.")
    return amount
