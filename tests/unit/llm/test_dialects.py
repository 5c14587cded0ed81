"""All dialects against the stand-in provider: conversations it accepts, and failures told apart."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from tests.endpoints import (
    AMPLE,
    READ_FILE,
    SHAPE,
    SHORT,
    a_prompt,
    an_endpoint,
    answering,
    http_response,
    tool_profile,
)
from tests.sandbox_server import Sandbox, running_sandbox

from mesrai.domain.connection import Thinking
from mesrai.domain.secret import Secret
from mesrai.errors import (
    AnswerCut,
    AnswerEmpty,
    AnswerRefused,
    ModelAuth,
    ModelError,
    ModelNotAdmitted,
    ModelOverloaded,
    ModelQuota,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
    ModelUnknown,
    PromptRejected,
    PromptTooLong,
)
from mesrai.llm.dialect_anthropic import AnthropicMessages
from mesrai.llm.dialect_gemini import GeminiContent
from mesrai.llm.dialect_openai import OpenAIChat
from mesrai.llm.endpoint import Auth, Dialect, Endpoint
from mesrai.llm.gemini_request import PARTS
from mesrai.llm.model import Answer, Model, Prompt, ToolTurn, UserTurn
from mesrai.llm.transport import Session, open_session

KIMI = {
    Thinking.MEDIUM: {"thinking": {"type": "enabled"}},
    Thinking.OFF: {"thinking": {"type": "disabled"}},
}
GEMINI = {
    Thinking.MEDIUM: {"generationConfig": {"thinkingConfig": {"thinkingBudget": 6_144, "includeThoughts": True}}},
    Thinking.OFF: {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}},
}


def look_then_answer(body: dict[str, Any]) -> str | dict[str, Any]:
    """Looks something up first, then answers with what it was told; by the submit tool if there is one."""
    last = body["messages"][-1]
    names = [tool["function"]["name"] for tool in body.get("tools", ())]
    has_looked = len(body["messages"]) > 2 or "Looked up earlier" in str(last["content"])
    if "read_file" in names and not has_looked:
        return {"tool_calls": [{"name": "read_file", "arguments": {"path": "a.py"}}], "reasoning": "Look first."}
    answer = {"summary": str(last["content"])[:80], "findings": []}
    if "submit_review" in names and body.get("tool_choice") != "none":
        return {"tool_calls": [{"name": "submit_review", "arguments": answer}], "reasoning": ""}
    return json.dumps(answer)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(answer=look_then_answer) as running:
        yield running


@pytest.fixture(autouse=True)
def _clear(sandbox: Sandbox) -> None:
    sandbox.stage.clear()


EVERY = pytest.mark.parametrize("dialect", list(Dialect))
BOTH = pytest.mark.parametrize("dialect", [Dialect.OPENAI, Dialect.ANTHROPIC])  # Moonshot's two surfaces


def endpoint_at(sandbox: Sandbox, dialect: Dialect, **changes: Any) -> Endpoint:
    if dialect is Dialect.GEMINI:
        return gemini_at(sandbox, **changes)
    base_url = sandbox.openai if dialect is Dialect.OPENAI else sandbox.root
    traits = {"thinking": KIMI, **changes.pop("traits", {})}
    return an_endpoint(base_url, dialect=dialect, traits=traits, **changes)


def gemini_at(sandbox: Sandbox, **changes: Any) -> Endpoint:
    """The same key and levels as at the other faces, in Google's words."""
    key = changes.pop("key", Secret("sk-sim-ok"))
    own = {"provider": "gemini", "model": "gemini-2.5-flash"} | changes.pop("profile", {})
    return an_endpoint(
        sandbox.gemini,
        dialect=Dialect.GEMINI,
        auth=changes.pop("auth", Auth.X_GOOG_API_KEY),
        key=Secret(key.open().replace("sk-sim-", "AIza-sim-")),
        profile=own,
        traits={"thinking": GEMINI, **changes.pop("traits", {})},
        **changes,
    )


