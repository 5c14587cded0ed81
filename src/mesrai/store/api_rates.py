"""How many calls of the HTTP interface each caller made lately, counted for all processes together."""

from typing import Final

from mesrai.store.database import Database

_COUNT: Final = """
    INSERT INTO api_rates (caller, period, calls) VALUES (:caller, :period, 1)
    ON CONFLICT (caller, period) DO UPDATE SET calls = api_rates.calls + 1 RETURNING calls
"""
_PRUNE: Final = "DELETE FROM api_rates WHERE period < :period"


async def count_call(database: Database, caller: str, period: int) -> int:
    """Count a call, and return how many there were in that period, this one included. Errors: StoreUnavailable."""
    return int((await database.rows(_COUNT, caller=caller, period=period))[0]["calls"])


async def prune_rates(database: Database, *, before: int) -> None:
    """Forget the periods before that one. Errors: StoreUnavailable."""
    await database.rows(_PRUNE, period=before)
