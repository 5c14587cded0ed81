"""How many jobs stand how, and since when the oldest one waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from mesrai.jobs.queue import State

_COUNTS: Final = """
SELECT kind, state, count(*) AS count FROM (
    SELECT kind, CASE
            WHEN state = 'waiting' AND reason <> '' AND due_at > (SELECT {now}) THEN 'parked'
            WHEN state = 'running' AND lease_until < (SELECT {now}) THEN 'lost'
            ELSE state END AS state
    FROM jobs WHERE state IN ('waiting', 'running', 'failed')) AS standing
GROUP BY kind, state
"""
_OLDEST: Final = """
SELECT max((SELECT {now}) - due_at) AS waited FROM jobs WHERE state = 'waiting' AND due_at <= (SELECT {now})
"""


class Readable(Protocol):
    """The database, as far as counting needs it."""

    @property
    def now(self) -> str:
        """An SQL expression: the database's own clock, in seconds since the epoch."""
        ...

    async def rows(self, sql: str, /, **values: Any) -> Sequence[Mapping[str, Any]]:
        """Run one statement and return what it yields. Errors: StoreUnavailable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCounts:
    """The jobs that are not done."""

    counts: Mapping[tuple[str, State], int]  # by kind and state
    oldest_s: float  # for how long the oldest one that is due has waited; 0: none waits


async def count_jobs(database: Readable) -> JobCounts:
    """Count them. Errors: StoreUnavailable."""
    rows = await database.rows(_COUNTS.format(now=database.now))
    [oldest] = await database.rows(_OLDEST.format(now=database.now))
    return JobCounts(
        counts={(str(row["kind"]), State(row["state"])): int(row["count"]) for row in rows},
        oldest_s=max(0.0, float(oldest["waited"] or 0.0)),
    )
