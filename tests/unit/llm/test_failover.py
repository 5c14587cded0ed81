"""Which model is asked next, which is left out, and what the user is told."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from tests.endpoints import a_prompt
from tests.scripted_model import ScriptedModel, an_answer

from mesrai.domain.usage import Usage
from mesrai.errors import (
    AnswerCut,
    AnswerEmpty,
    AnswerRefused,
    AnswerUnreadable,
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
    NoModelLeft,
    PromptRejected,
    PromptTooLong,
)
from mesrai.llm.failover import Failover
from mesrai.llm.model import Answer


def failing(error: ModelError, **profile: Any) -> ScriptedModel:
    """A model that always fails in this way."""
    error.provider, error.model = profile.get("provider", "main"), "m1"
    return ScriptedModel(lambda _: error, **{"provider": "main", **profile})


def answering(text: str = "fine", **profile: Any) -> ScriptedModel:
    return ScriptedModel(lambda _: an_answer(text), **{"provider": "spare", **profile})


def ask(failover: Failover) -> Answer:
    return asyncio.run(failover.ask(a_prompt()))


def raised(failover: Failover) -> ModelError:
    with pytest.raises(ModelError) as caught:
        ask(failover)
    return caught.value


LASTING = [ModelAuth, ModelOutOfCredit, ModelQuota, ModelNotAdmitted, ModelUnknown]
PASSING = [ModelThrottled, ModelOverloaded, ModelUnavailable, ModelTimeout]
OF_THE_PROMPT = [PromptRejected, AnswerRefused, AnswerUnreadable, AnswerEmpty, AnswerCut]


@pytest.mark.parametrize("kind", [*LASTING, *PASSING, *OF_THE_PROMPT])
def test_the_next_model_answers_and_the_user_is_told_why(kind: type[ModelError]) -> None:
    answer = ask(Failover([failing(kind("main/m1: It broke.")), answering()]))
    assert answer.turn.text == "fine"
    assert answer.notices == ("scripted/m1 answered in place of main/m1: It broke.",)
    assert answer.usage.calls == 2


def test_the_main_models_answer_needs_no_notice() -> None:
    spare = answering()
    assert ask(Failover([answering("main"), spare])) == an_answer("main")
    assert spare.prompts == []


def test_a_prompt_that_is_too_long_goes_up_at_once() -> None:
    spare = answering()
    assert type(raised(Failover([failing(PromptTooLong()), spare]))) is PromptTooLong
    assert spare.prompts == []


def test_a_prompt_too_long_for_the_fallback_goes_up_with_all_calls() -> None:
    error = raised(Failover([failing(ModelAuth()), failing(PromptTooLong())]))
    assert type(error) is PromptTooLong
    assert error.calls == 2


@pytest.mark.parametrize("kind", LASTING)
def test_a_model_that_cannot_answer_in_this_review_is_not_asked_again(kind: type[ModelError]) -> None:
    main = failing(kind("main/m1: It broke."))
    failover = Failover([main, answering()])
    first, second = ask(failover), ask(failover)
    assert len(main.prompts) == 1
    assert (first.usage.calls, second.usage.calls) == (2, 1)
    assert first.notices == second.notices


@pytest.mark.parametrize("kind", PASSING)
def test_a_model_in_trouble_rests_for_a_minute(kind: type[ModelError]) -> None:
    now = [0.0]
    main = failing(kind())
    failover = Failover([main, answering()], clock=lambda: now[0])
    ask(failover)
    now[0] = 59.0
    assert ask(failover).notices != ()
    assert len(main.prompts) == 1
    now[0] = 61.0
    ask(failover)
    assert len(main.prompts) == 2


@pytest.mark.parametrize("kind", OF_THE_PROMPT)
def test_a_fault_of_one_prompt_keeps_no_model_from_the_next(kind: type[ModelError]) -> None:
    main = failing(kind())
    failover = Failover([main, answering()])
    ask(failover)
    ask(failover)
    assert len(main.prompts) == 2


def test_a_resting_model_is_asked_when_no_other_answers() -> None:
    said: list[Any] = [ModelOverloaded(provider="main", model="m1"), an_answer("recovered")]
    main = ScriptedModel(lambda _: said.pop(0), provider="main")
    spare_said: list[Any] = [an_answer("spare"), ModelUnavailable(provider="spare", model="m1")]
    failover = Failover([main, ScriptedModel(lambda _: spare_said.pop(0), provider="spare")])
    assert ask(failover).turn.text == "spare"
    answer = ask(failover)
    assert answer.turn.text == "recovered"
    assert answer.notices == ()


def test_when_every_model_failed_all_causes_are_told() -> None:
    failover = Failover([failing(ModelAuth("Bad key.")), failing(ModelOverloaded("Busy."), provider="spare")])
    error = raised(failover)
    assert isinstance(error, NoModelLeft)
    assert [type(cause) for cause in error.causes] == [ModelAuth, ModelOverloaded]
    assert error.message == "Every connected model failed: Bad key. / Busy."
    assert error.calls == 2
    assert raised(failover).calls == 1  # the bad key costs nothing more


def test_one_model_alone_fails_with_its_own_error_and_is_not_asked_again_in_vain() -> None:
    main = failing(ModelAuth("Bad key."))
    failover = Failover([main])
    assert [raised(failover).calls for _ in range(3)] == [1, 0, 0]
    assert type(raised(failover)) is ModelAuth
    assert len(main.prompts) == 1


def test_one_model_alone_never_rests() -> None:
    main = failing(ModelOverloaded())
    failover = Failover([main])
    for _ in range(3):
        assert type(raised(failover)) is ModelOverloaded
    assert len(main.prompts) == 3


def test_what_the_failed_model_cost_is_in_the_answers_usage() -> None:
    error = AnswerEmpty()
    error.usage = Usage(calls=1, input_tokens=7, cost=Decimal("0.01"), currency="CNY")
    error.calls = 2
    usage = ask(Failover([failing(error), answering()])).usage
    assert (usage.calls, usage.input_tokens, usage.cost) == (3, 107, None)  # two currencies have no sum


def test_a_prompt_that_fits_the_profile_fits_every_model() -> None:
    main = answering(window=1_000_000, max_output=64_000, chars_per_token=4.0, provider="main")
    spare = answering(window=128_000, max_output=8_000, max_body=2_097_152, chars_per_token=3.0, has_tools=False)
    profile = Failover([main, spare]).profile
    assert (profile.provider, profile.max_output) == ("main", 64_000)
    assert (profile.window, profile.max_body, profile.chars_per_token, profile.has_tools) == (
        128_000,
        2_097_152,
        3.0,
        False,
    )


def test_no_model_at_all_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Failover([])
