"""What every Model must keep, over all that there are."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from tests.endpoints import READ_FILE, SHAPE, a_prompt, an_endpoint
from tests.sandbox_server import Sandbox, running_sandbox

from mesrai.domain.permits import Limits
from mesrai.domain.secret import Secret
from mesrai.errors import ModelError, PromptTooLong
from mesrai.llm.dialect_anthropic import AnthropicMessages
from mesrai.llm.dialect_gemini import GeminiContent
from mesrai.llm.dialect_openai import OpenAIChat
from mesrai.llm.endpoint import Auth, Dialect
from mesrai.llm.failover import Failover
from mesrai.llm.limited import InProcessPermits, Limited
from mesrai.llm.model import Model, Profile, ToolCall, ToolTurn, UserTurn
from mesrai.llm.outages import InProcessOutages
from mesrai.llm.replay import Pair, ReplayModel
from mesrai.llm.retrying import Retrying
from mesrai.llm.transport import Session, open_session

ANSWER = '{"summary": "Fine.", "findings": []}'
CALL = {"name": "read_file", "arguments": {"path": "a.py"}}
TOO_LONG = "too long "


def answer(body: dict[str, Any]) -> str | dict[str, Any]:
    """Looks something up where it was asked to, and answers else."""
    text = json.dumps(body["messages"])
    return {"tool_calls": [CALL]} if "Look it up" in text and "x = 1" not in text else ANSWER


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(answer=answer, window=4_000) as running:
        yield running


def openai(sandbox: Sandbox, session: Session, key: str) -> Model:
    return OpenAIChat(an_endpoint(sandbox.openai, key=Secret(key)), session)


def anthropic(sandbox: Sandbox, session: Session, key: str) -> Model:
    return AnthropicMessages(an_endpoint(sandbox.root, dialect=Dialect.ANTHROPIC, key=Secret(key)), session)


def gemini(sandbox: Sandbox, session: Session, key: str) -> Model:
    endpoint = an_endpoint(
        sandbox.gemini,
        dialect=Dialect.GEMINI,
        auth=Auth.X_GOOG_API_KEY,
        key=Secret(key.replace("sk-sim-", "AIza-sim-")),
        profile={"provider": "gemini", "model": "gemini-3.1-pro-preview"},
    )
    return GeminiContent(endpoint, session)


def replaying(_: Sandbox, __: Session, key: str) -> Model:
    call = ToolCall(id="c1", name="read_file", arguments='{"path": "a.py"}')
    pairs = (
        Pair(contains=(TOO_LONG * 9,), error="PromptTooLong"),
        Pair(contains=("Look it up",), answers_before=0, tool_calls=(call,)),
        Pair(text=ANSWER),
    )
    failing = (Pair(error="ModelAuth"),)
    profile = Profile(provider="recorded", model="m1", window=4_000, max_output=1_000)
    return ReplayModel(failing if key != "sk-sim-ok" else pairs, profile)


def limited(sandbox: Sandbox, session: Session, key: str) -> Model:
    return Limited(openai(sandbox, session, key), InProcessPermits(), account="a", limits=Limits(concurrent=2))


def retrying(sandbox: Sandbox, session: Session, key: str) -> Model:
    return Retrying(limited(sandbox, session, key), deadline_s=5)


def failover(sandbox: Sandbox, session: Session, key: str) -> Model:
    models = [retrying(sandbox, session, "sk-sim-quota"), anthropic(sandbox, session, key)]
    return Failover(models, names=["main", "fallback"], outages=InProcessOutages())


MODELS = [openai, anthropic, gemini, replaying, limited, retrying, failover]
EVERY = pytest.mark.parametrize("made", MODELS, ids=[made.__name__ for made in MODELS])
Maker = Callable[[Sandbox, Session, str], Model]


@asynccontextmanager
async def opened(made: Maker, sandbox: Sandbox, key: str) -> AsyncIterator[Model]:
    async with open_session("1") as session:
        yield made(sandbox, session, key)


def with_model(made: Maker, sandbox: Sandbox, use: Callable[[Model], Awaitable[Any]], key: str = "sk-sim-ok") -> Any:
    async def run() -> Any:
        async with opened(made, sandbox, key) as model:
            return await use(model)

    return asyncio.run(run())


@EVERY
def test_an_answer_is_whole_and_says_where_it_is_from(made: Maker, sandbox: Sandbox) -> None:
    found = with_model(made, sandbox, lambda model: model.ask(a_prompt(shape=SHAPE)))
    assert found.turn.text == ANSWER
    assert found.turn.tool_calls == ()
    assert found.provider
    assert found.model
    assert found.usage.calls >= 1


@EVERY
def test_a_profile_is_known_before_anything_is_asked(made: Maker, sandbox: Sandbox) -> None:
    async def profile(model: Model) -> Profile:
        return model.profile

    found = with_model(made, sandbox, profile)
    assert found.provider
    assert found.window > 0
    assert found.max_output > 0


@EVERY
def test_a_conversation_goes_on_after_a_look_up(made: Maker, sandbox: Sandbox) -> None:
    async def converse(model: Model) -> tuple[Any, Any]:
        prompt = a_prompt("Look it up.", tools=(READ_FILE,))
        first = await model.ask(prompt)
        results = [ToolTurn(call_id=call.id, text="x = 1") for call in first.turn.tool_calls]
        return first, await model.ask(
            replace(prompt, turns=(*prompt.turns, first.turn, *results), may_call_tools=False)
        )

    first, second = with_model(made, sandbox, converse)
    (call,) = first.turn.tool_calls
    assert (call.name, json.loads(call.arguments)) == ("read_file", {"path": "a.py"})
    assert call.id
    assert second.turn.text == ANSWER


@EVERY
def test_an_answer_can_be_sent_back_to_be_repaired(made: Maker, sandbox: Sandbox) -> None:
    async def repair(model: Model) -> Any:
        prompt = a_prompt(shape=SHAPE)
        first = await model.ask(prompt)
        again = (*prompt.turns, first.turn, UserTurn(text="Once more."))
        return await model.ask(replace(prompt, turns=again, may_call_tools=False))

    assert with_model(made, sandbox, repair).turn.text == ANSWER


@EVERY
def test_a_failure_is_an_error_that_says_whose_it_is_and_what_it_cost(made: Maker, sandbox: Sandbox) -> None:
    with pytest.raises(ModelError) as caught:
        with_model(made, sandbox, lambda model: model.ask(a_prompt()), key="sk-sim-bad_key")
    causes = getattr(caught.value, "causes", (caught.value,))
    assert all(cause.provider and cause.model and cause.message for cause in causes)
    assert caught.value.calls >= 1


@EVERY
def test_a_prompt_that_is_too_long_is_told_as_such(made: Maker, sandbox: Sandbox) -> None:
    with pytest.raises(PromptTooLong):
        with_model(made, sandbox, lambda model: model.ask(a_prompt(TOO_LONG * 2_000)))


@EVERY
def test_many_may_ask_at_once(made: Maker, sandbox: Sandbox) -> None:
    async def crowd(model: Model) -> list[Any]:
        return await asyncio.gather(*(model.ask(a_prompt(str(number))) for number in range(12)))

    assert [each.turn.text for each in with_model(made, sandbox, crowd)] == [ANSWER] * 12


@EVERY
def test_a_cancelled_question_leaves_the_model_usable(made: Maker, sandbox: Sandbox) -> None:
    async def give_up_and_ask(model: Model) -> Any:
        given_up = [asyncio.create_task(ask(model)) for _ in range(4)]
        await asyncio.sleep(0.002)
        for task in given_up:
            task.cancel()
        await asyncio.gather(*given_up, return_exceptions=True)
        return await model.ask(a_prompt())

    assert with_model(made, sandbox, give_up_and_ask).turn.text == ANSWER


async def ask(model: Model) -> Any:
    return await model.ask(a_prompt())
