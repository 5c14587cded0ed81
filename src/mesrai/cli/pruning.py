"""`mesrai prune`: delete reviews, and what models were asked for them."""

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import click

from mesrai.errors import UserError

if TYPE_CHECKING:
    from mesrai.store.forgetting import Forgotten

_DAY_S = 86_400.0


@click.command(epilog="MESRAI_KEEP_PROMPTS_DAYS has prompts and answers forgotten by the service itself.")
@click.option("--reviews-older-than", "reviews", type=click.FloatRange(min=0), metavar="DAYS", help="Whole reviews.")
@click.option(
    "--prompts-older-than",
    "prompts",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    help="Only what was asked and answered; reports and figures stay.",
)
@click.option("--repository", default="", metavar="NAME", help="Only of this one, as github.com/owner/name.")
@click.option("--dry-run", is_flag=True, help="Say how many, and delete nothing.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def prune(reviews: float | None, prompts: float | None, repository: str, dry_run: bool, yes: bool) -> None:
    """Delete old reviews, or the prompts and answers that were kept of them.

    Reviews that run or wait stay, and so does what was spent: it has figures only. What was deleted is taken out of a
    SQLite file for good. Backups that were made before still hold it.
    """
    if reviews is None and prompts is None:
        raise click.UsageError("Say what is to be deleted: --reviews-older-than DAYS or --prompts-older-than DAYS.")
    if dry_run:
        click.echo(f"To be deleted: {_told(asyncio.run(_pruned(reviews, prompts, repository, is_trial=True)))}.")
        return
    if not yes:
        _ask(asyncio.run(_pruned(reviews, prompts, repository, is_trial=True)))
    click.echo(f"Deleted: {_told(asyncio.run(_pruned(reviews, prompts, repository, is_trial=False)))}.")


def _ask(would: "Forgotten") -> None:
    if not sys.stdin.isatty():
        raise UserError("Nobody can be asked here. --yes deletes without asking; --dry-run says how many.")
    click.confirm(f"Delete {_told(would)}?", abort=True, err=True)


async def _pruned(reviews: float | None, prompts: float | None, repository: str, *, is_trial: bool) -> "Forgotten":
    from mesrai.settings import database_url_from, load_settings
    from mesrai.store.forgetting import Which, compact, count_old, forget_old
    from mesrai.store.opening import open_database

    url = database_url_from(os.environ)
    which = Which(
        organisation=load_settings(os.environ).organisation,
        repository=repository,
        reviews_older_than_s=None if reviews is None else reviews * _DAY_S,
        prompts_older_than_s=None if prompts is None else prompts * _DAY_S,
    )
    async with open_database(url) as database:
        if is_trial:
            return await count_old(database, which)
        forgotten = await forget_old(database, which, who=_who())
        if forgotten.is_anything:
            await compact(database, url)
        return forgotten


def _told(forgotten: "Forgotten") -> str:
    return (
        f"{forgotten.reviews} reviews with {forgotten.calls} questions and {forgotten.events} events, "
        f"what was said in {forgotten.prompts} more questions"
    )


def _who() -> str:
    from mesrai.cli.byok.desk import user_name

    return f"{user_name()} at the machine"
