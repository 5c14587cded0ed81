"""PostgreSQL as a Database: a small pool of connections."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, Protocol

import asyncpg

from mesrai.errors import StoreUnavailable
from mesrai.store.database import Row, Statements, Value, numbered, shown_url

_MOST_CONNECTIONS: Final = 4
_CONNECT_S: Final = 10.0
_STATEMENT_S: Final = 30.0


class _Runs(Protocol):
    async def fetch(self, query: str, *args: Any) -> Sequence[Any]: ...


class Postgresql:
    """See Database."""

    now = "extract(epoch from clock_timestamp())::double precision"
    for_update = " FOR UPDATE"

    def __init__(self, pool: "asyncpg.Pool[Any]", place: str) -> None:
        """Use `open_postgresql`."""
        self._pool = pool
        self._place = place

    async def rows(self, sql: str, /, **values: Value) -> Sequence[Row]:
        """Run one statement by itself."""
        return await _Statements(self._pool, self._place).rows(sql, **values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Statements]:
        """A transaction; rows that it selects with `for_update` are its own until it ends."""
        with _told(self._place):
            async with self._pool.acquire() as connection, connection.transaction():
                yield _Statements(connection, self._place)


class _Statements:
    def __init__(self, runs: _Runs, place: str) -> None:
        self._runs = runs
        self._place = place

    async def rows(self, sql: str, /, **values: Value) -> Sequence[Row]:
        text, ordered = numbered(sql, values)
        with _told(self._place):
            return [dict(row) for row in await self._runs.fetch(text, *ordered)]


@asynccontextmanager
async def open_postgresql(url: str) -> AsyncIterator[Postgresql]:
    """Connect. Errors: StoreUnavailable, which never shows the password."""
    place = shown_url(url)
    with _told(place):
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=_MOST_CONNECTIONS,
            timeout=_CONNECT_S,
            command_timeout=_STATEMENT_S,
            reset=_as_it_is,
        )
    try:
        yield Postgresql(pool, place)
    finally:
        await pool.close()


async def _as_it_is(_: object) -> None:
    """Nothing here changes a session, so a connection goes back without the statement that would reset it.

    It would double what a single statement costs. A transaction that is still open is rolled back all the same.
    """


@contextmanager
def _told(place: str) -> Iterator[None]:
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        words = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise StoreUnavailable(f"The database {place} cannot be used: {words}.") from error
