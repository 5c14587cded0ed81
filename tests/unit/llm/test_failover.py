"""Which model is asked next, which is left out, and what the user is told."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from tests.endpoints import a_prompt
from tests.scripted_model import ScriptedModel, an_answer

from mesrai.domain.outages import Outage
from mesrai.domain.permits import Limits
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
    StoreUnavailable,
)
from mesrai.llm.failover import Failover
from mesrai.llm.limited import InProcessPermits, Limited
from mesrai.llm.model import Answer, Model, Outages
from mesrai.llm.outages import InProcessOutages


def failing(error: ModelError, **profile: Any) -> ScriptedModel:
    """A model that always fails in this way."""
    error.provider, error.model = profile.get("provider", "main"), "m1"
    return ScriptedModel(lambda _: error, **{"provider": "main", **profile})


def answering(text: str = "fine", **profile: Any) -> ScriptedModel:
    return ScriptedModel(lambda _: an_answer(text), **{"provider": "spare", **profile})


def over(*models: Model, outages: Outages | None = None) -> Failover:
    """The models as one; their names are their places."""
    names = [str(place) for place in range(len(models))]
    return Failover(models, names=names, outages=outages or InProcessOutages())


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
    answer = ask(over(failing(kind("main/m1: It broke.")), answering()))
    assert answer.turn.text == "fine"
    assert answer.notices == ("scripted/m1 answered in place of main/m1: It broke.",)
    assert answer.usage.calls == 2


def test_the_main_models_answer_needs_no_notice() -> None:
    spare = answering()
    assert ask(over(answering("main"), spare)) == an_answer("main")
    assert spare.prompts == []


def test_a_prompt_that_is_too_long_goes_up_at_once() -> None:
    spare = answering()
    assert type(raised(over(failing(PromptTooLong()), spare))) is PromptTooLong
    assert spare.prompts == []


def test_a_prompt_too_long_for_the_fallback_goes_up_with_all_calls() -> None:
    error = raised(over(failing(ModelAuth()), failing(PromptTooLong())))
    assert type(error) is PromptTooLong
    assert error.calls == 2


@pytest.mark.parametrize("kind", LASTING)
def test_a_model_that_cannot_answer_in_this_review_is_not_asked_again(kind: type[ModelError]) -> None:
    main = failing(kind("main/m1: It broke."))
    failover = over(main, answering())
    first, second = ask(failover), ask(failover)
    assert len(main.prompts) == 1
    assert (first.usage.calls, second.usage.calls) == (2, 1)
    assert first.notices == second.notices


@pytest.mark.parametrize("kind", PASSING)
def test_a_model_in_trouble_rests_for_a_minute(kind: type[ModelError]) -> None:
    now = [0.0]
    main = failing(kind())
    failover = over(main, answering(), outages=InProcessOutages(clock=lambda: now[0]))
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
    failover = over(main, answering())
    ask(failover)
    ask(failover)
    assert len(main.prompts) == 2


def test_a_resting_model_is_asked_when_no_other_answers() -> None:
    said: list[Any] = [ModelOverloaded(provider="main", model="m1"), an_answer("recovered")]
    main = ScriptedModel(lambda _: said.pop(0), provider="main")
    spare_said: list[Any] = [an_answer("spare"), ModelUnavailable(provider="spare", model="m1")]
    failover = over(main, ScriptedModel(lambda _: spare_said.pop(0), provider="spare"))
    assert ask(failover).turn.text == "spare"
    answer = ask(failover)
    assert answer.turn.text == "recovered"
    assert answer.notices == ()


def test_when_every_model_failed_all_causes_are_told() -> None:
    failover = over(failing(ModelAuth("Bad key.")), failing(ModelOverloaded("Busy."), provider="spare"))
    error = raised(failover)
    assert isinstance(error, NoModelLeft)
    assert [type(cause) for cause in error.causes] == [ModelAuth, ModelOverloaded]
    assert error.message == "Every connected model failed: Bad key. / Busy."
    assert error.calls == 2
    assert raised(failover).calls == 1  # the bad key costs nothing more


def test_one_model_alone_fails_with_its_own_error_and_is_not_asked_again_in_vain() -> None:
    main = failing(ModelAuth("Bad key."))
    failover = over(main)
    assert [raised(failover).calls for _ in range(3)] == [1, 0, 0]
    assert type(raised(failover)) is ModelAuth
    assert len(main.prompts) == 1


def test_one_model_alone_never_rests() -> None:
    main = failing(ModelOverloaded())
    failover = over(main)
    for _ in range(3):
        assert type(raised(failover)) is ModelOverloaded
    assert len(main.prompts) == 3


def test_what_the_failed_model_cost_is_in_the_answers_usage() -> None:
    error = AnswerEmpty()
    error.usage = Usage(calls=1, input_tokens=7, cost=Decimal("0.01"), currency="CNY")
    error.calls = 2
    usage = ask(over(failing(error), answering())).usage
    assert (usage.calls, usage.input_tokens, usage.cost) == (3, 107, None)  # two currencies have no sum


def test_a_prompt_that_fits_the_profile_fits_every_model() -> None:
    main = answering(window=1_000_000, max_output=64_000, chars_per_token=4.0, provider="main")
    spare = answering(window=128_000, max_output=8_000, max_body=2_097_152, chars_per_token=3.0, has_tools=False)
    profile = over(main, spare).profile
    assert (profile.provider, profile.max_output) == ("main", 64_000)
    assert (profile.window, profile.max_body, profile.chars_per_token, profile.has_tools) == (
        128_000,
        2_097_152,
        3.0,
        False,
    )


NEXT_YEAR = "2027-01-15T08:00:00Z"
QUOTA = "main/m1: The plan's quota is used up."


class Shared(InProcessOutages):
    """What all askers know, on a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0 - 3_600.0  # an hour before NEXT_YEAR
        super().__init__(clock=lambda: self.now)


