"""Cards and tiers: every plan leads to rows that exist, and an operator's are laid over them."""

import re
from pathlib import Path

import pytest

from mesrai.domain.connection import Slot, Thinking
from mesrai.domain.permits import Limits
from mesrai.domain.secret import Secret
from mesrai.errors import SettingsError
from mesrai.llm.cards import PlanFacts
from mesrai.llm.catalogue import Catalogue, load_catalogue
from mesrai.llm.catalogue_rows import CardRow, PlanRow
from mesrai.llm.connecting import Draft, connection_from
from mesrai.llm.endpoint import Dialect

CATALOGUE = load_catalogue()
CARDS = [pytest.param(card, id=card.id) for card in CATALOGUE.cards]
PLANS = [pytest.param(card, plan, id=f"{card.id}-{plan.id}") for card in CATALOGUE.cards for plan in card.plans]
DATE = re.compile(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]")
KEY = Secret("sk-0123456789abcdefghij")


def overlaid(tmp_path: Path, text: str) -> Catalogue:
    path = tmp_path / "rows.toml"
    path.write_text(text, "utf-8")
    return load_catalogue(path)


def test_the_documented_cards_are_there_with_kimi_first() -> None:
    ids = [card.id for card in CATALOGUE.cards]
    assert ids[0] == "kimi-k2.6"
    assert {"claude-sonnet-4-6", "claude-opus-4-7", "gemini-3.1-pro", "gpt-5.4", "glm-5.1"} < set(ids)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("card", CARDS)
def test_card_is_dated_and_its_successor_is_a_card(card: CardRow) -> None:
    assert DATE.fullmatch(card.as_of)
    assert card.source
    assert card.good_at.endswith(".")
    assert not card.successor or CATALOGUE.card(card.successor).id == card.successor
    assert len({plan.id for plan in card.plans}) == len(card.plans)


@pytest.mark.parametrize(("card", "plan"), PLANS)
def test_plan_leads_to_a_living_model_and_connects_with_a_key_alone(card: CardRow, plan: PlanRow) -> None:
    known = CATALOGUE.find_model(plan.provider, plan.model)
    assert known is not None
    assert known.row.retired is None
    assert not known.is_alias
    facts = CATALOGUE.plan_facts(card.id, plan.id)
    draft = Draft(provider=facts.provider, model=facts.model, key=KEY)
    connection = connection_from(draft, Slot.MAIN, CATALOGUE)
    assert connection.base_url == facts.base_url
    assert connection.max_concurrent_requests == facts.max_concurrent_requests
    assert connection.thinking is Thinking.MEDIUM
    assert facts.key_page.startswith("https://")
    assert [level.thinking for level in facts.levels] == [Thinking.OFF, Thinking.LOW, Thinking.MEDIUM, Thinking.HIGH]


def at_once(facts: PlanFacts) -> tuple[object, ...]:
    return (facts.provider, facts.base_url, facts.key_page, facts.model, facts.dialect, facts.max_concurrent_requests)


def test_choosing_a_plan_of_kimi_changes_everything_together() -> None:
    assert [at_once(CATALOGUE.plan_facts("kimi-k2.6", plan)) for plan in ("developer", "code", "code_global")] == [
        (
            "moonshot", "https://api.moonshot.ai/v1", "https://platform.kimi.ai/console/api-keys", "kimi-k2.6",
            Dialect.OPENAI, None,
        ),
        (
            "kimi_code", "https://api.kimi.com/coding", "https://www.kimi.com/code/console", "kimi-for-coding",
            Dialect.ANTHROPIC, 30,
        ),
        (
            "kimi_code_global", "https://api.kimi.ai/coding", "https://www.kimi.ai/code/console", "kimi-for-coding",
            Dialect.ANTHROPIC, 30,
        ),
    ]  # fmt: skip
    code = CATALOGUE.plan_facts("kimi-k2.6", "Kimi Code Plan (kimi.com)")
    assert code.billing == "subscription"
    assert code.price is None
    assert "Personal interactive use only" in code.allows
    mainland = CATALOGUE.plan_facts("Kimi K2.6 Coding", "mainland").price
    assert mainland is not None
    assert mainland.currency == "CNY"


def test_plans_of_glm_bring_their_caps() -> None:
    caps = [CATALOGUE.plan_facts("glm-5.1", plan).max_concurrent_requests for plan in ("developer", "coding")]
    assert caps == [None, 1]


def test_levels_say_where_off_is_not_off() -> None:
    levels = {each.thinking: each for each in CATALOGUE.plan_facts("kimi-k2.6", "developer").levels}
    assert levels[Thinking.OFF].body == {"thinking": {"type": "disabled"}}
    assert levels[Thinking.OFF].notice == ""
    assert "the same" in levels[Thinking.HIGH].notice
    always = CATALOGUE.plan_facts("kimi-k2.7-code", "developer").levels[0]
    assert (always.body, always.notice) == ({}, "This model always reasons; off has no effect.")


