"""Permits: never more out than allowed, given in order, never lost."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.endpoints import a_prompt
from tests.scripted_model import ScriptedModel, an_answer

from mesrai.errors import ModelOverloaded
from mesrai.llm.limited import InProcessPermits, Limited
from mesrai.llm.model import Answer, Prompt


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


@pytest.mark.parametrize(("limit", "most"), [(1, 1), (3, 3), (None, 10), (0, 1)])
def test_no_more_than_the_limit_are_in_flight_and_in_the_order_asked(limit: int | None, most: int) -> None:
    gauge = many(lambda gauge: Limited(gauge, InProcessPermits(), account="a", limit=limit), 10)
    assert gauge.most == most
    assert gauge.order == [str(number) for number in range(10)]


def test_two_models_on_one_account_share_its_permits() -> None:
    async def run() -> int:
        gauge, permits = Gauge(), InProcessPermits()
        models = [Limited(gauge, permits, account="a", limit=2) for _ in range(2)]
        await asyncio.gather(*(model.ask(a_prompt()) for model in models * 4))
        return gauge.most

    assert asyncio.run(run()) == 2


def test_accounts_do_not_wait_for_one_another() -> None:
    async def run() -> int:
        gauge, permits = Gauge(), InProcessPermits()
        models = [Limited(gauge, permits, account=account, limit=1) for account in "ab"]
        await asyncio.gather(*(model.ask(a_prompt()) for model in models * 4))
        return gauge.most

    assert asyncio.run(run()) == 2


def test_a_permit_comes_back_after_a_failure() -> None:
    async def run() -> None:
        permits = InProcessPermits()
        model = Limited(ScriptedModel(lambda _: ModelOverloaded()), permits, account="a", limit=1)
        for _ in range(3):
            with pytest.raises(ModelOverloaded):
                await model.ask(a_prompt())

    asyncio.run(run())


class Holder:
    """One who holds a permit, or waits for it, until told to let go."""

    def __init__(self, permits: InProcessPermits, limit: int) -> None:
        self.has_it = False
        self.end = asyncio.Event()
        self.task = asyncio.create_task(self._hold(permits, limit))

    async def _hold(self, permits: InProcessPermits, limit: int) -> None:
        async with permits.hold("a", limit):
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

        async def hold(end: asyncio.Event) -> None:
            nonlocal held
            async with permits.hold("a", limit):
                held += 1
                assert held <= limit
                try:
                    await end.wait()
                finally:
                    held -= 1

        for act, number in acts:
            if act == "start":
                ends.append(asyncio.Event())
                tasks.append(asyncio.create_task(hold(ends[-1])))
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
    taken = [permits.hold("a", limit) for _ in range(limit)]
    for each in taken:
        await asyncio.wait_for(each.__aenter__(), 1)
    one_more: Awaitable[None] = permits.hold("a", limit).__aenter__()
    waiting = asyncio.ensure_future(one_more)
    assert not await soon(waiting.done)
    await taken[0].__aexit__(None, None, None)
    assert await soon(waiting.done)
