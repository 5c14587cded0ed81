"""PostgreSQL as a Database: a small pool of connections."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, Protocol

import asyncpg

from mesrai.errors import StoreUnavailable
from mesrai.store.database import Row, Statements, Value, numbered, shown_url, storable

_MOST_CONNECTIONS: Final = 4
_CONNECT_S: Final = 10.0
_STATEMENT_S: Final = 30.0
_IDLE_MS: Final = 15_000  # in a transaction: ours think for milliseconds in between


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
            return [dict(row) for row in await self._runs.fetch(text, *map(storable, ordered))]


@asynccontextmanager
async def open_postgresql(url: str) -> AsyncIterator[Postgresql]:
    """Connect. Errors: StoreUnavailable, which never shows the password."""
    place = shown_url(url)
    with _told(place), _readable(url):
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=_MOST_CONNECTIONS,
            timeout=_CONNECT_S,
            command_timeout=_STATEMENT_S,
            init=_bounded,
            reset=_as_it_is,
        )
    try:
        yield Postgresql(pool, place)
    finally:
        await pool.close()


async def _bounded(connection: Any) -> None:
    """Have a transaction ended whose process stopped in the middle of it.

    Its locks would keep all others out: for hours, if its machine is gone without having closed the connection.
    """
    await connection.execute(f"SET idle_in_transaction_session_timeout = {_IDLE_MS}")


async def _as_it_is(_: object) -> None:
    """Nothing here changes a session, so a connection goes back without the statement that would reset it.

    It would double what a single statement costs. A transaction that is still open is rolled back all the same.
    """


@contextmanager
def _readable(url: str) -> Iterator[None]:
    """Errors: StoreUnavailable for a URL that cannot be read, without the words for it: they quote the password."""
    try:
        yield
    except (ValueError, OverflowError) as error:
        if isinstance(error, asyncpg.InterfaceError):
            raise
        raise StoreUnavailable(
            f"The database URL {shown_url(url)} cannot be read. In a password, write signs such as / ? # @ [ as %2F "
            "%3F %23 %40 %5B."
        ) from None


@contextmanager
def _told(place: str) -> Iterator[None]:
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        words = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise StoreUnavailable(f"The database {place} cannot be used: {words}.") from error
