"""Base URLs: repaired where the repair is sure, refused where a key would leak, and stable once clean."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesrai.errors import SettingsError
from mesrai.llm.address import clean_base_url
from mesrai.llm.catalogue import load_catalogue
from mesrai.llm.endpoint import Dialect

CATALOGUE = load_catalogue()
ROWS = CATALOGUE.providers
CUT_CHAT = "/chat/completions was cut from the base URL: Mesrai appends it itself."
CUT_MESSAGES = "/messages was cut from the base URL: Mesrai appends it itself."
CUT_MODELS = "/models was cut from the base URL: Mesrai appends it itself."
CUT_V1 = "/v1 was cut from the base URL: Mesrai appends /v1/messages itself."
TWICE = "The base URL had /v1 twice; one is used."
HTTPS = "The base URL has no scheme; https:// is used."
HTTP = "The base URL has no scheme; http:// is used."
ADDED = "/v1 was added to the base URL: the API of Ollama is there."
SITE = "kimi.com is the web site; the API of the Kimi Code Plan is at https://api.kimi.com/coding, which is used."
OPENAI, ANTHROPIC = Dialect.OPENAI, Dialect.ANTHROPIC
CLOSED = (
    "https://api.kimi.com/coding/v1/chat/completions is closed to clients that are not on the vendor's list; the "
    "messages address https://api.kimi.com/coding is used."
)


def at(provider: str) -> str:
    row = CATALOGUE.provider(provider)
    return f"The API of {row.name} is at {row.base_url}, which is used."


@pytest.mark.parametrize(
    ("typed", "url", "provider", "dialect", "notices"),
    [
        # clean already
        ("https://api.moonshot.ai/v1", "https://api.moonshot.ai/v1", "moonshot", None, ()),
        ("https://api.moonshot.cn/v1", "https://api.moonshot.cn/v1", "moonshot_cn", None, ()),
        ("https://api.deepseek.com/v1", "https://api.deepseek.com/v1", "deepseek", None, ()),
        ("https://api.novita.ai/v3/openai", "https://api.novita.ai/v3/openai", "novita", None, ()),
        ("https://llm.example.com/team/v1", "https://llm.example.com/team/v1", None, None, ()),
        ("http://10.1.2.3:8000/v1", "http://10.1.2.3:8000/v1", None, None, ()),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1", None, None, ()),
        # small repairs without a word
        ("  'https://API.Moonshot.ai:443/v1/' \n", "https://api.moonshot.ai/v1", "moonshot", None, ()),
        ("https://api.z.ai/api/paas/v4/", "https://api.z.ai/api/paas/v4", "zai", None, ()),
        ("https://api.z.ai//api/coding/paas/v4//", "https://api.z.ai/api/coding/paas/v4", "zai_coding", None, ()),
        ("https://api.kimi.com/coding/", "https://api.kimi.com/coding", "kimi_code", None, ()),
        # scheme
        ("api.moonshot.ai/v1", "https://api.moonshot.ai/v1", "moonshot", None, (HTTPS,)),
        ("https:/api.moonshot.ai/v1", "https://api.moonshot.ai/v1", "moonshot", None, ()),
        ("localhost:4000/v1", "http://localhost:4000/v1", None, None, (HTTP,)),
        ("192.168.0.7:4000/v1", "http://192.168.0.7:4000/v1", None, None, (HTTP,)),
        ("ollama:4000/v1", "http://ollama:4000/v1", None, None, (HTTP,)),
        ("8.8.8.8/v1", "https://8.8.8.8/v1", None, None, (HTTPS,)),
        # operations and versions
        ("https://api.moonshot.ai/v1/chat/completions", "https://api.moonshot.ai/v1", "moonshot", OPENAI, (CUT_CHAT,)),
        ("https://api.moonshot.ai/v1/models/", "https://api.moonshot.ai/v1", "moonshot", None, (CUT_MODELS,)),
        ("https://api.moonshot.ai/v1/v1", "https://api.moonshot.ai/v1", "moonshot", None, (TWICE,)),
        ("https://x.example/v1/v1/chat/completions", "https://x.example/v1", None, OPENAI, (CUT_CHAT, TWICE)),
        ("https://x.example/v1/messages", "https://x.example", None, ANTHROPIC, (CUT_MESSAGES,)),
        ("https://api.anthropic.com/v1", "https://api.anthropic.com", "anthropic", None, (CUT_V1,)),
        ("https://api.anthropic.com/v1/messages", "https://api.anthropic.com", "anthropic", ANTHROPIC, (CUT_MESSAGES,)),
        # what is missing of a known path
        ("https://api.moonshot.ai", "https://api.moonshot.ai/v1", "moonshot", None, (at("moonshot"),)),
        ("https://api.openai.com/models", "https://api.openai.com/v1", "openai", None, (CUT_MODELS, at("openai"))),
        ("https://openrouter.ai/api", "https://openrouter.ai/api/v1", "openrouter", None, (at("openrouter"),)),
        (
            "https://generativelanguage.googleapis.com",
            "https://generativelanguage.googleapis.com/v1beta", "gemini", None, (at("gemini"),),
        ),
        (
            "https://generativelanguage.googleapis.com/v1beta/openai",
            "https://generativelanguage.googleapis.com/v1beta/openai", "gemini_openai", None, (),
        ),
        ("https://api.kimi.com", "https://api.kimi.com/coding", "kimi_code", None, (at("kimi_code"),)),
        ("http://gpu:11434", "http://gpu:11434/v1", "ollama", None, (ADDED,)),
        # Kimi Code
        ("https://api.kimi.com/coding/v1", "https://api.kimi.com/coding", "kimi_code", None, (CLOSED,)),
        (
            "https://api.kimi.com/coding/v1/chat/completions", "https://api.kimi.com/coding", "kimi_code", OPENAI,
            (CUT_CHAT, CLOSED),
        ),
        (
            "https://api.kimi.com/coding/v1/messages", "https://api.kimi.com/coding", "kimi_code", ANTHROPIC,
            (CUT_MESSAGES,),
        ),
        (
            "https://api.kimi.ai/coding/v1/", "https://api.kimi.ai/coding", "kimi_code_global", None,
            (CLOSED.replace("kimi.com", "kimi.ai"),),
        ),
        # consoles, documents, other surfaces
        (
            "https://platform.moonshot.ai/console/api-keys", "https://api.moonshot.ai/v1", "moonshot", None,
            ("platform.moonshot.ai is the console; the API is at https://api.moonshot.ai/v1, which is used.",),
        ),
        (
            "https://platform.kimi.ai", "https://api.moonshot.ai/v1", "moonshot", None,
            ("platform.kimi.ai is the console; the API is at https://api.moonshot.ai/v1, which is used.",),
        ),
        (
            "kimi.com/code", "https://api.kimi.com/coding", "kimi_code", None,
            (HTTPS, SITE),
        ),
        (
            "https://api.z.ai/api/anthropic", "https://api.z.ai/api/coding/paas/v4", "zai_coding", None,
            ("Mesrai reaches the GLM Coding Plan by its chat address: https://api.z.ai/api/coding/paas/v4 is used.",),
        ),
        # not known, so left alone
        (
            "https://api.openai.com/v2", "https://api.openai.com/v2", "openai", None,
            ("The path of the base URL is none that is known of OpenAI; it is used as it stands.",),
        ),
    ],
)  # fmt: skip
def test_typed_address_becomes_fit_for_use(
    typed: str, url: str, provider: str | None, dialect: Dialect | None, notices: tuple[str, ...]
) -> None:
    address = clean_base_url(typed, ROWS)
    found = (address.url, address.provider.id if address.provider else None, address.dialect, address.notices)
    assert found == (url, provider, dialect, notices)


@pytest.mark.parametrize(
    ("typed", "chosen", "url", "provider"),
    [
        ("https://api.z.ai", "zai_coding", "https://api.z.ai/api/coding/paas/v4", "zai_coding"),
        ("https://api.z.ai", None, "https://api.z.ai/api/paas/v4", "zai"),
        ("https://api.kimi.com/coding/v1", "openai_compatible", "https://api.kimi.com/coding", "kimi_code"),
        ("http://127.0.0.1:9/coding/v1", "kimi_code", "http://127.0.0.1:9/coding", None),
        ("http://127.0.0.1:9/v1", "moonshot", "http://127.0.0.1:9/v1", None),
        ("http://127.0.0.1:11434/v1", "moonshot", "http://127.0.0.1:11434/v1", None),
        ("http://127.0.0.1:11434/v1", "openai_compatible", "http://127.0.0.1:11434/v1", "ollama"),
        ("http://127.0.0.1:9", "vllm", "http://127.0.0.1:9/v1", None),
        ("https://x.example/v1/messages", "openai_compatible", "https://x.example", None),
        ("https://x.example/v1/chat/completions", "anthropic_compatible", "https://x.example/v1", None),
    ],
)
def test_chosen_provider_decides_where_the_address_does_not(
    typed: str, chosen: str | None, url: str, provider: str | None
) -> None:
    address = clean_base_url(typed, ROWS, CATALOGUE.provider(chosen) if chosen else None)
    assert (address.url, address.provider.id if address.provider else None) == (url, provider)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "is empty"),
        ("ftp://api.moonshot.ai/v1", "must begin with https://"),
        ("http://api.moonshot.ai/v1", "unencrypted"),
        ("http://llm.example.com/v1", "unencrypted"),
        ("http://169.254.169.254/v1", "unencrypted"),
        ("http://[::ffff:169.254.169.254]/v1", "unencrypted"),
        ("http://metadata.google.internal/v1", "unencrypted"),
        ("http://134744072/v1", "unusual form"),  # 8.8.8.8
        ("http://0xa9fea9fe/v1", "unusual form"),  # 169.254.169.254
        ("https://127.1/v1", "unusual form"),
        ("moonshot", "is no address"),
        ("https://", "no usable host"),
        ("https://api.moonshot.ai:99999/v1", "malformed"),
        ("https://api moonshot.ai/v1", "no usable host"),
        ("https://api..moonshot.ai/v1", "no usable host"),
        ("https://api.moonshot.ai/v1 extra", "characters that no address"),
        ("https://user:hunter22@api.moonshot.ai/v1", "before the host"),
        ("https://api.moonshot.ai/v1?key=hunter22", r"after \? or #"),
        ("https://api.moonshot.ai/v1#hunter22", r"after \? or #"),
        ("sk-hunter22hunter22hunter22", "seems to hold a key"),
        ("https://sk-hunter22hunter22hunter22/v1", "seems to hold a key"),
        ("https://llm.example.com/sk-hunter22hunter22hunter22/v1", "seems to hold a key"),
    ],
)
def test_unfit_address_is_refused_without_repeating_it(typed: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        clean_base_url(typed, ROWS)
    assert "hunter22" not in caught.value.message


HOSTS = [
    "api.moonshot.ai", "api.kimi.com", "kimi.com", "api.z.ai", "api.anthropic.com", "api.deepseek.com",
    "localhost:11434", "10.0.0.5:8000", "x.example", "openrouter.ai",
    "generativelanguage.googleapis.com", "[::1]:1", "platform.kimi.ai",
]  # fmt: skip
STEPS = [
    "v1", "v1beta", "coding", "chat", "completions", "messages", "models", "openai", "api", "paas", "v4", "anthropic",
    "",
]  # fmt: skip
urls = st.builds(
    lambda scheme, host, steps, end: scheme + host + "".join("/" + step for step in steps) + end,
    st.sampled_from(["https://", "http://", "", "HTTPS://", "https:/"]),
    st.sampled_from(HOSTS),
    st.lists(st.sampled_from(STEPS), max_size=6),
    st.sampled_from(["", "/", "//"]),
)
chosen_rows = st.sampled_from(
    [None, *(row for row in ROWS if row.id not in ("openai_compatible", "anthropic_compatible"))]
)


@given(typed=urls | st.text(max_size=60), row=chosen_rows)
def test_cleaning_what_is_clean_changes_nothing(typed: str, row: None) -> None:
    with contextlib.suppress(SettingsError):
        once = clean_base_url(typed, ROWS, row)
        again = clean_base_url(once.url, ROWS, row)
        assert again.url == once.url
        assert not once.url.endswith("/")
        assert again.provider == once.provider


SECRETS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=16, max_size=48)


@given(
    secret=SECRETS,
    shape=st.sampled_from([
        "https://{}@api.moonshot.ai/v1", "https://me:{}@x.example/v1", "{}@x.example", "https://x.example/v1?key={}",
        "x.example/v1?{}", "https://x.example/#{}", "sk-{}", "https://x.example/sk-{}/v1", "http://AIza{}", "https://gsk_{}:80",
        "{}", "ftp://{}", "http://x.example/{}", "https://x.example:{}/v1",
    ]),
)  # fmt: skip
def test_key_in_an_address_is_never_shown(secret: str, shape: str) -> None:
    with pytest.raises(SettingsError) as caught:
        clean_base_url(shape.format("Zq" + secret), ROWS)
    assert secret not in caught.value.message
    assert secret.lower() not in caught.value.message


def test_call_of_geminis_own_format_is_cut() -> None:
    for method in ("generateContent", "streamGenerateContent"):
        typed = f"https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:{method}"
        address = clean_base_url(typed, ROWS)
        assert (address.url, address.provider and address.provider.id) == (
            CATALOGUE.provider("gemini").base_url,
            "gemini",
        )
        assert address.notices == (
            f"/models/gemini-2.5-pro:{method} was cut from the base URL: Mesrai appends it itself.",
        )


def test_local_server_is_a_providers_own_where_an_operator_put_it_and_it_was_chosen(tmp_path: Path) -> None:
    overlay = tmp_path / "own.toml"
    overlay.write_text('[[provider]]\nid = "moonshot"\nbase_url = "http://127.0.0.1:9/own"\n', "utf-8")
    rows = load_catalogue(overlay).providers
    moonshot, any_server = (next(row for row in rows if row.id == name) for name in ("moonshot", "openai_compatible"))
    own, other = "http://127.0.0.1:9/own", "http://127.0.0.1:9/other"
    asked = [(own, moonshot), (other, moonshot), (own, any_server), (own, None)]
    assert [clean_base_url(url, rows, chosen).provider for url, chosen in asked] == [moonshot, None, None, None]
