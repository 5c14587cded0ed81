"""Spending as a table, as JSON and as CSV."""

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest

from mesrai.cli.usage_text import budget_text, limits_text, standing_json, usage_json, usage_table
from mesrai.domain.budget import Budget
from mesrai.flows.export_spending import spending_csv
from mesrai.flows.spend import By, Report, Spent, Standing
from mesrai.review.render.look import Look

AT = 1_795_348_800.0  # 2026-11-22T12:00:00Z


def a_line(key: str = "2026-11-24", **changes: Any) -> Spent:
    facts: dict[str, Any] = {
        "key": key,
        "reviews": 2,
        "calls": 7,
        "failures": 1,
        "input_tokens": 42_000,
        "cached_tokens": 21_000,
        "output_tokens": 3_100,
        "reasoning_tokens": 1_800,
        "costs": {"USD": Decimal("0.0483")},
        "unpriced": 0,
        "last_at": AT,
        "repository": "shop",
    }
    return Spent(**(facts | changes))


def a_report(*lines: Spent, by: By = By.DAY, **total: Any) -> Report:
    return Report(by=by, lines=lines, total=a_line("", **total) if lines else None)


def a_standing(**changes: Any) -> Standing:
    facts: dict[str, Any] = {
        "budget": Budget(currency="USD", month=Decimal(20), review=Decimal("0.5")),
        "month": "2026-11",
        "spent": Decimal("15.02"),
        "reserved": Decimal(0),
    }
    return Standing(**(facts | changes))


def test_the_table_has_a_line_for_each_key_and_a_total() -> None:
    yuan = a_line("2026-11-25", failures=0, costs={"CNY": Decimal(7)})
    total: dict[str, Any] = {"costs": {"CNY": Decimal(7), "USD": Decimal("0.0483")}, "reviews": 3, "calls": 14}
    assert usage_table(a_report(a_line(), yuan, **total), None, Look()) == (
        "day                          cost  reviews  calls  failed  tokens in  cached    out\n"
        "2026-11-24             0.0483 USD        2      7       1        42k     50%  3,100\n"
        "2026-11-25               7.00 CNY        2      7       -        42k     50%  3,100\n"
        "total       7.00 CNY + 0.0483 USD        3     14       1        42k     50%  3,100\n"
    )


def test_one_line_needs_no_total() -> None:
    assert "total" not in usage_table(a_report(a_line()), None, Look())


def test_nothing_spent_is_a_sentence() -> None:
    assert usage_table(a_report(), None, Look()) == "Nothing was spent.\n"


def test_calls_without_a_price_are_explained() -> None:
    text = usage_table(a_report(a_line(costs={}, unpriced=7), unpriced=7), None, Look())
    assert "7 calls have no price per token: a subscription" in text


def test_a_review_is_named_by_when_and_where() -> None:
    line = a_line("3f2c8d5e9a", repository="shop")
    assert "2026-11-22 12:00 shop 3f2c8d5e " in usage_table(a_report(line, by=By.REVIEW), None, Look())


@pytest.mark.parametrize("width", [40, 60, 100])
def test_a_long_name_gives_way_and_cannot_act_on_the_terminal(width: int) -> None:
    line = a_line("groups/" * 30 + "shop\x1b[2J", repository="shop")
    text = usage_table(a_report(line, by=By.REPOSITORY), None, Look(width=width))
    assert all(len(each) <= width for each in text.splitlines())
    assert "\x1b" not in text
    assert "shop␛[2J" in text


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "＝1"])
def test_no_cell_of_a_spreadsheet_is_a_formula(name: str) -> None:
    text = spending_csv(a_report(a_line(name), by=By.REPOSITORY))
    cell = list(csv.reader(io.StringIO(text)))[1][0]
    assert cell.startswith("'")


def test_csv_has_exact_numbers_and_a_column_of_costs_for_each_currency() -> None:
    yuan = a_line('a,"b"\nc', costs={"CNY": Decimal("7.000000001")})
    rows = list(csv.reader(io.StringIO(spending_csv(a_report(a_line("till"), yuan, by=By.REPOSITORY)))))
    assert rows == [
        "repository,reviews,calls,failed_calls,input_tokens,cached_tokens,output_tokens,reasoning_tokens,"
        "unpriced_calls,cost_cny,cost_usd".split(","),
        ["till", "2", "7", "1", "42000", "21000", "3100", "1800", "0", "", "0.0483"],
        ['a,"b"␊c', "2", "7", "1", "42000", "21000", "3100", "1800", "0", "7.000000001", ""],
    ]


def test_json_holds_all_of_it() -> None:
    document = json.loads(usage_json(a_report(a_line("m\u202e"), by=By.MODEL), {"since": None}, a_standing()))
    assert document["by"] == "model"
    assert document["since"] is None
    assert document["lines"][0] == {
        "key": "m\u202e",
        "reviews": 2,
        "calls": 7,
        "failed_calls": 1,
        "input_tokens": 42_000,
        "cached_tokens": 21_000,
        "output_tokens": 3_100,
        "reasoning_tokens": 1_800,
        "cached_share": 0.5,
        "costs": {"USD": 0.0483},
        "unpriced_calls": 0,
        "last_at": "2026-11-22T12:00:00+00:00",
    }
    assert document["total"]["costs"] == {"USD": 0.0483}
    assert document["budget"]["spent"] == 15.02


def test_json_is_ascii_so_that_no_name_acts_on_a_terminal() -> None:
    assert usage_json(a_report(a_line("m\u202e\x9b")), {}, None).isascii()


@pytest.mark.parametrize(
    ("standing", "told"),
    [
        (None, "No budget is set. Set one with: mesrai usage budget --month 20 --review 0.5 --currency USD"),
        (a_standing(), "Spent in 2026-11: 15.02 USD of 20.00 USD (75 %). One review may cost up to 0.50 USD."),
        (
            a_standing(budget=Budget(currency="USD", review=Decimal(1)), reserved=Decimal("0.25")),
            "Spent in 2026-11: 15.02 USD, and there is no limit for a month. Up to 0.25 USD is reserved by reviews "
            "that run now. One review may cost up to 1.00 USD.",
        ),
    ],
)
def test_the_budget_is_a_sentence_or_two(standing: Standing | None, told: str) -> None:
    assert budget_text(standing) == told


def test_limits_are_said_by_themselves() -> None:
    assert limits_text(Budget(currency="USD", month=Decimal(20), review=Decimal("0.5"))) == (
        "20.00 USD a month and 0.50 USD a review"
    )
    assert limits_text(Budget(currency="CNY", review=Decimal(3))) == "3.00 CNY a review"


def test_the_budget_for_programs() -> None:
    assert standing_json(a_standing()) == {
        "currency": "USD",
        "month_limit": 20.0,
        "review_limit": 0.5,
        "month": "2026-11",
        "spent": 15.02,
        "reserved": 0.0,
    }
