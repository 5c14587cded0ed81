"""Money around single requests: what is reserved, what is settled, and when nothing is asked."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from math import ceil
from typing import Any

import pytest
from tests.scripted_model import ScriptedModel, an_answer, in_turn

from mesrai.domain.budget import Asked, Paid
from mesrai.domain.usage import Usage
from mesrai.errors import AnswerCut, BudgetSpent, ModelAuth, ModelError, ModelThrottled, StoreUnavailable
from mesrai.llm.budgeted import Budgeted
from mesrai.llm.failover import Failover
from mesrai.llm.model import Price, Prompt, UserTurn
from mesrai.llm.outages import InProcessOutages
from mesrai.llm.purse import ReviewPurse
from mesrai.llm.retrying import Retrying
from mesrai.llm.sizing import prompt_tokens

PRICE = Price(input=Decimal(1), cached=Decimal("0.1"), output=Decimal(4), currency="USD", as_of="2026-09-29")
PROMPT = Prompt(system="s" * 3_500, turns=(UserTurn(text="u" * 3_500),), max_output_tokens=1_000)


class Kept:
    """A purse that allows everything and remembers it."""

    def __init__(self, *, reserving: Exception | None = None, settling: Exception | None = None) -> None:
        self.reserving, self.settling = reserving, settling
        self.asked: list[Asked] = []
        self.paid: list[Paid] = []
        self.notices: tuple[str, ...] = ()

    async def reserve(self, asked: Asked) -> int:
        if self.reserving:
            raise self.reserving
        self.asked.append(asked)
        return len(self.asked)

    async def settle(self, reservation: int, paid: Paid) -> None:
        if self.settling:
            raise self.settling
        self.paid.append(paid)

    def take_notices(self) -> tuple[str, ...]:
        taken, self.notices = self.notices, ()
        return taken


def a_model(*said: Any, price: Price | None = PRICE) -> ScriptedModel:
    return ScriptedModel(in_turn(*said), price=price)


def test_the_worst_case_is_the_whole_prompt_at_full_price_and_the_longest_answer() -> None:
    purse, model = Kept(), a_model("fine")
    asyncio.run(Budgeted(model, purse).ask(PROMPT))
    worst = (ceil(prompt_tokens(PROMPT, model.profile) * 1.25) * Decimal(1) + 1_000 * Decimal(4)) / 1_000_000
    assert purse.asked == [Asked(provider="scripted", model="m1", most=worst, currency="USD")]


def test_where_filling_the_cache_costs_more_than_reading_that_is_the_worst_case() -> None:
    purse, model = Kept(), a_model("fine", price=replace(PRICE, cache_write=Decimal("1.25")))
    asyncio.run(Budgeted(model, purse).ask(PROMPT))
    worst = (ceil(prompt_tokens(PROMPT, model.profile) * 1.25) * Decimal("1.25") + 1_000 * Decimal(4)) / 1_000_000
    assert [each.most for each in purse.asked] == [worst]


def test_what_an_answer_cost_is_settled() -> None:
    purse = Kept()
    asyncio.run(Budgeted(a_model("fine"), purse).ask(PROMPT))
    assert [(each.usage, each.is_failed) for each in purse.paid] == [(an_answer("fine").usage, False)]


def test_a_model_without_a_price_reserves_nothing_and_is_recorded() -> None:
    purse = Kept()
    asyncio.run(Budgeted(a_model("fine", price=None), purse).ask(PROMPT))
    assert [each.most for each in purse.asked] == [None]
    assert len(purse.paid) == 1


def test_a_refused_request_costs_nothing() -> None:
    purse = Kept()
    error = ModelAuth("no")
    error.usage = Usage()
    with pytest.raises(ModelAuth):
        asyncio.run(Budgeted(a_model(error), purse).ask(PROMPT))
    assert [(each.usage, each.is_failed) for each in purse.paid] == [(Usage(calls=1, currency="USD"), True)]


def test_a_failure_that_the_provider_counted_is_settled_with_its_cost() -> None:
    purse = Kept()
    error = AnswerCut("cut")
    error.usage = Usage(calls=1, input_tokens=10, output_tokens=10, cost=Decimal("0.5"), currency="USD")
    with pytest.raises(AnswerCut):
        asyncio.run(Budgeted(a_model(error), purse).ask(PROMPT))
    assert [each.usage for each in purse.paid] == [error.usage]


def test_of_an_answer_that_broke_off_uncounted_the_prompt_is_counted() -> None:
    purse, error = Kept(), AnswerCut("cut")
    error.usage = Usage(calls=1, cost=None)
    model = a_model(error)
    with pytest.raises(AnswerCut):
        asyncio.run(Budgeted(model, purse).ask(PROMPT))
    tokens = prompt_tokens(PROMPT, model.profile)
    assert [(each.usage.input_tokens, each.usage.cost) for each in purse.paid] == [
        (tokens, Decimal(tokens) / 1_000_000)
    ]


def test_a_request_that_is_stopped_counts_its_prompt() -> None:
    class Hanging(ScriptedModel):
        async def ask(self, prompt: Prompt) -> Any:
            await asyncio.sleep(60)

    purse = Kept()

    async def scenario() -> None:
        asking = asyncio.create_task(Budgeted(Hanging(in_turn(), price=PRICE), purse).ask(PROMPT))
        await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    asyncio.run(scenario())
    assert [(each.is_failed, bool(each.usage.cost)) for each in purse.paid] == [(True, True)]


def test_money_in_another_currency_than_the_price_is_counted_from_the_tokens() -> None:
    purse = Kept()
    answer = an_answer("fine")
    price = Price(input=Decimal(7), cached=Decimal(1), output=Decimal(28), currency="CNY", as_of="2026-09-29")
    asyncio.run(Budgeted(a_model(answer, price=price), purse).ask(PROMPT))
    assert [(each.usage.cost, each.usage.currency) for each in purse.paid] == [(Decimal("0.00098"), "CNY")]


def test_a_spent_budget_is_no_reason_to_ask_again_or_to_ask_another_model() -> None:
    model, other = a_model("never"), a_model("never")
    purse = ReviewPurse(Decimal("0.0001"), "USD")
    models = [Retrying(Budgeted(each, purse), deadline_s=5) for each in (model, other)]
    asked = Failover(models, names=["main", "other"], outages=InProcessOutages())
    with pytest.raises(BudgetSpent, match="budget of this review") as caught:
        asyncio.run(asked.ask(PROMPT))
    assert (model.prompts, other.prompts, caught.value.calls) == ([], [], 0)


def test_every_try_is_paid_for_by_itself() -> None:
    purse = Kept()
    slow = ModelThrottled("slow", retry_after_s=0.0)
    slow.usage = Usage()
    asyncio.run(Retrying(Budgeted(a_model(slow, "fine"), purse), deadline_s=5).ask(PROMPT))
    assert [(each.usage.calls, each.is_failed) for each in purse.paid] == [(1, True), (1, False)]


def test_nothing_is_asked_while_its_cost_cannot_be_recorded() -> None:
    model = a_model("never")
    purse = Kept(reserving=StoreUnavailable("The database is gone."))
    with pytest.raises(ModelError, match="cannot be recorded: The database is gone"):
        asyncio.run(Budgeted(model, purse).ask(PROMPT))
    assert model.prompts == []


def test_an_answer_is_kept_though_its_cost_cannot_be_recorded() -> None:
    purse = Kept(settling=StoreUnavailable("The database is gone."))
    answer = asyncio.run(Budgeted(a_model("fine"), purse).ask(PROMPT))
    assert (answer.turn.text, answer.notices) == (
        "fine",
        ("What a question cost could not be recorded: The database is gone.",),
    )


def test_warnings_of_the_purse_go_with_the_answer() -> None:
    purse = Kept()
    purse.notices = ("half is spent",)
    answer = asyncio.run(Budgeted(a_model("fine"), purse).ask(PROMPT))
    assert answer.notices == ("half is spent",)


class Slow(Kept):
    """A purse in which other reservations stand in the way for a while."""

    async def reserve(self, asked: Asked) -> int:
        await asyncio.sleep(0.1)
        return await super().reserve(asked)


def test_waiting_for_money_is_no_failure_of_the_model() -> None:
    asked = Retrying(Budgeted(a_model("fine"), Slow()), deadline_s=0.05)
    assert asyncio.run(asked.ask(PROMPT)).turn.text == "fine"
