"""How reviews went, step by step, for whoever watches one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mesrai.store.database import Database, Row, Statements

_ADD: Final = "INSERT INTO review_events (review, at, kind, told) VALUES (:review, :at, :kind, :told)"
_AFTER: Final = "SELECT * FROM review_events WHERE review = :review AND id > :after ORDER BY id LIMIT :most"
_PRUNE: Final = "DELETE FROM review_events WHERE at < (SELECT {now}) - :age RETURNING id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One event that is to be kept."""

    at: float  # seconds since the epoch
    kind: str  # the name of a class in review.progress, or "step"
    told: Mapping[str, Any]  # JSON: its fields


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEvent:
    """One that was kept."""

    id: int  # grows
    review: str
    at: float
    kind: str
    told: Mapping[str, Any]


async def add_events(database: Database, review: str, events: Sequence[Happened]) -> None:
    """Keep what happened, in its order, all or nothing. Errors: StoreUnavailable."""
    async with database.transaction() as statements:
        for each in events:
            told = json.dumps(each.told)
            await statements.rows(_ADD, review=review, at=each.at, kind=each.kind, told=told)


async def events_of(statements: Statements, review: str, *, after: int = 0, most: int = 2_000) -> Sequence[KeptEvent]:
    """What happened, the first first; with `after` what came behind that number. Errors: StoreUnavailable."""
    return [_kept(row) for row in await statements.rows(_AFTER, review=review, after=after, most=most)]


async def prune_events(database: Database, *, older_than_s: float) -> int:
    """Forget events that old; how many. Errors: StoreUnavailable."""
    return len(await database.rows(_PRUNE.format(now=database.now), age=float(older_than_s)))


def _kept(row: Row) -> KeptEvent:
    return KeptEvent(**{**row, "told": json.loads(row["told"])})
