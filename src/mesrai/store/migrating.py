"""Run Alembic's migrations on a database."""

import asyncio
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from mesrai.errors import StoreUnavailable
from mesrai.store.database import SQLITE, shown_url

_FOLDER: Final = Path(__file__).with_name("migrations")
_LOCK: Final = 0x6D657372  # PostgreSQL's advisory lock for migrations: any number that is ours alone


def migrate(url: str) -> None:
    """Bring the schema to its newest version. Blocks; call it in a thread. Errors: StoreUnavailable."""
    try:
        if url.startswith(SQLITE):
            _migrate_sqlite(url)
        else:
            asyncio.run(_migrate_postgresql(url))
    except (SQLAlchemyError, CommandError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0][:200]
        raise StoreUnavailable(f"The database {shown_url(url)} cannot be brought up to date: {reason}.") from error


def known_tables() -> Sequence[str]:
    """The names of all tables that the newest schema has, its version's among them."""
    with create_engine("sqlite://", poolclass=NullPool).connect() as connection:
        _upgrade(connection)
        return inspect(connection).get_table_names()


def script() -> ScriptDirectory:
    """All migrations there are."""
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config


def _migrate_sqlite(url: str) -> None:
    # Not by the URL: SQLAlchemy reads signs such as ? and % in it, which are the file's name elsewhere.
    path = url.removeprefix(SQLITE)
    engine = create_engine(
        "sqlite://", poolclass=NullPool, creator=lambda: sqlite3.connect(path, isolation_level=None, timeout=60)
    )
    with engine.connect() as connection:
        # Taken first, so that of several processes the second one finds the work done.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        _upgrade(connection)
        connection.exec_driver_sql("COMMIT")


async def _migrate_postgresql(url: str) -> None:
    import asyncpg  # noqa: PLC0415 - an extra
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415 - needs greenlet, an extra

    # Not by the URL: SQLAlchemy does not hand parameters such as sslmode on as the driver itself reads them.
    engine = create_async_engine(
        "postgresql+asyncpg://", poolclass=NullPool, async_creator=lambda: asyncpg.connect(url)
    )
    async with engine.begin() as connection:
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


if __name__ == "__main__":  # see versions.bring_up_to_date
    migrate(sys.stdin.read())
