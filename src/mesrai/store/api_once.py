"""Requests with an Idempotency-Key, and what was answered, for a day."""

from dataclasses import dataclass
from typing import Final

from mesrai.store.database import Database

KEPT_S: Final = 86_400.0
LOST_S: Final = 600.0  # after which a request without an answer belongs to a process that ended
_OLD: Final = "at < (SELECT {now}) - :kept OR (answer = '' AND at < (SELECT {now}) - :lost)"
_DROP_OLD: Final = f"DELETE FROM api_once WHERE caller = :caller AND key = :key AND ({_OLD})"
_BEGIN: Final = """
    INSERT INTO api_once (caller, key, seal, answer, at) VALUES (:caller, :key, :seal, '', {now})
    ON CONFLICT (caller, key) DO NOTHING RETURNING key
"""
_FIND: Final = "SELECT seal, answer FROM api_once WHERE caller = :caller AND key = :key"
_END: Final = "UPDATE api_once SET answer = :answer WHERE caller = :caller AND key = :key"
_FORGET: Final = "DELETE FROM api_once WHERE caller = :caller AND key = :key"
_PRUNE: Final = f"DELETE FROM api_once WHERE {_OLD}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A request that came before."""

    seal: str  # tells one request from another
    answer: str  # empty: it is being carried out


async def begin_once(database: Database, caller: str, key: str, seal: str) -> Kept | None:
    """Note that a request is carried out; the one under the same key if there is one. Errors: StoreUnavailable."""
    async with database.transaction() as statements:
        old = _DROP_OLD.format(now=database.now)
        await statements.rows(old, caller=caller, key=key, kept=KEPT_S, lost=LOST_S)
        if await statements.rows(_BEGIN.format(now=database.now), caller=caller, key=key, seal=seal):
            return None
        rows = await statements.rows(_FIND, caller=caller, key=key)
        return Kept(**rows[0]) if rows else Kept(seal=seal, answer="")


async def end_once(database: Database, caller: str, key: str, answer: str) -> None:
    """Keep what was answered. Errors: StoreUnavailable."""
    await database.rows(_END, caller=caller, key=key, answer=answer)


async def forget_once(database: Database, caller: str, key: str) -> None:
    """Nothing came of it, so it may be sent again. Errors: StoreUnavailable."""
    await database.rows(_FORGET, caller=caller, key=key)


async def prune_once(database: Database) -> None:
    """Forget those that are too old. Errors: StoreUnavailable."""
    await database.rows(_PRUNE.format(now=database.now), kept=KEPT_S, lost=LOST_S)
