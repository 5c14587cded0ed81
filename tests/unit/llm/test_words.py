"""A provider's words never show a key, a control character or more than was asked for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesrai.llm.words import MOST_CHARS, safe_words

RANDOM = st.text(
    alphabet="abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789", min_size=24, max_size=60
).filter(lambda text: any(letter.isdigit() for letter in text) and any(letter.isalpha() for letter in text))
PREFIX = st.sampled_from(
    ["sk-", "sk-proj-", "sk-ant-api03-", "sk-kimi-", "sk-or-v1-", "gsk_", "AIza", "xai-", "hf_", "", "Bearer "]
)


@pytest.mark.parametrize(
    "said",
    [
        "Incorrect API key provided: sk-inval**********6789. You can find your API key at https://x.y/keys.",
        "Authorization: Bearer abc123def456",
        "Your api key: ****6789 is invalid",
        "token deadbeefdeadbeefdeadbeefdeadbeef.abcdefGHIJ123456 expired",
        "key AIzaSyD-abcdef_1234567 not valid",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    ],
)
def test_what_looks_like_a_key_is_hidden(said: str) -> None:
    shown = safe_words(said)
    assert "[key]" in shown
    assert not any(part in shown for part in ("6789", "abc123def456", "deadbeef", "GHIJ", "SyD", "eyJ"))


@pytest.mark.parametrize(
    "said",
    [
        "The API key is invalid",
        "basic information about key-value pairs, or else",
        "Not found the model kimi-k2.6 or Permission denied",
        "Your request exceeded model token limit: 262144 (requested: 558009)",
        "moonshotai/kimi-k2.6 is temporarily rate-limited upstream",
    ],
)
def test_plain_words_stay(said: str) -> None:
    assert safe_words(said) == said


def test_control_characters_and_marks_that_reorder_text_are_taken_out() -> None:
    assert safe_words("a\x1b[31mred\x07\n\tb\u202e c\u200bd") == "ared b cd"


@settings(deadline=None)
@given(prefix=PREFIX, key=RANDOM, before=st.text(max_size=300), after=st.text(max_size=40))
def test_no_part_of_a_key_is_ever_shown(prefix: str, key: str, before: str, after: str) -> None:
    shown = safe_words(f"{before} {prefix}{key} {after}")
    assert len(shown) <= MOST_CHARS
    assert key[:12] not in shown
    assert key[-12:] not in shown


@settings(deadline=None)
@given(st.text())
def test_any_text_gives_one_short_printable_line(text: str) -> None:
    shown = safe_words(text, 50)
    assert len(shown) <= 50
    assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 or 0xD800 <= ord(letter) < 0xE000 for letter in shown)
