"""What goes over the wire in the Anthropic messages dialect."""

from typing import Any

import pytest
from tests.endpoints import READ_FILE, SHAPE, a_prompt, an_endpoint, tool_profile

from mesrai.domain.connection import Thinking
from mesrai.llm.anthropic_request import BLOCKS, anthropic_body
from mesrai.llm.endpoint import Dialect
from mesrai.llm.model import ModelTurn, ToolCall, ToolTurn, UserTurn
from mesrai.llm.turns import CLOSED, MARK, SUBMITTED, closed

OWN = {MARK: "anthropic:moonshot/kimi-k2.6"}
LOOK = ToolCall(id="toolu_1", name="read_file", arguments='{"path": "a.py"}')
LOOK_BLOCK = {"type": "tool_use", "id": "toolu_1", "name": "read_file", "input": {"path": "a.py"}}
THOUGHT = {"type": "thinking", "thinking": "I should look."}  # unsigned, as Kimi sends it


def body_of(*turns: Any, **changes: Any) -> dict[str, Any]:
    endpoint = an_endpoint(
        "https://api.kimi.com/coding",
        dialect=Dialect.ANTHROPIC,
        profile=changes.pop("profile", {}),
        traits=changes.pop("traits", {}),
    )
    return anthropic_body(a_prompt(**{"turns": (UserTurn(text="Go."), *turns), **changes}), endpoint)


def test_a_request_is_as_the_provider_wants_it() -> None:
    levels = {Thinking.MEDIUM: {"thinking": {"type": "enabled"}, "output_config": {"effort": "high"}}}
    body = body_of(
        tools=(READ_FILE,), shape=SHAPE, traits={"thinking": levels, "max_tokens_field": "max_completion_tokens"}
    )
    assert body == {
        "model": "kimi-k2.6",
        "output_config": {"format": {"type": "json_schema", "schema": SHAPE.schema}, "effort": "high"},
        "thinking": {"type": "enabled"},
        "max_tokens": 16_384,
        "system": [{"type": "text", "text": "You review code."}],
        "tools": [{"name": "read_file", "description": "Read a file.", "input_schema": READ_FILE.parameters}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Go."}]}],
        "stream": True,
    }


def test_cache_marks_stand_after_the_instructions_and_the_last_turn_only() -> None:
    body = body_of(
        ModelTurn(tool_calls=(LOOK,), replay={**OWN, BLOCKS: [LOOK_BLOCK]}),
        ToolTurn(call_id="toolu_1", text="x"),
        traits={"has_cache_control": True},
    )
    mark = {"type": "ephemeral"}
    assert body["system"] == [{"type": "text", "text": "You review code.", "cache_control": mark}]
    assert body["messages"][-1]["content"][-1]["cache_control"] == mark
    assert str(body["messages"][:-1]).count("cache_control") == 0


@pytest.mark.parametrize(
    ("limit", "thinking"),
    [
        (20_000, {"type": "enabled", "budget_tokens": 8_000}),
        (8_000, {"type": "enabled", "budget_tokens": 4_000}),
        (1_500, None),
    ],
)
def test_a_thinking_budget_leaves_room_for_the_answer(limit: int, thinking: dict[str, Any] | None) -> None:
    levels = {Thinking.MEDIUM: {"thinking": {"type": "enabled", "budget_tokens": 8_000}}}
    assert body_of(max_output_tokens=limit, traits={"thinking": levels}).get("thinking") == thinking


@pytest.mark.parametrize(
    ("may_call", "can_force", "choice"),
    [(True, True, None), (False, True, {"type": "tool", "name": "submit_review"}), (False, False, {"type": "none"})],
)
def test_what_the_model_may_do_with_its_tools(may_call: bool, can_force: bool, choice: dict[str, Any] | None) -> None:
    body = body_of(
        tools=(READ_FILE,),
        shape=SHAPE,
        may_call_tools=may_call,
        profile=tool_profile(),
        traits={"can_force_tool": can_force},
    )
    assert body.get("tool_choice") == choice
    assert [tool["name"] for tool in body["tools"]] == ["read_file", "submit_review"]


def test_blocks_go_back_verbatim_and_results_come_before_the_next_words() -> None:
    turn = ModelTurn(tool_calls=(LOOK,), replay={**OWN, BLOCKS: [THOUGHT, {"type": "text", "text": ""}, LOOK_BLOCK]})
    body = body_of(turn, ToolTurn(call_id="toolu_1", text=""), UserTurn(text="Now answer."))
    assert body["messages"][1:] == [
        {"role": "assistant", "content": [THOUGHT, LOOK_BLOCK]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "(empty)"},
                {"type": "text", "text": "Now answer."},
            ],
        },
    ]


def handed_in(arguments: str, value: dict[str, Any]) -> ModelTurn:
    call = ToolCall(id="toolu_2", name="submit_review", arguments=arguments)
    block = {"type": "tool_use", "id": "toolu_2", "name": "submit_review", "input": value}
    return ModelTurn(text=arguments, replay={**OWN, BLOCKS: [THOUGHT, block], CLOSED: closed([call], "submit_review")})


def test_an_answer_that_was_handed_in_stays_a_call_with_a_result() -> None:
    body = body_of(handed_in('{"summary":"s"}', {"summary": "s"}), UserTurn(text="`findings` is missing."))
    assert [block["type"] for block in body["messages"][1]["content"]] == ["thinking", "tool_use"]
    assert body["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "toolu_2", "content": SUBMITTED},
        {"type": "text", "text": "`findings` is missing."},
    ]


def test_an_answer_handed_in_malformed_is_shown_as_text() -> None:
    body = body_of(handed_in('{"summary": ', {}), UserTurn(text="Not JSON."))
    assert body["messages"][1]["content"] == [THOUGHT, {"type": "text", "text": '{"summary": '}]
    assert body["messages"][2]["content"] == [{"type": "text", "text": "Not JSON."}]


def test_another_models_turn_becomes_plain_text_and_turns_still_alternate() -> None:
    foreign = ModelTurn(tool_calls=(LOOK,), replay={MARK: "openai:moonshot/kimi-k2.6"})
    body = body_of(foreign, ToolTurn(call_id="toolu_1", text="x = 1"), UserTurn(text="Answer."))
    assert [message["role"] for message in body["messages"]] == ["user"]
    texts = [block["text"] for block in body["messages"][0]["content"]]
    assert texts == ["Go.", 'Looked up earlier: read_file {"path": "a.py"}\nResult:\nx = 1', "Answer."]
