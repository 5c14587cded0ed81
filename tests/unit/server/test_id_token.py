"""Which keys may have signed a token, and that a changed token is none."""

import json
import time
from base64 import urlsafe_b64encode
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from tests.identity_provider import Key

from mesrai.errors import SignInRefused
from mesrai.server.web.id_token import Expected, Head, claims_in, head_of, keys_for

EXPECTED = Expected(issuer="https://login.example", client_id="mesrai", nonce="once")
RSA, EC = Head(algorithm="RS256", key_id="k"), Head(algorithm="ES256", key_id="k")


@cache
def key() -> Key:
    return Key("k", "ES256")


@cache
def rsa_key() -> Key:
    return Key("k")


def of_rsa(bits: int) -> dict[str, Any]:
    made = rsa.generate_private_key(65_537, key_size=bits).public_key()
    return {**json.loads(RSAAlgorithm.to_jwk(made)), "kid": "k"}


def of_curve(curve: ec.EllipticCurve) -> dict[str, Any]:
    return {**json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(curve).public_key())), "kid": "k"}


def token(**head: Any) -> str:
    now = int(time.time())
    claims = {"iss": EXPECTED.issuer, "aud": "mesrai", "sub": "a", "nonce": "once", "iat": now, "exp": now + 60}
    return key().sign(claims, **head)


def with_head(head: object) -> str:
    first = urlsafe_b64encode(json.dumps(head).encode()).decode().rstrip("=")
    return f"{first}.{token().partition('.')[2]}"


def read(text: str) -> Any:
    head = head_of(text)
    return claims_in(text, head, keys_for(head, [key().public]) or keys_for(EC, [key().public]), EXPECTED)


def test_a_key_of_the_right_kind_and_name_may_have_signed() -> None:
    assert len(keys_for(RSA, [rsa_key().public])) == 1
    assert len(keys_for(EC, [rsa_key().public, key().public, {**key().public, "kid": "other"}])) == 1
    assert len(keys_for(Head(algorithm="ES256", key_id=""), [key().public, {**key().public, "kid": "other"}])) == 2
    assert len(keys_for(Head(algorithm="PS256", key_id="k"), [rsa_key().public])) == 1


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (RSA, lambda: of_rsa(1_024)),
        (RSA, lambda: key().public),
        (RSA, lambda: {**rsa_key().public, "use": "enc"}),
        (RSA, lambda: {**rsa_key().public, "alg": "RS512"}),
        (RSA, lambda: {**rsa_key().public, "kid": "other"}),
        (RSA, lambda: {**rsa_key().public, "n": 5}),
        (RSA, lambda: {**json.loads(RSAAlgorithm.to_jwk(rsa_key().private)), "kid": "k"}),
        (RSA, lambda: {"kty": "oct", "k": "c2VjcmV0", "kid": "k"}),
        (RSA, lambda: {"kty": "RSA", "kid": "k"}),
        (RSA, lambda: ["not", "a", "key"]),
        (EC, lambda: of_curve(ec.SECP384R1())),
        (EC, lambda: {**key().public, "crv": "secp256k1"}),
        (EC, lambda: {**key().public, "x": "AAAA"}),
    ],
)
def test_a_key_that_is_weak_or_of_another_kind_or_for_something_else_may_not(head: Head, told: Any) -> None:
    assert keys_for(head, [told()]) == []


def test_a_token_is_read_under_the_key_that_signed_it_among_others_of_its_name() -> None:
    head = head_of(token())
    keys = keys_for(head, [of_curve(ec.SECP256R1()), key().public])
    assert claims_in(token(), head, keys, EXPECTED)["sub"] == "a"
    with pytest.raises(SignInRefused, match="signature is wrong"):
        claims_in(token(), head, keys[:1], EXPECTED)


@pytest.mark.parametrize(
    "head",
    [
        {"alg": "ES256", "kid": 5},
        {"alg": ["ES256"], "kid": "k"},
        {"alg": "es256", "kid": "k"},
        {"alg": "ES256", "kid": "k", "crit": ["b64"], "b64": True},
        {"alg": "ES256", "kid": "k", "typ": "logout+jwt"},
        {"kid": "k"},
        [],
        "x",
    ],
)
def test_a_head_that_says_something_else_is_refused(head: object) -> None:
    with pytest.raises(SignInRefused):
        head_of(with_head(head))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_token_with_any_letter_changed_is_refused(data: st.DataObject) -> None:
    good = token()
    place = data.draw(st.integers(0, len(good) - 1))
    other = data.draw(st.sampled_from("AQgw.-_9zB\u00e9\ud800 "))
    changed = good[:place] + other + good[place + 1 :]
    if changed == good or place == len(good) - 1:  # the last letter of Base64 holds bits that count for nothing
        return
    with pytest.raises(SignInRefused):
        read(changed)
