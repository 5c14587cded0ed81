"""Whether one more job may wait for a repository, so that nobody fills the queue."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

_SAME: Final = "SELECT id FROM jobs WHERE kind = :kind AND subject = :subject AND state = 'waiting'"
_WAITING: Final = """
SELECT count(*) AS count FROM (
    SELECT id FROM jobs WHERE state = 'waiting' AND repository = :repository LIMIT :most) AS waiting
"""


class Statements(Protocol):
    """Where SQL can be run. Parameters are written `:name`."""

    async def rows(self, sql: str, /, **values: Any) -> Sequence[Mapping[str, Any]]:
        """Run one statement and return what it yields. Errors: StoreUnavailable."""
        ...


async def has_room(statements: Statements, kind: str, subject: str, *, most: int) -> bool:
    """Whether a job would not be one more than `most` that wait for its repository. Errors: StoreUnavailable.

    One that takes the place of another that waits is no more. Of several writers at once, each may find room.
    """
    if await statements.rows(_SAME, kind=kind, subject=subject):
        return True
    (row,) = await statements.rows(_WAITING, repository=subject.partition("#")[0], most=most)
    return int(row["count"]) < most
