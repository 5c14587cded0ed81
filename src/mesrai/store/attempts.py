"""Failed attempts to sign in, counted across all processes, so that nobody can try passwords for long."""

import hashlib
from typing import Final

from mesrai.store.database import Database

FREE: Final = 5  # attempts before one has to wait
FIRST_WAIT_S: Final = 15.0  # doubled with each further one
LONGEST_WAIT_S: Final = 3_600.0
_FORGET_S: Final = 86_400.0
_DOUBLINGS: Final = 8  # more would pass the longest wait
_FAILED: Final = """
    INSERT INTO attempts (what, count, locked_until, at) VALUES (:what, 1, 0.0, {now})
    ON CONFLICT (what) DO UPDATE SET
        count = CASE WHEN attempts.at < {now} - :forget THEN 1 ELSE attempts.count + 1 END, at = {now}
    RETURNING count
"""
_LOCK: Final = "UPDATE attempts SET locked_until = {now} + :wait WHERE what = :what"
_WAIT: Final = "SELECT max(locked_until) - {now} AS wait FROM attempts WHERE what IN (:one, :other)"
_FORGIVE: Final = "DELETE FROM attempts WHERE what = :what"
_PRUNE: Final = "DELETE FROM attempts WHERE at < (SELECT {now}) - :forget"


async def wait_for(database: Database, account: str, network: str) -> float:
    """Seconds until somebody from that network may try that account again; 0: now. Errors: StoreUnavailable."""
    rows = await database.rows(
        _WAIT.format(now=database.now), one=_key("account", account), other=_key("from", network)
    )
    return max(0.0, float(rows[0]["wait"] or 0.0))


async def note_failure(database: Database, account: str, network: str) -> None:
    """An attempt failed. A network may fail four times as often as an account. Errors: StoreUnavailable."""
    for what, free in ((_key("account", account), FREE), (_key("from", network), 4 * FREE)):
        rows = await database.rows(_FAILED.format(now=database.now), what=what, forget=_FORGET_S)
        over = int(rows[0]["count"]) - free
        if over >= 0:
            wait = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(over, _DOUBLINGS))
            await database.rows(_LOCK.format(now=database.now), what=what, wait=wait)


async def forgive(database: Database, account: str) -> None:
    """Somebody signed in: what failed before is forgotten for that account. Errors: StoreUnavailable."""
    await database.rows(_FORGIVE, what=_key("account", account))


async def prune_attempts(database: Database) -> None:
    """Forget what is a day old. Errors: StoreUnavailable."""
    await database.rows(_PRUNE.format(now=database.now), forget=_FORGET_S)


def _key(kind: str, name: str) -> str:
    return hashlib.sha256(f"{kind} {name.strip().lower()}".encode("utf-8", "surrogatepass")).hexdigest()
