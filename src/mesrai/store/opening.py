"""Open a database by its URL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mesrai.errors import StoreUnavailable
from mesrai.store.database import SQLITE, Database
from mesrai.store.versions import bring_up_to_date, schema_version


@asynccontextmanager
async def open_database(url: str, *, migrates_apart: bool = False) -> AsyncIterator[Database]:
    """Open `sqlite:///path` or `postgresql://…`, its schema brought up to date; a missing SQLite file is made.

    `migrates_apart`: see bring_up_to_date. Errors: StoreUnavailable, StoreError if the schema is newer than
    this program.
    """
    async with _opened(url) as database:
        await bring_up_to_date(database, url, apart=migrates_apart)
        yield database


async def schema_of(url: str) -> str:
    """The schema's version as it is; empty if there is none, or no SQLite file yet. Errors: StoreUnavailable."""
    if _is_unmade(url):
        return ""
    async with _opened(url) as database:
        return await schema_version(database)


def _is_unmade(url: str) -> bool:
    return url.startswith(SQLITE) and not Path(url.removeprefix(SQLITE)).exists()


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    if url.startswith(SQLITE):
        from mesrai.store.sqlite import open_sqlite  # noqa: PLC0415 - each driver only where it is used

        async with open_sqlite(Path(url.removeprefix(SQLITE))) as database:
            yield database
        return
    if not url.startswith(("postgresql://", "postgres://")):
        raise StoreUnavailable("The database URL must begin with sqlite:/// or postgresql://.")
    try:
        from mesrai.store.postgresql import open_postgresql  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise StoreUnavailable("PostgreSQL needs a driver: pip install 'mesrai[postgres]'.") from error
    async with open_postgresql(url) as postgres:
        yield postgres
