"""Settings with saved connections, in fixed mode, and in containers without a home."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mesrai.domain.connection import Connection, Learned, Routing, Slot, Thinking
from mesrai.domain.permits import Limits
from mesrai.domain.secret import Secret
from mesrai.errors import MesraiError, SettingsError
from mesrai.settings import Settings, catalogue_from, database_url_from, load_settings

KEY = "sk-0123456789abcdefghij"
OTHER = "sk-proj-0123456789abcdefghij"
FIXED = {
    "API_LLM_PROVIDER_MODEL": "kimi-k2.6",
    "API_OPENAI_FORCE_BASE_URL": "https://api.moonshot.ai/v1",
    "API_OPEN_AI_API_KEY": KEY,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def saved(**more: Any) -> Connection:
    facts: dict[str, Any] = {
        "slot": Slot.MAIN, "provider": "moonshot", "base_url": "https://api.moonshot.ai/v1", "model": "kimi-k2.6",
        "key": Secret(KEY),
    }  # fmt: skip
    return Connection(**(facts | more))


def load(path: Path, text: str = "", *connections: Connection, **environ: str) -> Settings:
    path.write_text(text, "utf-8")
    path.chmod(0o600)
    return load_settings(environ, config_file=path, stored={each.slot: each for each in connections})


# --- All settings of a slot ------------------------------------------------------------------------------


def test_every_setting_may_stand_in_the_environment(path: Path) -> None:
    found = load(
        path,
        MESRAI_PROVIDER="openrouter", MESRAI_MODEL="moonshotai/kimi-k2.6", MESRAI_API_KEY="sk-or-" + KEY,
        MESRAI_TEMPERATURE="0.3", MESRAI_CUSTOM_JSON='{"reasoning": {"effort": "low"}}',
        MESRAI_ROUTING="moonshotai, together", MESRAI_ROUTING_FALLBACKS="False", MESRAI_REQUESTS_PER_MINUTE="60",
        MESRAI_TOKENS_PER_MINUTE="2000000", MESRAI_TOKENS_PER_DAY="9000000", MESRAI_MAX_CONCURRENT_REQUESTS="5",
    )  # fmt: skip
    main = found.main
    assert main is not None
    assert (main.temperature, main.thinking) == (0.3, Thinking.CUSTOM)
    assert main.custom == {"openrouter": {"reasoning": {"effort": "low"}}}
    assert main.routing == Routing(order=("moonshotai", "together"), allow_fallbacks=False)
    assert main.limits == Limits(
        concurrent=5, requests_per_minute=60, tokens_per_minute=2_000_000, tokens_per_day=9_000_000
    )
    assert (main.notices, found.notices) == ((), ())


def test_every_setting_may_stand_in_the_file(path: Path) -> None:
    text = f"""
        [main]
        provider = "moonshot"
        key = "{KEY}"
        tier = 2
        custom_json = '''
        {{"thinking": {{"type": "disabled"}}}}
        '''
        [fallback]
        provider = "openrouter"
        key = "sk-or-{KEY}"
        temperature = 0
        routing = ["groq", "novita"]
        routing_fallbacks = false
        """
    found = load(path, text)
    assert found.main is not None
    assert found.fallback is not None
    assert found.main.custom == {"openaiCompatible": {"thinking": {"type": "disabled"}}}
    assert found.main.limits == Limits(concurrent=40, requests_per_minute=100, tokens_per_minute=3_000_000)
    assert found.fallback.temperature == 0.0
    assert found.fallback.routing == Routing(order=("groq", "novita"), allow_fallbacks=False)


@pytest.mark.parametrize(
    ("text", "environ", "words"),
    [
        ("[main]\ntemperature = 'warm'\n", {}, "{path}:2: a number belongs here."),
        ("[main]\ntemperature = nan\n", {}, "{path}:2: a number belongs here."),
        ("[main]\ntier = -1\n", {}, "{path}:2: a whole number from 0 on belongs here."),
        ("[main]\nrouting_fallbacks = 2\n", {}, "{path}:2: true or false belongs here."),
        ("[main]\nrouting = [1]\n", {}, "{path}:2: a text in quotes belongs here."),
        ("[main]\ncustom_json = {a = 1}\n", {}, "{path}:2: a text in quotes belongs here."),
        ("", {"MESRAI_TEMPERATURE": "1e999"}, "MESRAI_TEMPERATURE: a number belongs here."),
        ("", {"MESRAI_ROUTING_FALLBACKS": "maybe"}, "MESRAI_ROUTING_FALLBACKS: true or false belongs here."),
        ("", {"MESRAI_TOKENS_PER_DAY": "0"}, "MESRAI_TOKENS_PER_DAY: a whole number from 1 on belongs here."),
        (
            "",
            {"MOONSHOT_API_KEY": KEY, "MESRAI_CUSTOM_JSON": '{"thinking":\n oops}'},
            "MESRAI_CUSTOM_JSON in the environment and MOONSHOT_API_KEY in the environment: "
            "Custom JSON, line 2, column 2: expecting value.",
        ),
        (
            "",
            {"MOONSHOT_API_KEY": KEY, "MESRAI_TEMPERATURE": "0"},
            "MESRAI_TEMPERATURE in the environment and MOONSHOT_API_KEY in the environment: The temperature of",
        ),
        ("", {"MESRAI_ORGANISATION": "a/b"}, "MESRAI_ORGANISATION: a name of letters"),
        ("database = 3\n", {}, "{path}:1: a text in quotes belongs here."),
    ],
)
def test_wrong_setting_is_an_error_that_names_its_place(
    path: Path, text: str, environ: dict[str, str], words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(path, text, **environ)
    assert caught.value.message.startswith(words.format(path=path))


# --- Saved connections -----------------------------------------------------------------------------------


def test_saved_connection_is_used_as_it_was_saved(path: Path) -> None:
    connection = saved(
        thinking=Thinking.CUSTOM, custom={"openaiCompatible": {"thinking": {"type": "disabled"}}}, tier=1,
        max_concurrent_requests=15, requests_per_minute=100, tokens_per_minute=2_000_000, max_output_tokens=9_000,
        learned=Learned(window=262_144, reasoning="both"), proven_at="2026-11-24T10:00:00+00:00",
        origin="the saved main connection",
    )  # fmt: skip
    assert load(path, "", connection).main == connection


def test_notices_of_a_saved_connection_are_fresh(path: Path) -> None:
    main = load(path, "", saved(model="kimi-k2.5", notices=("old news",))).main
    assert main is not None
    assert "old news" not in main.notices
    assert any("retired kimi-k2.5" in notice for notice in main.notices)


def test_single_variables_are_laid_over_a_saved_connection(path: Path) -> None:
    main = load(path, "", saved(proven_at="2026-11-24"), MESRAI_MAX_CONCURRENT_REQUESTS="3").main
    assert main == saved(
        max_concurrent_requests=3,
        proven_at="2026-11-24",
        origin="MESRAI_MAX_CONCURRENT_REQUESTS in the environment and the saved main connection",
    )
    other = load(path, "", saved(proven_at="2026-11-24"), MESRAI_MODEL="kimi-k3").main
    assert other is not None
    assert (other.model, other.key, other.proven_at) == ("kimi-k3", Secret(KEY), "")


def test_key_of_a_saved_connection_does_not_go_to_another_service(path: Path) -> None:
    found = load(path, "", saved(), MESRAI_PROVIDER="openai", OPENAI_API_KEY=OTHER)
    assert found.main is not None
    assert found.main.key == Secret(OTHER)
    assert found.notices == ("Set but not used: the saved main connection.",)


def test_saved_connection_stands_in_place_of_the_files(path: Path) -> None:
    text = f'[main]\nprovider = "openai"\nkey = "{OTHER}"\ntemperature = 1\n'
    found = load(path, text, saved(), OPENAI_API_KEY=OTHER)
    assert found.main == saved(origin="the saved main connection")
    assert found.notices == (f"Set but not used: [main] in {path}; OPENAI_API_KEY in the environment.",)


def test_saved_and_written_slots_go_together(path: Path) -> None:
    found = load(path, f'[main]\nprovider = "openai"\nkey = "{OTHER}"\n', saved(slot=Slot.FALLBACK))
    assert [each.provider for each in found.connections] == ["openai", "moonshot"]
    assert found.notices == ()


def test_saved_connection_goes_over_fixed_mode_which_is_still_known(path: Path) -> None:
    fixed = {**FIXED, "API_OPENAI_FORCE_BASE_URL": "https://llm.corp.example/v1", "API_LLM_PROVIDER_MODEL": "m"}
    found = load(path, "", saved(), **fixed)
    assert found.main == saved(origin="the saved main connection")
    assert found.fixed is not None
    assert (found.fixed.base_url, found.fixed.model) == ("https://llm.corp.example/v1", "m")
    assert any(notice.startswith("Set but not used: API_LLM_PROVIDER_MODEL") for notice in found.notices)


def test_a_saved_connection_that_no_longer_holds_is_an_error_that_names_it(path: Path) -> None:
    with pytest.raises(SettingsError, match="the saved main connection: There is no provider gone"):
        load(path, "", saved(provider="gone"))
    with pytest.raises(SettingsError, match="the saved main connection: The temperature of"):
        load(path, "", saved(temperature=0.5))
    with pytest.raises(MesraiError, match="there is a fallback but no main connection"):
        load(path, "", saved(slot=Slot.FALLBACK))


# --- Fixed mode ------------------------------------------------------------------------------------------


def test_fixed_mode_is_known_as_such(path: Path) -> None:
    found = load(path, **FIXED)
    assert found.fixed == found.main
    assert found.main is not None
    assert (found.main.provider, found.main.model, found.main.key) == ("moonshot", "kimi-k2.6", Secret(KEY))
    assert load(path, MOONSHOT_API_KEY=KEY).fixed is None
    assert load(path).fixed is None


def test_fixed_mode_that_connects_nothing_is_told_where_it_is_not_used(path: Path) -> None:
    found = load(path, "", saved(), API_OPENAI_FORCE_BASE_URL="https://api.openai.com/v1")
    assert found.fixed is None
    assert any(notice.startswith("Fixed mode would connect no model. API_OPENAI") for notice in found.notices)


@pytest.mark.parametrize("home", [None, "/dev/null", "locked"])
def test_fixed_mode_works_in_a_container_without_a_home(tmp_path: Path, home: str | None) -> None:
    environ = {**FIXED, "PATH": os.environ["PATH"]}
    if home is not None:
        environ["HOME"] = home if home.startswith("/") else str(tmp_path / home)
    (tmp_path / "locked").mkdir(mode=0o000)
    code = (
        "import os; from mesrai.settings import load_settings; found = load_settings(os.environ);"
        "print(found.main.base_url, found.main.model, found.main.key.hint, found.fixed == found.main, found.notices)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "https://api.moonshot.ai/v1 kimi-k2.6 ••••ghij True ()"


# --- Where things are kept -------------------------------------------------------------------------------


def test_the_database_is_named_by_variable_or_file_or_stands_in_the_users_folder(path: Path) -> None:
    named = load(path, 'database = "sqlite:///data/m.db"\n', MESRAI_DATABASE_URL="postgresql://u:pw@db/mesrai")
    written = load(path, 'database = "sqlite:///data/m.db"\n')
    assert named.database_url == "postgresql://u:pw@db/mesrai"
    assert "pw" not in repr(named)
    assert written.database_url == f"sqlite:///{path.parent}/data/m.db"
    assert load(path, 'database = "sqlite:////srv/m.db"\n').database_url == "sqlite:////srv/m.db"
    usual = load(path).database_url
    assert usual.startswith("sqlite:///")
    assert usual.endswith("/mesrai/mesrai.db")
    assert (load(path).organisation, load(path, MESRAI_ORGANISATION="acme").organisation) == ("default", "acme")


def test_the_database_is_known_before_anything_else_is_read(path: Path) -> None:
    path.write_text('database = "sqlite:///m.db"\n[main]\nprovider = "nobody"\n', "utf-8")
    assert database_url_from({}, config_file=path) == f"sqlite:///{path.parent}/m.db"
    assert database_url_from({"MESRAI_DATABASE_URL": "sqlite:///x"}, config_file=path) == "sqlite:///x"
    assert catalogue_from({}, config_file=path).provider("kimi").id == "moonshot"


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX here")
def test_file_with_a_database_password_that_others_can_read_is_named(path: Path) -> None:
    load(path, 'database = "postgresql://u:pw@db/mesrai"\n')
    path.chmod(0o644)
    notice = f"{path} holds a password and other users of this machine can read it: chmod 600 it."
    assert load_settings({}, config_file=path).notices == (notice,)