def model_at(endpoint: Endpoint, session: Session) -> Model:
    made: dict[Dialect, Callable[[Endpoint, Session], Model]] = {
        Dialect.OPENAI: OpenAIChat,
        Dialect.ANTHROPIC: AnthropicMessages,
        Dialect.GEMINI: GeminiContent,
    }
    return made[endpoint.dialect](endpoint, session)


def ask(endpoint: Endpoint, *prompts: Prompt) -> list[Answer]:
    """The answers to the prompts, asked one after the other of one model."""

    async def run() -> list[Answer]:
        async with open_session("1.2.3") as session:
            model = model_at(endpoint, session)
            return [await model.ask(prompt) for prompt in prompts]

    return asyncio.run(run())


def failed(endpoint: Endpoint, prompt: Prompt | None = None) -> ModelError:
    with pytest.raises(ModelError) as caught:
        ask(endpoint, prompt or a_prompt())
    return caught.value


def grown(prompt: Prompt, *turns: Any, **changes: Any) -> Prompt:
    return replace(prompt, turns=(*prompt.turns, *turns), **changes)


@EVERY
def test_an_answer_says_who_gave_it_and_what_it_cost(sandbox: Sandbox, dialect: Dialect) -> None:
    endpoint = endpoint_at(sandbox, dialect)
    (answer,) = ask(endpoint, a_prompt("Hello."))
    assert json.loads(answer.turn.text) == {"summary": "Hello.", "findings": []}
    assert (answer.provider, answer.model) == (endpoint.profile.provider, endpoint.profile.model)
    assert answer.usage.calls == 1
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0
    assert answer.usage.cost is None
    assert answer.request_id == ("" if dialect is Dialect.GEMINI else "sim-1")  # Google gives none in its headers
    assert answer.took_s > 0
    assert answer.notices == ()


@EVERY
def test_a_second_question_of_a_review_hits_the_cache(sandbox: Sandbox, dialect: Dialect) -> None:
    prompt = a_prompt("word " * 1_000)
    first, second = ask(endpoint_at(sandbox, dialect), prompt, grown(prompt, UserTurn(text="More.")))
    assert first.usage.cached_tokens == 0
    assert second.usage.input_tokens > second.usage.cached_tokens > 1_000


@EVERY
@pytest.mark.parametrize("thinking", [Thinking.MEDIUM, Thinking.OFF])
def test_a_conversation_with_look_ups_is_accepted_to_its_end(
    sandbox: Sandbox, dialect: Dialect, thinking: Thinking
) -> None:
    endpoint = endpoint_at(sandbox, dialect)
    prompt = a_prompt(tools=(READ_FILE,), shape=SHAPE, thinking=thinking)
    (first,) = ask(endpoint, prompt)
    (call,) = first.turn.tool_calls
    assert (call.name, json.loads(call.arguments)) == ("read_file", {"path": "a.py"})
    result = ToolTurn(call_id=call.id, text="x = 1")
    (second,) = ask(endpoint, grown(prompt, first.turn, result, may_call_tools=False))
    assert json.loads(second.turn.text)["summary"] == "x = 1"
    assert second.turn.tool_calls == ()


@EVERY
@pytest.mark.parametrize("thinking", [Thinking.MEDIUM, Thinking.OFF])
def test_an_answer_handed_in_by_a_call_is_text_and_can_be_repaired(
    sandbox: Sandbox, dialect: Dialect, thinking: Thinking
) -> None:
    endpoint = endpoint_at(sandbox, dialect, profile=tool_profile(), traits={"can_force_tool": True})
    prompt = a_prompt(shape=SHAPE, thinking=thinking)
    (first,) = ask(endpoint, prompt)
    assert json.loads(first.turn.text)["summary"] == "Review this."
    assert first.turn.tool_calls == ()
    (repaired,) = ask(endpoint, grown(prompt, first.turn, UserTurn(text="Once more.")))
    assert json.loads(repaired.turn.text)["summary"] == "Once more."
    assert [call.status for call in sandbox.calls] == [200, 200]


