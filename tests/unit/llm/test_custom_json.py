"""Custom JSON: read strictly, wrapped once, spelled as the wire wants it, and never in the way of the review."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesrai.errors import SettingsError
from mesrai.llm.custom_json import body_fields, custom_notices, parse_custom
from mesrai.llm.custom_names import NAMESPACES, reason_against, wire_fields

WORDS = st.sampled_from([
    "thinking", "type", "budgetTokens", "budget_tokens", "reasoningEffort", "effort", "order", "ignore", "provider",
    "metadata", "x", "serviceTier", "service_tier", "messages", "toolChoice", "max_tokens", "é", "logitBias", "",
])  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
NAMESPACE = st.sampled_from(NAMESPACES)


def accepted(value: Any, namespace: str) -> dict[str, Any] | None:
    """What becomes of a value; None if it is refused."""
    try:
        return parse_custom(json.dumps(value), namespace=namespace)
    except SettingsError:
        return None


# --- Wrapping and names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "namespace", "body"),
    [
        ('{ "thinking": { "type": "disabled" } }', "openaiCompatible", {"thinking": {"type": "disabled"}}),
        (
            '{ "thinking": { "type": "enabled", "budget_tokens": 25000 } }', "openaiCompatible",
            {"thinking": {"type": "enabled", "budget_tokens": 25000}},
        ),
        (
            '{"thinking": {"type": "enabled", "budgetTokens": 20000}, "cacheControl": {"type": "ephemeral"}}',
            "anthropic",
            {"thinking": {"type": "enabled", "budget_tokens": 20000}, "cache_control": {"type": "ephemeral"}},
        ),
        ('{"thinking": {"type": "adaptive"}, "effort": "low"}', "anthropic",
         {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
        ('{"outputConfig": {"effort": "high"}}', "anthropic", {"output_config": {"effort": "high"}}),
        ('{"reasoningEffort": "low", "textVerbosity": "high", "serviceTier": "flex", "store": false}', "openai",
         {"reasoning_effort": "low", "verbosity": "high", "service_tier": "flex", "store": False}),
        ('{"reasoning_effort": "low"}', "openaiCompatible", {"reasoning_effort": "low"}),
        ('{"thinkingConfig": {"thinkingLevel": "low"}, "safetySettings": [{"category": "X"}]}', "google",
         {"generationConfig": {"thinkingConfig": {"thinkingLevel": "low"}}, "safetySettings": [{"category": "X"}]}),
        ('{"thinking_config": {"thinking_budget": 16000}}', "google",
         {"generationConfig": {"thinkingConfig": {"thinkingBudget": 16000}}}),
        ('{"generation_config": {"top_k": 4}, "topP": 1}', "google", {"generationConfig": {"topK": 4, "topP": 1}}),
        ('{"reasoning": {"effort": "low"}, "ignore": ["novita"]}', "openrouter",
         {"reasoning": {"effort": "low"}, "provider": {"ignore": ["novita"]}}),
        ('{"provider": {"dataCollection": "deny"}, "allowFallbacks": false}', "openrouter",
         {"provider": {"data_collection": "deny", "allow_fallbacks": False}}),
        ('{"chatTemplateKwargs": {"enableThinking": false}, "logitBias": {"aB": 1}}', "openaiCompatible",
         {"chat_template_kwargs": {"enableThinking": False}, "logit_bias": {"aB": 1}}),
        ('{"openai": {"a": 1}, "openai_compatible": {"b": 2}, "openRouter": {}}', "openaiCompatible", {"b": 2}),
        ('{"openrouter": {"reasoning": {"effort": "low"}}}', "openaiCompatible", None),
        ("{}", "openai", {}),
    ],
)  # fmt: skip
def test_custom_json_becomes_fields_of_the_active_provider(
    text: str, namespace: str, body: dict[str, Any] | None
) -> None:
    assert body_fields(parse_custom(text, namespace=namespace), namespace) == body


def test_what_names_no_namespace_is_wrapped_and_what_does_is_kept() -> None:
    assert parse_custom('{"a": 1}', namespace="google") == {"google": {"a": 1}}
    assert parse_custom('{"openai_compatible": {"a": 1}, "anthropic": {}}', namespace="google") == {
        "openaiCompatible": {"a": 1},
        "anthropic": {},
    }


def test_what_is_kept_but_not_sent_is_told() -> None:
    custom = parse_custom('{"openai": {"structuredOutputs": true}, "anthropic": {"effort": "low"}}', namespace="openai")
    assert body_fields(custom, "openai") == {}
    assert custom_notices(custom, "openai") == (
        "Custom JSON for anthropic is kept but not sent: this provider's is openai.",
        "structured_outputs in the custom JSON steers other clients and is no field of a request: it is not sent.",
    )
    assert custom_notices({"openai": {}}, "openai") == (
        "The custom JSON is empty, so nothing is said about reasoning and the provider decides.",
    )
    assert custom_notices(None, "openai") == ()


@given(VALUES, NAMESPACE)
def test_wrapping_is_idempotent(value: Any, namespace: str) -> None:
    custom = accepted(value, namespace)
    if custom is not None:
        assert parse_custom(json.dumps(custom), namespace=namespace) == custom
        assert all(name in NAMESPACES for name in custom)


@given(st.dictionaries(WORDS, VALUES, max_size=5), NAMESPACE)
def test_wire_names_are_settled_at_once(fields: dict[str, Any], namespace: str) -> None:
    custom = accepted({namespace: fields}, namespace)
    if custom is not None:
        wire = wire_fields(custom[namespace], namespace)
        assert wire_fields(wire, namespace) == wire


@given(st.dictionaries(WORDS, VALUES, max_size=6), NAMESPACE, NAMESPACE)
def test_protected_fields_and_other_namespaces_never_reach_the_wire(
    fields: dict[str, Any], namespace: str, active: str
) -> None:
    custom = accepted({namespace: fields}, active)
    if custom is None:
        return
    body = body_fields(custom, active)
    assert (body is None) == (namespace != active)
    for key, value in (body or {}).items():
        assert not reason_against((key,))
        assert not any(reason_against((key, inner)) for inner in value) if isinstance(value, dict) else True


# --- What is refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "namespace", "words"),
    [
        ("", "openai", "line 1, column 1: expecting value"),
        ("[1]", "openai", "line 1, column 1: one object in { } belongs here."),
        ("  3", "openai", "line 1, column 3: one object"),
        ('{"a": 1,\n  "b": tru}', "openai", "line 2, column 8: expecting value"),
        ("{thinking: 1}", "openai", 'column 2: expecting property name enclosed in double quotes. Names are'),
        ("{'a': 1}", "openai", "JSON wants double quotes."),
        ("{“a”: 1}", "openai", "These are typographic quotes"),
        ('{"a": 1,}', "openai", "comma"),
        ('{"a": 1} x', "openai", "line 1, column 10: extra data"),
        ('{"a": {"b": 1,\n "b": 2}}', "openai", "line 2, column 2: b stands twice in one object"),
        ('{"a": [1, NaN]}', "openai", "line 1, column 11: NaN is no number of JSON."),
        ('{"a": -Infinity}', "openai", "column 7: -Infinity is no number"),
        ('{"a": 1e999}', "openai", "column 7: 1e999 is no number"),
        ('{"a": ' + "9" * 5_000 + "}", "openai", "too long"),
        ('{"a": "\\ud800"}', "openai", "column 8: a \\u escape stands for no letter."),
        ('{"a":' * 20 + "1" + "}" * 20, "openai", "nested more than 16 levels deep"),
        ('{"a":' * 6_000, "openai", "too deep"),
        ('{"a":' * 700 + "1" + "}" * 700, "openai", "nested more than 16 levels deep"),
        ('{"a":' + "[" * 900 + "]" * 900 + "}", "openai", "nested more than 16 levels deep"),
        ('{"mcp_servers": [{"authorizationToken": "x"}]}', "anthropic", "column 19: authorizationToken cannot be set"),
        ('{"provider": {"api_key": "x"}}', "openrouter", "api_key cannot be set here. Keys and headers"),
        ('{"user": "AQ.Ab8RN6abcdefgh12345"}', "google", "looks like a key"),
        ('{"user": "hf_abcdefghijklmnopqrst"}', "openai", "looks like a key"),
        ('{"a": "' + "x" * 40_000 + '"}', "openai", "at most 32,000 letters"),
        ('{"openai": {},\n "thinking": {}}', "openai", "line 2, column 2: thinking stands beside a namespace"),
        ('{"openai": []}', "openai", "column 2: openai must be an object"),
        ('{"openai": {}, "open_ai": {}}', "openai", "open_ai means openai, which is said twice."),
        ('{"budgetTokens": 1, "budget_tokens": 2}', "openai", "column 21: budget_tokens is said twice, in two"),
        ('{"ignore": [], "provider": {"ignore": []}}', "openrouter", "ignore is said twice"),
        ('{"provider": "together"}', "openrouter", "provider must be an object"),
        ('{"thinking": "off"}', "openaiCompatible", "thinking must be an object"),
        ('{"messages": []}', "openai", "column 2: messages cannot be set here. Mesrai writes it itself"),
        ('{"openai": {"toolChoice": "auto"}}', "openai", "column 13: toolChoice cannot be set here."),
        ('{"anthropic": {"system": "x"}}', "openai", "system cannot be set here."),
        ('{"stream": false}', "openai", "stream cannot be set"),
        ('{"stream_options": {}}', "openai", "stream_options cannot be set"),
        ('{"tools": []}', "openai", "tools cannot be set"),
        ('{"model": "x"}', "openai", "model cannot be set here. It has a setting of its own: model."),
        ('{"models": ["x"]}', "openrouter", "connect it as the fallback"),
        ('{"maxOutputTokens": 5}', "google", "It has a setting of its own: max_output_tokens."),
        ('{"generationConfig": {"maxOutputTokens": 5}}', "google", "maxOutputTokens cannot be set"),
        ('{"responseSchema": {}}', "google", "responseSchema cannot be set"),
        ('{"contents": []}', "google", "contents cannot be set"),
        ('{"output_config": {"format": {}}}', "anthropic", "column 20: format cannot be set"),
        ('{"temperature": 0}', "openai", "It has a setting of its own: temperature."),
        ('{"api_key": "x"}', "openai", "the key has a field of its own"),
        ('{"user": "sk-kimi-0123456789abcdef"}', "openai", "holds what looks like a key"),
        ('{"a": [{"b": "Bearer sk-or-v1-0123456789abcdef"}]}', "openai", "holds what looks like a key"),
        ('{"extra_body": {}}', "openai", "Give the fields in it themselves."),
    ],
)  # fmt: skip
def test_wrong_custom_json_is_refused_with_its_place(text: str, namespace: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_custom(text, namespace=namespace)
    assert words in caught.value.message


@given(st.text(max_size=60), NAMESPACE)
def test_any_text_is_an_object_or_a_typed_error(text: str, namespace: str) -> None:
    try:
        custom = parse_custom(text, namespace=namespace)
    except SettingsError:
        return
    assert isinstance(json.loads(text.removeprefix("\ufeff")), dict)
    assert body_fields(custom, namespace) is not None or namespace not in custom


@given(VALUES, st.integers(0, 400), st.text(max_size=3), NAMESPACE)
def test_a_spoilt_object_is_understood_or_a_typed_error(value: Any, at: int, spoil: str, namespace: str) -> None:
    text = json.dumps({"openai": value, "a": value})
    with contextlib.suppress(SettingsError):
        assert parse_custom(text[:at] + spoil + text[at:], namespace=namespace)


@pytest.mark.parametrize("depth", [15, 16, 17])
def test_depth_is_counted_the_same_before_and_after_wrapping(depth: int) -> None:
    custom = accepted(json.loads('{"a":' * depth + "1" + "}" * depth), "openai")
    assert (custom is not None) == (depth < 16)
    assert custom is None or accepted(custom, "openai") == custom


def test_a_key_in_the_wrong_place_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_custom('{"openai": {}, "sk-kimi-0123456789abcdef0123456789": 1}', namespace="openai")
    assert "0123456789" not in caught.value.message
