"""What goes over the wire in the OpenAI chat dialect."""

from typing import Any

import pytest
from tests.endpoints import READ_FILE, SHAPE, a_prompt, an_endpoint, tool_profile

from mesrai.domain.connection import Thinking
from mesrai.llm.model import ModelTurn, Structured, ToolCall, ToolTurn, UserTurn
from mesrai.llm.openai_request import CONTENT, REASONING, openai_body
from mesrai.llm.turns import CLOSED, MARK, NO_RESULT, NOT_RUN, SUBMITTED, closed

OWN = {MARK: "openai:moonshot/kimi-k2.6"}
LOOK = ToolCall(id="read_file:0", name="read_file", arguments='{"path":"a.py"}')
THINKING = {
    Thinking.MEDIUM: {"thinking": {"type": "enabled", "keep": "all"}},
    Thinking.OFF: {"thinking": {"type": "disabled"}},
}


def messages(*turns: Any, **traits: Any) -> list[dict[str, Any]]:
    """The messages after the system's."""
    body = openai_body(a_prompt(turns=(UserTurn(text="Go."), *turns)), an_endpoint(traits=traits))
    made: list[dict[str, Any]] = body["messages"][2:]
    return made


def test_a_kimi_request_is_as_the_provider_wants_it() -> None:
    endpoint = an_endpoint(traits={"thinking": THINKING, "cache_key_field": "prompt_cache_key"})
    body = openai_body(a_prompt(tools=(READ_FILE,), shape=SHAPE, cache_key="review-1"), endpoint)
    assert body == {
        "model": "kimi-k2.6",
        "thinking": {"type": "enabled", "keep": "all"},
        "max_completion_tokens": 16_384,
        "prompt_cache_key": "review-1",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "submit_review", "schema": SHAPE.schema, "strict": True},
        },
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "read_file",
                    "description": "Read a file.",
                    "parameters": READ_FILE.parameters,
                },
            }
        ],
        "messages": [{"role": "system", "content": "You review code."}, {"role": "user", "content": "Review this."}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_the_output_limit_is_capped_to_the_models_own_and_named_as_it_wants() -> None:
    endpoint = an_endpoint(profile={"max_output": 4_096}, traits={"max_tokens_field": "max_tokens", "temperature": 0.2})
    body = openai_body(a_prompt(), endpoint)
    assert body["max_tokens"] == 4_096
    assert body["temperature"] == 0.2
    assert "max_completion_tokens" not in body


def test_fields_of_the_traits_are_merged_at_every_depth_but_never_replace_the_conversation() -> None:
    extra = {
        "thinking": {"budget_tokens": 9},
        "provider": {"order": ["x"]},
        "messages": [],
        "stream": False,
        "tools": [],
    }
    body = openai_body(a_prompt(tools=(READ_FILE,)), an_endpoint(traits={"thinking": THINKING, "extra_body": extra}))
    assert body["thinking"] == {"type": "enabled", "keep": "all", "budget_tokens": 9}
    assert body["provider"] == {"order": ["x"]}
    assert body["stream"] is True
    assert len(body["messages"]) == 2
    assert len(body["tools"]) == 1


@pytest.mark.parametrize(
    ("structured", "may_call", "thinking", "can_force", "tools", "choice"),
    [
        (Structured.SCHEMA, True, Thinking.MEDIUM, False, True, None),
        (Structured.SCHEMA, False, Thinking.MEDIUM, True, True, "none"),
        (Structured.TEXT, False, Thinking.MEDIUM, True, True, "none"),
        (Structured.TOOL, True, Thinking.OFF, True, True, None),
        (Structured.TOOL, False, Thinking.OFF, True, True, "submit_review"),
        (Structured.TOOL, True, Thinking.OFF, True, False, "submit_review"),
        (Structured.TOOL, False, Thinking.OFF, False, True, "none"),
        (Structured.TOOL, False, Thinking.MEDIUM, True, True, "none"),
        (Structured.TOOL, True, Thinking.MEDIUM, True, False, None),
    ],
)
def test_what_the_model_may_do_with_its_tools(
    structured: Structured, may_call: bool, thinking: Thinking, can_force: bool, tools: bool, choice: str | None
) -> None:
    levels = {Thinking.MEDIUM: {"thinking": {"type": "enabled"}}}
    endpoint = an_endpoint(profile={"structured": structured}, traits={"thinking": levels, "can_force_tool": can_force})
    offered = (READ_FILE,) if tools else ()
    body = openai_body(a_prompt(tools=offered, shape=SHAPE, may_call_tools=may_call, thinking=thinking), endpoint)
    found = body.get("tool_choice")
    assert (found["function"]["name"] if isinstance(found, dict) else found) == choice
    names = [tool["function"]["name"] for tool in body["tools"]]
    assert names == [*(["read_file"] if tools else []), *(["submit_review"] if structured is Structured.TOOL else [])]


def test_a_model_without_tools_is_offered_none_and_asked_in_the_text() -> None:
    body = openai_body(a_prompt(tools=(READ_FILE,), shape=SHAPE), an_endpoint(profile=tool_profile(has_tools=False)))
    assert not {"tools", "tool_choice", "response_format"} & body.keys()


@pytest.mark.parametrize("reasoning", ["I should look.", ""])
def test_reasoning_goes_back_verbatim_and_empty_content_is_left_out(reasoning: str) -> None:
    turn = ModelTurn(tool_calls=(LOOK,), replay={**OWN, REASONING: {"reasoning_content": reasoning}, CONTENT: ""})
    assert messages(turn, ToolTurn(call_id="read_file:0", text="x = 1")) == [
        {
            "role": "assistant",
            "reasoning_content": reasoning,
            "tool_calls": [
                {
                    "id": "read_file:0",
                    "type": "function",
                    "function": {"name": "read_file", "arguments": '{"path":"a.py"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "read_file:0", "content": "x = 1"},
    ]


def test_reasoning_goes_back_under_the_field_the_provider_wants() -> None:
    turn = ModelTurn(text="Well.", replay={**OWN, REASONING: {"reasoning": "r"}, CONTENT: "Well."})
    assert messages(turn) == [{"role": "assistant", "content": "Well.", "reasoning_content": "r"}]
    assert messages(turn, reasoning_field="reasoning")[0]["reasoning"] == "r"
    assert messages(turn, reasoning_field="") == [{"role": "assistant", "content": "Well."}]


def test_reasoning_details_go_back_whole() -> None:
    details = [{"type": "reasoning.text", "text": "r", "signature": "s"}]
    turn = ModelTurn(text="Well.", replay={**OWN, REASONING: {"reasoning": "r", "reasoning_details": details}})
    assert messages(turn, reasoning_field="reasoning_details")[0]["reasoning_details"] == details


def test_every_call_gets_a_result_and_no_result_is_empty() -> None:
    other = ToolCall(id="read_file:1", name="read_file", arguments="{}")
    turn = ModelTurn(tool_calls=(LOOK, other), replay=OWN)
    made = messages(turn, ToolTurn(call_id="read_file:1", text=""), UserTurn(text="Now answer."))
    assert [(each["role"], each.get("content")) for each in made[1:]] == [
        ("tool", NO_RESULT),
        ("tool", "(empty)"),
        ("user", "Now answer."),
    ]


def test_malformed_arguments_are_not_sent_back() -> None:
    broken = ToolCall(id="read_file:0", name="read_file", arguments='{"path": ')
    made = messages(ModelTurn(tool_calls=(broken,), replay=OWN), ToolTurn(call_id="read_file:0", text="No."))
    assert made[0]["tool_calls"][0]["function"]["arguments"] == "{}"


def handed_in(arguments: str, *, beside: str = "") -> ModelTurn:
    calls = [ToolCall(id="s:0", name="submit_review", arguments=arguments), LOOK]
    return ModelTurn(text=arguments, replay={**OWN, CONTENT: beside, CLOSED: closed(calls, "submit_review")})


def test_an_answer_that_was_handed_in_stays_a_call_with_a_result() -> None:
    made = messages(handed_in('{"summary":"s"}', beside="Done."), UserTurn(text="`findings` is missing."))
    assert made[0]["content"] == "Done."
    assert [call["id"] for call in made[0]["tool_calls"]] == ["s:0", "read_file:0"]
    assert made[1:] == [
        {"role": "tool", "tool_call_id": "s:0", "content": SUBMITTED},
        {"role": "tool", "tool_call_id": "read_file:0", "content": NOT_RUN},
        {"role": "user", "content": "`findings` is missing."},
    ]


def test_an_answer_handed_in_malformed_is_shown_as_text() -> None:
    made = messages(handed_in('{"summary": '), UserTurn(text="Not JSON."))
    assert made[0]["content"] == '{"summary": '
    assert [call["id"] for call in made[0]["tool_calls"]] == ["read_file:0"]
    assert [each["role"] for each in made] == ["assistant", "tool", "user"]


@pytest.mark.parametrize("replay", [{}, {MARK: "anthropic:moonshot/kimi-k2.6"}, {MARK: "openai:openai/gpt-5"}])
def test_another_models_turn_becomes_plain_text(replay: dict[str, Any]) -> None:
    foreign = ModelTurn(
        text="Let me see.", tool_calls=(LOOK,), replay={**replay, REASONING: {"reasoning_content": "x"}}
    )
    assert messages(foreign, ToolTurn(call_id="read_file:0", text="x = 1"), UserTurn(text="Answer.")) == [
        {"role": "assistant", "content": "Let me see."},
        {"role": "user", "content": 'Looked up earlier: read_file {"path":"a.py"}\nResult:\nx = 1'},
        {"role": "user", "content": "Answer."},
    ]


def test_a_result_without_a_call_becomes_plain_text() -> None:
    assert messages(ToolTurn(call_id="gone", text="x")) == [{"role": "user", "content": "Result of a look-up:\nx"}]