def quota(reset: str = "in 1 hour") -> ModelQuota:
    return ModelQuota(QUOTA, provider="main", model="m1", resets_at=reset)


def test_what_one_review_learned_spares_the_next_one_the_failure() -> None:
    outages = Shared()
    ask(over(failing(quota()), answering(), outages=outages))
    main = failing(quota())
    answer = ask(over(main, answering(), outages=outages))
    assert (len(main.prompts), answer.usage.calls) == (0, 1)
    assert answer.notices == (f"scripted/m1 answered in place of {QUOTA}",)


@pytest.mark.parametrize("reset", [NEXT_YEAR, "in 1 hour"])
def test_a_known_quota_fails_at_once_and_says_when_it_is_renewed(reset: str) -> None:
    outages = Shared()
    first = raised(over(failing(quota(reset)), outages=outages))
    main = failing(quota(reset))
    again = raised(over(main, outages=outages))
    assert first.until == again.until == 1_800_000_000.0
    assert (type(again), again.calls, main.prompts) == (ModelQuota, 0, [])
    outages.now = 1_800_000_001.0
    assert raised(over(main, outages=outages)).calls == 1


def test_when_all_are_out_the_first_one_back_says_when() -> None:
    error = raised(over(failing(quota()), failing(ModelAuth(), provider="spare"), outages=Shared()))
    assert isinstance(error, NoModelLeft)
    assert error.until == 1_800_000_000.0


def test_a_bad_key_does_not_come_back_by_itself() -> None:
    assert raised(over(failing(ModelAuth()))).until is None


def test_after_an_outage_one_tries_while_the_others_go_on_without() -> None:
    outages = Shared()

    async def run() -> tuple[list[Answer], int, int]:
        said: list[Any] = [quota(), an_answer("main again"), an_answer("main for all")]
        main = ScriptedModel(lambda _: said.pop(0), provider="main")
        gate = asyncio.Event()

        class Gated(ScriptedModel):
            async def ask(self, prompt: Any) -> Answer:
                self.prompts.append(prompt)
                await gate.wait()
                return await main.ask(prompt)

        probing = Gated(lambda _: "", provider="main")
        spare = answering()
        await over(main, spare, outages=outages).ask(a_prompt())
        outages.now += 3_601.0
        askers = [asyncio.create_task(over(probing, spare, outages=outages).ask(a_prompt())) for _ in range(5)]
        await asyncio.sleep(0.01)
        asked_meanwhile = len(probing.prompts)
        gate.set()
        answers = await asyncio.gather(*askers)
        last = await over(main, spare, outages=outages).ask(a_prompt())
        return [*answers, last], asked_meanwhile, len(spare.prompts)

    answers, asked_meanwhile, spared = asyncio.run(run())
    assert asked_meanwhile == 1
    assert spared == 1 + 4
    assert [answer.turn.text for answer in answers] == ["main again", *["fine"] * 4, "main for all"]
    assert {answer.notices for answer in answers[1:5]} == {(f"scripted/m1 answered in place of {QUOTA}",)}


