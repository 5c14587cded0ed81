"""What an answer cost, from the tokens the provider counted and the price of the model."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from mesrai.domain.usage import Usage
from mesrai.errors import ModelError, NoModelLeft
from mesrai.llm.model import Price

_MILLION: Final = Decimal(1_000_000)
_MOST_STATED: Final = Decimal(1_000_000)  # for one request; more is no cost, and no database could add it up


def priced(usage: Usage, price: Price | None, stated: Decimal | None = None, *, written: int = 0) -> Usage:
    """The usage with its cost: what the provider states (in USD), else tokens times price, else unknown.

    `written` of its input tokens were put into the cache, which some providers bill at a price of its own.
    """
    if stated is not None:
        return replace(usage, cost=stated, currency="USD")
    if price is None:
        return replace(usage, cost=None, currency="")
    uncached = usage.input_tokens - usage.cached_tokens
    cost = uncached * price.input + usage.cached_tokens * price.cached + usage.output_tokens * price.output
    if price.cache_write is not None:
        cost += written * (price.cache_write - price.input)
    return replace(usage, cost=cost / _MILLION, currency=price.currency)


def spent_on(error: ModelError) -> Usage:
    """What a failure cost: its requests, and the tokens and money of those the provider counted."""
    if isinstance(error, NoModelLeft):
        return replace(sum((spent_on(cause) for cause in error.causes), Usage()), calls=error.calls)
    usage = error.usage if isinstance(error.usage, Usage) else Usage()
    return replace(usage, calls=error.calls)


def count_in(value: Mapping[str, Any], *path: str) -> int:
    """The token count at a path of keys in a provider's usage; 0 if there is none or it is no count."""
    found: Any = value
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found < 1e12:
        return 0
    return int(found)


def stated_cost(value: Mapping[str, Any]) -> Decimal | None:
    """The money a provider's usage states (OpenRouter's `cost`, in USD); None if it states none."""
    cost = value.get("cost")
    if isinstance(cost, bool) or not isinstance(cost, int | float | str):
        return None
    try:
        stated = Decimal(str(cost))
    except InvalidOperation:
        return None
    return stated if stated.is_finite() and 0 <= stated <= _MOST_STATED else None
