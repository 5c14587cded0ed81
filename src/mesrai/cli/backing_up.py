"""`mesrai backup` and `mesrai restore`: everything Mesrai remembers in one file, without the master key."""

import asyncio
import os
from pathlib import Path

import click

_KEY_IS_APART = """\
The master key is not in it, and without that key the saved model keys and forge keys cannot be opened.
{where}
Keep its copy where this backup is not. docs/operate/backup-and-restore.md has the steps."""


@click.command(epilog="docs/operate/backup-and-restore.md has the steps, and how to keep the master key.")
@click.argument("to", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace the file if it is there already.")
def backup(to: Path, force: bool) -> None:
    """Write all that Mesrai remembers to the file TO, or to a new file in the folder TO.

    The service may run meanwhile: the backup is the database at one moment. The master key is not in it. PostgreSQL
    needs pg_dump and psql; of SQLite nothing is needed.
    """
    from mesrai.settings import database_url_from
    from mesrai.store.backups import back_up

    path, manifest = back_up(database_url_from(os.environ), to, replace=force)
    click.echo(str(path))
    click.echo(f"Schema {manifest.schema}, {manifest.size:,} bytes of {manifest.engine}.", err=True)
    click.echo(_KEY_IS_APART.format(where=_where_the_key_is()), err=True)


@click.command(epilog="docs/operate/backup-and-restore.md has the steps.")
@click.argument("path", metavar="FROM", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--force", is_flag=True, help="Put it in the place of what the database holds now.")
def restore(path: Path, force: bool) -> None:
    """Put the backup FROM into the database that MESRAI_DATABASE_URL names, all of it or nothing.

    A database in which something was saved is refused without --force. Stop the service first. A backup of an older
    version is brought up to date.
    """
    from mesrai.settings import database_url_from
    from mesrai.store.backups import restore as put_back

    restored = put_back(path, database_url_from(os.environ), replace=force)
    made = restored.manifest
    click.echo(f"Restored the backup of {made.made_at} (Mesrai {made.mesrai}, schema {made.schema}).")
    if made.schema != restored.schema:
        click.echo(f"The schema was brought up to {restored.schema}.")
    for line in asyncio.run(_about_keys()):
        click.echo(line, err=True)


def _where_the_key_is() -> str:
    from mesrai.settings import database_url_from
    from mesrai.store.master_key import told_place
    from mesrai.wiring import key_folder

    return told_place(os.environ, key_folder(database_url_from(os.environ)))


async def _about_keys() -> tuple[str, ...]:
    """What is wrong with the keys that were restored, in sentences."""
    from mesrai.wiring import open_installation

    async with open_installation(os.environ) as installation:
        if installation.locked is not None:
            return (f"The saved keys cannot be opened yet. {installation.locked.message}",)
    return ()
