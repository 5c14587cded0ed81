"""What answers and failures cost."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from mesrai.domain.usage import Usage
from mesrai.errors import ModelAuth, ModelThrottled, NoModelLeft
from mesrai.llm.model import Price
from mesrai.llm.money import count_in, priced, spent_on, stated_cost

KIMI = Price(input=Decimal("0.95"), cached=Decimal("0.16"), output=Decimal("4.00"), currency="USD", as_of="2026-09-23")
USAGE = Usage(calls=1, input_tokens=1_000_000, cached_tokens=400_000, output_tokens=100_000, reasoning_tokens=50_000)


def test_cached_tokens_cost_less_and_reasoning_is_output() -> None:
    assert priced(USAGE, KIMI).cost == Decimal("0.57") + Decimal("0.064") + Decimal("0.4")
    assert priced(USAGE, KIMI).currency == "USD"


def test_a_cost_the_provider_states_wins() -> None:
    assert priced(USAGE, KIMI, Decimal("0.5")).cost == Decimal("0.5")
    assert priced(USAGE, None, Decimal("0.5")).currency == "USD"


def test_without_a_price_the_cost_is_unknown_and_not_nothing() -> None:
    assert priced(USAGE, None).cost is None


@pytest.mark.parametrize("cost", [None, True, "x", {"total": 1}, -1, float("nan"), float("inf"), 1e12, "1e999999"])
def test_a_cost_that_is_none_is_not_taken_for_one(cost: Any) -> None:
    assert stated_cost({"cost": cost}) is None


@pytest.mark.parametrize(
    ("value", "count"), [(7, 7), (7.0, 7), (-1, 0), ("7", 0), (None, 0), (True, 0), (1e300, 0), ([], 0)]
)
def test_counts_that_are_none_are_nothing(value: Any, count: int) -> None:
    assert count_in({"a": {"b": value}}, "a", "b") == count
    assert count_in({"a": value}, "a", "b") == 0


def test_failures_cost_their_calls_and_what_was_counted() -> None:
    plain, counted = ModelThrottled(), ModelThrottled()
    counted.calls, counted.usage = 3, Usage(calls=1, input_tokens=10, cost=Decimal(1), currency="USD")
    assert spent_on(plain) == Usage(calls=1)
    assert spent_on(counted) == Usage(calls=3, input_tokens=10, cost=Decimal(1), currency="USD")
    assert spent_on(NoModelLeft([ModelAuth(), counted])) == Usage(
        calls=4, input_tokens=10, cost=Decimal(1), currency="USD"
    )


def test_tokens_put_into_the_cache_cost_what_the_provider_takes_for_it() -> None:
    usage = Usage(input_tokens=1_000_000, cached_tokens=500_000, output_tokens=0)
    price = Price(
        input=Decimal(4), cached=Decimal("0.2"), output=Decimal(20), currency="USD", as_of="", cache_write=Decimal(5)
    )
    assert priced(usage, price, written=200_000).cost == Decimal("2.3")  # 0.3 million at 4, 0.2 at 5, 0.5 at 0.2
    assert priced(usage, replace(price, cache_write=None), written=200_000).cost == Decimal("2.1")
