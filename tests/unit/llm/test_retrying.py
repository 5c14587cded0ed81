"""What is asked again, how often, and how long is waited; no test here really waits."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.endpoints import a_prompt
from tests.scripted_model import ScriptedModel, in_turn

from mesrai.domain.usage import Usage
from mesrai.errors import (
    AnswerCut,
    AnswerEmpty,
    AnswerRefused,
    ModelAuth,
    ModelError,
    ModelNotAdmitted,
    ModelOutOfCredit,
    ModelOverloaded,
    ModelQuota,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
    ModelUnknown,
    PromptRejected,
    PromptTooLong,
    StoreUnavailable,
)
from mesrai.llm.model import Answer, Prompt
from mesrai.llm.retrying import Retrying


class Clock:
    """A clock that only moves when someone sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


def retried(
    *said: Any,
    deadline_s: float = 600.0,
    chance: Callable[[], float] = lambda: 1.0,
    prompt: Prompt | None = None,
    **profile: Any,
) -> tuple[Answer | ModelError, ScriptedModel, Clock]:
    """What the question came to, when the model says these things one after the other."""
    clock, model = Clock(), ScriptedModel(in_turn(*said), **profile)
    retrying = Retrying(model, deadline_s=deadline_s, clock=clock, sleep=clock.sleep, chance=chance)
    try:
        return asyncio.run(retrying.ask(prompt or a_prompt())), model, clock
    except ModelError as error:
        return error, model, clock


def cut(*, reached_limit: bool = True) -> AnswerCut:
    error = AnswerCut(provider="scripted", model="m1")
    error.reached_limit = reached_limit
    return error


@pytest.mark.parametrize(
    ("kind", "tries"),
    [
        (ModelThrottled, 6),
        (ModelOverloaded, 6),
        (ModelUnavailable, 3),
        (ModelTimeout, 2),
        (AnswerEmpty, 2),
        (AnswerCut, 2),
        (ModelAuth, 1),
        (ModelOutOfCredit, 1),
        (ModelQuota, 1),
        (ModelUnknown, 1),
        (ModelNotAdmitted, 1),
        (PromptRejected, 1),
        (PromptTooLong, 1),
        (AnswerRefused, 1),
    ],
)
def test_each_failure_is_tried_as_often_as_it_may_pass(kind: type[ModelError], tries: int) -> None:
    error, model, clock = retried(*(kind() for _ in range(tries + 1)))
    assert type(error) is kind
    assert len(model.prompts) == error.calls == tries
    assert len(clock.sleeps) == tries - 1


def test_failed_tries_are_counted_in_the_answer() -> None:
    answer, _, _ = retried(ModelUnavailable(), ModelThrottled(), "done")
    assert isinstance(answer, Answer)
    assert answer.turn.text == "done"
    assert answer.usage == Usage(calls=3, input_tokens=100, output_tokens=10, cost=Decimal("0.001"), currency="USD")


def test_what_a_failed_try_cost_is_counted_in_the_answer() -> None:
    lost = AnswerEmpty()
    lost.usage = Usage(calls=1, input_tokens=50, output_tokens=5, cost=Decimal("0.002"), currency="USD")
    answer, _, _ = retried(lost, "done")
    assert isinstance(answer, Answer)
    assert answer.usage == Usage(calls=2, input_tokens=150, output_tokens=15, cost=Decimal("0.003"), currency="USD")


def test_kinds_are_counted_apart_but_six_tries_are_the_most() -> None:
    error, model, _ = retried(
        ModelUnavailable(), ModelThrottled(), ModelUnavailable(), AnswerEmpty(), ModelTimeout(), cut()
    )
    assert isinstance(error, AnswerCut)
    assert len(model.prompts) == error.calls == 6


def test_waits_double_up_to_a_bound_and_longer_for_an_overload() -> None:
    assert retried(*(ModelThrottled() for _ in range(6)))[2].sleeps == [1, 2, 4, 8, 16]
    assert retried(*(ModelOverloaded() for _ in range(6)))[2].sleeps == [2, 4, 8, 16, 32]


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=5, max_size=5))
def test_a_wait_is_anywhere_between_nothing_and_its_bound(chances: list[float]) -> None:
    _, _, clock = retried(*(ModelThrottled() for _ in range(6)), chance=iter(chances).__next__)
    assert clock.sleeps == [chance * 2**at for at, chance in enumerate(chances)]


