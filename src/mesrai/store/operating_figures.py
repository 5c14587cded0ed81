"""Figures for operators from what all processes share: model calls, money, permits, outages, reviews."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from mesrai.domain.budget import amount_of, month_of
from mesrai.store.database import Database, Row

_FINAL_S: Final = 7_200.0  # after which a row of the spending does not change any more
_SUMS: Final = """
    SELECT provider, model, currency, max(id) AS last_id, CAST(sum(calls) AS BIGINT) AS calls,
        CAST(sum(is_failed) AS BIGINT) AS failed, CAST(sum(input_tokens) AS BIGINT) AS input_tokens,
        CAST(sum(cached_tokens) AS BIGINT) AS cached_tokens, CAST(sum(output_tokens) AS BIGINT) AS output_tokens,
        CAST(sum(reasoning_tokens) AS BIGINT) AS reasoning_tokens, CAST(coalesce(sum(nanos), 0) AS BIGINT) AS nanos
    FROM spending WHERE id > :after AND is_settled = 1 AND at {side} :border
    GROUP BY provider, model, currency
"""
_PERMITS: Final = """
    SELECT account, is_out, count(*) AS count FROM permits
    WHERE EXISTS (SELECT 1 FROM holders WHERE holders.id = permits.holder AND holders.until > (SELECT {now}))
    GROUP BY account, is_out
"""
_REDUCED: Final = "SELECT account, reduced FROM accounts WHERE reduced IS NOT NULL"
_OUTAGES: Final = "SELECT DISTINCT provider, model, cause FROM outages WHERE until > (SELECT {now})"
_REVIEWS: Final = """
    SELECT outcome, count(*) AS count FROM reviews WHERE created_at > (SELECT {now}) - 86400.0 GROUP BY outcome
"""
_MONTH: Final = """
    SELECT organisation, currency, nanos FROM months WHERE since = :since
"""
_BUDGETS: Final = "SELECT organisation, currency, month_nanos FROM budgets WHERE month_nanos IS NOT NULL"
_NOW: Final = "SELECT {now} AS now"
_COUNTED: Final = ("calls", "failed", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "nanos")


@dataclass(slots=True)
class _Sum:
    values: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTED, 0))

    def add(self, row: Row) -> None:
        for name in _COUNTED:
            self.values[name] += int(row[name])


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a model was asked, in all."""

    provider: str
    model: str
    currency: str
    calls: int
    failed: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost: Decimal


class UsedSoFar:
    """The sums over all that was ever asked, of which only what is new is added up each time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sums: dict[tuple[str, str, str], _Sum] = {}  # of what does not change any more
        self._after = 0

    async def read(self) -> Sequence[Used]:
        """The sums as they are now. Errors: StoreUnavailable."""
        [clock] = await self._database.rows(_NOW.format(now=self._database.now))
        border = float(clock["now"]) - _FINAL_S  # the same for both, so that no row falls in between
        for row in await self._rows("<=", border):
            self._sums.setdefault(_key(row), _Sum()).add(row)
            self._after = max(self._after, int(row["last_id"]))
        sums = {key: _Sum(dict(each.values)) for key, each in self._sums.items()}
        for row in await self._rows(">", border):
            sums.setdefault(_key(row), _Sum()).add(row)
        return [_used(key, each.values) for key, each in sorted(sums.items())]

    async def _rows(self, side: str, border: float) -> Sequence[Row]:
        return await self._database.rows(_SUMS.format(side=side), after=self._after, border=border)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What else all processes share."""

    permits: Sequence[tuple[str, str, int]]  # account, "out" or "waiting", how many
    reduced: Sequence[tuple[str, int]]  # account, and the cap it was lowered to
    outages: Sequence[tuple[str, str, str]]  # provider, model, cause
    reviews: Sequence[tuple[str, int]]  # of the last day: outcome, how many
    spent: Sequence[tuple[str, str, Decimal]]  # in this month: organisation, currency, amount
    budgets: Sequence[tuple[str, str, Decimal]]  # of a month


async def read_shared(database: Database) -> Shared:
    """Read it. Errors: StoreUnavailable."""

    async def rows(sql: str, **values: float) -> Sequence[Row]:
        return await database.rows(sql.format(now=database.now), **values)

    [clock] = await rows(_NOW)
    since, _ = month_of(float(clock["now"]))
    return Shared(
        permits=[
            (str(row["account"]), "out" if row["is_out"] else "waiting", int(row["count"]))
            for row in await rows(_PERMITS)
        ],
        reduced=[(str(row["account"]), int(row["reduced"])) for row in await rows(_REDUCED)],
        outages=[(row["provider"], row["model"], row["cause"]) for row in await rows(_OUTAGES)],
        reviews=[(str(row["outcome"]), int(row["count"])) for row in await rows(_REVIEWS)],
        spent=[_money(row, "nanos") for row in await rows(_MONTH, since=since)],
        budgets=[_money(row, "month_nanos") for row in await rows(_BUDGETS)],
    )


def _money(row: Row, column: str) -> tuple[str, str, Decimal]:
    return (str(row["organisation"]), str(row["currency"]), amount_of(int(row[column])))


def _key(row: Row) -> tuple[str, str, str]:
    return (str(row["provider"]), str(row["model"]), str(row["currency"]))


def _used(key: tuple[str, str, str], values: dict[str, int]) -> Used:
    provider, model, currency = key
    counts: dict[str, Any] = {name: value for name, value in values.items() if name != "nanos"}
    return Used(provider=provider, model=model, currency=currency, cost=amount_of(values["nanos"]), **counts)
