"""Open a database by its URL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mesrai.errors import StoreUnavailable
from mesrai.store.database import SQLITE, Database
from mesrai.store.versions import bring_up_to_date


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Database]:
    """Open `sqlite:///path` or `postgresql://…`, its schema brought up to date; a missing SQLite file is made.

    Errors: StoreUnavailable, StoreError if the schema is newer than this program.
    """
    if url.startswith(SQLITE):
        from mesrai.store.sqlite import open_sqlite  # noqa: PLC0415 - each driver only where it is used

        async with open_sqlite(Path(url.removeprefix(SQLITE))) as database:
            await bring_up_to_date(database, url)
            yield database
        return
    if not url.startswith(("postgresql://", "postgres://")):
        raise StoreUnavailable("The database URL must begin with sqlite:/// or postgresql://.")
    try:
        from mesrai.store.postgresql import open_postgresql  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise StoreUnavailable("PostgreSQL needs a driver: pip install 'mesrai[postgres]'.") from error
    async with open_postgresql(url) as postgres:
        await bring_up_to_date(postgres, url)
        yield postgres
