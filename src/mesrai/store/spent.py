"""What was spent, added up by day as it is paid for, so that no page adds up every request there ever was."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from mesrai.domain.budget import amount_of
from mesrai.store.database import Database, Row, Statements, Value

ANSWERS: Final = "talk-"  # begins what stands in place of a review's id where people were answered
_DAY_S: Final = 86_400
_ADD: Final = """
    INSERT INTO spent (organisation, day, review, repository, provider, model, currency, last_at, calls, failures,
        input_tokens, cached_tokens, output_tokens, reasoning_tokens, nanos, unpriced)
    VALUES (:organisation, :day, :review, :repository, :provider, :model, :currency, :at, :calls, :is_failed,
        :input_tokens, :cached_tokens, :output_tokens, :reasoning_tokens, :nanos, :unpriced)
    ON CONFLICT (organisation, day, review, repository, provider, model, currency) DO UPDATE SET
        last_at = CASE WHEN excluded.last_at > spent.last_at THEN excluded.last_at ELSE spent.last_at END,
        calls = spent.calls + excluded.calls, failures = spent.failures + excluded.failures,
        input_tokens = spent.input_tokens + excluded.input_tokens,
        cached_tokens = spent.cached_tokens + excluded.cached_tokens,
        output_tokens = spent.output_tokens + excluded.output_tokens,
        reasoning_tokens = spent.reasoning_tokens + excluded.reasoning_tokens,
        nanos = spent.nanos + excluded.nanos, unpriced = spent.unpriced + excluded.unpriced
"""
_SUMS: Final = """
    SELECT {key} AS name, currency, count(DISTINCT {reviews}) AS reviews, max(last_at) AS last_at,
        max(repository) AS repository, {counts}, CAST(sum(calls - unpriced) AS BIGINT) AS priced
    FROM spent WHERE {where} GROUP BY 1, 2 ORDER BY 1, 2
"""
_REVIEWS: Final = """
    SELECT {key} AS name, count(DISTINCT {reviews}) AS reviews FROM spent WHERE {where} GROUP BY 1
"""
# What no review was: tests of connections, and answers to people.
_REVIEW: Final = f"CASE WHEN review = '' OR review LIKE '{ANSWERS}%' THEN NULL ELSE review END"
_COUNTS: Final = (
    "calls", "failures", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "nanos", "unpriced",
)  # fmt: skip


class By(StrEnum):
    """What spending is divided by."""

    DAY = "day"
    MODEL = "model"
    AUTHOR = "author"  # of the pull request
    REPOSITORY = "repository"
    REVIEW = "review"


_KEYS: Final = {
    By.DAY: "day",
    By.MODEL: "provider || '/' || model",
    By.AUTHOR: "coalesce((SELECT reviews.author FROM reviews WHERE reviews.id = spent.review), '')",
    By.REPOSITORY: "repository",
    By.REVIEW: "review",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which spending is meant. Times are the beginnings of days (UTC), in seconds since the epoch."""

    since: float | None = None
    until: float | None = None  # not included
    repository: str = ""  # empty: all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What was spent under one key."""

    key: str
    reviews: int
    calls: int
    failures: int  # calls that gave no usable answer
    input_tokens: int  # cached tokens included
    cached_tokens: int
    output_tokens: int  # reasoning included
    reasoning_tokens: int
    costs: Mapping[str, Decimal]  # by currency, of the calls whose cost is known
    unpriced: int  # calls without a known cost: of a subscription, or of a model without a price
    last_at: float  # seconds since the epoch
    repository: str  # of a review; of what spans several, one of them


async def add_spent(statements: Statements, paid: Row) -> None:
    """Count a request that was paid for, in the transaction that writes it down. Errors: StoreUnavailable."""
    nanos = paid["nanos"]
    values = {name: paid[name] for name in ("organisation", "review", "repository", "provider", "model", "currency")}
    values |= {name: paid[name] for name in ("at", "is_failed", *_COUNTS[2:6])}
    values |= {"day": int(paid["at"] // _DAY_S), "calls": paid["calls"], "nanos": nanos or 0}
    await statements.rows(_ADD, **values, unpriced=paid["calls"] if nanos is None else 0)


async def spending_by(database: Database, organisation: str, by: By | None, chosen: Filter) -> Sequence[Spent]:
    """What was spent, in the order of the keys; with `by` None all of it under one key, if there is any."""
    key = f"CAST({_KEYS[by]} AS TEXT)" if by else "CAST('' AS TEXT)"
    where, values = _where(organisation, chosen)
    counts = ", ".join(f"CAST(sum({name}) AS BIGINT) AS {name}" for name in _COUNTS)
    rows = await database.rows(_SUMS.format(key=key, where=where, counts=counts, reviews=_REVIEW), **values)
    by_key: dict[str, list[Row]] = {}
    for row in rows:
        by_key.setdefault(row["name"], []).append(row)
    reviews: dict[str, int] = {}
    if len(by_key) < len(rows):  # a review with two currencies is one review
        found = await database.rows(_REVIEWS.format(key=key, where=where, reviews=_REVIEW), **values)
        reviews = {str(row["name"]): int(row["reviews"]) for row in found}
    return [_spent(name, parts, reviews.get(name)) for name, parts in by_key.items()]


def _where(organisation: str, chosen: Filter) -> tuple[str, dict[str, Value]]:
    where, values = "organisation = :organisation", dict[str, Value](organisation=organisation)
    if chosen.since is not None:
        where, values["since"] = where + " AND day >= :since", math.floor(chosen.since / _DAY_S)
    if chosen.until is not None:
        where, values["until"] = where + " AND day < :until", math.ceil(chosen.until / _DAY_S)
    if chosen.repository:
        where, values["repository"] = where + " AND repository = :repository", chosen.repository
    return where, values


def _spent(key: str, parts: Sequence[Row], reviews: int | None) -> Spent:
    """A line of its parts, one for each currency; without `reviews` there is one part, which knows."""
    reviews = parts[0]["reviews"] if reviews is None else reviews
    sums = {name: sum(part[name] for part in parts) for name in _COUNTS if name != "nanos"}
    costs = {part["currency"]: amount_of(part["nanos"]) for part in parts if part["currency"] and part["priced"]}
    last_at = max(float(part["last_at"]) for part in parts)
    repository = max(str(part["repository"]) for part in parts)
    return Spent(key=key, reviews=reviews, costs=costs, last_at=last_at, repository=repository, **sums)
