import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesrai.errors import ForgeAuth, ForgeError, ForgeNotFound, ForgeRateLimited, ForgeRejected, ForgeUnavailable
from mesrai.forges.github.refusals import graphql_refusal_from, refusal_from, words_in

DATE = "Tue, 24 Nov 2026 12:00:00 GMT"
NOON = 1795521600


def said(message: str, errors: Any = None) -> bytes:
    return json.dumps({"message": message, "errors": errors}).encode()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ForgeRejected),
        (401, ForgeAuth),
        (403, ForgeAuth),
        (404, ForgeNotFound),
        (408, ForgeUnavailable),
        (409, ForgeRejected),
        (410, ForgeNotFound),
        (422, ForgeRejected),
        (451, ForgeRejected),
        (500, ForgeUnavailable),
        (502, ForgeUnavailable),
    ],
)
def test_status_says_which_error_it_is(status: int, error: type[ForgeError]) -> None:
    refusal = refusal_from(status, {"x-github-request-id": "AB12:34"}, said("No"))

    assert type(refusal) is error
    assert (refusal.status, refusal.request_id) == (status, "AB12:34")
    assert refusal.message.endswith(" GitHub says: No")


@pytest.mark.parametrize(
    ("status", "headers", "message", "wait_s"),
    [
        (429, {"retry-after": "7"}, "", 7.0),
        (403, {"retry-after": "7"}, "", 7.0),
        (429, {}, "", 60.0),
        (403, {}, "You have exceeded a secondary rate limit.", 60.0),
        (403, {}, "You have triggered an abuse detection mechanism.", 60.0),
        (422, {}, "Validation Failed: was submitted too quickly", 60.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOON + 90), "date": DATE}, "", 90.0),
        (429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "junk"}, "", 60.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1", "date": DATE}, "", 1.0),
        (429, {"retry-after": "999999999"}, "", 86400.0),
        (429, {"retry-after": "-5"}, "", 60.0),
    ],
)
def test_limits_say_how_long_to_wait(status: int, headers: dict[str, str], message: str, wait_s: float) -> None:
    refusal = refusal_from(status, headers, said(message))

    assert isinstance(refusal, ForgeRateLimited)
    assert refusal.retry_after_s == wait_s


def test_details_are_told_with_their_field() -> None:
    body = said("Validation Failed", [{"resource": "Review", "field": "line", "code": "custom", "message": "is bad"}])

    assert words_in(body) == "Validation Failed; line: is bad"
    assert words_in(said("Unprocessable Entity", ["Line could not be resolved"])) == (
        "Unprocessable Entity; Line could not be resolved"
    )


@pytest.mark.parametrize(
    "key",
    [
        "ghs_" + "16C7e42F292c6912E7710c838347Ae178B4a",
        "ghs_12345_" + "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0.c2lnbmF0dXJl" * 8,
        "github_pat_" + "11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz",
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0.c2lnbmF0dXJl",
        "0123456789abcdef0123456789abcdef01234567",
    ],
)
def test_nothing_like_a_key_is_repeated(key: str) -> None:
    message = refusal_from(422, {}, said(f"Bad value {key} here")).message

    assert key[-12:] not in message
    assert "here" in message


def test_words_are_short_and_on_one_line() -> None:
    words = words_in(said("a\r\n\x1b[31mb" + " word" * 1000))

    assert words.startswith("a [31mb word")
    assert len(words) == 200


@pytest.mark.parametrize(
    ("kind", "message", "error"),
    [
        ("NOT_FOUND", "Could not resolve to a Repository", ForgeNotFound),
        ("FORBIDDEN", "Resource not accessible by integration", ForgeAuth),
        ("RATE_LIMITED", "API rate limit exceeded", ForgeRateLimited),
        ("", "Something went wrong while executing your query", ForgeUnavailable),
        ("", "Field 'x' doesn't exist", ForgeRejected),
    ],
)
def test_errors_of_graphql_are_told_apart(kind: str, message: str, error: type[ForgeError]) -> None:
    assert type(graphql_refusal_from([{"type": kind, "message": message}])) is error


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["message", "errors", "field", "code", "type"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(
    status=st.integers(300, 599),
    body=st.binary(max_size=60) | JSON.map(lambda it: json.dumps(it).encode()),
    headers=st.dictionaries(
        st.sampled_from(["retry-after", "x-ratelimit-remaining", "x-ratelimit-reset", "date", "x-github-request-id"]),
        st.text(max_size=12) | st.sampled_from(["0", "1", DATE]),
    ),
)
def test_whatever_comes_is_an_error_with_short_words(status: int, body: bytes, headers: dict[str, str]) -> None:
    refusal = refusal_from(status, headers, body)

    assert isinstance(refusal, ForgeError)
    assert len(refusal.message) < 300
    assert not isinstance(refusal, ForgeRateLimited) or 1 <= refusal.retry_after_s <= 86400


@settings(max_examples=100, deadline=None)
@given(errors=JSON)
def test_whatever_errors_graphql_gives_are_an_error(errors: Any) -> None:
    assert isinstance(graphql_refusal_from(errors), ForgeError)