@pytest.mark.parametrize(
    ("card", "plan", "words"),
    [
        ("kimi-k26x", "", "There is no card kimi-k26x. Did you mean kimi-k2.6"),
        ("llama", "", "There is no card llama. There is kimi-k2.6"),
        ("kimi-k2.6", "", "Kimi K2.6 Coding is sold by several plans: choose developer, code, code_global, mainland."),
        ("kimi-k2.6", "codee", "There is no plan of Kimi K2.6 Coding codee. Did you mean code"),
    ],
)
def test_unknown_card_or_plan_is_an_error_with_near_names(card: str, plan: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        CATALOGUE.plan_facts(card, plan)
    assert caught.value.message.startswith(words)


def test_a_card_with_one_plan_needs_none_named() -> None:
    assert CATALOGUE.plan_facts("gpt-5.4").plan == "api"


# --- Tiers -----------------------------------------------------------------------------------------------


def test_tiers_are_todays_and_the_old_ones_are_history() -> None:
    assert [row.concurrent for row in CATALOGUE.tiers_of("moonshot")] == [1, 15, 40, 50, 60, 100]
    assert CATALOGUE.tier_limits("moonshot", 5) == Limits(
        concurrent=100, requests_per_minute=300, tokens_per_minute=5_000_000
    )
    assert any(row.until and row.concurrent == 1_000 for row in CATALOGUE.tiers)
    for row in CATALOGUE.tiers:
        assert DATE.fullmatch(row.as_of)
        assert row.source
        assert all(CATALOGUE.provider(each).id == each for each in row.providers)


def test_every_provider_says_how_its_key_is_checked() -> None:
    for row in CATALOGUE.providers:
        assert all(not path or path.startswith("/") for path in (row.lists_models, row.key_check))
    public = {row.id for row in CATALOGUE.providers if not row.list_proves_key}
    assert {"openrouter", "chutes", "kimi_code"} <= public
    assert CATALOGUE.provider("openrouter").key_check == "/key"
    assert {row.id for row in CATALOGUE.providers if row.vendor == "moonshot"} == {
        "moonshot", "kimi_code", "kimi_code_global", "moonshot_cn",
    }  # fmt: skip


def test_the_faster_model_is_a_living_one_of_the_same_provider() -> None:
    found = CATALOGUE.find_model("moonshot", "kimi-k2.6")
    assert found is not None
    assert found.row.faster == "kimi-k2.7-code-highspeed"
    for row in CATALOGUE.providers:
        for model in CATALOGUE.models_of(row.id):
            known = CATALOGUE.find_model(row.id, model.faster) if model.faster else None
            assert not model.faster or (known is not None and known.row.retired is None)


# --- An operator's file ----------------------------------------------------------------------------------


def test_operators_file_changes_a_plan_and_adds_cards_and_tiers(tmp_path: Path) -> None:
    catalogue = overlaid(
        tmp_path,
        """
        [[card]]
        id = "kimi-k2.6"
        good_at = "What we use."
        [[card.plans]]
        id = "developer"
        max_concurrent_requests = 7
        [[card.plans]]
        id = "gateway"
        name = "Our gateway"
        provider = "openrouter"
        model = "moonshotai/kimi-k2.6"

        [[card]]
        id = "ours"
        name = "Ours"
        good_at = "Everything."
        context = "about 1M tokens"
        as_of = "2026-11-24"
        source = "us"
        plans = [{ id = "only", name = "Only", provider = "zai", model = "glm-5.2" }]

        [[tier]]
        id = "zai-1"
        providers = ["zai"]
        tier = 1
        paid = "by contract"
        concurrent = 8
        as_of = "2026-11-24"
        source = "us"
        """,
    )
    card = catalogue.card("kimi-k2.6")
    assert card.good_at == "What we use."
    assert [plan.id for plan in card.plans] == ["developer", "code", "code_global", "mainland", "gateway"]
    assert catalogue.plan_facts("kimi-k2.6", "developer").max_concurrent_requests == 7
    assert catalogue.plan_facts("kimi-k2.6", "developer").model == "kimi-k2.6"
    assert catalogue.plan_facts("ours").provider == "zai"
    assert catalogue.tier_limits("zai", 1) == Limits(concurrent=8)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[card]]\nid = 'kimi-k2.6'\nbest = true", "rows.toml, kimi-k2.6: "),
        ("[[card]]\nid = 'kimi-k2.6'\nplans = 3", "rows.toml, kimi-k2.6: "),
        ("[[card]]\nid = 'kimi-k2.6'\nplans = [3]", "rows.toml, kimi-k2.6: "),
        ("[[card]]\nid = 'x'\nname = 'x'", "rows.toml, x: "),
        (
            "[[card]]\nid='x'\nname='x'\ngood_at='x'\ncontext='x'\nas_of='x'\nsource='x'\nplans=[]",
            "rows.toml, x: a card needs at least one plan.",
        ),
        ("[[tier]]\nid = 'x'\ntier = 'one'", "rows.toml, x: "),
    ],
)
def test_wrong_row_is_an_error_that_names_the_file(tmp_path: Path, text: str, words: str) -> None:
    catalogue = overlaid(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        _ = [*catalogue.cards, *catalogue.tiers]
    assert words in caught.value.message