@BOTH
@pytest.mark.parametrize("fault", ["bad_tool_arguments", None])
def test_even_malformed_calls_leave_the_conversation_valid(
    sandbox: Sandbox, dialect: Dialect, fault: str | None
) -> None:
    endpoint = endpoint_at(sandbox, dialect, profile=tool_profile())
    prompt = a_prompt(tools=(READ_FILE,), shape=SHAPE)
    sandbox.stage.script([fault, fault])
    (first,) = ask(endpoint, prompt)
    results = [ToolTurn(call_id=call.id, text="Not JSON.") for call in first.turn.tool_calls]
    longer = grown(prompt, first.turn, *results)
    (second,) = ask(endpoint, longer)
    assert second.turn.tool_calls == ()
    (third,) = ask(endpoint, grown(longer, second.turn, UserTurn(text="Once more.")))
    assert json.loads(third.turn.text)["summary"] == "Once more."
    assert [call.status for call in sandbox.calls] == [200, 200, 200]


@pytest.mark.parametrize(("first", "second"), list(permutations(Dialect, 2)))
def test_a_conversation_can_go_on_with_another_model(sandbox: Sandbox, first: Dialect, second: Dialect) -> None:
    prompt = a_prompt(tools=(READ_FILE,))
    (start,) = ask(endpoint_at(sandbox, first), prompt)
    result = ToolTurn(call_id=start.turn.tool_calls[0].id, text="x = 1")
    (end,) = ask(endpoint_at(sandbox, second), grown(prompt, start.turn, result))
    assert "x = 1" in json.loads(end.turn.text)["summary"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda part: {"functionCall": part["functionCall"]}, "missing a thought_signature"),
        (lambda part: {**part, "thoughtSignature": "bm90IG91cnM="}, "signature is not valid"),
    ],
    ids=["missing", "another"],
)
def test_a_signature_that_is_not_sent_back_is_refused_by_the_stand_in(
    sandbox: Sandbox, spoil: Callable[[dict[str, Any]], dict[str, Any]], words: str
) -> None:
    endpoint = endpoint_at(
        sandbox, Dialect.GEMINI, profile={"model": "gemini-3.1-pro-preview"}, traits={"thinking": {}}
    )
    prompt = a_prompt(tools=(READ_FILE,))
    (start,) = ask(endpoint, prompt)
    result = ToolTurn(call_id=start.turn.tool_calls[0].id, text="x = 1")
    parts = [spoil(part) if "functionCall" in part else part for part in start.turn.replay[PARTS]]
    spoiled = replace(start.turn, replay={**start.turn.replay, PARTS: parts})
    error = failed(endpoint, grown(prompt, spoiled, result))
    assert type(error) is PromptRejected
    assert words in error.message
    (answer,) = ask(endpoint, grown(prompt, start.turn, result))
    assert json.loads(answer.turn.text)["summary"] == "x = 1"


def test_a_level_that_gemini_refuses_is_left_out_with_a_notice(sandbox: Sandbox) -> None:
    levels = {Thinking.MEDIUM: {"generationConfig": {"thinkingConfig": {"thinkingLevel": "minimal"}}}}
    profile = {"model": "gemini-3.1-pro-preview"}
    (answer,) = ask(endpoint_at(sandbox, Dialect.GEMINI, profile=profile, traits={"thinking": levels}), a_prompt())
    notice = "gemini does not take `generationConfig.thinkingConfig` for gemini-3.1-pro-preview, so it is left out."
    assert answer.notices == (notice,)
    assert [call.status for call in sandbox.calls] == [400, 200]


def test_an_older_gemini_that_takes_no_schema_beside_tools_is_asked_without(sandbox: Sandbox) -> None:
    endpoint = endpoint_at(sandbox, Dialect.GEMINI)
    (first,) = ask(endpoint, a_prompt(tools=(READ_FILE,), shape=SHAPE))
    assert first.turn.tool_calls
    assert [call.status for call in sandbox.calls] == [400, 400, 200]
    assert "responseJsonSchema" not in sandbox.calls[-1].body["generationConfig"]


