"""The catalogue: every shipped row is whole, what is known is found, and an operator's file is laid over it."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from tests.pages import DOCS, catalogue_page

from mesrai.domain.connection import Connection, Slot, Thinking
from mesrai.domain.secret import Secret
from mesrai.errors import SettingsError
from mesrai.llm.catalogue import Catalogue, load_catalogue
from mesrai.llm.catalogue_rows import ModelRow, ProviderRow
from mesrai.llm.endpoint import Auth, Dialect, Endpoint, Timeouts, Traits
from mesrai.llm.model import Price, Profile, Structured

CATALOGUE = load_catalogue()
PROVIDERS = [pytest.param(row, id=row.id) for row in CATALOGUE.providers]
MODELS = [
    pytest.param(row, model, id=f"{row.id}-{model.id}")
    for row in CATALOGUE.providers
    for model in CATALOGUE.models_of(row.id)
]
DATE = re.compile(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]")
ON_OFF = "This model only turns reasoning on or off; low, medium and high are the same."


def overlaid(tmp_path: Path, text: str) -> Catalogue:
    path = tmp_path / "rows.toml"
    path.write_text(text, "utf-8")
    return load_catalogue(path)


def a_connection(provider: str, model: str, base_url: str, **more: object) -> Connection:
    values: dict[str, object] = {"slot": Slot.MAIN, "key": Secret("sk-kimi-0123456789abcdef"), **more}
    return Connection(provider=provider, model=model, base_url=base_url, **values)  # type: ignore[arg-type]


# --- The shipped rows ------------------------------------------------------------------------------------


def test_all_the_providers_asked_for_are_there() -> None:
    assert [row.id for row in CATALOGUE.providers] == [
        "moonshot", "kimi_code", "kimi_code_global", "moonshot_cn", "anthropic", "openai", "openrouter", "gemini",
        "gemini_openai",
        "zai", "zai_coding", "deepseek", "groq", "together", "novita", "fireworks", "chutes", "synthetic", "ollama",
        "vllm", "openai_compatible", "anthropic_compatible",
    ]  # fmt: skip


@pytest.mark.parametrize("row", PROVIDERS)
def test_provider_row_is_dated_and_whole(row: ProviderRow) -> None:
    assert DATE.fullmatch(row.as_of)
    assert row.source
    assert all(address.startswith(("https://", "http://localhost")) for address in row.addresses)
    assert all(not address.endswith("/") for address in row.addresses)
    assert all(instead.notice for instead in row.instead)
    assert row.base_url or row.is_anywhere
    if row.default_model:
        known = CATALOGUE.find_model(row.id, row.default_model)
        assert known is not None
        assert known.row.retired is None
    if row.needs_key:
        assert row.key_page
        assert row.key_names or row.id == "gemini_openai"  # whose key is found under the names of gemini
        assert row.default_model


def test_no_two_providers_answer_to_one_name_or_address() -> None:
    names = [
        name for row in CATALOGUE.providers for name in {re.sub("[^a-z0-9]", "", each.lower()) for each in row.names}
    ]
    addresses = [address for row in CATALOGUE.providers for address in row.addresses]
    assert len(names) == len(set(names))
    assert len(addresses) == len(set(addresses))


@pytest.mark.parametrize(("row", "model"), MODELS)
def test_model_row_is_dated_and_whole(row: ProviderRow, model: ModelRow) -> None:
    profile, traits = CATALOGUE.profile_for(row.id, model.id), CATALOGUE.traits_for(row.id, model.id)
    ids = {provider.id for provider in CATALOGUE.providers}
    assert DATE.fullmatch(model.as_of)
    assert model.source
    assert set(model.providers) <= ids
    assert profile.window >= profile.max_output > 0
    assert (profile.price is None) or (profile.price.cached <= profile.price.input <= profile.price.output)
    for price in model.prices:
        assert DATE.fullmatch(price.as_of)
        assert price.source
        assert price.currency in ("USD", "CNY")
        assert set(price.providers) <= set(model.providers)
    assert Thinking.MEDIUM not in traits.thinking_notices


@pytest.mark.parametrize(("row", "model"), MODELS)
def test_retired_model_names_a_living_successor_at_the_same_provider(row: ProviderRow, model: ModelRow) -> None:
    if model.retired is None:
        return
    successor = CATALOGUE.find_model(row.id, model.retired.successor)
    assert successor is not None
    assert successor.row.retired is None
    assert bool(model.retired.on) != bool(model.retired.why)
    assert any(model.retired.successor in notice for notice in CATALOGUE.notices_for(row.id, model.id))


def test_each_id_means_one_model_at_a_provider() -> None:
    for row in CATALOGUE.providers:
        ids = [name for model in CATALOGUE.models_of(row.id) for name in (model.id, *model.aliases)]
        assert len(ids) == len(set(ids)), row.id


def test_every_file_of_models_belongs_to_a_provider() -> None:
    folder = Path(__file__).parents[3] / "src/mesrai/llm/data/models"
    assert {path.stem for path in folder.glob("*.toml")} == {name for row in CATALOGUE.providers for name in row.models}


def test_every_scheme_is_dated_and_says_where_off_is_not_off() -> None:
    for scheme in CATALOGUE.schemes.values():
        assert DATE.fullmatch(scheme.as_of)
        assert scheme.source
        off = scheme.level(Thinking.OFF)
        does_something = off.body and off.body != scheme.level(Thinking.LOW).body
        assert scheme.id == "none" or does_something or off.notice, scheme.id


def test_the_page_of_the_catalogue_is_up_to_date() -> None:
    assert (DOCS / "catalogue.md").read_text("utf-8") == catalogue_page()


# --- Kimi ------------------------------------------------------------------------------------------------


def test_kimi_k2_6_is_known_exactly() -> None:
    assert CATALOGUE.profile_for("moonshot", "kimi-k2.6") == Profile(
        provider="moonshot",
        model="kimi-k2.6",
        window=262_144,
        max_output=262_144,
        structured=Structured.SCHEMA,
        price=Price(
            input=Decimal("0.95"), cached=Decimal("0.16"), output=Decimal("4.00"), currency="USD", as_of="2026-09-29"
        ),
    )
    on = {"thinking": {"type": "enabled"}}
    assert CATALOGUE.traits_for("moonshot", "kimi-k2.6") == Traits(
        max_tokens_field="max_completion_tokens",
        thinking={
            Thinking.OFF: {"thinking": {"type": "disabled"}},
            Thinking.LOW: on,
            Thinking.MEDIUM: on,
            Thinking.HIGH: on,
        },
        thinking_notices={Thinking.LOW: ON_OFF, Thinking.HIGH: ON_OFF},
        temperature=None,
        can_force_tool=False,
        reasoning_field="reasoning_content",
        cache_key_field="prompt_cache_key",
    )
    assert CATALOGUE.notices_for("moonshot", "kimi-k2.6") == ()
    assert any("0.60 / 2.50" in fact and "0.95" in fact for fact in CATALOGUE.facts_for("moonshot", "kimi-k2.6"))


def test_kimi_k2_6_on_the_mainland_is_billed_in_yuan() -> None:
    price = CATALOGUE.profile_for("moonshot_cn", "kimi-k2.6").price
    assert price == Price(
        input=Decimal("6.5"), cached=Decimal("1.1"), output=Decimal(27), currency="CNY", as_of="2026-09-29"
    )


def test_kimi_code_is_reached_by_messages_with_its_limits() -> None:
    connection = a_connection("kimi_code", "kimi-for-coding", "https://api.kimi.com/coding")
    on = {"thinking": {"type": "enabled"}}
    same = "This model has no levels of reasoning; low, medium and high are the same."
    assert CATALOGUE.endpoint_for(connection, Timeouts(total_s=5)) == Endpoint(
        dialect=Dialect.ANTHROPIC,
        base_url="https://api.kimi.com/coding",
        auth=Auth.X_API_KEY,
        key=connection.key,
        profile=Profile(
            provider="kimi_code",
            model="kimi-for-coding",
            window=262_144,
            max_output=32_768,
            max_body=2_097_152,
            structured=Structured.TEXT,
        ),
        traits=Traits(
            max_tokens_field="max_tokens",
            thinking=dict.fromkeys((Thinking.OFF, Thinking.LOW, Thinking.MEDIUM, Thinking.HIGH), on),
            thinking_notices={
                Thinking.OFF: "This model always reasons; off has no effect.",
                Thinking.LOW: same,
                Thinking.HIGH: same,
            },
        ),
        timeouts=Timeouts(total_s=5),
    )
    assert any(
        "personal interactive use only" in notice for notice in CATALOGUE.notices_for("kimi_code", "kimi-for-coding")
    )


def test_the_documents_model_name_works_on_the_code_plan_with_a_word_about_it() -> None:
    profile = CATALOGUE.profile_for("kimi_code", "kimi-k2.6")
    assert (profile.model, profile.max_output) == ("kimi-k2.6", 32_768)
    assert any("kimi-for-coding" in notice for notice in CATALOGUE.notices_for("kimi_code", "kimi-k2.6"))


@pytest.mark.parametrize("model", ["kimi-k2", "kimi-k2-0905", "kimi-k2.5"])
def test_ids_of_the_document_that_are_gone_are_accepted_and_the_successor_is_named(model: str) -> None:
    profile = CATALOGUE.profile_for("moonshot", model)
    assert profile.model == model
    assert profile.window >= 131_072
    assert any("its successor is kimi-k2.6" in notice for notice in CATALOGUE.notices_for("moonshot", model))


@pytest.mark.parametrize(
    ("provider", "model", "level", "body", "is_told"),
    [
        ("moonshot", "kimi-k2.5", Thinking.OFF, {"thinking": {"type": "disabled"}}, False),
        ("moonshot", "kimi-k2.7-code", Thinking.OFF, None, True),
        ("moonshot", "kimi-k2.7-code", Thinking.MEDIUM, None, False),
        ("moonshot", "kimi-k3", Thinking.OFF, {"reasoning_effort": "low"}, True),
        ("moonshot", "kimi-k3", Thinking.MEDIUM, {"reasoning_effort": "high"}, False),
        ("moonshot", "kimi-k3", Thinking.HIGH, {"reasoning_effort": "max"}, False),
        ("kimi_code", "k3", Thinking.LOW, {"thinking": {"type": "enabled"}, "output_config": {"effort": "low"}}, False),
        ("openai", "gpt-5.4", Thinking.OFF, {"reasoning_effort": "none"}, False),
        ("openai", "gpt-5", Thinking.OFF, {"reasoning_effort": "minimal"}, True),
        ("openai", "gpt-4.1", Thinking.HIGH, None, True),
        ("anthropic", "claude-opus-4-7", Thinking.OFF, {"thinking": {"type": "disabled"}}, False),
        (
            "anthropic", "claude-sonnet-4-6", Thinking.HIGH,
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}, False,
        ),
        (
            "anthropic", "claude-haiku-4-5", Thinking.LOW,
            {"thinking": {"type": "enabled", "budget_tokens": 2048}}, False,
        ),
        ("gemini_openai", "gemini-2.5-flash", Thinking.OFF, {"reasoning_effort": "none"}, False),
        ("gemini_openai", "gemini-3.1-pro-preview", Thinking.OFF, {"reasoning_effort": "low"}, True),
        (
            "gemini", "gemini-2.5-flash", Thinking.OFF,
            {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}}, False,
        ),
        (
            "gemini", "gemini-3.1-pro-preview", Thinking.OFF,
            {"generationConfig": {"thinkingConfig": {"thinkingLevel": "low"}}}, True,
        ),
        ("zai", "glm-5.1", Thinking.OFF, {"thinking": {"type": "disabled"}}, False),
        (
            "deepseek", "deepseek-v4-pro", Thinking.HIGH,
            {"thinking": {"type": "enabled"}, "reasoning_effort": "max"}, False,
        ),
        ("openrouter", "moonshotai/kimi-k2.6", Thinking.OFF, {"reasoning": {"enabled": False}}, False),
        ("openrouter", "never/heard", Thinking.HIGH, {"reasoning": {"effort": "high"}}, False),
        ("moonshot", "never-heard", Thinking.OFF, None, True),
        ("moonshot", "never-heard", Thinking.MEDIUM, None, False),
    ],
)  # fmt: skip
def test_thinking_level_is_sent_as_the_model_takes_it(
    provider: str, model: str, level: Thinking, body: dict[str, object] | None, is_told: bool
) -> None:
    traits = CATALOGUE.traits_for(provider, model)
    assert traits.thinking.get(level) == body
    assert (level in traits.thinking_notices) == is_told
    if is_told:
        assert traits.thinking_notices[level] in CATALOGUE.notices_for(provider, model, level)


# --- Finding ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("moonshot", "moonshot"), ("Moonshot_AI", "moonshot"), ("KIMI", "moonshot"), ("open_router", "openrouter"),
        ("google-gemini", "gemini"), ("z.ai", "zai"), ("OpenAI-compatible address", "openai_compatible"),
        ("openai compatible", "openai_compatible"),
    ],
)  # fmt: skip
def test_provider_is_found_however_it_is_spelled(name: str, provider: str) -> None:
    assert CATALOGUE.provider(name).id == provider


def test_unknown_provider_is_an_error_with_close_names() -> None:
    with pytest.raises(SettingsError, match=r"no provider moonshoot\. Did you mean moonshot"):
        CATALOGUE.provider("moonshoot")


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("https://api.moonshot.ai/v1", "moonshot"),
        ("https://api.moonshot.cn/v1", "moonshot_cn"),
        ("https://api.z.ai/api/coding/paas/v4", "zai_coding"),
        ("https://api.z.ai/api/paas/v4", "zai"),
        ("https://api.kimi.ai/coding", "kimi_code_global"),
        ("http://192.168.1.9:11434/v1", "ollama"),
        ("http://127.0.0.1:8000/v1", None),
        ("https://llm.example.com/v1", None),
        ("https://api.moonshot.ai.example.com/v1", None),
    ],
)
def test_provider_is_known_by_its_address(url: str, provider: str | None) -> None:
    row = CATALOGUE.provider_at(url)
    assert (row.id if row else None) == provider


def test_unknown_model_gets_a_small_window_no_price_and_close_names() -> None:
    profile = CATALOGUE.profile_for("moonshot", "kimi-k2.66")
    assert profile == Profile(
        provider="moonshot", model="kimi-k2.66", window=32_768, max_output=8_192, structured=Structured.TEXT
    )
    assert CATALOGUE.near_models("moonshot", "kimi-k2.66")[0] == "kimi-k2.6"
    assert CATALOGUE.notices_for("moonshot", "kimi-k2.66") == (
        "Nothing is known of the model kimi-k2.66 at Moonshot AI (international): a window of 32,768 tokens and no "
        "price are assumed. Close to it are kimi-k2.6, kimi-k3, kimi-k2.7-code.",
    )


def test_model_known_elsewhere_lends_its_facts_but_not_its_price_to_any_address() -> None:
    profile = CATALOGUE.profile_for("openai_compatible", "kimi-k2.6")
    traits = CATALOGUE.traits_for("openai_compatible", "kimi-k2.6")
    assert (profile.provider, profile.window, profile.price) == ("openai_compatible", 262_144, None)
    assert traits.thinking[Thinking.OFF] == {"thinking": {"type": "disabled"}}
    assert traits.max_tokens_field == "max_tokens"
    assert any("may differ" in notice for notice in CATALOGUE.notices_for("openai_compatible", "kimi-k2.6"))


def test_model_of_another_format_lends_nothing() -> None:
    assert CATALOGUE.find_model("anthropic_compatible", "kimi-k2.6") is None
    assert CATALOGUE.find_model("openai_compatible", "claude-opus-4-7") is None


def test_a_longest_prompt_below_the_window_counts_as_the_window() -> None:
    assert CATALOGUE.profile_for("openai", "gpt-5.2").window == 272_000


def test_the_users_limit_on_answers_lowers_what_is_known_and_raises_what_is_not() -> None:
    def limit(model: str, tokens: int) -> int:
        connection = a_connection("moonshot", model, "https://api.moonshot.ai/v1", max_output_tokens=tokens)
        return CATALOGUE.endpoint_for(connection).profile.max_output

    assert limit("kimi-k2.6", 4_000) == 4_000
    assert limit("kimi-k2.6", 1_000_000) == 262_144
    assert limit("never-heard", 16_000) == 16_000
    assert limit("never-heard", 1_000_000) == 32_768


# --- An operator's file ----------------------------------------------------------------------------------


def test_operators_file_changes_and_adds_rows(tmp_path: Path) -> None:
    catalogue = overlaid(
        tmp_path,
        """
        [[provider]]
        id = "moonshot"
        max_concurrent_requests = 7
        request.extra_body = { user = "team", temperature_scale = 0.5 }

        [[provider]]
        id = "inhouse"
        name = "In-house"
        dialect = "openai"
        base_url = "https://llm.corp.example/v1"
        default_model = "big"
        as_of = "2026-11-01"
        source = "operations"

        [[model]]
        id = "kimi-k2.6"
        providers = ["moonshot"]
        window = 100_000
        max_output = 9_000
        prices = [{ input = 0.5, output = 1, currency = "USD", as_of = "2026-11-01", source = "contract" }]

        [[model]]
        id = "big"
        providers = ["inhouse"]
        window = 64_000
        as_of = "2026-11-01"
        source = "operations"
        request.thinking = "effort_none"
        """,
    )
    kimi = catalogue.profile_for("moonshot", "kimi-k2.6")
    assert catalogue.provider("moonshot").max_concurrent_requests == 7
    assert catalogue.provider("moonshot").base_url == "https://api.moonshot.ai/v1"
    assert catalogue.traits_for("moonshot", "kimi-k2.6").extra_body == {"user": "team", "temperature_scale": 0.5}
    assert isinstance(catalogue.traits_for("moonshot", "kimi-k2.6").extra_body["temperature_scale"], float)
    assert (kimi.window, kimi.max_output, kimi.structured) == (100_000, 9_000, Structured.SCHEMA)
    assert kimi.price == Price(
        input=Decimal("0.5"), cached=Decimal("0.5"), output=Decimal(1), currency="USD", as_of="2026-11-01"
    )
    assert catalogue.profile_for("moonshot_cn", "kimi-k2.6").window == 262_144
    assert catalogue.profile_for("inhouse", "big").window == 64_000
    assert catalogue.provider_at("https://llm.corp.example/v1") == catalogue.provider("inhouse")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[provider]]\nid = 'moonshot'\nbase = 'x'", r"rows\.toml, moonshot: .*unknown field `base`"),
        ("[[provider]]\nid = 'new'\nname = 'New'", r"rows\.toml, new: .*missing required field `dialect`"),
        ("[[model]]\nid = 'kimi-k2.6'\nproviders = ['moonshot']\nwindow = 'big'", r"rows\.toml, kimi-k2\.6: .*window"),
        ("[[provider]]\nname = 'x'", r"rows\.toml: each provider must be a \[\[provider\]\] with an id"),
        ("[provider]\nid = 'x'", r"rows\.toml: each provider must be"),
        ("[[modle]]\nid = 'x'", r"rows\.toml: modle is not known here"),
        ("provider = [", r"rows\.toml is not valid TOML"),
        ("[[provider]]\nid = 'moonshot'\nrequest.thinking = 'loud'", r"no scheme loud"),
    ],
)
def test_wrong_row_is_an_error_that_names_the_file_and_the_key(tmp_path: Path, text: str, words: str) -> None:
    def read() -> None:
        catalogue = overlaid(tmp_path, text)
        catalogue.traits_for("moonshot", "kimi-k2.6")
        catalogue.traits_for("moonshot", "never-heard")

    with pytest.raises(SettingsError, match=words):
        read()


def test_operators_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        load_catalogue(tmp_path / "absent.toml")
