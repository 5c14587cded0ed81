"""Permits: never more out than allowed, given in order, never lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.endpoints import a_prompt
from tests.scripted_model import ScriptedModel, an_answer, in_turn
from tests.virtual_time import run_virtually

from mesrai.domain.permits import Limits, Wanted
from mesrai.errors import ModelError, ModelOverloaded, ModelQuota, ModelThrottled, ModelUnavailable
from mesrai.llm.limited import InProcessPermits, Limited
from mesrai.llm.model import Answer, Permits, Prompt
from mesrai.llm.retrying import Retrying
from mesrai.llm.sizing import request_tokens


class Gauge(ScriptedModel):
    """Remembers how many questions were under way at once, and in which order they came."""

    def __init__(self) -> None:
        super().__init__(lambda _: an_answer("fine"))
        self.now = self.most = 0
        self.order: list[str] = []

    async def ask(self, prompt: Prompt) -> Answer:
        self.now += 1
        self.most = max(self.most, self.now)
        self.order.append(prompt.system)
        try:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return await super().ask(prompt)
        finally:
            self.now -= 1


def many(limited: Callable[[Gauge], Limited], count: int) -> Gauge:
    gauge = Gauge()

    async def run() -> None:
        model = limited(gauge)
        await asyncio.gather(*(model.ask(a_prompt(system=str(number))) for number in range(count)))

    asyncio.run(run())
    return gauge


def limited(model: Any, permits: Permits, **changes: Any) -> Limited:
    limits = Limits(**{"concurrent": 1, **changes.pop("limits", {})})
    return Limited(model, permits, account="a", limits=limits, **changes)


@pytest.mark.parametrize(("limit", "most"), [(1, 1), (3, 3), (None, 10), (0, 1)])
def test_no_more_than_the_limit_are_in_flight_and_in_the_order_asked(limit: int | None, most: int) -> None:
    gauge = many(lambda gauge: limited(gauge, InProcessPermits(), limits={"concurrent": limit}), 10)
    assert gauge.most == most
    assert gauge.order == [str(number) for number in range(10)]


def test_two_models_on_one_account_share_its_permits() -> None:
    async def run() -> int:
        gauge, permits = Gauge(), InProcessPermits()
        models = [limited(gauge, permits, limits={"concurrent": 2}) for _ in range(2)]
        await asyncio.gather(*(model.ask(a_prompt()) for model in models * 4))
        return gauge.most

    assert asyncio.run(run()) == 2


def test_a_permit_comes_back_after_a_failure() -> None:
    async def run() -> None:
        model = limited(ScriptedModel(lambda _: ModelOverloaded()), InProcessPermits())
        for _ in range(3):
            with pytest.raises(ModelOverloaded):
                await model.ask(a_prompt())

    asyncio.run(run())


class Told:
    """Permits that remember what they were told, and fail if they are to."""

    def __init__(self, error: ModelError | None = None) -> None:
        self.told: list[tuple[str, Wanted]] = []
        self.error = error

    @asynccontextmanager
    async def hold(self, wanted: Wanted) -> AsyncIterator[None]:
        if self.error is not None:
            raise self.error
        self.told.append(("taken", wanted))
        yield
        self.told.append(("given back", wanted))

    async def throttled(self, wanted: Wanted) -> None:
        self.told.append(("throttled", wanted))

    async def answered(self, wanted: Wanted) -> None:
        self.told.append(("answered", wanted))


def told(said: Any, permits: Told) -> list[str]:
    model = limited(ScriptedModel(lambda _: said), permits)
    try:
        asyncio.run(model.ask(a_prompt()))
    except ModelError:
        return [what for what, _ in permits.told]
    return [what for what, _ in permits.told]


def test_the_permits_are_told_of_answers_and_throttles_while_they_are_out_but_not_of_overloads() -> None:
    assert told("fine", Told()) == ["taken", "answered", "given back"]
    assert told(ModelThrottled(), Told())[:2] == ["taken", "throttled"]
    assert told(ModelOverloaded(), Told()) == ["taken"]


def test_what_is_wanted_names_account_review_limits_and_tokens() -> None:
    permits, prompt = Told(), a_prompt("x" * 700, max_output_tokens=1_000)
    model = limited(ScriptedModel(lambda _: "fine"), permits, review="r1")
    asyncio.run(model.ask(prompt))
    tokens = request_tokens(prompt, model.profile)
    assert 1_200 < tokens < 1_300
    assert permits.told[0][1] == Wanted(account="a", limits=Limits(concurrent=1), tokens=tokens, review="r1")


def test_an_error_of_the_permits_says_which_model_was_to_be_asked() -> None:
    with pytest.raises(ModelQuota, match="scripted/m1: Used up") as caught:
        asyncio.run(limited(ScriptedModel(lambda _: "fine"), Told(ModelQuota("Used up."))).ask(a_prompt()))
    assert (caught.value.provider, caught.value.model) == ("scripted", "m1")


class Slow(ScriptedModel):
    """Takes a while to answer."""

    def __init__(self, seconds: float, *said: Any) -> None:
        super().__init__(in_turn(*said))
        self.seconds = seconds

    async def ask(self, prompt: Prompt) -> Answer:
        await asyncio.sleep(self.seconds)
        return await super().ask(prompt)


def test_waiting_for_a_permit_does_not_count_against_the_deadline_of_a_question() -> None:
    async def run() -> list[Answer]:
        asked = limited(Slow(40, *["fine"] * 9), InProcessPermits())
        loop = asyncio.get_running_loop()
        model = Retrying(asked, deadline_s=60, clock=loop.time)
        return await asyncio.gather(*(model.ask(a_prompt()) for _ in range(9)))  # the last one waits 320 s

    assert len(run_virtually(run())) == 9


def test_the_deadline_goes_on_after_a_wait_for_a_permit() -> None:
    async def run() -> float:
        permits = InProcessPermits()
        loop = asyncio.get_running_loop()
        first = asyncio.create_task(limited(Slow(100, "fine"), permits).ask(a_prompt()))
        await asyncio.sleep(0)
        began = loop.time()
        with pytest.raises(ModelError, match="No answer within 60 s"):
            await Retrying(limited(Slow(70, "late"), permits), deadline_s=60, clock=loop.time).ask(a_prompt())
        await first
        return loop.time() - began

    assert run_virtually(run()) == pytest.approx(160, abs=1)


def test_tries_and_waits_between_permits_count_together() -> None:
    async def run() -> float:
        loop = asyncio.get_running_loop()
        asked = limited(Slow(25, ModelUnavailable(), ModelUnavailable(), "late"), InProcessPermits())
        with pytest.raises(ModelError, match="No answer within 60 s"):
            await Retrying(asked, deadline_s=60, clock=loop.time, chance=lambda: 0.0).ask(a_prompt())
        return loop.time()

    run_virtually(run())


def holding(permits: InProcessPermits, limit: int, review: str = "", **limits: int) -> Any:
    return permits.hold(Wanted(account="a", limits=Limits(concurrent=limit, **limits), review=review))


def test_a_minute_later_the_next_requests_go() -> None:
    async def run() -> list[float]:
        permits, loop = InProcessPermits(), asyncio.get_running_loop()
        began, times = loop.time(), []

        async def hold() -> None:
            async with holding(permits, 2, requests_per_minute=3):
                times.append(loop.time() - began)

        await asyncio.gather(*(hold() for _ in range(7)))
        return times

    times = run_virtually(run())
    assert [round(each) for each in times] == [0, 0, 0, 61, 61, 61, 122]


def test_a_lowered_cap_comes_back_in_quiet_times() -> None:
    async def run() -> list[int]:
        permits = InProcessPermits()
        what = Wanted(account="a", limits=Limits(concurrent=8))
        caps = []

        async def cap() -> int:
            held = 0

            async def hold() -> None:
                nonlocal held
                async with permits.hold(what):
                    held += 1
                    await asyncio.sleep(1)

            tasks = [asyncio.create_task(hold()) for _ in range(8)]
            await asyncio.sleep(0.5)
            at_once = held
            await asyncio.gather(*tasks)
            return at_once

        for _ in range(2):
            await permits.throttled(what)
            await asyncio.sleep(6)
        caps.append(await cap())
        for _ in range(2):
            await asyncio.sleep(31)
            await permits.answered(what)
            caps.append(await cap())
        return caps

    assert run_virtually(run()) == [2, 4, 8]


class Holder:
    """One who holds a permit, or waits for it, until told to let go."""

    def __init__(self, permits: InProcessPermits, limit: int) -> None:
        self.has_it = False
        self.end = asyncio.Event()
        self.task = asyncio.create_task(self._hold(permits, limit))

    async def _hold(self, permits: InProcessPermits, limit: int) -> None:
        async with holding(permits, limit):
            self.has_it = True
            await self.end.wait()


async def ticks(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_a_permit_that_comes_together_with_a_cancellation_is_not_lost() -> None:
    async def run() -> bool:
        permits = InProcessPermits()
        first, second = Holder(permits, 1), Holder(permits, 1)
        await ticks()
        first.end.set()
        await ticks(1)  # the first gives it back, and the second has it but does not know yet
        second.task.cancel()
        await ticks()
        assert second.task.cancelled()
        assert not second.has_it
        third = Holder(permits, 1)
        await ticks()
        third.end.set()
        return third.has_it

    assert asyncio.run(run())


def test_nobody_overtakes_one_who_waits() -> None:
    async def run() -> list[bool]:
        permits = InProcessPermits()
        holders = [Holder(permits, 1), Holder(permits, 1)]
        await ticks()
        holders.append(Holder(permits, 2))  # there is room for this one, but its turn has not come
        await ticks()
        has_it = [holder.has_it for holder in holders]
        for holder in holders:
            holder.end.set()
        return has_it

    assert asyncio.run(run()) == [True, False, False]


def test_one_who_gives_up_waiting_lets_the_next_through() -> None:
    async def run() -> bool:
        permits = InProcessPermits()
        first, second = Holder(permits, 1), Holder(permits, 1)
        await ticks()
        third = Holder(permits, 2)
        await ticks()
        second.task.cancel()
        await ticks()
        has_it = third.has_it
        for holder in (first, third):
            holder.end.set()
        return has_it

    assert asyncio.run(run())


async def soon(check: Callable[[], bool]) -> bool:
    for _ in range(50):
        if check():
            return True
        await asyncio.sleep(0)
    return False


@settings(max_examples=60, deadline=None)
@given(
    limit=st.integers(1, 3),
    acts=st.lists(st.tuples(st.sampled_from(["start", "end", "cancel", "tick"]), st.integers(0, 9)), max_size=40),
)
def test_permits_are_never_exceeded_nor_lost(limit: int, acts: list[tuple[str, int]]) -> None:
    async def run() -> None:
        permits, held = InProcessPermits(), 0
        tasks: list[asyncio.Task[None]] = []
        ends: list[asyncio.Event] = []

        async def hold(end: asyncio.Event, review: str) -> None:
            nonlocal held
            async with holding(permits, limit, review):
                held += 1
                assert held <= limit
                try:
                    await end.wait()
                finally:
                    held -= 1

        for act, number in acts:
            if act == "start":
                ends.append(asyncio.Event())
                tasks.append(asyncio.create_task(hold(ends[-1], "abc"[number % 3])))
            elif act == "tick" or number >= len(tasks):
                await asyncio.sleep(0)
            elif act == "end":
                ends[number].set()
            else:
                tasks[number].cancel()
        for end in ends:
            end.set()
        done: list[Any] = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(each is None or isinstance(each, asyncio.CancelledError) for each in done)
        await all_at_once(permits, limit)

    asyncio.run(run())


async def all_at_once(permits: InProcessPermits, limit: int) -> None:
    """Every permit can be had, and not one more."""
    taken = [holding(permits, limit) for _ in range(limit)]
    for each in taken:
        await asyncio.wait_for(each.__aenter__(), 1)
    one_more: Awaitable[None] = holding(permits, limit).__aenter__()
    waiting = asyncio.ensure_future(one_more)
    assert not await soon(waiting.done)
    await taken[0].__aexit__(None, None, None)
    assert await soon(waiting.done)
