"""How many requests to an account are in flight, and how many wait, over all processes that share the store."""

from dataclasses import dataclass
from typing import Final

from mesrai.store.database import Database

_COUNTS: Final = """
    SELECT CAST(coalesce(sum(permits.is_out), 0) AS BIGINT) AS flying,
        CAST(coalesce(sum(1 - permits.is_out), 0) AS BIGINT) AS waiting
    FROM permits JOIN holders ON holders.id = permits.holder AND holders.until > {now}
    WHERE permits.account = :account
"""
_REDUCED: Final = "SELECT reduced FROM accounts WHERE account = :account AND reduced IS NOT NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlight:
    """What an account is asked at this moment."""

    flying: int = 0
    waiting: int = 0
    reduced: int | None = None  # the cap after the provider throttled; None: it holds as it was set


async def in_flight(database: Database, account: str) -> InFlight:
    """The requests of one account, as `llm.accounts.account_of` names it. Errors: StoreUnavailable."""
    counts = await database.rows(_COUNTS.format(now=database.now), account=account)
    reduced = await database.rows(_REDUCED, account=account)
    return InFlight(
        flying=int(counts[0]["flying"]),
        waiting=int(counts[0]["waiting"]),
        reduced=int(reduced[0]["reduced"]) if reduced else None,
    )