@pytest.mark.parametrize(
    ("key", "kind", "wait"),
    [
        ("AIza-sim-minute", ModelThrottled, 1.0),
        ("AIza-sim-day", ModelQuota, 39_600.0),
        ("AIza-nobody", ModelAuth, None),
    ],
)
def test_what_gemini_says_of_a_key_is_told_apart(
    sandbox: Sandbox, key: str, kind: type[ModelError], wait: float | None
) -> None:
    error = failed(endpoint_at(sandbox, Dialect.GEMINI, key=Secret(key)))
    assert type(error) is kind
    assert error.retry_after_s == wait


def test_reasoning_that_is_not_sent_back_is_refused_by_the_stand_in(sandbox: Sandbox) -> None:
    endpoint = endpoint_at(sandbox, Dialect.OPENAI, traits={"reasoning_field": ""})
    prompt = a_prompt(tools=(READ_FILE,))
    (start,) = ask(endpoint, prompt)
    error = failed(endpoint, grown(prompt, start.turn, ToolTurn(call_id=start.turn.tool_calls[0].id, text="x")))
    assert isinstance(error, PromptRejected)
    assert "reasoning_content is missing" in error.message
    assert error.calls == 1


FAILURES: list[tuple[str, type[ModelError]]] = [
    ("empty", AnswerEmpty),
    ("empty_answer", AnswerEmpty),
    ("length_reasoning", AnswerCut),
    ("length", AnswerCut),
    ("cut_stream", AnswerCut),
    ("broken_connection", AnswerCut),
    ("garbage_event", AnswerCut),
    ("stall", ModelTimeout),
    ("comments_only", ModelTimeout),
    ("no_answer", ModelTimeout),
    ("refused", AnswerRefused),
    ("redirect", ModelUnknown),
    ("html_200", ModelUnknown),
    ("json_200", ModelUnknown),
    ("too_long", PromptTooLong),
    ("client_gate", ModelNotAdmitted),
]


@EVERY
@pytest.mark.parametrize(("fault", "kind"), FAILURES, ids=[fault for fault, _ in FAILURES])
def test_a_misbehaving_provider_ends_in_a_typed_error(
    sandbox: Sandbox, dialect: Dialect, fault: str, kind: type[ModelError]
) -> None:
    sandbox.stage.script([fault])
    endpoint = endpoint_at(sandbox, dialect, timeouts=SHORT)
    error = failed(endpoint)
    assert type(error) is kind
    assert (error.provider, error.model, error.calls) == (endpoint.profile.provider, endpoint.profile.model, 1)
    assert error.message.startswith(f"{error.provider}/{error.model}: ")
    assert len(sandbox.calls) == 1


@pytest.mark.parametrize(
    ("dialect", "fault", "kind"),
    [
        (Dialect.OPENAI, "error_in_200", ModelUnavailable),
        (Dialect.OPENAI, "error_choice", ModelUnavailable),
        (Dialect.ANTHROPIC, "error_in_200", ModelOverloaded),
        (Dialect.GEMINI, "error_in_200", ModelOverloaded),
        (Dialect.GEMINI, "bad_tool_arguments", AnswerCut),
    ],
)
def test_an_error_inside_a_stream_is_an_error(
    sandbox: Sandbox, dialect: Dialect, fault: str, kind: type[ModelError]
) -> None:
    sandbox.stage.script([fault])
    assert type(failed(endpoint_at(sandbox, dialect))) is kind


@EVERY
@pytest.mark.parametrize(
    "fault", ["ignores_stream", "slow_first_token;ms=50", "fenced_json", "think_tag", "malformed_json"]
)
def test_what_can_be_borne_is_an_answer(sandbox: Sandbox, dialect: Dialect, fault: str) -> None:
    sandbox.stage.script([fault])
    (answer,) = ask(endpoint_at(sandbox, dialect), a_prompt())
    assert '"findings": []' in answer.turn.text
    assert "<think>" not in answer.turn.text


