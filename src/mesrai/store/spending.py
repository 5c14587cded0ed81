"""What every request cost: written down, and counted for its month and its day."""

from dataclasses import dataclass
from typing import Final

from mesrai.domain.budget import Asked, Paid, Spender, month_of, nanos_of
from mesrai.store.database import Database, Statements, Value
from mesrai.store.spent import add_spent

RESERVED_S: Final = 3_600.0  # a reservation older than this belongs to a process that was killed
_RESERVE: Final = """
    INSERT INTO spending (at, organisation, repository, review, provider, model, is_settled, is_failed, calls,
        input_tokens, cached_tokens, output_tokens, reasoning_tokens, nanos, currency)
    VALUES ({now}, :organisation, :repository, :review, :provider, :model, 0, 0, 0, 0, 0, 0, 0, :nanos, :currency)
    RETURNING id
"""
_RECORD: Final = """
    INSERT INTO spending (at, organisation, repository, review, provider, model, is_settled, is_failed, calls,
        input_tokens, cached_tokens, output_tokens, reasoning_tokens, nanos, currency)
    VALUES ({now}, :organisation, :repository, :review, :provider, :model, 1, :is_failed, :calls, :input_tokens,
        :cached_tokens, :output_tokens, :reasoning_tokens, :nanos, :currency)
    RETURNING *
"""
_SETTLE: Final = """
    UPDATE spending SET is_settled = 1, is_failed = :is_failed, calls = :calls, input_tokens = :input_tokens,
        cached_tokens = :cached_tokens, output_tokens = :output_tokens, reasoning_tokens = :reasoning_tokens,
        nanos = :nanos, currency = :currency
    WHERE id = :id AND is_settled = 0 RETURNING *
"""
_ADD_TO_MONTH: Final = """
    INSERT INTO months (organisation, since, currency, nanos) VALUES (:organisation, :since, :currency, :nanos)
    ON CONFLICT (organisation, since, currency) DO UPDATE SET nanos = months.nanos + excluded.nanos
"""
_SUMS: Final = """
    SELECT CAST(coalesce(sum(CASE WHEN is_settled = 1 THEN nanos ELSE 0 END), 0) AS BIGINT) AS spent,
        CAST(coalesce(sum(CASE WHEN is_settled = 0 AND at > :alive THEN nanos ELSE 0 END), 0) AS BIGINT)
            AS reserved
    FROM spending WHERE review = :review AND currency = :currency
"""
_MONTH: Final = """
    SELECT nanos FROM months WHERE organisation = :organisation AND since = :since AND currency = :currency
"""
_RESERVED: Final = """
    SELECT CAST(coalesce(sum(nanos), 0) AS BIGINT) AS reserved FROM spending
    WHERE organisation = :organisation AND is_settled = 0 AND at > :alive AND currency = :currency
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Money in nanos."""

    spent: int
    reserved: int  # by requests that run, and were asked within the last hour


async def reserve(database: Database, statements: Statements, spender: Spender, asked: Asked, nanos: int) -> int:
    """Write down that a request is about to be sent, and return its number."""
    rows = await statements.rows(
        _RESERVE.format(now=database.now), **_names(spender, asked), nanos=nanos, currency=asked.currency
    )
    return int(rows[0]["id"])


async def settle(statements: Statements, reservation: int, paid: Paid) -> None:
    """Put what a request really cost in the place of its reservation; nothing is left of one that was never sent."""
    if not paid.usage.calls:
        await release(statements, reservation)
        return
    for row in await statements.rows(_SETTLE, id=reservation, **_counts(paid)):
        await add_spent(statements, row)
        await _add_to_month(statements, row["organisation"], row["at"], paid)


async def release(statements: Statements, reservation: int) -> None:
    """Forget a request that was never sent."""
    await statements.rows("DELETE FROM spending WHERE id = :id", id=reservation)


async def record(database: Database, spender: Spender, paid: Paid) -> None:
    """Write down a request for which nothing was reserved."""
    if not paid.usage.calls:
        return
    async with database.transaction() as statements:
        sql = _RECORD.format(now=database.now)
        rows = await statements.rows(sql, **_names(spender, paid.asked), **_counts(paid))
        await add_spent(statements, rows[0])
        await _add_to_month(statements, spender.organisation, rows[0]["at"], paid)


async def month_sums(
    database: Database, statements: Statements, organisation: str, currency: str
) -> tuple[float, Sums]:
    """The first moment of this month (UTC), and what an organisation spent in it in one currency."""
    now = await _now(database, statements)
    since, _ = month_of(now)
    months = await statements.rows(_MONTH, organisation=organisation, since=since, currency=currency)
    # A value, not an expression: PostgreSQL uses no index for a clock that may change while it looks.
    reserved = await statements.rows(_RESERVED, organisation=organisation, currency=currency, alive=now - RESERVED_S)
    return since, Sums(spent=months[0]["nanos"] if months else 0, reserved=reserved[0]["reserved"])


async def review_sums(database: Database, statements: Statements, review: str, currency: str) -> Sums:
    """What one review spent in one currency."""
    alive = await _now(database, statements) - RESERVED_S
    rows = await statements.rows(_SUMS, review=review, currency=currency, alive=alive)
    return Sums(spent=rows[0]["spent"], reserved=rows[0]["reserved"])


async def _now(database: Database, statements: Statements) -> float:
    return float((await statements.rows(f"SELECT {database.now} AS now"))[0]["now"])


async def _add_to_month(statements: Statements, organisation: str, at: float, paid: Paid) -> None:
    """Count a settled request in the month in which it was asked."""
    if paid.usage.cost and paid.usage.currency:
        await statements.rows(
            _ADD_TO_MONTH,
            organisation=organisation,
            since=month_of(at)[0],
            currency=paid.usage.currency,
            nanos=nanos_of(paid.usage.cost),
        )


def _names(spender: Spender, asked: Asked) -> dict[str, Value]:
    return {
        "organisation": spender.organisation,
        "repository": spender.repository,
        "review": spender.review,
        "provider": asked.provider,
        "model": asked.model,
    }


def _counts(paid: Paid) -> dict[str, Value]:
    usage = paid.usage
    return {
        "is_failed": int(paid.is_failed),
        "calls": usage.calls,
        "input_tokens": usage.input_tokens,
        "cached_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "nanos": None if usage.cost is None else nanos_of(usage.cost),
        "currency": usage.currency,
    }
