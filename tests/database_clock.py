"""A database whose clock stands still until a test moves it."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from mesrai.store.database import Database, Row, Statements, Value


class Clocked:
    """See Database."""

    def __init__(self, database: Database, at: float = 1_000.0) -> None:
        self._database = database
        self.at = at

    @property
    def now(self) -> str:
        return f"CAST({self.at!r} AS DOUBLE PRECISION)"

    @property
    def for_update(self) -> str:
        return self._database.for_update

    async def rows(self, sql: str, /, **values: Value) -> Sequence[Row]:
        return await self._database.rows(sql, **values)

    def transaction(self) -> AbstractAsyncContextManager[Statements]:
        return self._database.transaction()
