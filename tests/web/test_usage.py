"""The page of what reviews cost, and its budget."""

import csv
import io
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest
from playwright.sync_api import Browser, expect
from tests.web.browsing import PHONE, a_browser, a_window, faults_of, overflow_of
from tests.web.stand import Stand, a_site

from mesrai.domain.budget import Asked, Paid, Spender
from mesrai.domain.roles import Role
from mesrai.domain.usage import Usage
from mesrai.flows.spend import budget_standing
from mesrai.server.web.charts import bar_chart
from mesrai.store.spending import record


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as made:
        yield made


@pytest.fixture
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with a_site(tmp_path_factory.mktemp("usage")) as made:
        yield made


def spend(stand: Stand, repository: str = "github.com/acme/shop", cost: str | None = "0.25") -> None:
    usage = Usage(
        calls=2,
        input_tokens=10_000,
        cached_tokens=2_500,
        output_tokens=500,
        cost=None if cost is None else Decimal(cost),
        currency="USD" if cost else "",
    )
    asked = Asked(provider="moonshot", model="kimi-k2.6", most=None)
    spender = Spender(organisation=stand.house.organisation, repository=repository, review=f"job-{time.time_ns()}")
    stand.run(record(stand.house.database, spender, Paid(asked=asked, usage=usage, is_failed=False)))


def test_costs_tokens_and_the_cached_share_are_shown_and_divided(stand: Stand, browser: Browser) -> None:
    spend(stand)
    spend(stand, "github.com/acme/api", "1.5")
    with a_window(browser, stand.member(Role.BILLING)) as page:
        page.goto("/usage")
        expect(page.locator(".figure").first).to_have_text("1.75 USD")
        expect(page.get_by_text("25% of what went in")).to_be_visible()
        table = page.get_by_role("region", name="By repository")
        expect(table.get_by_role("row", name="github.com/acme/api")).to_contain_text("1.50 USD")
        expect(page.get_by_role("img", name="Cost by day, USD")).to_be_visible()
        assert faults_of(page) == []


def test_calls_without_a_price_are_said_to_be_there(stand: Stand) -> None:
    spend(stand, cost=None)
    assert "2 calls have no price per token" in stand.member(Role.OWNER).get("/usage").text


def test_nothing_spent_says_so_and_days_that_are_none_are_told(stand: Stand) -> None:
    owner = stand.member(Role.OWNER)
    assert "Nothing was spent in this time." in owner.get("/usage").text
    for query in ("since=yesterday", "since=2026-11-02&until=2026-11-01", "since=2020-01-01&until=2026-01-01"):
        assert owner.get(f"/usage?{query}").status == 400


def test_the_csv_holds_the_same_numbers(stand: Stand) -> None:
    spend(stand)
    answer = stand.member(Role.BILLING).get("/usage.csv?by=repository")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["repository"], row["cost_usd"], row["calls"]) for row in rows] == [
        ("github.com/acme/shop", "0.25", "2")
    ]
    assert answer.headers["content-type"].startswith("text/csv")


def test_a_budget_is_set_shown_and_removed(stand: Stand, browser: Browser) -> None:
    with a_window(browser, stand.member(Role.BILLING)) as page:
        page.goto("/usage")
        page.get_by_text("Set a budget").click()
        page.get_by_label("Most in a month").fill("a lot")
        page.get_by_role("button", name="Set the budget").click()
        expect(page.get_by_role("alert")).to_have_text("An amount is a number above 0, such as 20 or 0.5.")
        page.get_by_label("Most in a month").fill("20")
        page.get_by_label("Most for one review").fill("0.5")
        page.get_by_role("button", name="Set the budget").click()
        expect(page.get_by_role("status")).to_contain_text("The budget is set.")
        expect(page.get_by_text("of 20.00 USD in")).to_be_visible()
        page.get_by_text("Change the budget").click()
        page.get_by_role("button", name="Remove it").click()
        expect(page.get_by_text("No budget is set")).to_be_visible()
    assert stand.run(budget_standing(stand.house.database, stand.house.organisation)) is None


def test_an_empty_amount_leaves_no_budget_unset(stand: Stand) -> None:
    answer = stand.member(Role.OWNER).post("/usage/budget", {"currency": "USD"}, seen="/usage")
    assert "Give the most for a month, for one review, or both." in answer.text


def test_the_page_is_accessible_and_fits_a_phone(stand: Stand, browser: Browser) -> None:
    spend(stand)
    for is_dark in (False, True):
        with a_window(browser, stand.member(Role.OWNER), size=PHONE, dark=is_dark) as page:
            page.goto("/usage")
            assert faults_of(page) == []
            assert overflow_of(page) == 0


@pytest.mark.parametrize(
    ("value", "top"), [(0, "3"), (0.31, "0.6"), (1, "1.5"), (7, "9"), (430_000, "600 k"), (9.5, "15")]
)
def test_a_chart_ends_at_a_round_number_above_its_highest_bar(value: float, top: str) -> None:
    chart = bar_chart("t", [("a", value, ""), ("b", value / 2, "")])
    assert chart.lines[-1][1] == top
    assert all(0 <= bar.height <= 144.1 for bar in chart.bars)
