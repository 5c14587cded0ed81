"""Which deliveries of webhooks came already: a forge may send each of them more than once."""

from typing import Final

from mesrai.store.database import Database, Statements

KEPT_S: Final = 5 * 86_400.0  # GitHub lets people send a delivery again for three days
_NOTE: Final = """
    INSERT INTO deliveries (id, at, what) VALUES (:id, {now}, :what) ON CONFLICT DO NOTHING RETURNING id
"""
_PRUNE: Final = "DELETE FROM deliveries WHERE at < (SELECT {now}) - :age RETURNING id"


async def note_delivery(database: Database, statements: Statements, delivery: str, what: str) -> bool:
    """Note that a delivery came, and what was made of it; False if it was noted before. Errors: StoreUnavailable.

    `statements` is the transaction in which its work is done: both are kept or neither. Of two that note the same at
    the same time, the second waits for the first.
    """
    return bool(await statements.rows(_NOTE.format(now=database.now), id=delivery, what=what))


async def prune_deliveries(database: Database, *, older_than_s: float = KEPT_S) -> int:
    """Forget those that are too old to come again; how many. Errors: StoreUnavailable."""
    return len(await database.rows(_PRUNE.format(now=database.now), age=float(older_than_s)))