@EVERY
def test_a_stream_without_its_last_mark_is_whole_once_it_said_why_it_ended(sandbox: Sandbox, dialect: Dialect) -> None:
    sandbox.stage.script(["no_done"])
    endpoint = endpoint_at(sandbox, dialect, timeouts=replace(AMPLE, total_s=0.15))
    (answer,) = ask(endpoint, a_prompt())
    assert '"findings": []' in answer.turn.text


@BOTH
@pytest.mark.parametrize("field", ["temperature", "thinking"])
def test_a_refused_field_is_left_out_once_and_for_all_with_a_notice(
    sandbox: Sandbox, dialect: Dialect, field: str
) -> None:
    key = f"sk-sim-refuse;field={field}"
    endpoint = endpoint_at(
        sandbox, dialect, key=Secret(key), traits={"temperature": 1}, profile={"model": "other", "provider": "x"}
    )
    prompt = a_prompt(thinking=Thinking.OFF)  # a temperature is sent by messages only without thinking
    first, second = ask(endpoint, prompt, prompt)
    notice = f"x does not take `{field}` for other, so it is left out."
    assert (first.notices, second.notices) == ((notice,), (notice,))
    assert (first.usage.calls, second.usage.calls) == (2, 1)
    assert [call.status for call in sandbox.calls] == [400, 200, 200]


def test_an_output_limit_is_sent_by_its_other_name_where_the_first_is_refused(sandbox: Sandbox) -> None:
    key = Secret("sk-sim-refuse;field=max_completion_tokens")
    (answer,) = ask(endpoint_at(sandbox, Dialect.OPENAI, key=key), a_prompt())
    assert answer.notices == (
        "moonshot does not take `max_completion_tokens` for kimi-k2.6, so it is sent as `max_tokens`.",
    )
    assert sandbox.calls[1].body["max_tokens"] == 16_384


def test_a_wrong_temperature_for_kimi_is_left_out(sandbox: Sandbox) -> None:
    (answer,) = ask(endpoint_at(sandbox, Dialect.OPENAI, traits={"temperature": 0}), a_prompt())
    assert answer.usage.calls == 2
    assert "`temperature`" in answer.notices[0]


def test_fields_refused_without_end_are_given_up(sandbox: Sandbox) -> None:
    sandbox.stage.script(["refuse;field=messages"] * 9)
    error = failed(endpoint_at(sandbox, Dialect.OPENAI))
    assert isinstance(error, PromptRejected)
    assert error.calls == len(sandbox.calls) == 1


def test_questions_under_way_when_a_field_is_refused_are_asked_again_too(sandbox: Sandbox) -> None:
    endpoint = endpoint_at(sandbox, Dialect.OPENAI, key=Secret("sk-sim-refuse;field=thinking"))

    async def run() -> list[Answer]:
        async with open_session("1") as session:
            model = model_at(endpoint, session)
            return await asyncio.gather(*(model.ask(a_prompt()) for _ in range(5)))

    answers = asyncio.run(run())
    assert len(answers) == 5
    assert len(sandbox.calls) == sum(answer.usage.calls for answer in answers) <= 10


def test_a_level_without_effect_is_noticed(sandbox: Sandbox) -> None:
    traits = {"thinking_notices": {Thinking.MEDIUM: "This model always thinks."}}
    (answer,) = ask(endpoint_at(sandbox, Dialect.OPENAI, traits=traits), a_prompt())
    assert answer.notices == ("This model always thinks.",)


@pytest.mark.parametrize(
    ("dialect", "auth", "header", "value"),
    [
        (Dialect.OPENAI, Auth.BEARER, "authorization", "Bearer sk-sim-ok"),
        (Dialect.ANTHROPIC, Auth.BEARER, "authorization", "Bearer sk-sim-ok"),
        (Dialect.ANTHROPIC, Auth.X_API_KEY, "x-api-key", "sk-sim-ok"),
        (Dialect.GEMINI, Auth.X_GOOG_API_KEY, "x-goog-api-key", "AIza-sim-ok"),
    ],
)
def test_the_key_is_sent_in_the_header_the_endpoint_names(
    sandbox: Sandbox, dialect: Dialect, auth: Auth, header: str, value: str
) -> None:
    ask(endpoint_at(sandbox, dialect, auth=auth, traits={"extra_headers": {"X-Title": "Mesrai"}}), a_prompt())
    (call,) = sandbox.calls
    assert call.headers[header] == value
    assert call.headers["x-title"] == "Mesrai"
    assert call.headers["user-agent"] == "Mesrai/1.2.3 (+https://mesrai.com)"
    assert len({"authorization", "x-api-key", "x-goog-api-key"} & call.headers.keys()) == 1