def test_one_model_alone_is_asked_by_all_once_its_outage_is_over() -> None:
    outages = Shared()
    raised(over(failing(quota()), outages=outages))
    outages.now += 3_601.0
    main = answering("main")

    async def run() -> None:
        await outages.standing(["0"])
        assert await outages.may_probe("0")  # somebody else tries
        await over(main, outages=outages).ask(a_prompt())

    asyncio.run(run())
    assert len(main.prompts) == 1


class Overtaken(Shared):
    """Somebody else begins to try the model just after this asker looked."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    async def standing(self, names: Any) -> Any:
        found = await super().standing(names)
        self.looks += 1
        if self.looks == 2:  # the second asker's first look
            await self.may_probe("0")
        return found


def test_whoever_is_overtaken_by_a_probe_goes_on_without_or_asks_if_there_is_no_other() -> None:
    for others, expected in (([answering()], "fine"), ([failing(ModelAuth(), provider="spare")], "main")):
        outages = Overtaken()
        ask(over(failing(ModelOverloaded()), answering(), outages=outages))
        outages.now += 61.0
        assert ask(over(answering("main"), *others, outages=outages)).turn.text == expected


def test_a_probe_that_fails_makes_the_rest_longer() -> None:
    outages = Shared()
    main = failing(ModelOverloaded())
    asked = []
    for _ in range(4):
        ask(over(main, answering(), outages=outages))
        asked.append(len(main.prompts))
        outages.now += 61.0
    assert asked == [1, 2, 2, 3]  # after 60 s, then after 120 s


class Broken(InProcessOutages):
    """A store that went away after it was read."""

    async def note(self, name: str, error: ModelError) -> None:
        raise StoreUnavailable

    async def clear(self, name: str) -> None:
        raise StoreUnavailable


class Away(Broken):
    """A store that is away altogether."""

    async def standing(self, names: Sequence[str]) -> Mapping[str, Outage]:
        raise StoreUnavailable

    async def may_probe(self, name: str) -> bool:
        raise StoreUnavailable


def test_where_outages_cannot_be_read_the_models_are_asked_in_their_order() -> None:
    main, spare = failing(ModelAuth()), answering()
    assert ask(over(main, spare, outages=Away())).turn.text == "fine"
    assert len(main.prompts) == 1


def test_a_store_that_is_away_loses_no_answer() -> None:
    assert ask(over(failing(ModelAuth()), answering(), outages=Broken())).turn.text == "fine"


def test_each_model_has_a_name() -> None:
    with pytest.raises(ValueError, match="a name for each"):
        Failover([answering()], names=[], outages=InProcessOutages())


def test_no_model_at_all_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Failover([], names=[], outages=InProcessOutages())


def test_a_limit_of_our_own_is_no_outage_of_the_model() -> None:
    now, limits = time.time(), Limits(tokens_per_day=30_000)
    outages, permits = InProcessOutages(), InProcessPermits()
    main, spare = answering("main", provider="main"), answering("spare")

    def limited(limits: Limits) -> Failover:
        return over(Limited(main, permits, account="a", limits=limits), spare, outages=outages)

    async def scenario() -> list[str]:
        small, large = a_prompt(max_output_tokens=1_000), a_prompt(max_output_tokens=30_000)
        told = [(await limited(limits).ask(each)).turn.text for each in (small, large, small)]
        alone = over(Limited(main, permits, account="a", limits=limits), outages=outages)
        with pytest.raises(ModelQuota) as caught:
            await alone.ask(large)
        assert caught.value.until == pytest.approx(now + 86_400, abs=60)
        return [*told, (await limited(Limits(tokens_per_day=90_000)).ask(large)).turn.text]

    assert asyncio.run(scenario()) == ["main", "spare", "main", "main"]
