"""What the last test of each model came to, so that balance and quota stand on the page without asking anew."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mesrai.store.database import Database

_KEPT_S: Final = 90 * 86_400.0
_MOST_LISTED: Final = 500
_NOTE: Final = """
    INSERT INTO trials (name, at, is_full, is_failed, told, facts, listed)
    VALUES (:name, {now}, :is_full, :is_failed, :told, :facts, :listed)
    ON CONFLICT (name) DO UPDATE SET at = excluded.at, is_full = excluded.is_full, is_failed = excluded.is_failed,
        told = excluded.told, facts = excluded.facts, listed = excluded.listed
"""
_PRUNE: Final = "DELETE FROM trials WHERE at < (SELECT {now}) - :kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A test that came to its end."""

    name: str  # of what was tested, as outages are named
    is_full: bool  # the model itself was asked
    is_failed: bool
    told: str = ""  # what is wrong, in a sentence; empty: nothing
    facts: Sequence[str] = ()  # what the account said: balance, windows of its quota
    listed: Sequence[str] = ()  # the ids of models that the provider lists for the key
    at: float = 0.0  # seconds since the epoch; set when it is kept


async def note_trial(database: Database, trial: Trial) -> None:
    """Keep it in place of the one before. Errors: StoreUnavailable."""
    await database.rows(
        _NOTE.format(now=database.now),
        name=trial.name,
        is_full=int(trial.is_full),
        is_failed=int(trial.is_failed),
        told=trial.told,
        facts=json.dumps(list(trial.facts)),
        listed=json.dumps(list(trial.listed[:_MOST_LISTED])),
    )
    await database.rows(_PRUNE.format(now=database.now), kept=_KEPT_S)


async def last_trial(database: Database, name: str) -> Trial | None:
    """The last test of that name; None if there was none. Errors: StoreUnavailable."""
    rows = await database.rows("SELECT * FROM trials WHERE name = :name", name=name)
    if not rows:
        return None
    row = rows[0]
    return Trial(
        name=row["name"],
        at=row["at"],
        is_full=bool(row["is_full"]),
        is_failed=bool(row["is_failed"]),
        told=row["told"],
        facts=tuple(json.loads(row["facts"])),
        listed=tuple(json.loads(row["listed"])),
    )