@pytest.mark.parametrize("suffix", ["", "/v1", "/coding", "/coding/v1"])
def test_the_messages_path_is_found_from_either_base_url(sandbox: Sandbox, suffix: str) -> None:
    endpoint = replace(endpoint_at(sandbox, Dialect.ANTHROPIC), base_url=sandbox.root + suffix, key=Secret("sk-kimi-1"))
    if "coding" not in suffix:
        endpoint = replace(endpoint, key=Secret("sk-1"))
    ask(endpoint, a_prompt())
    assert sandbox.calls[0].path == ("/coding" if "coding" in suffix else "") + "/v1/messages"


def test_the_gate_of_the_coding_plan_is_told_from_a_bad_key(sandbox: Sandbox) -> None:
    endpoint = replace(endpoint_at(sandbox, Dialect.OPENAI), base_url=f"{sandbox.coding}/v1", key=Secret("sk-kimi-1"))
    error = failed(endpoint)
    assert isinstance(error, ModelNotAdmitted)
    assert "the key is not at fault" in error.message


REPEATING = b'{"error": {"message": "No: plain-words-as-a-key"}}'


@pytest.mark.parametrize(
    "response",
    [
        http_response(REPEATING, status="401 Unauthorized"),
        http_response(REPEATING, content_type="application/json"),
        http_response(b"data: " + REPEATING + b"\n\n"),
        http_response(b'data: {"choices": [' + REPEATING + b"]}\n\n"),
    ],
)
def test_a_key_that_the_provider_repeats_is_never_shown(response: bytes) -> None:
    key = "plain-words-as-a-key"  # nothing about it looks like a key

    async def run() -> None:
        async with answering(response) as base, open_session("1") as session:
            await OpenAIChat(an_endpoint(base, key=Secret(key)), session).ask(a_prompt())

    with pytest.raises(ModelError) as caught:
        asyncio.run(run())
    assert '"No: [key]"' in caught.value.message


def test_a_key_with_letters_no_key_has_is_refused_before_it_is_sent(sandbox: Sandbox) -> None:
    error = failed(endpoint_at(sandbox, Dialect.OPENAI, key=Secret("sk-ключ")))
    assert isinstance(error, ModelAuth)
    assert sandbox.calls == []


def test_no_key_is_no_header(sandbox: Sandbox) -> None:
    assert isinstance(failed(endpoint_at(sandbox, Dialect.OPENAI, key=None)), ModelAuth)
    assert "authorization" not in sandbox.calls[0].headers


def test_text_that_is_no_unicode_is_sent_all_the_same(sandbox: Sandbox) -> None:
    (answer,) = ask(endpoint_at(sandbox, Dialect.OPENAI), a_prompt("a\udcffb"))
    assert json.loads(answer.turn.text)["summary"] == "a?b"


def test_a_cancelled_question_ends_its_request(sandbox: Sandbox) -> None:
    sandbox.stage.script(["no_answer"])

    async def run() -> bool:
        async with open_session("1") as session:
            task = asyncio.create_task(model_at(endpoint_at(sandbox, Dialect.OPENAI), session).ask(a_prompt()))
            assert await becomes(sandbox, in_flight=1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return await becomes(sandbox, in_flight=0)

    assert asyncio.run(run())


async def becomes(sandbox: Sandbox, *, in_flight: int) -> bool:
    """Whether the stand-in soon has that many requests in hand."""
    for _ in range(100):
        if sandbox.stage.in_flight == in_flight:
            return True
        await asyncio.sleep(0.005)
    return False
