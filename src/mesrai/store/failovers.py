"""The last reviews in which main failed and the fallback answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mesrai.store.database import Database

_LAST: Final = """
    SELECT id, subject, title, failovers, models, created_at FROM reviews
    WHERE organisation = :organisation AND failovers > 0 AND created_at > (SELECT {now}) - :back
    ORDER BY created_at DESC, id DESC LIMIT :most
"""
_BACK_S: Final = 30 * 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedOver:
    """One such review."""

    review: str  # its id
    at: float  # seconds since the epoch
    subject: str  # the pull request
    title: str
    count: int  # questions that the fallback answered
    models: str  # "provider/model", with commas between them


async def last_failovers(database: Database, organisation: str, *, most: int = 5) -> Sequence[FailedOver]:
    """Those of the last 30 days, newest first. Errors: StoreUnavailable."""
    rows = await database.rows(_LAST.format(now=database.now), organisation=organisation, back=_BACK_S, most=most)
    return [
        FailedOver(
            review=str(row["id"]),
            at=float(row["created_at"]),
            subject=str(row["subject"]),
            title=str(row["title"]),
            count=int(row["failovers"]),
            models=str(row["models"]),
        )
        for row in rows
    ]
