"""Settings of a connection: checked against what the model takes, and told where they have no effect."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesrai.domain.connection import Connection, Learned, Routing, Slot, Thinking
from mesrai.domain.permits import Limits
from mesrai.domain.secret import Secret
from mesrai.errors import SettingsError
from mesrai.llm.catalogue import load_catalogue
from mesrai.llm.connecting import connection_from, draft_from
from mesrai.llm.draft import Draft
from mesrai.llm.model import Prompt, UserTurn
from mesrai.llm.preview import preview
from mesrai.llm.shaping import optional_fields

CATALOGUE = load_catalogue()
PREFIXES = {
    "moonshot": "sk-",
    "moonshot_cn": "sk-",
    "openrouter": "sk-or-",
    "kimi_code": "sk-kimi-",
    "openai": "sk-",
    "anthropic": "sk-ant-",
    "deepseek": "sk-",
}
KEY = Secret("sk-0123456789abcdefghij")
OFF = '{"thinking": {"type": "disabled"}}'


def connected(provider: str = "moonshot", model: str = "kimi-k2.6", **more: Any) -> Connection:
    key = Secret(f"{PREFIXES.get(provider, '')}0123456789abcdefghij")
    return connection_from(Draft(provider=provider, model=model, key=key, **more), Slot.MAIN, CATALOGUE)


def told(connection: Connection) -> str:
    return " ".join(connection.notices)


def sent(connection: Connection, thinking: Thinking | None = None) -> dict[str, Any]:
    """The fields beside the conversation that a prompt would send."""
    prompt = Prompt(system="", turns=(UserTurn(text="hello"),), thinking=thinking)
    return optional_fields(prompt, CATALOGUE.endpoint_for(connection))


# --- Thinking and custom JSON ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("set_to", "asked", "fields"),
    [
        (None, None, {"reasoning_effort": "medium"}),
        (None, Thinking.LOW, {"reasoning_effort": "low"}),
        (Thinking.HIGH, None, {"reasoning_effort": "high"}),
        (Thinking.HIGH, Thinking.LOW, {"reasoning_effort": "low"}),
        (Thinking.LOW, Thinking.HIGH, {"reasoning_effort": "high"}),
        (Thinking.OFF, Thinking.HIGH, {"reasoning_effort": "none"}),
        (Thinking.OFF, None, {"reasoning_effort": "none"}),
    ],
)
def test_a_prompt_raises_or_lowers_the_connections_level_but_never_turns_off_into_on(
    set_to: Thinking | None, asked: Thinking | None, fields: dict[str, Any]
) -> None:
    assert sent(connected("openai", "gpt-5.4", thinking=set_to), asked) == fields


@pytest.mark.parametrize("asked", [None, Thinking.LOW, Thinking.HIGH])
@pytest.mark.parametrize("thinking", [None, Thinking.CUSTOM, Thinking.HIGH, Thinking.OFF])
def test_custom_json_stands_in_place_of_every_level(thinking: Thinking | None, asked: Thinking | None) -> None:
    connection = connected("openai", "gpt-5.4", custom_json='{"serviceTier": "flex"}', thinking=thinking)
    assert sent(connection, asked) == {"service_tier": "flex"}
    assert ("stands in place of the level" in told(connection)) == (thinking in (Thinking.HIGH, Thinking.OFF))


@pytest.mark.parametrize(
    ("provider", "model"),
    [("moonshot", "kimi-k2.6"), ("moonshot_cn", "kimi-k2.6"), ("kimi_code", "kimi-for-coding"),
     ("openai_compatible", "kimi-k2.6")],
)  # fmt: skip
def test_the_documented_examples_work_as_written_for_kimi(provider: str, model: str) -> None:
    more = {"base_url": "https://llm.example.com/v1"} if provider == "openai_compatible" else {}
    off = connected(provider, model, custom_json=OFF, **more)
    budget = '{ "thinking": { "type": "enabled", "budget_tokens": 25000 } }'
    budgeted = connected(provider, model, custom_json=budget, **more)
    assert off.custom == {"openaiCompatible": {"thinking": {"type": "disabled"}}}
    assert off.thinking is Thinking.CUSTOM
    assert preview(off, CATALOGUE).body["thinking"] == {"type": "disabled"}
    assert sent(budgeted) == {"thinking": {"type": "enabled", "budget_tokens": 25000}}
    assert "no budget_tokens" in told(budgeted)
    assert "budget_tokens" not in told(off)


def test_a_budget_that_fills_the_whole_answer_is_told_where_it_must_be_smaller() -> None:
    budget = '{"thinking": {"type": "enabled", "budgetTokens": 25000}}'
    small = connected("kimi_code", "kimi-for-coding", custom_json=budget)
    large = connected("kimi_code", "kimi-for-coding", custom_json=budget, max_output_tokens=32_000)
    assert preview(small, CATALOGUE).body["thinking"]["budget_tokens"] == 8_192
    assert "of 16,384 tokens in all the budget of 25,000 becomes half" in told(small)
    assert preview(large, CATALOGUE).body["thinking"]["budget_tokens"] == 25_000
    assert "becomes half" not in told(large)


def test_newly_written_json_is_sent_though_a_level_was_set_before() -> None:
    before = Draft(provider="moonshot", key=KEY, thinking=Thinking.HIGH)
    assert Draft(custom_json=OFF).over(before).thinking is None
    assert Draft(custom_json=OFF, thinking=Thinking.LOW).over(before).thinking is Thinking.LOW


def test_custom_json_for_another_provider_is_kept_and_told() -> None:
    connection = connected(custom_json='{"anthropic": {"effort": "low"}}', thinking=Thinking.OFF)
    assert sent(connection) == {"thinking": {"type": "disabled"}}
    assert "Custom JSON for anthropic is kept but not sent" in told(connection)
    alone = connected(custom_json='{"anthropic": {"effort": "low"}}')
    assert (sent(alone), alone.thinking) == ({}, Thinking.CUSTOM)
    assert "nothing is sent about reasoning" in told(alone)


def test_a_request_that_turns_off_what_always_runs_is_told() -> None:
    assert "always reasons and refuses" in told(connected(model="kimi-k2.7-code", custom_json=OFF))
    assert "ignores thinking" in told(connected(model="kimi-k3", custom_json=OFF))


# --- Temperature and answers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "model", "temperature", "words"),
    [
        ("moonshot", "kimi-k2.6", 0.0, "kimi-k2.6 cannot be set. It takes 1.0 while it reasons and 0.6 otherwise"),
        ("moonshot", "kimi-k3", 1.0, "It takes 1.0 only"),
        ("kimi_code", "kimi-for-coding", 0.5, "cannot be set"),
        ("openai", "gpt-5.4", 0.0, "OpenAI's reasoning models take 1 only"),
        ("anthropic", "claude-opus-4-7", 0.2, "refuse any temperature"),
        ("anthropic", "claude-sonnet-4-6", 1.5, "a number from 0 to 1 at Anthropic"),
        ("zai", "glm-5.1", 2.5, "a number from 0 to 2 at Z.ai"),
        ("zai", "glm-5.1", float("nan"), "a number from 0 to 2"),
    ],
)
def test_temperature_that_the_model_would_refuse_is_refused_with_the_reason(
    provider: str, model: str, temperature: float, words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        connected(provider, model, temperature=temperature)
    assert words in caught.value.message


def test_temperature_is_sent_where_the_model_takes_one() -> None:
    glm = connected("zai", "glm-5.1", temperature=0.0)
    assert preview(glm, CATALOGUE).body["temperature"] == 0.0
    assert glm.notices == ()
    assert "temperature" not in preview(connected("zai", "glm-5.1"), CATALOGUE).body


def test_temperature_that_only_the_models_own_provider_fixes_is_sent_elsewhere_with_a_word() -> None:
    gateway = connected("openai_compatible", base_url="https://llm.example.com/v1", temperature=0.3)
    assert preview(gateway, CATALOGUE).body["temperature"] == 0.3
    assert "The model's own provider lets no temperature be set" in told(gateway)


def test_temperature_without_effect_is_told() -> None:
    claude = connected("anthropic", "claude-sonnet-4-6", temperature=0.3)
    calm = connected("anthropic", "claude-sonnet-4-6", temperature=0.3, thinking=Thinking.OFF)
    deepseek = connected("deepseek", "deepseek-v4-pro", temperature=0.3)
    assert "temperature" not in preview(claude, CATALOGUE).body
    assert "not sent while the model reasons" in told(claude)
    assert preview(calm, CATALOGUE).body["temperature"] == 0.3
    assert "temperature" not in told(calm)
    assert "The provider ignores a temperature here, though it is sent. DeepSeek ignores a temperature while" in told(
        deepseek
    )


def test_longest_answer_is_the_models_at_most() -> None:
    asked = connected("kimi_code", "kimi-for-coding", max_output_tokens=200_000)
    assert "at most 32,768 tokens" in told(asked)
    assert preview(asked, CATALOGUE).body["max_tokens"] == 32_768
    fewer = connected(max_output_tokens=20_000)
    assert preview(fewer, CATALOGUE).body["max_completion_tokens"] == 20_000
    assert fewer.notices == ()


# --- Routing ---------------------------------------------------------------------------------------------


def routed(**more: Any) -> Connection:
    return connected("openrouter", "moonshotai/kimi-k2.6", **more)


def test_hosts_are_pinned_in_order() -> None:
    connection = routed(routing=("moonshotai", " Together "), routing_fallbacks=False)
    assert connection.routing == Routing(order=("moonshotai", "together"), allow_fallbacks=False)
    assert preview(connection, CATALOGUE).body["provider"] == {
        "order": ["moonshotai", "together"],
        "allow_fallbacks": False,
    }
    assert connection.notices == ()
    assert "provider" not in preview(routed(), CATALOGUE).body


def test_routing_is_joined_with_custom_json_which_wins() -> None:
    custom = '{"ignore": ["novita"], "provider": {"allow_fallbacks": true, "sort": "price"}}'
    connection = routed(routing=("groq",), routing_fallbacks=False, custom_json=custom)
    body = preview(connection, CATALOGUE).body
    assert body["provider"] == {"order": ["groq"], "allow_fallbacks": True, "ignore": ["novita"], "sort": "price"}
    assert "reasoning" not in body
    assert "The custom JSON says allow_fallbacks too" in told(connection)


def test_the_documents_name_of_a_host_is_accepted_with_a_word() -> None:
    assert "is thought to call this host moonshotai" in told(routed(routing=("moonshot",)))


@pytest.mark.parametrize(
    ("provider", "model", "more", "words"),
    [
        ("moonshot", "kimi-k2.6", {"routing": ("together",)}, "Routing is for OpenRouter"),
        ("moonshot", "kimi-k2.6", {"routing_fallbacks": False}, "Routing is for OpenRouter"),
        (
            "openrouter",
            "moonshotai/kimi-k2.6",
            {"routing": ("to gether",)},
            "Host 1 of the routing is no name",
        ),
        ("moonshot", "kimi-k2.6", {"thinking": Thinking.CUSTOM}, "custom JSON is needed"),
        ("moonshot", "kimi-k2.6", {"custom_json": "{"}, "Custom JSON, line 1, column 2"),
        ("moonshot", "kimi-k2.6", {"tier": 9}, "has no tier 9; there are 0, 1, 2, 3, 4, 5."),
        ("openai", "gpt-5.4", {"tier": 1}, "OpenAI has no tiers that are known."),
    ],
)
def test_setting_that_cannot_hold_is_refused(provider: str, model: str, more: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        connected(provider, model, origins=("here",), **more)
    assert caught.value.message.startswith("here: ")
    assert words in caught.value.message


# --- Limits ----------------------------------------------------------------------------------------------


def test_tier_fills_the_limits_that_are_not_set() -> None:
    connection = connected(tier=1, max_concurrent_requests=4)
    assert connection.limits == Limits(concurrent=4, requests_per_minute=100, tokens_per_minute=2_000_000)
    assert connected(tier=0).limits == Limits(
        concurrent=1, requests_per_minute=3, tokens_per_minute=500_000, tokens_per_day=1_500_000
    )
    assert connected().limits == Limits()
    assert connected("kimi_code", "kimi-for-coding").limits == Limits(concurrent=30)


def test_a_cap_above_the_known_one_is_told() -> None:
    assert "Kimi Code Plan (kimi.com) allows about 30" in told(
        connected("kimi_code", "kimi-for-coding", max_concurrent_requests=60)
    )
    assert "Tier 1 allows about 15" in told(connected(tier=1, max_concurrent_requests=50))
    assert "allows about" not in told(connected(tier=1, max_concurrent_requests=15))


# --- Making a connection again ---------------------------------------------------------------------------

PLACES = st.sampled_from([("moonshot", "kimi-k2.6"), ("openai_compatible", "kimi-k2.6"),
                          ("openrouter", "moonshotai/kimi-k2.6"), ("zai", "glm-5.1"),
                          ("kimi_code", "k3"), ("anthropic", "claude-sonnet-4-6")])  # fmt: skip


@given(
    place=PLACES,
    thinking=st.sampled_from([None, *Thinking]),
    custom_json=st.sampled_from(["", "{}", OFF, '{"anthropic": {"effort": "low"}, "openrouter": {"ignore": ["x"]}}']),
    temperature=st.sampled_from([None, 0.0, 0.7]),
    max_concurrent_requests=st.sampled_from([None, 1, 30, 50]),
    tier=st.sampled_from([None, 0, 5]),
    routing_fallbacks=st.sampled_from([None, True, False]),
    routing=st.sampled_from([(), ("groq", "novita")]),
    base_url=st.sampled_from(["", "", "http://127.0.0.1:8080/v1", "https://llm.example.com/coding"]),
)
def test_a_connection_is_made_again_from_its_own_draft(place: tuple[str, str], base_url: str, **more: Any) -> None:
    try:
        connection = connected(*place, base_url=base_url, origins=("here",), **more)
    except SettingsError:
        return
    again = connection_from(draft_from(connection, CATALOGUE), Slot.MAIN, CATALOGUE)
    assert again == replace(connection, notices=again.notices)
    assert set(again.notices) <= set(connection.notices)  # what was repaired stays repaired


def test_limits_of_a_tier_follow_the_tier() -> None:
    draft = draft_from(connected(tier=1), CATALOGUE)
    assert draft.requests_per_minute is None
    moved = connection_from(Draft(tier=3).over(draft), Slot.MAIN, CATALOGUE)
    assert moved.limits.concurrent == 50


def test_what_a_test_found_out_does_not_outlive_what_was_tested() -> None:
    tested = Draft(
        provider="moonshot", model="kimi-k2.6", key=KEY, learned=Learned(window=9), proven_at="2026-11-24T10:00:00"
    )
    other_model, other_level = Draft(model="kimi-k3").over(tested), Draft(thinking=Thinking.OFF).over(tested)
    other_cap = Draft(max_concurrent_requests=2).over(tested)
    assert (other_model.learned, other_model.proven_at) == (None, "")
    assert (other_level.learned, other_level.proven_at) == (Learned(window=9), "")
    assert (other_cap.learned, other_cap.proven_at) == (Learned(window=9), "2026-11-24T10:00:00")


# --- What the vendor's own list says ---------------------------------------------------------------------


def test_the_vendors_own_word_wins_over_the_catalogue_at_its_own_address_only() -> None:
    learned = Learned(window=500_000, reasoning="only", as_of="2026-11-24")
    own = connected(learned=learned)
    endpoint = CATALOGUE.endpoint_for(own)
    assert endpoint.profile.window == 500_000
    assert sent(connected(learned=learned, thinking=Thinking.OFF)) == {}
    assert "This model always reasons" in told(connected(learned=learned, thinking=Thinking.OFF))
    mirror = connected(base_url="https://mirror.example.com/v1", learned=learned, thinking=Thinking.OFF)
    assert CATALOGUE.endpoint_for(mirror).profile.window == 262_144
    assert sent(mirror) == {"thinking": {"type": "disabled"}}


@pytest.mark.parametrize(
    ("provider", "model", "reasoning"),
    [("moonshot", "kimi-k3", "only"), ("kimi_code", "k3", "only"), ("moonshot", "kimi-k2.6", "both")],
)
def test_a_list_without_efforts_does_not_take_away_those_that_are_known(
    provider: str, model: str, reasoning: str
) -> None:
    learned = Learned(reasoning=reasoning, as_of="2026-11-24")
    told_of, known = (CATALOGUE.scheme_for(provider, model, each) for each in (learned, None))
    assert told_of == known
    assert CATALOGUE.scheme_for(provider, model, replace(learned, reasoning="no")).id == "none"


def test_what_was_learned_before_the_catalogue_was_written_gives_way_to_it() -> None:
    learned = Learned(window=128_000, reasoning="only", as_of="2026-01-01")
    assert CATALOGUE.profile_for("moonshot", "kimi-k2.6", learned).window == 262_144
    assert CATALOGUE.scheme_for("moonshot", "kimi-k2.6", learned).id == "kimi_switch"
    newer = replace(learned, as_of="2099-01-01")
    assert CATALOGUE.profile_for("moonshot", "kimi-k2.6", newer).window == 128_000
    assert CATALOGUE.profile_for("moonshot", "kimi-k9", learned).window == 128_000  # no row says anything newer


def test_the_connections_own_key_is_refused_in_its_custom_json() -> None:
    key = Secret("0123456789abcdef.ghijKLMN")  # of a shape that tells nothing
    draft = Draft(provider="zai", key=key, custom_json='{"user_id": "a 0123456789abcdef.ghijKLMN"}')
    with pytest.raises(SettingsError, match="holds the connection's key") as refused:
        connection_from(draft, Slot.MAIN, CATALOGUE)
    assert "0123456789abcdef" not in str(refused.value)


def test_a_model_that_only_the_vendor_knows_is_reached_as_the_vendor_says() -> None:
    learned = Learned(window=1_048_576, reasoning="both", efforts=("low", "high", "max"), as_of="2026-11-24")
    connection = connected(model="kimi-k3.1-pro", learned=learned)
    profile = CATALOGUE.endpoint_for(connection).profile
    assert (profile.window, profile.max_output) == (1_048_576, 32_768)
    levels = [sent(connected(model="kimi-k3.1-pro", learned=learned, thinking=each)) for each in list(Thinking)[:4]]
    assert levels == [
        {"thinking": {"type": "disabled"}},
        {"reasoning_effort": "low"},
        {"reasoning_effort": "high"},
        {"reasoning_effort": "max"},
    ]
    assert "its window is what Moonshot AI (international) says itself" in told(connection)


@pytest.mark.parametrize(
    ("efforts", "bodies"),
    [
        (("low", "medium", "high"), ["low", "low", "medium", "high"]),
        (("minimal", "low", "medium", "high", "xhigh"), ["minimal", "low", "medium", "xhigh"]),
        (("none", "high"), ["none", "high", "high", "high"]),
        (("max", "high"), ["high", "high", "high", "max"]),
    ],
)
def test_levels_are_spread_over_the_efforts_there_are(efforts: tuple[str, ...], bodies: list[str]) -> None:
    learned = Learned(reasoning="only", efforts=efforts)
    traits = CATALOGUE.traits_for("kimi_code", "new", learned)
    found = [traits.thinking[each]["output_config"]["effort"] for each in list(Thinking)[:4]]
    assert found == bodies
    assert Thinking.MEDIUM not in traits.thinking_notices
    assert (Thinking.OFF in traits.thinking_notices) == ("none" not in efforts)
