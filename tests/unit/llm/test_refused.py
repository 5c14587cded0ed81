"""Which optional field a provider refused, and the request without it."""

from typing import Any

import pytest

from mesrai.llm.classify import error_said
from mesrai.llm.error_body import said_in
from mesrai.llm.refused import Refused, refused_field, without

BODY: dict[str, Any] = {
    "model": "m",
    "temperature": 0,
    "thinking": {"type": "enabled", "keep": "all"},
    "reasoning_effort": "high",
    "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}},
    "max_completion_tokens": 16_384,
    "prompt_cache_key": "k",
    "stream_options": {"include_usage": True},
    "output_config": {"effort": "high", "format": {"type": "json_schema"}},
    "tool_choice": "none",
    "tools": [{"type": "function"}],
    "messages": [{"role": "user", "content": "x"}],
}


def found(message: str, *, status: int = 400, body: dict[str, Any] | None = None, **more: Any) -> Refused | None:
    said = said_in({"error": {"message": message, "type": "invalid_request_error", **more}})
    error = error_said(said, status, {}, provider="p", model="m")
    return refused_field(error, said, BODY if body is None else body, ["cache_hint"])


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("invalid temperature: only 1 is allowed for this model", "temperature"),
        ("Unsupported value: 'temperature' does not support 0 with this model.", "temperature"),
        ('thinking.keep is not supported by model "kimi-k2.5"', "thinking.keep"),
        ("invalid thinking: only type=enabled is allowed for this model", "thinking"),
        ('"thinking.type.enabled" is not supported for this model', "thinking"),
        ("cannot specify both 'thinking' and 'reasoning_effort'", "thinking"),
        ("reasoning_effort is not supported", "reasoning_effort"),
        ("This response_format type is unavailable now", "response_format"),
        ("json mode cannot be combined with tool/function calling", "response_format"),
        ("tool_choice 'specified' is incompatible with thinking enabled", "tool_choice"),
        ("Unrecognized request argument supplied: prompt_cache_key", "prompt_cache_key"),
        ("Unknown field include_usage", "stream_options.include_usage"),
        ("output_config.effort: Extra inputs are not permitted", "output_config.effort"),
        ("llama2 does not support tools", "tools"),
    ],
)
def test_the_refused_field_is_recognised(message: str, name: str) -> None:
    refused = found(message)
    assert refused is not None
    assert refused.name == name


@pytest.mark.parametrize(
    "message",
    [
        "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2",
        "tools.function.parameters is not a valid moonshot flavored json schema",
        "Your request exceeded model token limit: 262144 (requested: 558009)",
        "Invalid request: messages must not be empty",
        "messages.3: `tool_use` ids were found without `tool_result` blocks",
    ],
)
def test_other_faults_are_no_reason_to_leave_anything_out(message: str) -> None:
    assert found(message) is None


def test_a_field_that_was_not_sent_is_not_at_fault() -> None:
    assert found("invalid temperature: only 1 is allowed", body={"model": "m", "messages": []}) is None


def test_the_parameter_the_provider_names_wins_over_its_words() -> None:
    refused = found("temperature and others are wrong", param="reasoning_effort")
    assert refused is not None
    assert refused.name == "reasoning_effort"


def test_further_fields_of_the_endpoint_may_be_left_out() -> None:
    refused = found("unknown field cache_hint", body={**BODY, "cache_hint": 1})
    assert refused is not None
    assert refused.name == "cache_hint"


def test_tools_are_kept_once_the_conversation_holds_calls() -> None:
    called = {**BODY, "messages": [{"role": "assistant", "tool_calls": [{"id": "1"}]}]}
    assert found("llama2 does not support tools", body=called) is None


def test_tools_are_left_out_where_the_router_has_none_that_take_them() -> None:
    refused = found("No endpoints found that support tool use.", status=404, code=404)
    assert refused is not None
    assert refused.name == "tools"
    assert found("No endpoints found for this model", status=404, code=404) is None


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Unsupported parameter: 'max_completion_tokens', use max_tokens", {"renamed": "max_tokens"}),
        ("max_completion_tokens: must be less than or equal to 8192", {"cap": 8_192}),
        ("max_completion_tokens is too large: 16384. This model supports at most 4,096 tokens", {"cap": 4_096}),
    ],
)
def test_an_output_limit_is_renamed_or_lowered(message: str, expected: dict[str, Any]) -> None:
    assert found(message) == Refused(path=("max_completion_tokens",), **expected)


def test_the_body_is_changed_only_where_it_was_refused() -> None:
    assert without(BODY, Refused(path=("temperature",))) == {k: v for k, v in BODY.items() if k != "temperature"}
    assert without(BODY, Refused(path=("thinking", "keep")))["thinking"] == {"type": "enabled"}
    assert "thinking" not in without({"thinking": {"keep": "all"}}, Refused(path=("thinking", "keep")))
    assert without(BODY, Refused(path=("max_completion_tokens",), cap=10))["max_completion_tokens"] == 10
    assert without(BODY, Refused(path=("max_completion_tokens",), renamed="max_tokens"))["max_tokens"] == 16_384
    assert not {"tools", "tool_choice"} & without(BODY, Refused(path=("tools",))).keys()
    assert without(BODY, Refused(path=("top_p",))) == BODY


@pytest.mark.parametrize("field", ["provider", "store", "inference_geo"])
def test_what_says_who_may_see_or_keep_the_code_is_never_left_out(field: str) -> None:
    said = said_in({"error": {"message": f"Unknown field: {field}", "type": "invalid_request_error", "param": field}})
    error = error_said(said, 400, {}, provider="p", model="m")
    body = {**BODY, "provider": {"order": ["groq"]}, "store": False, "inference_geo": "us", "other": 1}
    assert refused_field(error, said, body, [field]) is None
    assert refused_field(error, said, {**body, field: None}, [field, "other"]) is None