def test_a_told_wait_is_kept_and_spread_a_little() -> None:
    _, _, clock = retried(ModelThrottled(retry_after_s=20), "done", chance=lambda: 0.5)
    assert clock.sleeps == [pytest.approx(21)]


@pytest.mark.parametrize(("seconds", "words"), [(90.0, "in 90 seconds"), (3_600.0, "in 60 minutes")])
def test_a_told_wait_past_the_deadline_is_not_waited_for(seconds: float, words: str) -> None:
    told = ModelThrottled("Slow down.", provider="p", model="m", status=429, request_id="r", retry_after_s=seconds)
    error, model, clock = retried(told, deadline_s=60)
    assert type(error) is ModelThrottled
    assert words in error.message
    assert (error.status, error.request_id, error.retry_after_s, error.calls) == (429, "r", seconds, 1)
    assert (len(model.prompts), clock.sleeps) == (1, [])


def test_a_wait_of_our_own_past_the_deadline_is_not_waited_for() -> None:
    error, model, clock = retried(*(ModelOverloaded() for _ in range(6)), deadline_s=10)
    assert isinstance(error, ModelOverloaded)
    assert clock.sleeps == [2, 4]
    assert error.calls == len(model.prompts) == 3


def test_an_answer_that_did_not_fit_is_asked_for_once_more_with_twice_the_room() -> None:
    answer, model, clock = retried(cut(), "done", prompt=a_prompt(max_output_tokens=8_000), max_output=10_000)
    assert isinstance(answer, Answer)
    assert [prompt.max_output_tokens for prompt in model.prompts] == [8_000, 10_000]
    assert clock.sleeps == []


def test_an_answer_that_fills_all_there_is_is_not_asked_for_again() -> None:
    error, model, _ = retried(cut(), "done", prompt=a_prompt(max_output_tokens=99_000), max_output=10_000)
    assert isinstance(error, AnswerCut)
    assert error.calls == len(model.prompts) == 1


def test_a_stream_that_was_cut_is_asked_for_again_with_the_same_room() -> None:
    _, model, clock = retried(cut(reached_limit=False), "done", prompt=a_prompt(max_output_tokens=8_000))
    assert [prompt.max_output_tokens for prompt in model.prompts] == [8_000, 8_000]
    assert clock.sleeps == [1]


def test_one_try_takes_no_longer_than_the_deadline() -> None:
    class Endless(ScriptedModel):
        async def ask(self, prompt: Prompt) -> Answer:
            await asyncio.sleep(60)
            return await super().ask(prompt)

    with pytest.raises(ModelTimeout, match=r"No answer within 0\.05 s, all tries together") as caught:
        asyncio.run(Retrying(Endless(in_turn("late")), deadline_s=0.05).ask(a_prompt()))
    assert (caught.value.provider, caught.value.calls) == ("scripted", 1)


def test_cancelling_is_not_taken_for_a_failure() -> None:
    async def run() -> int:
        model = ScriptedModel(in_turn(ModelThrottled(retry_after_s=30), "late"))
        task = asyncio.create_task(Retrying(model, deadline_s=60).ask(a_prompt()))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return len(model.prompts)

    assert asyncio.run(run()) == 1


def test_a_store_that_is_away_for_a_moment_is_waited_for() -> None:
    class Away(ScriptedModel):
        left = 0

        async def ask(self, prompt: Prompt) -> Answer:
            self.left -= 1
            if self.left >= 0:
                raise StoreUnavailable
            return await super().ask(prompt)

    clock, model = Clock(), Away(in_turn("fine"))
    retrying = Retrying(model, deadline_s=600, clock=clock, sleep=clock.sleep, chance=lambda: 1.0)
    model.left = 4
    assert asyncio.run(retrying.ask(a_prompt())).usage.calls == 1
    assert clock.sleeps == [1.0, 2.0, 4.0, 8.0]
    model.left = 5
    with pytest.raises(StoreUnavailable):
        asyncio.run(retrying.ask(a_prompt()))
