from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesrai.domain.budget import (
    WARN_AT,
    Budget,
    Fit,
    Tariff,
    amount_of,
    budget_currency,
    check_budget,
    crossed,
    fit,
    money_text,
    month_of,
    most_nanos_of,
    nanos_of,
)
from mesrai.errors import SettingsError

KIMI = Tariff(name="kimi-k2.6", currency="USD")
GLM = Tariff(name="glm-5.1", currency="CNY")
PLAN = Tariff(name="kimi-for-coding", is_free=True)
UNKNOWN = Tariff(name="my-model")
NANOS = st.integers(min_value=0, max_value=10**15)


@pytest.mark.parametrize(
    ("spent", "reserved", "wanted", "expected"),
    [
        (0, 0, 100, Fit.FITS),
        (40, 50, 10, Fit.FITS),
        (40, 50, 11, Fit.WAIT),
        (40, 0, 61, Fit.SPENT),
        (90, 10, 11, Fit.SPENT),
        (100, 0, 0, Fit.FITS),
    ],
)
def test_a_request_waits_only_if_reservations_alone_stand_in_its_way(
    spent: int, reserved: int, wanted: int, expected: Fit
) -> None:
    assert fit(100, spent=spent, reserved=reserved, wanted=wanted) is expected


def test_each_share_is_crossed_by_the_spending_that_reaches_it() -> None:
    steps = [(0, 49), (49, 50), (50, 74), (74, 76), (76, 89), (89, 90), (90, 100)]
    assert [crossed(100, before=before, after=after) for before, after in steps] == [None, 50, None, 75, None, 90, None]


def test_one_spending_that_crosses_several_shares_is_told_of_the_highest() -> None:
    assert crossed(100, before=10, after=95) == 90


@given(st.integers(min_value=1, max_value=10**9), st.lists(st.integers(min_value=0, max_value=10**8), max_size=30))
def test_no_share_is_crossed_twice(limit: int, costs: list[int]) -> None:
    told, spent = [], 0
    for cost in costs:
        told.append(crossed(limit, before=spent, after=spent + cost))
        spent += cost
    said = [share for share in told if share]
    assert said == sorted(set(said))
    assert max(said, default=0) == max(
        (share for share in WARN_AT if spent * 100 >= limit * share and spent), default=0
    )


@pytest.mark.parametrize(
    ("moment", "start", "after"),
    [
        ("2026-11-24T10:30:00", "2026-11-01", "2026-12-01"),
        ("2026-12-31T23:59:59.999", "2026-12-01", "2027-01-01"),
        ("2028-02-29T00:00:00", "2028-02-01", "2028-03-01"),
        ("2026-11-01T00:00:00", "2026-11-01", "2026-12-01"),
    ],
)
def test_a_month_is_a_calendar_month_in_utc(moment: str, start: str, after: str) -> None:
    def seconds(text: str) -> float:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()

    assert month_of(seconds(moment)) == (seconds(start), seconds(after))


@given(NANOS)
def test_money_survives_being_counted_in_billionths(nanos: int) -> None:
    assert nanos_of(amount_of(nanos)) == most_nanos_of(amount_of(nanos)) == nanos


def test_what_is_reserved_is_rounded_up_and_what_is_spent_to_the_nearest() -> None:
    tiny = Decimal("0.0000000001")
    assert (most_nanos_of(tiny), nanos_of(tiny)) == (1, 0)


@pytest.mark.parametrize(
    ("amount", "text"),
    [("20", "20.00 USD"), ("0.5", "0.50 USD"), ("0.0123", "0.0123 USD"), ("0", "0.00 USD"), ("1.234", "1.23 USD")],
)
def test_money_is_said_as_precisely_as_it_needs(amount: str, text: str) -> None:
    assert money_text(Decimal(amount), "USD") == text


def test_a_budget_has_the_currency_in_which_the_models_are_paid() -> None:
    assert budget_currency([KIMI, PLAN]) == "USD"
    assert budget_currency([PLAN]) == ""


def test_a_budget_cannot_be_kept_where_no_price_is_known() -> None:
    with pytest.raises(SettingsError, match="my-model: its price is not known"):
        budget_currency([KIMI, UNKNOWN])


def test_a_budget_cannot_be_kept_in_two_currencies() -> None:
    with pytest.raises(SettingsError, match=r"kimi-k2.6 in USD and glm-5.1 in CNY"):
        budget_currency([KIMI, GLM])


def test_a_budget_in_another_currency_than_the_price_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"in USD, but glm-5.1 is paid in CNY"):
        check_budget(Budget(currency="USD", month=Decimal(20)), [GLM])
    check_budget(Budget(currency="USD", month=Decimal(20)), [KIMI, PLAN])
    check_budget(Budget(currency="USD", month=Decimal(20)), [PLAN])
