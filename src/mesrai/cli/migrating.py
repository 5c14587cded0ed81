"""`mesrai migrate`: bring the database's schema up to date, and end."""

import asyncio
import os
import sys

import click


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; end with 1 if something is to be done.")
def migrate(check: bool) -> None:
    """Bring the database's schema up to date, and end.

    Every process does so at its start as well, one at a time. As a job of its own it shows what fails before the new
    version takes over.
    """
    from mesrai.settings import database_url_from
    from mesrai.store.database import shown_url
    from mesrai.store.opening import open_database, schema_of
    from mesrai.store.versions import NEWEST

    url = database_url_from(os.environ)

    async def done() -> str:
        before = await schema_of(url)
        if not check:
            async with open_database(url):
                pass
        return before

    before = asyncio.run(done())
    is_behind = before != NEWEST
    if check and is_behind:
        click.echo(f"{shown_url(url)} is at schema {before or 'none'}; this version needs {NEWEST}.")
        sys.exit(1)
    was = f", was at {before or 'none'}" if is_behind else " already"
    click.echo(f"{shown_url(url)} is at schema {NEWEST}{was}.")
