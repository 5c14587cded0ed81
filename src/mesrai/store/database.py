"""An open database: plain SQL with named parameters, the same on SQLite and PostgreSQL."""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

Row = Mapping[str, Any]
Value = str | int | float | None
SQLITE: Final = "sqlite:///"
_PARAMETER: Final = re.compile(r"(?<!:):([a-z_]+)")


class Statements(Protocol):
    """Where SQL can be run. Parameters are written `:name`."""

    async def rows(self, sql: str, /, **values: Value) -> Sequence[Row]:
        """Run one statement and return what it yields. Errors: StoreUnavailable."""
        ...


class Database(Statements, Protocol):
    """An open database, shared by all tasks of this process."""

    @property
    def now(self) -> str:
        """An SQL expression: the database's own clock, in seconds since the epoch."""
        ...

    @property
    def for_update(self) -> str:
        """What ends a SELECT whose rows this transaction will change."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Statements]:
        """A transaction that may write: committed at the end of the block, rolled back by an exception.

        Others that write to the same rows wait. Never nest them: the second would wait for the first.
        """
        ...


def numbered(sql: str, values: Mapping[str, Value]) -> tuple[str, list[Value]]:
    """The statement with `$1`, `$2`, … in place of names, and the values in that order."""
    names: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        return f"${names.setdefault(found[1], len(names) + 1)}"

    text = _PARAMETER.sub(number, sql)
    return text, [values[name] for name in names]


def storable(value: Value) -> Value:
    """The value, with U+FFFD in a text for what no database takes: halves of surrogate pairs, and NUL."""
    if not isinstance(value, str) or (value.isascii() and "\0" not in value):
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def shown_url(url: str) -> str:
    """The address without user and password, for people; hardly anything of one that cannot be read beyond doubt."""
    if url.startswith(SQLITE):
        return url.removeprefix(SQLITE)
    scheme, _, rest = url.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    place, after = authority.rpartition("@")[2], rest.removeprefix(authority)
    # An @ further on: a password with a sign in it that ends the part where passwords stand.
    return f"{scheme}://…" if "@" in after else f"{scheme}://{place}{re.split('[?#]', after, maxsplit=1)[0]}"
