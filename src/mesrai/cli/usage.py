"""`mesrai usage`: what reviews cost, and the budget they may not pass."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from mesrai.cli.day import Day
from mesrai.cli.money import Money
from mesrai.errors import StoreUnavailable

if TYPE_CHECKING:
    from mesrai.flows.spend import Filter
    from mesrai.store.database import Database

_BY: Final = ("day", "model", "repository", "author", "review")
_MONEY: Final = Money()
_DAY: Final = Day()


@click.group(invoke_without_command=True, epilog="Example: mesrai usage --by model --since 2026-11-01 --csv")
@click.option("--by", type=click.Choice(_BY), default="day", help="What each line is about. [default: day]")
@click.option("--since", type=_DAY, metavar="DATE", help="From that day on (UTC).")
@click.option("--until", type=_DAY, metavar="DATE", help="Up to that day, it included (UTC).")
@click.option("--repository", default="", metavar="NAME", help="Only what was spent on that repository.")
@click.option("--budget", "is_budget", is_flag=True, help="Only the budget, and how much of it is used.")
@click.option("--json", "is_json", is_flag=True, help="One JSON document, for programs.")
@click.option("--csv", "is_csv", is_flag=True, help="Comma-separated values, for spreadsheets.")
@click.pass_context
def usage(ctx: click.Context, /, by: str, repository: str, **given: Any) -> None:
    """Show what reviews cost: calls, tokens, the cached share of the prompts, and money.

    Days and months are those of UTC. Calls through a subscription or to your own machine are counted without a cost.
    """
    if ctx.invoked_subcommand is not None:
        _refuse_lost_options(ctx)
        return
    since, until = given["since"], given["until"]
    if since and until and until < since:
        raise click.UsageError("--until is before --since.")
    if sum((given["is_json"], given["is_csv"])) > 1 or (given["is_budget"] and given["is_csv"]):
        raise click.UsageError("--csv goes with neither --json nor --budget.")
    if given["is_budget"]:
        asyncio.run(_show_budget(is_json=given["is_json"]))
    else:
        asyncio.run(_show(by, since, until, repository, form="json" if given["is_json"] else _form(given["is_csv"])))


@usage.command(epilog="Example: mesrai usage budget --month 20 --review 0.5 --currency USD")
@click.option("--month", type=_MONEY, metavar="AMOUNT", help="The most for a calendar month (UTC).")
@click.option("--review", type=_MONEY, metavar="AMOUNT", help="The most for one review.")
@click.option("--currency", metavar="CODE", help="The currency of your models' prices. [default: as now, or USD]")
@click.option("--clear", is_flag=True, help="Remove the budget.")
@click.option("--json", "is_json", is_flag=True, help="One JSON document, for programs.")
def budget(month: Decimal | None, review: Decimal | None, currency: str | None, clear: bool, is_json: bool) -> None:
    """Set the most that reviews may cost; without options, show it.

    Before each question its worst case is set aside, and what does not fit is not asked. A review that meets the limit
    shows what it has read by then, and says what it has not.
    """
    code = (currency or "").strip().upper()
    if code and not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise click.UsageError("--currency is a code of three letters, such as USD or CNY.")
    if clear and (month or review or code):
        raise click.UsageError("--clear removes the whole budget, so it stands alone.")
    if code and not (month or review):
        raise click.UsageError("--currency goes with --month or --review.")
    if clear:
        asyncio.run(_clear_budget(is_json=is_json))
    elif month or review:
        asyncio.run(_set_budget(month, review, code, is_json=is_json))
    else:
        asyncio.run(_show_budget(is_json=is_json))


def _refuse_lost_options(ctx: click.Context) -> None:
    """Options that stand before a command of the group would do nothing. Errors: UsageError."""
    given = [name for name in ctx.params if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given:
        raise click.UsageError(f"Write options after the command: mesrai usage {ctx.invoked_subcommand} …")


def _form(is_csv: bool) -> str:
    return "csv" if is_csv else "table"


@asynccontextmanager
async def _opened(*, makes_store: bool = False) -> "AsyncIterator[tuple[Database | None, str]]":
    """The store, if anything was ever remembered, and whose it is. Errors: SettingsError, StoreError."""
    from mesrai.wiring import open_installation

    async with open_installation(os.environ, makes_store=makes_store) as installation:
        yield installation.database, installation.settings.organisation


async def _show(by: str, since: date | None, until: date | None, repository: str, *, form: str) -> None:
    from mesrai.cli.look import look_for, write_text
    from mesrai.cli.usage_text import NOT_RECORDED, usage_json, usage_table
    from mesrai.flows.export_spending import spending_csv
    from mesrai.flows.spend import By, Report, budget_standing, spending

    report, standing = Report(by=By(by), lines=(), total=None), None
    async with _opened() as (database, organisation):
        if database is not None:
            chosen = _filter(since, until, repository)
            report = await spending(database, organisation, By(by), chosen)
            standing = await budget_standing(database, organisation)
    if form == "csv":
        write_text(sys.stdout, spending_csv(report))
    elif form == "json":
        named = {
            "organisation": organisation,
            "since": since.isoformat() if since else None,
            "until": until.isoformat() if until else None,
            "repository": repository or None,
        }
        write_text(sys.stdout, usage_json(report, named, standing))
    elif database is None:
        write_text(sys.stdout, NOT_RECORDED)
    else:
        write_text(sys.stdout, usage_table(report, standing, look_for(sys.stdout, os.environ)))


async def _show_budget(*, is_json: bool) -> None:
    from mesrai.cli.look import write_text
    from mesrai.cli.usage_text import budget_text, json_text, standing_json
    from mesrai.flows.spend import budget_standing

    standing = None
    async with _opened() as (database, organisation):
        if database is not None:
            standing = await budget_standing(database, organisation)
    write_text(sys.stdout, json_text({"budget": standing_json(standing)}) if is_json else budget_text(standing) + "\n")


async def _set_budget(month: Decimal | None, review: Decimal | None, currency: str, *, is_json: bool) -> None:
    from mesrai.cli.byok.desk import user_name
    from mesrai.cli.look import write_text
    from mesrai.cli.usage_text import json_text, limits_text, standing_json
    from mesrai.domain.budget import Budget
    from mesrai.flows.spend import budget_standing, set_budget

    async with _opened(makes_store=True) as (database, organisation):
        if database is None:
            raise StoreUnavailable("There is no database to keep a budget in.")
        found = await budget_standing(database, organisation)
        wanted = Budget(currency=currency or (found.budget.currency if found else "USD"), month=month, review=review)
        held = await set_budget(database, wanted, organisation=organisation, who=user_name())
        standing = await budget_standing(database, organisation)
    told = f"The budget is {limits_text(held)}. It holds from the next question on, also for reviews that run.\n"
    write_text(sys.stdout, json_text({"budget": standing_json(standing)}) if is_json else told)


async def _clear_budget(*, is_json: bool) -> None:
    from mesrai.cli.byok.desk import user_name
    from mesrai.cli.look import write_text
    from mesrai.cli.usage_text import json_text
    from mesrai.flows.spend import clear_budget

    removed = False
    async with _opened() as (database, organisation):
        if database is not None:
            removed = await clear_budget(database, organisation=organisation, who=user_name())
    told = "The budget is removed; nothing limits what reviews cost.\n" if removed else "No budget was set.\n"
    write_text(sys.stdout, json_text({"removed": removed}) if is_json else told)


def _filter(since: date | None, until: date | None, repository: str) -> "Filter":
    from mesrai.flows.spend import Filter

    after = until + timedelta(days=1) if until else None
    return Filter(since=_seconds(since), until=_seconds(after), repository=repository)


def _seconds(day: date | None) -> float | None:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() if day else None
