"""SQLite as a Database: one connection in a thread of its own, one statement or transaction at a time."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

import aiosqlite

from mesrai.errors import StoreUnavailable
from mesrai.store.database import Row, Statements, Value, storable

_WAIT_MS: Final = 20_000  # for a transaction of another process


class Sqlite:
    """See Database."""

    # Not unixepoch('subsec'): SQLite before 3.42 does not have it.
    now = "((julianday('now') - 2440587.5) * 86400.0)"
    for_update = ""  # BEGIN IMMEDIATE keeps all other writers out already

    def __init__(self, connection: aiosqlite.Connection, path: Path) -> None:
        """Use `open_sqlite`."""
        self._statements = _Statements(connection, path)
        self._turn = asyncio.Lock()

    async def rows(self, sql: str, /, **values: Value) -> Sequence[Row]:
        """Run one statement by itself."""
        async with self._turn:
            return await self._statements.rows(sql, **values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Statements]:
        """A transaction that keeps all other writers out from its beginning.

        Whenever the task is cancelled, the transaction is ended before another begins: SQLite's thread goes on with
        what it was told, and a transaction that nobody ends would keep all processes out for good.
        """
        await self._turn.acquire()
        begun = asyncio.ensure_future(self._statements.rows("BEGIN IMMEDIATE"))
        is_done = False
        try:
            await asyncio.shield(begun)
            yield self._statements
            is_done = True
        finally:
            await asyncio.shield(self._end(begun, "COMMIT" if is_done else "ROLLBACK"))

    async def _end(self, begun: "asyncio.Future[Sequence[Row]]", ending: str) -> None:
        """End the transaction, if it did begin, and let the next one begin."""
        try:
            await asyncio.wait([begun])
            if begun.cancelled() or begun.exception() is not None:
                return
            try:
                await self._statements.rows(ending)
            except StoreUnavailable:
                with suppress(StoreUnavailable):  # SQLite may have rolled back by itself
                    await self._statements.rows("ROLLBACK")
                raise
        finally:
            self._turn.release()


class _Statements:
    def __init__(self, connection: aiosqlite.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    async def rows(self, sql: str, /, **values: Value) -> Sequence[Row]:
        with _told(self._path):
            found = await self._connection.execute_fetchall(
                sql, {name: storable(value) for name, value in values.items()}
            )
        return [dict(row) for row in found]


@asynccontextmanager
async def open_sqlite(path: Path) -> AsyncIterator[Sqlite]:
    """Open the file, made with its folder if it is missing, readable by its owner only. Errors: StoreUnavailable."""
    _make(path)
    with _told(path):
        connection = await aiosqlite.connect(path, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        with _told(path):
            for pragma in (
                f"busy_timeout = {_WAIT_MS}",
                "journal_mode = WAL",
                "synchronous = NORMAL",
                "foreign_keys = ON",
            ):
                await connection.execute_fetchall(f"PRAGMA {pragma}")
        yield Sqlite(connection, path)
    finally:
        await asyncio.shield(connection.close())


def _make(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            path.touch(mode=0o600)
    except OSError as error:
        raise StoreUnavailable(f"The database {path} cannot be made: {error.strerror}.") from error


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OverflowError) as error:  # the latter: a number that is too large for a column
        raise StoreUnavailable(f"The database {path} cannot be used: {error}.") from error
