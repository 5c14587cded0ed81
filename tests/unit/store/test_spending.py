"""What is written down of every request, and added up, on both engines."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.database_clock import Clocked
from tests.databases import ENGINES, a_database

from mesrai.domain.budget import Asked, Budget, Paid, Spender
from mesrai.domain.usage import Usage
from mesrai.errors import SettingsError
from mesrai.flows.spend import budget_standing, set_budget, spending
from mesrai.store.budgets import find_budget
from mesrai.store.database import Database
from mesrai.store.opening import open_database
from mesrai.store.spending import month_sums, record, reserve
from mesrai.store.spent import ANSWERS, By, Filter, Spent, spending_by

Story = Callable[[Database], Awaitable[object]]
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC).timestamp()


def run(engine: str, folder: Path, story: Story) -> object:
    async def opened(url: str) -> object:
        async with open_database(url) as database:
            return await story(database)

    with a_database(engine, folder) as url:
        return asyncio.run(asyncio.wait_for(opened(url), 30))


def a_payment(
    cost: str | None = "0.001", *, model: str = "kimi-k2.6", currency: str = "USD", failed: bool = False
) -> Paid:
    usage = Usage(
        calls=1,
        input_tokens=100,
        cached_tokens=60,
        output_tokens=10,
        reasoning_tokens=4,
        cost=None if cost is None else Decimal(cost),
        currency="" if cost is None else currency,
    )
    return Paid(asked=Asked(provider="moonshot", model=model, most=None), usage=usage, is_failed=failed)


async def write(
    database: Database,
    paid: Paid,
    *,
    at: float = NOON,
    repository: str = "shop",
    review: str = "r1",
    owner: str = "acme",
) -> None:
    await record(Clocked(database, at), Spender(organisation=owner, repository=repository, review=review), paid)


def told(lines: object) -> list[tuple[str, int, int, dict[str, str]]]:
    """Key, reviews, calls and costs of each line."""
    assert isinstance(lines, list | tuple)
    assert all(isinstance(line, Spent) for line in lines)
    return [
        (line.key, line.reviews, line.calls, {name: str(cost) for name, cost in line.costs.items()}) for line in lines
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_all_that_was_counted_is_added_up(engine: str, tmp_path: Path) -> None:
    async def story(database: Database) -> object:
        await write(database, a_payment("0.001"))
        await write(database, a_payment("0.0000000015", failed=True), review="r2")
        await write(database, a_payment(None), review="r2")
        await write(database, a_payment("9"), owner="other")
        return await spending_by(database, "acme", None, Filter())

    expected = Spent(
        key="",
        reviews=2,
        calls=3,
        failures=1,
        input_tokens=300,
        cached_tokens=180,
        output_tokens=30,
        reasoning_tokens=12,
        costs={"USD": Decimal("0.001000002")},
        unpriced=1,
        last_at=NOON,
        repository="shop",
    )
    assert run(engine, tmp_path, story) == [expected]


@pytest.mark.parametrize("engine", ENGINES)
def test_answers_to_people_cost_but_are_no_reviews(engine: str, tmp_path: Path) -> None:
    async def story(database: Database) -> object:
        await write(database, a_payment("0.5"))
        await write(database, a_payment("0.25"), review=f"{ANSWERS}7")
        return await spending_by(database, "acme", By.REPOSITORY, Filter())

    assert told(run(engine, tmp_path, story)) == [("shop", 1, 2, {"USD": "0.75"})]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_day_ends_at_midnight_in_utc(engine: str, tmp_path: Path) -> None:
    async def story(database: Database) -> object:
        for at in (MIDNIGHT - 86_400, MIDNIGHT - 0.001, MIDNIGHT - 0.6, MIDNIGHT, MIDNIGHT + 43_200.7):
            await write(database, a_payment(), at=at)
        return (await spending(database, "acme", By.DAY, Filter())).lines

    assert told(run(engine, tmp_path, story)) == [
        ("2026-11-23", 1, 3, {"USD": "0.003"}),
        ("2026-11-24", 1, 2, {"USD": "0.002"}),
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_currencies_are_never_mixed(engine: str, tmp_path: Path) -> None:
    async def story(database: Database) -> object:
        await write(database, a_payment("0.5", currency="USD"))
        await write(database, a_payment("7", currency="CNY"))
        await write(database, a_payment("0.25", currency="USD"))
        return (await spending(database, "acme", By.MODEL, Filter())).lines

    assert told(run(engine, tmp_path, story)) == [("moonshot/kimi-k2.6", 1, 3, {"CNY": "7", "USD": "0.75"})]


@pytest.mark.parametrize("engine", ENGINES)
def test_spending_is_divided_and_filtered(engine: str, tmp_path: Path) -> None:
    async def story(database: Database) -> list[object]:
        await write(database, a_payment("1"), repository="shop", review="r1", at=NOON)
        await write(database, a_payment("2"), repository="till", review="r2", at=NOON + 86_400)
        await write(database, a_payment("4", model="glm-5.1"), repository="till", review="r2", at=NOON + 2 * 86_400)
        asked = [
            (By.REPOSITORY, Filter()),
            (By.REVIEW, Filter()),
            (By.MODEL, Filter(repository="till")),
            (By.REPOSITORY, Filter(since=MIDNIGHT, until=MIDNIGHT + 86_400)),
            (By.REPOSITORY, Filter(repository="no such")),
        ]
        return [(await spending(database, "acme", by, chosen)).lines for by, chosen in asked]

    found = run(engine, tmp_path, story)
    assert isinstance(found, list)
    assert [told(lines) for lines in found] == [
        [("till", 1, 2, {"USD": "6"}), ("shop", 1, 1, {"USD": "1"})],
        [("r1", 1, 1, {"USD": "1"}), ("r2", 1, 2, {"USD": "6"})],
        [("moonshot/glm-5.1", 1, 1, {"USD": "4"}), ("moonshot/kimi-k2.6", 1, 1, {"USD": "2"})],
        [("till", 1, 1, {"USD": "2"})],
        [],
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_reserved_is_not_spent(engine: str, tmp_path: Path) -> None:
    async def story(database: Database) -> object:
        await set_budget(database, Budget(currency="USD", month=Decimal(10)), organisation="acme", who="ann")
        spender = Spender(organisation="acme", repository="shop", review="r1")
        asked = Asked(provider="moonshot", model="kimi-k2.6", most=Decimal(2), currency="USD")
        await reserve(database, database, spender, asked, 2_000_000_000)
        await record(database, spender, a_payment("2.5"))
        standing = await budget_standing(database, "acme")
        assert standing is not None
        total = await spending_by(database, "acme", None, Filter())
        return standing.spent, standing.reserved, standing.share, total[0].costs

    assert run(engine, tmp_path, story) == (Decimal("2.5"), Decimal(2), Decimal(25), {"USD": Decimal("2.5")})


@pytest.mark.parametrize("engine", ENGINES)
def test_what_was_spent_before_it_was_added_up_by_day_is_added_up_once(engine: str, tmp_path: Path) -> None:
    fill = importlib.import_module("mesrai.store.migrations.versions.0012_spent")._FILL
    everything = "SELECT * FROM spent ORDER BY day, review, model, currency"

    async def story(database: Database) -> object:
        await write(database, a_payment("0.5"))
        await write(database, a_payment("0.25", failed=True))
        await write(database, a_payment(None), review="r2", at=MIDNIGHT + 0.9)
        await write(database, a_payment("7", currency="CNY", model="glm-5.1"), owner="other", at=MIDNIGHT - 0.001)
        spender = Spender(organisation="acme", repository="shop", review="r1")
        asked = Asked(provider="moonshot", model="kimi-k2.6", most=Decimal(2), currency="USD")
        await reserve(database, database, spender, asked, 2_000_000_000)
        counted = await database.rows(everything)
        await database.rows("DELETE FROM spent")
        await database.rows(fill)
        assert len(counted) == 3
        return counted == await database.rows(everything)

    assert run(engine, tmp_path, story) is True


@pytest.mark.parametrize("engine", ENGINES)
def test_sums_are_exact_whatever_is_added(engine: str, tmp_path: Path) -> None:
    amounts = st.lists(st.integers(min_value=0, max_value=10**16), min_size=1, max_size=6)
    with a_database(engine, tmp_path) as url:

        async def summed(nanos: list[int]) -> tuple[int, Decimal]:
            async with open_database(url) as database:
                await database.rows("DELETE FROM spending")
                await database.rows("DELETE FROM months")
                await database.rows("DELETE FROM spent")
                for each in nanos:
                    await write(database, a_payment(str(Decimal(each) / 10**9)))
                _, sums = await month_sums(database, database, "acme", "USD")
                total = await spending_by(database, "acme", None, Filter())
                return sums.spent, total[0].costs["USD"]

        @settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
        @given(amounts)
        def are_exact(nanos: list[int]) -> None:
            assert asyncio.run(summed(nanos)) == (sum(nanos), Decimal(sum(nanos)) / 10**9)

        are_exact()


def test_what_a_budget_does_not_name_stays_unless_the_currency_changes(tmp_path: Path) -> None:
    async def story(database: Database) -> list[Budget | None]:
        held: list[Budget | None] = []
        for wanted in (
            Budget(currency="USD", month=Decimal(20)),
            Budget(currency="USD", review=Decimal("0.5")),
            Budget(currency="CNY", review=Decimal(3)),
        ):
            await set_budget(database, wanted, organisation="acme", who="ann")
            held.append(await find_budget(database, "acme"))
        return held

    assert run("sqlite", tmp_path, story) == [
        Budget(currency="USD", month=Decimal(20)),
        Budget(currency="USD", month=Decimal(20), review=Decimal("0.5")),
        Budget(currency="CNY", review=Decimal(3)),
    ]


def test_a_budget_beyond_what_can_be_counted_is_refused(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        await set_budget(database, Budget(currency="USD", month=Decimal("1e12")), organisation="acme", who="ann")

    with pytest.raises(SettingsError, match="at most 1,000,000,000 USD"):
        run("sqlite", tmp_path, story)
