"""Delete reviews with all that is kept of them, or only what models were asked and answered."""

from dataclasses import dataclass
from typing import Final

from mesrai.store.audit import add_entry
from mesrai.store.database import SQLITE, Database, Statements, Value

_OLD: Final = """
    SELECT id FROM reviews WHERE organisation = :organisation AND outcome NOT IN ('running', 'parked')
        AND changed_at < (SELECT {now}) - :age AND (CAST(:repository AS TEXT) = '' OR repository = :repository)
"""
_OF_OLD: Final = "FROM {table} WHERE review IN (" + _OLD + ")"
_SAID: Final = """
    (prompt <> '' OR answer <> '') AND at < (SELECT {now}) - :age AND review IN (
        SELECT id FROM reviews WHERE organisation = :organisation
            AND (CAST(:repository AS TEXT) = '' OR repository = :repository))
"""
_FORGET: Final = "UPDATE calls SET prompt = '', answer = '' WHERE " + _SAID + " RETURNING id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """What is to be deleted."""

    organisation: str
    repository: str = ""  # empty: all of them
    reviews_older_than_s: float | None = None  # since they ended; None: no review
    prompts_older_than_s: float | None = None  # None: none but those of the reviews


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """How many there were."""

    reviews: int = 0
    calls: int = 0  # of these reviews
    events: int = 0
    prompts: int = 0  # of other reviews

    @property
    def is_anything(self) -> bool:
        """Whether there was any."""
        return bool(self.reviews or self.calls or self.events or self.prompts)


async def count_old(database: Database, which: Which) -> Forgotten:
    """How many would be deleted. What is said in reviews that would be is counted with the prompts as well.

    Errors: StoreUnavailable.
    """
    reviews = calls = events = prompts = 0
    if which.reviews_older_than_s is not None:
        values = _values(which, which.reviews_older_than_s)
        reviews = len(await database.rows(_sql(database, _OLD), **values))
        calls, events = [
            len(await database.rows(_sql(database, f"SELECT id {_OF_OLD}", table=table), **values))
            for table in ("calls", "review_events")
        ]
    if which.prompts_older_than_s is not None:
        sql = _sql(database, f"SELECT id FROM calls WHERE {_SAID}")
        prompts = len(await database.rows(sql, **_values(which, which.prompts_older_than_s)))
    return Forgotten(reviews=reviews, calls=calls, events=events, prompts=prompts)


async def forget_old(database: Database, which: Which, *, who: str) -> Forgotten:
    """Delete it, all or nothing, with an entry in the audit trail. Errors: StoreUnavailable."""
    async with database.transaction() as statements:
        forgotten = await _forget(database, statements, which)
        if forgotten.is_anything:
            details = {
                "reviews": forgotten.reviews,
                "prompts": forgotten.prompts,
                "reviews_older_than_s": which.reviews_older_than_s,
                "prompts_older_than_s": which.prompts_older_than_s,
            }
            await add_entry(
                statements,
                organisation=which.organisation,
                who=who,
                what="reviews.prune",
                subject=which.repository or "all repositories",
                details=details,
            )
    return forgotten


async def compact(database: Database, url: str) -> None:
    """Have a SQLite file give up what was deleted, which would stand in its free pages. Errors: StoreUnavailable."""
    if url.startswith(SQLITE):
        await database.rows("VACUUM")
        await database.rows("PRAGMA wal_checkpoint(TRUNCATE)")


async def _forget(database: Database, statements: Statements, which: Which) -> Forgotten:
    reviews = calls = events = prompts = 0
    if which.reviews_older_than_s is not None:
        values = _values(which, which.reviews_older_than_s)
        calls, events = [
            len(await statements.rows(_sql(database, f"DELETE {_OF_OLD} RETURNING id", table=table), **values))
            for table in ("calls", "review_events")
        ]
        await statements.rows(_sql(database, f"DELETE {_OF_OLD}", table="feedback"), **values)
        gone = _sql(database, f"DELETE FROM reviews WHERE id IN ({_OLD}) RETURNING id")
        reviews = len(await statements.rows(gone, **values))
    if which.prompts_older_than_s is not None:
        values = _values(which, which.prompts_older_than_s)
        prompts = len(await statements.rows(_sql(database, _FORGET), **values))
    return Forgotten(reviews=reviews, calls=calls, events=events, prompts=prompts)


def _values(which: Which, age: float) -> dict[str, Value]:
    return {"organisation": which.organisation, "repository": which.repository, "age": age}


def _sql(database: Database, template: str, **parts: str) -> str:
    return template.format(now=database.now, **parts)
