"""What Outages must keep, in one process and over each database; for a database two processes look at it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.databases import ENGINES, a_database

from mesrai.errors import ModelAuth, ModelError, ModelOverloaded, ModelQuota, PromptTooLong
from mesrai.llm.model import Outages
from mesrai.llm.outages import InProcessOutages
from mesrai.store.opening import open_database
from mesrai.store.outages import StoreOutages

Pass = Callable[[float], Awaitable[None]]  # makes so many seconds pass for all outages
Use = Callable[[Outages, Outages, Pass], Awaitable[Any]]


@pytest.fixture(scope="module", params=["memory", *ENGINES])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "memory":
        yield ""
        return
    with a_database(request.param, Path(tmp_path_factory.mktemp("outages"))) as url:
        yield url


@asynccontextmanager
async def opened(place: str) -> AsyncIterator[tuple[Outages, Outages, Pass]]:
    if not place:
        now = [1_800_000_000.0]

        async def tick(seconds: float) -> None:
            now[0] += seconds

        outages = InProcessOutages(clock=lambda: now[0])
        yield outages, outages, tick
        return
    async with open_database(place) as database, open_database(place) as another:

        async def backdate(seconds: float) -> None:
            await database.rows(
                "UPDATE outages SET until = until - :passed, probed_until = probed_until - :passed", passed=seconds
            )

        await database.rows("DELETE FROM outages")
        yield StoreOutages(database), StoreOutages(another), backdate


def with_outages(place: str, use: Use) -> Any:
    async def run() -> Any:
        async with opened(place) as (here, there, tick):
            return await use(here, there, tick)

    return asyncio.run(run())


def broken(kind: type[ModelError] = ModelOverloaded, **more: Any) -> ModelError:
    return kind("p/m: It broke.", provider="p", model="m", status=503, **more)


def test_an_outage_is_known_to_all_with_its_cause(place: str) -> None:
    async def use(here: Outages, there: Outages, _: Pass) -> Any:
        noted = await here.note("a", broken(ModelQuota, resets_at="in 2 hours"))
        found = await there.standing(["a", "b"])
        return noted, found

    noted, found = with_outages(place, use)
    assert list(found) == ["a"]
    cause = found["a"].cause
    assert (type(cause), cause.message, cause.provider, cause.model, cause.status, cause.resets_at, cause.calls) == (
        ModelQuota,
        "p/m: It broke.",
        "p",
        "m",
        503,
        "in 2 hours",
        0,
    )
    assert noted.until == found["a"].until
    assert found["a"].is_lasting


def test_a_fault_of_one_question_is_not_remembered(place: str) -> None:
    async def use(here: Outages, there: Outages, _: Pass) -> Any:
        return await here.note("a", broken(PromptTooLong)), await there.standing(["a"])

    assert with_outages(place, use) == (None, {})


def test_an_answer_ends_an_outage(place: str) -> None:
    async def use(here: Outages, there: Outages, _: Pass) -> Any:
        await here.note("a", broken())
        await there.standing(["a"])
        await there.clear("a")
        return await here.standing(["a"]), await here.may_probe("a")

    assert with_outages(place, use) == ({}, True)


def test_an_answer_to_a_question_from_before_ends_nothing_that_lasts(place: str) -> None:
    async def use(here: Outages, there: Outages, tick: Pass) -> Any:
        await here.note("a", broken(ModelQuota, resets_at="in 2 hours"))
        await here.clear("a")
        still = list(await there.standing(["a"]))
        await tick(7_201.0)
        assert await there.may_probe("a")
        await there.clear("a")
        return still, await here.may_probe("a"), await here.may_probe("a")

    assert with_outages(place, use) == (["a"], True, True)


def test_what_was_never_out_may_be_asked_by_all(place: str) -> None:
    async def use(here: Outages, there: Outages, _: Pass) -> Any:
        return [await each.may_probe("a") for each in (here, there, here)]

    assert with_outages(place, use) == [True, True, True]


def test_after_an_outage_one_of_all_tries(place: str) -> None:
    async def use(here: Outages, there: Outages, tick: Pass) -> Any:
        await here.note("a", broken())
        still = await there.standing(["a"])
        await tick(61.0)
        over = [await each.standing(["a"]) for each in (here, there)]
        claims = await asyncio.gather(*(each.may_probe("a") for each in (here, there) * 3))
        tried = await there.standing(["a"])
        await tick(121.0)  # nobody heard of that one again
        return len(still), over, sorted(claims), tried["a"].is_over, await there.may_probe("a")

    assert with_outages(place, use) == (1, [{}, {}], [False] * 5 + [True], True, True)


def test_a_failed_try_makes_the_rest_longer(place: str) -> None:
    async def use(here: Outages, there: Outages, tick: Pass) -> Any:
        await here.note("a", broken())
        await tick(61.0)
        await there.standing(["a"])
        assert await there.may_probe("a")
        await there.note("a", broken())
        await tick(100.0)
        return list(await here.standing(["a"]))

    assert with_outages(place, use) == ["a"]


def test_many_failures_at_once_are_one_outage(place: str) -> None:
    async def use(here: Outages, there: Outages, tick: Pass) -> Any:
        await asyncio.gather(*(each.note("a", broken()) for each in (here, there) * 10))
        await tick(61.0)
        return await here.standing(["a"])

    assert with_outages(place, use) == {}


def test_in_the_store_even_what_lasts_is_tried_again_after_a_while(place: str) -> None:
    async def use(here: Outages, there: Outages, tick: Pass) -> Any:
        await here.note("a", broken(ModelAuth))
        await tick(299.0)
        before = len(await there.standing(["a"]))
        await tick(2.0)
        return before, len(await there.standing(["a"]))

    assert with_outages(place, use) == (1, 0 if place else 1)


def test_a_connection_that_is_set_anew_is_asked_at_once(place: str) -> None:
    async def use(here: Outages, there: Outages, _: Pass) -> Any:
        await here.note("a", broken(ModelAuth))
        await there.forget("a")
        return await here.standing(["a"]), await here.may_probe("a")

    assert with_outages(place, use) == ({}, True)
