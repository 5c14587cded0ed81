"""Settings: which place wins, what becomes of it, what is said about it, and that no key is ever shown."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.pages import DOCS, settings_page

from mesrai.domain.connection import Connection, Slot, Thinking
from mesrai.domain.secret import Secret
from mesrai.errors import CredentialMissing, MesraiError, SettingsError
from mesrai.llm.endpoint import Timeouts
from mesrai.settings import FIXED_NAMES, LIMIT_KEYS, PROCESS_NAMES, SLOT_NAMES, Settings, load_settings

KEY = "sk-0123456789abcdefghij"
CODE_KEY = "sk-kimi-0123456789abcdefghij"
PERSONAL = "The Kimi Code Plan is meant for personal interactive use only; "
PERSONAL += "for teams and automation use the Moonshot Developer API."


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def load(path: Path, text: str = "", **environ: str) -> Settings:
    path.write_text(text, "utf-8")
    path.chmod(0o600)
    return load_settings(environ, config_file=path)


def moonshot(**more: object) -> Connection:
    values: dict[str, object] = {
        "slot": Slot.MAIN,
        "provider": "moonshot",
        "base_url": "https://api.moonshot.ai/v1",
        "model": "kimi-k2.6",
        "key": Secret(KEY),
        "origin": "MOONSHOT_API_KEY in the environment",
        **more,
    }
    return Connection(**values)  # type: ignore[arg-type]


def told(connection: Connection | None) -> str:
    assert connection is not None
    return " ".join(connection.notices)


# --- One place at a time --------------------------------------------------------------------------------------------


def test_nothing_set_is_no_connection(path: Path) -> None:
    found = load(path)
    assert (found.main, found.fallback, found.notices, found.timeouts) == (None, None, (), Timeouts())
    assert found.connections == ()
    assert found.origin == ""


def test_absent_usual_file_is_no_error(tmp_path: Path) -> None:
    code = "import os; from mesrai.settings import load_settings; print(load_settings(os.environ).main)"
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None"


def test_vendor_key_alone_is_enough(path: Path) -> None:
    assert load(path, MOONSHOT_API_KEY=KEY).main == moonshot()


@pytest.mark.parametrize(
    ("environ", "provider", "base_url", "model"),
    [
        ({"KIMI_API_KEY": CODE_KEY}, "kimi_code", "https://api.kimi.com/coding", "kimi-for-coding"),
        ({"KIMI_API_KEY": KEY}, "moonshot", "https://api.moonshot.ai/v1", "kimi-k2.6"),
        (
            {"KIMI_API_KEY": CODE_KEY, "KIMI_BASE_URL": "https://api.kimi.ai/coding/v1"},
            "kimi_code_global",
            "https://api.kimi.ai/coding",
            "kimi-for-coding",
        ),
        ({"OPENAI_API_KEY": KEY}, "openai", "https://api.openai.com/v1", "gpt-5.4"),
        ({"ANTHROPIC_API_KEY": "sk-ant-" + KEY}, "anthropic", "https://api.anthropic.com", "claude-sonnet-5-5"),
        (
            {"OPENROUTER_API_KEY": "sk-or-" + KEY},
            "openrouter",
            "https://openrouter.ai/api/v1",
            "moonshotai/kimi-k2.6",
        ),
        ({"DEEPSEEK_API_KEY": KEY}, "deepseek", "https://api.deepseek.com", "deepseek-v4-pro"),
        (
            {"ANTHROPIC_API_KEY": CODE_KEY, "ANTHROPIC_BASE_URL": "https://api.kimi.com/coding/"},
            "kimi_code",
            "https://api.kimi.com/coding",
            "kimi-for-coding",
        ),
        (
            {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "https://llm.corp.example/v1", "MESRAI_MODEL": "gpt-5.4"},
            "openai_compatible",
            "https://llm.corp.example/v1",
            "gpt-5.4",
        ),
        # fixed mode
        (
            {"API_OPEN_AI_API_KEY": KEY, "API_LLM_PROVIDER_MODEL": "auto"},
            "openai",
            "https://api.openai.com/v1",
            "gpt-5.4",
        ),
        (
            {
                "API_OPEN_AI_API_KEY": KEY,
                "API_LLM_PROVIDER_MODEL": "kimi-k2.6",
                "API_OPENAI_FORCE_BASE_URL": "https://api.moonshot.ai/v1",
            },
            "moonshot",
            "https://api.moonshot.ai/v1",
            "kimi-k2.6",
        ),
        (
            {
                "API_OPEN_AI_API_KEY": CODE_KEY,
                "API_LLM_PROVIDER_MODEL": "kimi-k2.6",
                "API_OPENAI_FORCE_BASE_URL": "https://api.kimi.com/coding/v1",
            },
            "kimi_code",
            "https://api.kimi.com/coding",
            "kimi-k2.6",
        ),
        (
            {"API_LLM_PROVIDER_MODEL": "qwen3", "API_OPENAI_FORCE_BASE_URL": "http://gpu:11434/v1"},
            "ollama",
            "http://gpu:11434/v1",
            "qwen3",
        ),
        # ours
        ({"MESRAI_PROVIDER": "Moonshot", "MESRAI_API_KEY": KEY}, "moonshot", "https://api.moonshot.ai/v1", "kimi-k2.6"),
        ({"MESRAI_API_KEY": "sk-ant-" + KEY}, "anthropic", "https://api.anthropic.com", "claude-sonnet-5-5"),
        (
            {"MESRAI_PROVIDER": "moonshot_cn", "MOONSHOT_API_KEY": KEY},
            "moonshot_cn",
            "https://api.moonshot.cn/v1",
            "kimi-k2.6",
        ),
        ({"MESRAI_PROVIDER": "ollama", "MESRAI_MODEL": "qwen3"}, "ollama", "http://localhost:11434/v1", "qwen3"),
        (
            {"MESRAI_BASE_URL": "https://x.example/v1/messages", "MESRAI_MODEL": "m", "MESRAI_API_KEY": KEY},
            "anthropic_compatible",
            "https://x.example",
            "m",
        ),
        (
            {"MESRAI_PROVIDER": "moonshot", "MESRAI_API_KEY_ENV": "MINE", "MINE": KEY},
            "moonshot",
            "https://api.moonshot.ai/v1",
            "kimi-k2.6",
        ),
        # a model that only one of the keys' owners has
        (
            {"MOONSHOT_API_KEY": KEY, "ANTHROPIC_API_KEY": "sk-ant-" + KEY, "MESRAI_MODEL": "claude-opus-4-7"},
            "anthropic",
            "https://api.anthropic.com",
            "claude-opus-4-7",
        ),
    ],
)
def test_environment_alone_makes_a_connection(
    path: Path, environ: Mapping[str, str], provider: str, base_url: str, model: str
) -> None:
    main = load(path, **environ).main
    assert main is not None
    assert (main.provider, main.base_url, main.model) == (provider, base_url, model)


def test_whole_file(path: Path) -> None:
    found = load(
        path,
        f"""
        [main]
        provider = "kimi"
        model = "kimi-k2.6"
        key = "{KEY}"
        thinking = "OFF"
        max_concurrent_requests = 3
        max_output_tokens = 20_000

        [fallback]
        base_url = "https://openrouter.ai/api/v1/chat/completions"
        model = "moonshotai/kimi-k2.6"
        key_env = "SPARE"

        [limits]
        idle_s = 60
        total_s = 0.5
        """,
        SPARE="sk-or-" + KEY,
    )
    assert found.main == moonshot(
        thinking=Thinking.OFF, max_concurrent_requests=3, max_output_tokens=20_000, origin=f"[main] in {path}"
    )
    assert found.fallback == Connection(
        slot=Slot.FALLBACK,
        provider="openrouter",
        base_url="https://openrouter.ai/api/v1",
        model="moonshotai/kimi-k2.6",
        key=Secret("sk-or-" + KEY),
        origin=f"[fallback] in {path} and SPARE in the environment",
        notices=("/chat/completions was cut from the base URL: Mesrai appends it itself.",),
    )
    assert found.timeouts == Timeouts(idle_s=60.0, total_s=0.5)
    assert found.notices == ()
    assert found.connections == (found.main, found.fallback)
    assert found.origin == f"[main] in {path}"
    assert found.config_file == path


def test_file_is_found_by_mesrai_config(path: Path) -> None:
    path.write_text('[main]\nprovider = "ollama"\nmodel = "qwen3"\n', "utf-8")
    main = load_settings({"MESRAI_CONFIG": str(path)}).main
    assert main is not None
    assert (main.provider, main.key) == ("ollama", None)


def test_plans_bring_their_cap(path: Path) -> None:
    code = load(path, KIMI_API_KEY=CODE_KEY).main
    glm = load(path, MESRAI_PROVIDER="zai_coding", ZAI_API_KEY=KEY).main
    own = load(path, KIMI_API_KEY=CODE_KEY, MESRAI_MAX_CONCURRENT_REQUESTS="4").main
    assert code is not None
    assert glm is not None
    assert own is not None
    assert [each.max_concurrent_requests for each in (code, glm, own)] == [30, 1, 4]
    assert code.notices == (PERSONAL,)


@pytest.mark.parametrize(
    "pasted", [f"  {KEY}\n", f"'{KEY}'", f'"{KEY}"\r\n', f"Bearer {KEY}", f"{KEY[:9]}\n{KEY[9:]}", f"\ufeff{KEY}\u200b"]
)
def test_pasted_key_is_cleaned(path: Path, pasted: str) -> None:
    main = load(path, MOONSHOT_API_KEY=pasted).main
    assert main is not None
    assert main.key == Secret(KEY)


# --- Several places -------------------------------------------------------------------------------------------------

FILE = f'[main]\nprovider = "moonshot"\nkey = "{KEY}"\nmodel = "kimi-k2.7-code"\n'


def test_single_variable_changes_a_single_value_of_the_files_connection(path: Path) -> None:
    assert load(path, FILE, MESRAI_MODEL="kimi-k3", MESRAI_THINKING="high").main == moonshot(
        model="kimi-k3",
        thinking=Thinking.HIGH,
        origin=f"MESRAI_MODEL, MESRAI_THINKING in the environment and [main] in {path}",
    )


def test_key_of_the_file_does_not_go_to_another_service(path: Path) -> None:
    found = load(path, FILE, MESRAI_PROVIDER="openai", OPENAI_API_KEY="sk-proj-" + KEY)
    assert found.main is not None
    assert (found.main.provider, found.main.key, found.main.model) == ("openai", Secret("sk-proj-" + KEY), "gpt-5.4")
    assert found.notices == (f"Set but not used: [main] in {path}.",)


def test_key_of_the_file_does_not_go_to_an_unknown_address(path: Path) -> None:
    main = load(path, FILE, MESRAI_BASE_URL="https://x.example/v1", MESRAI_MODEL="m").main
    assert main is not None
    assert (main.provider, main.key) == ("openai_compatible", None)


def test_vendors_key_does_not_go_to_an_address_that_is_not_the_vendors(path: Path) -> None:
    with pytest.raises(CredentialMissing):
        load(path, MESRAI_PROVIDER="moonshot", MESRAI_BASE_URL="https://x.example/v1", MOONSHOT_API_KEY=KEY)


def test_code_plan_key_is_not_taken_for_the_developer_api(path: Path) -> None:
    with pytest.raises(CredentialMissing):
        load(path, MESRAI_PROVIDER="moonshot", KIMI_API_KEY=CODE_KEY)


def test_key_alone_in_the_environment_is_for_the_place_in_the_file(path: Path) -> None:
    main = load(path, '[main]\nbase_url = "https://x.example/v1"\nmodel = "m"\n', MESRAI_API_KEY=KEY).main
    assert main is not None
    assert (main.base_url, main.key) == ("https://x.example/v1", Secret(KEY))


def test_file_wins_over_fixed_mode_and_that_over_vendors_and_the_rest_is_named(path: Path) -> None:
    fixed = {"API_OPEN_AI_API_KEY": "sk-proj-" + KEY, "API_LLM_PROVIDER_MODEL": "gpt-5"}
    with_file = load(path, FILE, **fixed, OPENROUTER_API_KEY="sk-or-" + KEY)
    without = load(path, "", **fixed, OPENROUTER_API_KEY="sk-or-" + KEY)
    assert with_file.main == moonshot(model="kimi-k2.7-code", origin=f"[main] in {path}")
    assert with_file.notices == (
        "Set but not used: API_LLM_PROVIDER_MODEL, API_OPEN_AI_API_KEY in the environment; "
        "OPENROUTER_API_KEY in the environment.",
    )
    assert without.main is not None
    assert (without.main.provider, without.main.model) == ("openai", "gpt-5")
    assert without.notices == ("Set but not used: OPENROUTER_API_KEY in the environment.",)


def test_first_vendor_key_is_used_and_the_others_are_named(path: Path) -> None:
    found = load(path, OPENAI_API_KEY=KEY, MOONSHOT_API_KEY=KEY, GROQ_API_KEY="gsk_" + KEY)
    assert found.main == moonshot()
    assert found.notices == ("Set but not used: OPENAI_API_KEY in the environment; GROQ_API_KEY in the environment.",)


def test_fallback_comes_from_its_own_names_only(path: Path) -> None:
    found = load(
        path,
        MOONSHOT_API_KEY=KEY,
        OPENAI_API_KEY=KEY,
        MESRAI_FALLBACK_PROVIDER="openai",
        MESRAI_FALLBACK_THINKING="low",
    )
    assert found.main == moonshot()
    assert found.fallback == Connection(
        slot=Slot.FALLBACK,
        provider="openai",
        base_url="https://api.openai.com/v1",
        model="gpt-5.4",
        key=Secret(KEY),
        thinking=Thinking.LOW,
        origin="MESRAI_FALLBACK_PROVIDER, MESRAI_FALLBACK_THINKING in the environment "
        "and OPENAI_API_KEY in the environment",
    )
    assert load(path, MOONSHOT_API_KEY=KEY, OPENAI_API_KEY=KEY).fallback is None


# --- What is said ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        (
            {"MESRAI_PROVIDER": "moonshot", "MESRAI_API_KEY": CODE_KEY},
            "The right provider is then kimi_code or kimi_code_global.",
        ),
        ({"MOONSHOT_API_KEY": CODE_KEY}, "This key begins with sk-kimi-, as keys of Kimi Code Plan (kimi.com) do"),
        ({"OPENAI_API_KEY": "sk-or-" + KEY}, "The right provider is then openrouter."),
        ({"OPENAI_API_KEY": "sk-ant-" + KEY}, "The right provider is then anthropic."),
        ({"TOGETHER_API_KEY": "gsk_" + KEY}, "The right provider is then groq."),
        (
            {"MESRAI_PROVIDER": "kimi_code", "MESRAI_API_KEY": KEY},
            "Keys of Kimi Code Plan (kimi.com) begin with sk-kimi-",
        ),
        ({"MOONSHOT_API_KEY": KEY, "MESRAI_MODEL": "kimi-k2-0905"}, "its successor is kimi-k2.6"),
        ({"MOONSHOT_API_KEY": KEY, "MESRAI_MODEL": "kimi-k2.5"}, "retired kimi-k2.5 on 2026-08-31"),
        ({"MOONSHOT_API_KEY": KEY, "MESRAI_MODEL": "kimi-k2.7-code", "MESRAI_THINKING": "off"}, "off has no effect"),
        ({"MOONSHOT_API_KEY": KEY, "MESRAI_MODEL": "kimi-k26"}, "Close to it are kimi-k2.6"),
        ({"KIMI_API_KEY": CODE_KEY, "MESRAI_BASE_URL": "https://api.kimi.com/coding/v1"}, "messages address"),
        (
            {
                "MESRAI_PROVIDER": "moonshot",
                "MESRAI_BASE_URL": "https://api.kimi.com/coding",
                "MESRAI_API_KEY": CODE_KEY,
            },
            "belongs to Kimi Code Plan (kimi.com), not to Moonshot AI (international); it is used as kimi_code.",
        ),
    ],
)
def test_connection_says_what_a_person_should_know(path: Path, environ: Mapping[str, str], words: str) -> None:
    assert words in told(load(path, **environ).main)


def test_any_key_may_go_to_an_address_of_ones_own(path: Path) -> None:
    environ = {"MESRAI_BASE_URL": "https://x.example/v1", "MESRAI_API_KEY": "sk-or-" + KEY, "MESRAI_MODEL": "kimi-k2.6"}
    assert "This key" not in told(load(path, **environ).main)


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX here")
def test_file_with_a_key_that_others_can_read_is_named(path: Path) -> None:
    load(path, FILE)
    path.chmod(0o644)
    notice = f"{path} holds a key and other users of this machine can read it: chmod 600 it."
    assert load_settings({}, config_file=path).notices == (notice,)
    path.write_text('[main]\nprovider = "moonshot"\nkey_env = "MINE"\n', "utf-8")
    assert load_settings({"MINE": KEY}, config_file=path).notices == ()


def test_misspelled_variable_is_named(path: Path) -> None:
    assert load(path, MOONSHOT_API_KEY=KEY, MESRAI_MODLE="x", MESRAI_VERBOSE="true").notices == (
        "The environment variable MESRAI_MODLE is not known. Did you mean MESRAI_MODEL?",
    )


def test_fallback_that_is_the_main_connection_again_is_named(path: Path) -> None:
    found = load(path, FILE + FILE.replace("[main]", "[fallback]"))
    assert "cannot help" in found.notices[0]


def test_operators_catalogue_is_used(path: Path, tmp_path: Path) -> None:
    rows = '[[model]]\nid = "kimi-k9"\nproviders = ["moonshot"]\nwindow = 99_000\nas_of = "2026-11-01"\nsource = "us"\n'
    (tmp_path / "rows.toml").write_text(rows, "utf-8")
    by_file = load(path, 'catalogue = "rows.toml"\n', MOONSHOT_API_KEY=KEY, MESRAI_MODEL="kimi-k9")
    by_name = load(path, MOONSHOT_API_KEY=KEY, MESRAI_MODEL="kimi-k9", MESRAI_CATALOGUE=str(tmp_path / "rows.toml"))
    assert by_file.main == by_name.main
    assert by_file.main is not None
    assert by_file.main.notices == ()
    assert by_file.catalogue.profile_for("moonshot", "kimi-k9").window == 99_000


# --- What is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "environ", "words"),
    [
        ('[main]\nprovider = "moonshoot"\n', {}, "{path}:2: There is no provider moonshoot. Did you mean moonshot"),
        ('[main]\nmodle = "x"\n', {}, "{path}:2: modle is not known here. Did you mean model?"),
        ('\n[mian]\nmodel = "x"\n', {}, "{path}:2: mian is not known here. Did you mean main?"),
        ('main = "x"\n', {}, "{path}:1: this must be a table, [main]."),
        ("[main]\nmodel = 3\n", {}, "{path}:2: a text in quotes belongs here."),
        (
            '[main]\nprovider = "openai"\n\nthinking = "much"\n',
            {},
            "{path}:4: thinking must be one of off, low, medium, high, custom.",
        ),
        ("[main]\nmax_concurrent_requests = 0\n", {}, "{path}:2: a whole number from 1 on belongs here."),
        ("[fallback]\nmax_output_tokens = true\n", {}, "{path}:2: a whole number from 1 on belongs here."),
        ("[main]\nkey = unquoted\n", {}, "{path}:2: this is not valid TOML."),
        (
            "[limits]\ntotal_s = -1\n",
            {"MOONSHOT_API_KEY": KEY},
            "{path}:2: a number of seconds up to 86400 belongs here.",
        ),
        (
            "[limits]\ntotal_s = nan\n",
            {"MOONSHOT_API_KEY": KEY},
            "{path}:2: a number of seconds up to 86400 belongs here.",
        ),
        ("[limits]\nforever = 1\n", {"MOONSHOT_API_KEY": KEY}, "{path}:2: forever is not known here."),
        ('[main]\nkey = "a"\nkey_env = "B"\n', {}, "{path}:3: give the key or the name of its variable, not both."),
        (
            '[main]\nprovider = "moonshot"\nkey_env = "B"\n',
            {},
            "{path}:3: the environment variable that is named here is not set.",
        ),
        ('[main]\nbase_url = "http://x.example/v1"\n', {}, "{path}:2: http://x.example would send the key"),
        (
            '[main]\nbase_url = "https://x.example/v1"\n',
            {},
            "[main] in {path}: OpenAI-compatible address serves any model",
        ),
        (
            '[main]\nprovider = "openai_compatible"\n',
            {},
            "[main] in {path}: openai_compatible stands at an address of yours.",
        ),
        (
            '[main]\nprovider = "moonshot"\n',
            {},
            "[main] in {path}: Moonshot AI (international) needs a key. Set key or key_env",
        ),
        (
            '[fallback]\nprovider = "moonshot"\nkey = "k"\n',
            {},
            "[fallback] in {path}: there is a fallback but no main connection.",
        ),
        ('[fallback]\nmodel = "m"\n', {"MOONSHOT_API_KEY": KEY}, "[fallback] in {path}: set provider or base_url"),
        ("", {"MESRAI_PROVIDER": "nobody"}, "MESRAI_PROVIDER: There is no provider nobody."),
        ("", {"MESRAI_BASE_URL": "https://a:b@x.example"}, "MESRAI_BASE_URL: The base URL holds a user name"),
        ("", {"API_OPENAI_FORCE_BASE_URL": "ftp://x"}, "API_OPENAI_FORCE_BASE_URL: The base URL must begin"),
        ("", {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "ftp://x"}, "OPENAI_BASE_URL: The base URL must begin"),
        ("", {"MESRAI_THINKING": "much"}, "MESRAI_THINKING: thinking must be one of"),
        ("", {"MESRAI_FALLBACK_MAX_OUTPUT_TOKENS": "many"}, "MESRAI_FALLBACK_MAX_OUTPUT_TOKENS: a whole number"),
        (
            "",
            {"MESRAI_API_KEY": "0123456789"},
            "MESRAI_API_KEY in the environment: a key alone does not say whose it is.",
        ),
        ("", {"MOONSHOT_API_KEY": "sk-0123456789абв"}, "MOONSHOT_API_KEY: the key holds characters that no key has."),
        ("", {"MESRAI_CATALOGUE": "/nowhere/rows.toml"}, "The catalogue file /nowhere/rows.toml cannot be read"),
        ("catalogue = 1\n", {}, "{path}:1: a text in quotes belongs here."),
    ],
)
def test_wrong_setting_is_an_error_that_names_its_place(
    path: Path, text: str, environ: Mapping[str, str], words: str
) -> None:
    with pytest.raises(MesraiError) as caught:
        load(path, text, **environ)
    assert isinstance(caught.value, SettingsError | CredentialMissing)
    assert caught.value.message.startswith(words.format(path=path))


def test_named_file_that_is_absent_or_no_text_is_an_error(path: Path) -> None:
    with pytest.raises(SettingsError, match="There is no settings file"):
        load_settings({"MESRAI_CONFIG": str(path)})
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="it is not UTF-8 text"):
        load_settings({}, config_file=path)
    with pytest.raises(SettingsError, match="Is a directory"):
        load_settings({}, config_file=path.parent)


# --- Secrets --------------------------------------------------------------------------------------------------------

SECRETS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=20, max_size=40)
PREFIXES = st.sampled_from(["sk-", "sk-kimi-", "sk-or-v1-", "sk-ant-api03-", "gsk_", "AIza", ""])
KEY_NAMES = ["MESRAI_API_KEY", "MESRAI_FALLBACK_API_KEY", "API_OPEN_AI_API_KEY", "MOONSHOT_API_KEY", "KIMI_API_KEY"]
OTHERS = {
    "MESRAI_PROVIDER": ["moonshot", "kimi_code", "openai", "openai_compatible", "nobody"],
    "MESRAI_BASE_URL": [
        "https://api.kimi.com/coding/v1",
        "https://x.example/v1",
        "http://x.example",
        "https://{}@x.example",
    ],
    "MESRAI_MODEL": ["kimi-k2.6", "kimi-k2", "claude-opus-4-7", "never-heard"],
    "MESRAI_THINKING": ["off", "high", "{}"],
    "MESRAI_TEMPERATURE": ["0.5", "{}"],
    "MESRAI_CUSTOM_JSON": ['{"thinking": "{}"}', '{"{}": 1}', '{"api_key": "{}"}', "{}", '{"x": {}}'],
    "MESRAI_ROUTING": ["a b, {} {}", "{}!"],
    "MESRAI_ROUTING_FALLBACKS": ["{}"],
    "MESRAI_TIER": ["1", "{}"],
    "MESRAI_DATABASE_URL": ["postgresql://u:{}@db/mesrai"],
    "MESRAI_ORGANISATION": ["{}/"],
    "MESRAI_FALLBACK_PROVIDER": ["groq", "anthropic"],
    "API_OPENAI_FORCE_BASE_URL": ["https://api.moonshot.ai/v1?key={}", "https://x.example"],
}
TEXTS = [
    "", '[main]\nprovider = "moonshot"\nkey = "{}"\n', "[main]\nkey = {}\n", "{}\n", '{} = "x"\n', '[main]\n{} = 1\n',
    '[main]\nkey = "{}"\nkey = "{}"\n', '[main]\nprovider = "openai"\nthinking = "{}"\n', '[main]\nkey = ["{}"]\n',
    '[main]\nkey_env = "{}"\n', '[fallback]\nprovider = "moonshot"\nkey = "{}"\n', '[main.{}]\n', '["{}"]\n',
]  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=250, deadline=None)
@given(
    secret=SECRETS,
    prefix=PREFIXES,
    names=st.sets(st.sampled_from(KEY_NAMES)),
    others=st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in OTHERS.items()}),
    text=st.sampled_from(TEXTS),
)
def test_no_key_is_ever_shown(
    tmp_path: Path, secret: str, prefix: str, names: set[str], others: dict[str, str], text: str
) -> None:
    key = prefix + "Zq7" + secret
    environ = {name: value.replace("{}", key) for name, value in others.items()} | dict.fromkeys(names, key)
    shown = ""
    try:
        found = load(tmp_path / "config.toml", text.replace("{}", key), **environ)
        shown = repr(found) + str(found) + repr(found.connections) + " ".join(found.notices) + found.origin
        shown += " ".join(told(each) + each.origin for each in found.connections)
    except (SettingsError, CredentialMissing) as error:
        shown = f"{error} {error!r} {error.message}"
        cause: BaseException | None = error.__cause__
        while cause is not None:
            shown += f"{cause} {cause!r}"
            cause = cause.__cause__
    assert secret not in shown
    assert secret.lower() not in shown


# --- The page, and speed --------------------------------------------------------------------------------------------


def test_the_page_of_the_settings_is_up_to_date() -> None:
    page = (DOCS / "settings.md").read_text("utf-8")
    assert page == settings_page()
    for name, (key, _) in SLOT_NAMES.items():
        assert f"`MESRAI_{name}`" in page
        assert f"`MESRAI_FALLBACK_{name}`" in page
        assert f"`{key}`" in page
    for name in (*FIXED_NAMES, *PROCESS_NAMES, *(f"[limits] {key}" for key in LIMIT_KEYS)):
        assert f"`{name}`" in page


def test_the_pages_example_is_valid(path: Path) -> None:
    example = (DOCS / "settings.md").read_text("utf-8").split("```toml\n")[1].split("```")[0]
    found = load(path, example, MOONSHOT_API_KEY=KEY, OPENROUTER_API_KEY="sk-or-" + KEY)
    assert [each.provider for each in found.connections] == ["moonshot", "openrouter"]
    assert found.notices == ()


def test_settings_import_nothing_heavy() -> None:
    heavy = ["aiohttp", "asyncio", "yaml", "rich", "tree_sitter", "click"]
    code = f"import sys, mesrai.settings; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_variable_survives_any_text(path: Path) -> None:
    names = [f"MESRAI_{name}" for name in SLOT_NAMES] + list(FIXED_NAMES)
    for name in names:
        for value in ("", " ", "x", "☃", "1e9", "-1", "a\nb", "'"):
            with contextlib.suppress(SettingsError, CredentialMissing):
                load(path, "", **{name: value})
