"""What is laid over a request never changes the question itself."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.endpoints import READ_FILE, SHAPE, a_prompt, an_endpoint

from mesrai.domain.connection import Thinking
from mesrai.llm.anthropic_request import anthropic_body
from mesrai.llm.custom_names import reason_against, wire_fields
from mesrai.llm.endpoint import Dialect, Endpoint
from mesrai.llm.gemini_request import gemini_body
from mesrai.llm.model import Structured
from mesrai.llm.openai_request import openai_body
from mesrai.llm.shaping import is_thinking, merged

NAMES = st.sampled_from(
    ["a", "provider", "thinking", "type", "output_config", "effort", "reasoning", "order", "generationConfig"]
)
LEAVES = st.integers() | st.text(max_size=2)
TREES = st.dictionaries(
    NAMES, st.recursive(LEAVES, lambda inner: st.dictionaries(NAMES, inner, max_size=3)), max_size=4
)
OWN = ("model", "messages", "tools", "tool_choice", "stream", "stream_options", "system", "response_format",
       "max_tokens", "max_completion_tokens", "contents", "systemInstruction", "toolConfig")  # fmt: skip
BODIES = {Dialect.OPENAI: openai_body, Dialect.ANTHROPIC: anthropic_body, Dialect.GEMINI: gemini_body}


@given(TREES, TREES)
def test_merging_keeps_both_and_the_second_wins(first: dict[str, Any], second: dict[str, Any]) -> None:
    whole = merged(first, second)
    assert merged(first, {}) == first == merged({}, first) == merged(first, first)
    assert merged(whole, second) == whole
    assert whole.keys() == first.keys() | second.keys()
    for key, value in second.items():
        assert whole[key] == (merged(first[key], value) if is_both(first.get(key), value) else value)
    assert {key: whole[key] for key in first.keys() - second.keys()} == {
        key: first[key] for key in first.keys() - second.keys()
    }


def is_both(one: object, other: object) -> bool:
    return isinstance(one, dict) and isinstance(other, dict)


def tuned(dialect: Dialect, structured: Structured, custom: dict[str, Any] | None, extra: dict[str, Any]) -> Endpoint:
    return an_endpoint(
        dialect=dialect,
        profile={"structured": structured},
        thinking=Thinking.MEDIUM if custom is None else Thinking.CUSTOM,
        traits={"thinking": {} if custom is None else {Thinking.CUSTOM: custom}, "extra_body": extra},
    )


@given(dialect=st.sampled_from(list(BODIES)), structured=st.sampled_from(list(Structured)), custom=TREES, routing=TREES)
def test_custom_fields_and_routing_never_change_the_question(
    dialect: Dialect, structured: Structured, custom: dict[str, Any], routing: dict[str, Any]
) -> None:
    fields = {key: value for key, value in custom.items() if not reason_against((key,))}
    for name in ("output_config", "generationConfig"):
        if not isinstance(fields.get(name, {}), dict):
            del fields[name]
    prompt = a_prompt(tools=(READ_FILE,), shape=SHAPE)
    plain = BODIES[dialect](prompt, tuned(dialect, structured, None, {}))
    body = BODIES[dialect](prompt, tuned(dialect, structured, fields, {"provider": routing}))
    assert {name: body.get(name) for name in OWN} == {name: plain.get(name) for name in OWN}
    for outer, inner in (("output_config", "format"), ("generationConfig", "responseJsonSchema"),
                         ("generationConfig", "maxOutputTokens")):  # fmt: skip
        assert body.get(outer, {}).get(inner) == plain.get(outer, {}).get(inner)
    if isinstance(fields.get("provider"), dict):
        assert body["provider"] == merged(routing, fields["provider"])


@pytest.mark.parametrize(
    ("fields", "thinks"),
    [
        ({}, False),
        ({"thinking": {"type": "enabled"}}, True),
        ({"thinking": {"type": "disabled"}}, False),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, True),
        ({"reasoning_effort": "none"}, False),
        ({"reasoning_effort": "low"}, True),
        ({"reasoning": {"enabled": False}}, False),
        ({"reasoning": {"effort": "low"}}, True),
        ({"service_tier": "flex"}, False),
        ({"generationConfig": {"topK": 4}}, False),
        ({"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}}, False),
        ({"generationConfig": {"thinkingConfig": {"thinkingLevel": "low"}}}, True),
        (wire_fields({"chatTemplateKwargs": {"enable_thinking": False}}, "openaiCompatible"), False),
    ],
)
def test_fields_tell_whether_they_ask_for_thought(fields: dict[str, Any], thinks: bool) -> None:
    assert is_thinking(fields) == thinks
