"""Every provider's refusal becomes the right typed error, by type, code and text before status."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesrai.errors import (
    AnswerRefused,
    ModelAuth,
    ModelError,
    ModelNotAdmitted,
    ModelOutOfCredit,
    ModelOverloaded,
    ModelQuota,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
    ModelUnknown,
    PromptRejected,
    PromptTooLong,
)
from mesrai.llm.classify import MOST_MESSAGE_CHARS, error_from
from mesrai.sandbox.faults import REFUSALS


def made(status: int, body: Any, headers: dict[str, str] | None = None, host: str = "") -> ModelError:
    raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    return error_from(status, headers or {}, raw, provider="p", model="m", host=host)


def said(message: str, kind: str = "", **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, **more}}


def page(title: str) -> str:
    return f"<!DOCTYPE html><html><head><title>{title}</title></head><body></body></html>"


# What providers sent, or document that they send, and what it means: one row a refusal.
CASES = json.loads((Path(__file__).parents[2] / "recorded/refusals.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_a_refusal_becomes_the_right_error(case: dict[str, Any]) -> None:
    error = made(case["status"], case["body"])
    assert type(error).__name__ == case["error"]
    assert (error.provider, error.model, error.calls) == ("p", "m", 1)


def test_the_message_says_what_to_do_and_then_quotes_the_provider() -> None:
    error = made(429, said("Your account is suspended due to insufficient balance", "exceeded_current_quota_error"))
    assert error.message == (
        "p/m: The account has no credit left. Add funds at the provider, or use another connection. "
        '(HTTP 429: "Your account is suspended due to insufficient balance")'
    )


def test_a_page_is_told_by_its_title() -> None:
    assert made(504, page("504 Gateway &amp; Time-out")).message.endswith(
        '(a gateway\'s page: "504 Gateway & Time-out")'
    )


@pytest.mark.parametrize("host", ["api.moonshot.ai", "api.moonshot.cn", "api.kimi.com"])
def test_a_wrong_moonshot_key_is_told_where_the_other_keys_belong(host: str) -> None:
    message = made(401, said("Invalid Authentication"), host=host).message
    own = {
        "api.moonshot.ai": "platform.kimi.ai",
        "api.moonshot.cn": "platform.kimi.com",
        "api.kimi.com": "kimi.com/code",
    }
    assert (
        f"This address takes a {'Kimi Code plan' if host == 'api.kimi.com' else 'Developer API'} key from {own[host]}"
        in message
    )
    others = [name for name in ("api.moonshot.ai/v1", "api.moonshot.cn/v1", "api.kimi.com/coding") if host not in name]
    assert all(f"belongs to https://{name}" in message for name in others)


def test_a_redirect_names_its_target_without_the_query() -> None:
    message = made(301, "", {"Location": "https://docs.example.com/api?key=secret"}).message
    assert "redirects to https://docs.example.com/api." in message
    assert "secret" not in message


@pytest.mark.parametrize("name", ["x-request-id", "Request-Id", "Msh-Request-Id", "X-Msh-Trace-Id", "x-generation-id"])
def test_the_request_id_is_kept_whatever_its_header(name: str) -> None:
    assert made(500, "", {name: "req-1\n"}).request_id == "req-1"


def test_a_quota_error_says_when_the_quota_is_renewed() -> None:
    error = made(
        429, {"error": {"code": "1308", "message": "Usage limit reached. Your limit will reset at 2026-12-01 10:00:00"}}
    )
    assert isinstance(error, ModelQuota)
    assert error.resets_at == "at 2026-12-01 10:00:00"
    assert "It is renewed at 2026-12-01 10:00:00." in error.message


@pytest.mark.parametrize(
    ("headers", "message", "more", "seconds"),
    [
        ({"Retry-After": "7"}, "x", {}, 7.0),
        ({"retry-after-ms": "1500", "Retry-After": "7"}, "x", {}, 1.5),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, "x", {}, 30.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT"}, "x", {}, 0.0),
        ({"Retry-After": "soon"}, "please try again after 12 seconds", {}, 12.0),
        ({}, "Please try again in 2m59.56s. Thank you", {}, 179.56),
        ({}, "x", {"details": [{"retryDelay": "17s"}]}, 17.0),
        ({"x-ratelimit-reset-requests": "6m0s", "x-ratelimit-remaining-requests": "0"}, "x", {}, 360.0),
        ({"x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-remaining-tokens": "900"}, "x", {}, None),
        ({"x-ratelimit-reset": "20"}, "x", {}, 20.0),
        ({}, "please try again later", {}, None),
        ({"Retry-After": "99999999999"}, "x", {}, None),
        ({"retry-after-ms": "500\x1f"}, "x", {}, 0.5),
        ({}, "x", {"retry_after": 10**400}, None),
        ({}, "x", {"retry_after": 4}, 4.0),
    ],
)
def test_the_wait_is_found_wherever_it_is_told(
    headers: dict[str, str], message: str, more: dict[str, Any], seconds: float | None
) -> None:
    error = made(429, said(message, **more), headers)
    assert isinstance(error, ModelThrottled)
    assert error.retry_after_s == (None if seconds is None else pytest.approx(seconds))


EXPECTED = {
    ModelAuth: ["bad_key", "bad_key_openai", "bad_key_anthropic", "bad_key_text", "bad_key_string", "bad_key_google"],
    ModelOutOfCredit: ["no_credit", "membership", "quota", "quota_openai"],
    ModelQuota: ["quota_window"],
    ModelNotAdmitted: ["client_gate", "terminated", "html_403"],
    ModelUnknown: ["no_model", "redirect"],
    ModelThrottled: ["throttle", "throttle_text", "throttle_retry_after"],
    ModelOverloaded: ["overloaded", "overloaded_529", "overloaded_503"],
    ModelUnavailable: ["server_error"],
    ModelTimeout: ["html_504"],
    PromptTooLong: ["too_long", "body_too_big"],
    AnswerRefused: ["filtered"],
    PromptRejected: ["malformed"],
}


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for kind, names in EXPECTED.items() for name in names])
def test_the_refusals_of_the_stand_in_are_told_apart(name: str, kind: type[ModelError]) -> None:
    refusal = REFUSALS[name]
    body = refusal.body if isinstance(refusal.body, str) else json.dumps(refusal.body)
    assert type(made(refusal.status, body)) is kind


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["error", "message", "type", "code", "detail", "metadata", "raw", "retry_after", "base_resp",
                         "status_code", "details", "param", "status", "resets_at"]) | st.text(max_size=5),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip
KEY = "sk-kimi-AbCdEfGhIjKlMnOp0123456789qrstuvwx"
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "retry-after-ms", "date", "location", "x-request-id", "x-ratelimit-reset"]),
    st.text(max_size=30),
)


@settings(deadline=None)
@given(status=st.integers(200, 599), value=JSON | st.binary(max_size=200), headers=HEADERS, at=st.integers(0, 100))
def test_nothing_makes_it_raise_or_leak(status: int, value: Any, headers: dict[str, str], at: int) -> None:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    place = min(at, len(raw))
    for body in (raw, raw[:place] + b' "' + KEY.encode() + b'" ' + raw[place:]):
        error = made(status, body, headers)
        assert isinstance(error, ModelError)
        assert len(error.message) <= MOST_MESSAGE_CHARS
        assert KEY[:14] not in error.message
        assert error.retry_after_s is None or error.retry_after_s >= 0
        assert len(error.request_id) <= 80


@settings(deadline=None)
@given(words=st.text(max_size=60))
def test_a_key_in_any_place_of_the_words_is_hidden(words: str) -> None:
    for body in (
        {"error": f"{words} {KEY}"},
        said(f"{KEY} {words}"),
        [said(words, param=KEY)],
        {"detail": KEY, "x": words},
    ):
        assert KEY[8:] not in made(401, body).message


def test_a_body_nested_too_deeply_is_one_without_words() -> None:
    assert isinstance(made(401, b'{"error":' * 100_000), ModelAuth)
