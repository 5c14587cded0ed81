import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.database_clock import Clocked
from tests.databases import ENGINES, a_database

from mesrai.store.calls import (
    LOST,
    Call,
    Ended,
    begin_call,
    calls_of,
    end_call,
    find_call,
    forget_prompts,
    give_up_calls,
    open_calls,
    prune_calls,
    said_in,
)
from mesrai.store.opening import open_database
from mesrai.store.review_events import Happened, add_events, events_of, prune_events

pytestmark = pytest.mark.parametrize("engine", ENGINES)
ASKED = ("moonshot", "kimi-k2.6")


def with_clock(engine: str, folder: Path, use: Callable[[Clocked], Awaitable[None]]) -> None:
    async def run(url: str) -> None:
        async with open_database(url) as database:
            await use(Clocked(database))

    with a_database(engine, folder) as url:
        asyncio.run(run(url))


def test_a_call_is_seen_in_flight_and_then_with_what_came_of_it(engine: str, tmp_path: Path) -> None:
    async def use(clock: Clocked) -> None:
        number = await begin_call(clock, "job-1", purpose="submit_review", asked=ASKED, prompt='{"system": "漢字"}')
        (flying,) = await open_calls(clock, "job-1")
        assert (flying.id, flying.is_open, flying.at, flying.provider) == (number, True, 1_000.0, "moonshot")
        ended = Ended(
            took_s=2.5, provider="other", model="m2", is_failover=True, answer='{"text": "a"}', input_tokens=10,
            cached_tokens=4, output_tokens=2, nanos=7, currency="USD",
        )  # fmt: skip
        await end_call(clock, number, ended)
        assert await open_calls(clock, "job-1") == []
        assert await calls_of(clock, "job-1") == [
            Call(
                id=number, review="job-1", at=1_000.0, took_s=2.5, purpose="submit_review", provider="other",
                model="m2", is_failover=True, error="", input_tokens=10, cached_tokens=4, output_tokens=2, nanos=7,
                currency="USD",
            )
        ]  # fmt: skip
        assert await said_in(clock, number) == ('{"system": "漢字"}', '{"text": "a"}')

    with_clock(engine, tmp_path, use)


def test_what_a_lost_process_asked_is_in_flight_no_more(engine: str, tmp_path: Path) -> None:
    async def use(clock: Clocked) -> None:
        numbers = [await begin_call(clock, name, purpose="", asked=ASKED, prompt="") for name in ("job-1", "job-2")]
        await give_up_calls(clock, "job-1")
        lost = await find_call(clock, numbers[0])
        assert lost is not None
        assert (lost.error, lost.is_open) == (LOST, False)
        assert [each.id for each in await open_calls(clock, "job-2")] == [numbers[1]]

    with_clock(engine, tmp_path, use)


def test_old_words_are_forgotten_before_the_figures_are(engine: str, tmp_path: Path) -> None:
    async def use(clock: Clocked) -> None:
        old = await begin_call(clock, "job-1", purpose="", asked=ASKED, prompt="{}")
        clock.at += 100
        new = await begin_call(clock, "job-1", purpose="", asked=ASKED, prompt="{}")
        assert await forget_prompts(clock, older_than_s=50) == 1
        assert (await said_in(clock, old), await said_in(clock, new)) == (("", ""), ("{}", ""))
        assert [each.id for each in await calls_of(clock, "job-1")] == [old, new]
        assert await forget_prompts(clock, older_than_s=50) == 0
        assert await prune_calls(clock, older_than_s=50) == 1
        assert [each.id for each in await calls_of(clock, "job-1")] == [new]

    with_clock(engine, tmp_path, use)


def test_events_come_in_their_order_and_after_the_last_one_that_was_seen(engine: str, tmp_path: Path) -> None:
    async def use(clock: Clocked) -> None:
        await add_events(clock, "job-1", [Happened(at=1.0, kind="step", told={"text": "a"})])
        await add_events(clock, "job-2", [Happened(at=1.0, kind="step", told={"text": "other"})])
        await add_events(clock, "job-1", [Happened(at=t, kind="step", told={"text": f"{t}"}) for t in (990.0, 3.0)])
        first, *rest = await events_of(clock, "job-1")
        assert [first.told["text"], *(each.told["text"] for each in rest)] == ["a", "990.0", "3.0"]
        assert await events_of(clock, "job-1", after=first.id) == rest
        assert await prune_events(clock, older_than_s=100) == 3
        assert [each.at for each in await events_of(clock, "job-1")] == [990.0]

    with_clock(engine, tmp_path, use)
