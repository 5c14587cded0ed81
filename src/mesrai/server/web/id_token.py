"""What a provider signed about a person (OpenID Connect Core, 3.1.3.7): checked whole before a word of it counts."""

import hmac
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from mesrai.errors import SignInRefused

# By what may be signed, and with which kind of key. Never by nothing, nor with a secret that both sides know.
ALGORITHMS: Final[Mapping[str, str]] = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC"}
LEEWAY_S: Final = 120.0  # between its clock and ours
_OLDEST_S: Final = 600.0  # it is made for this sign-in
_MOST_TOKEN: Final = 64_000  # characters
_MOST_KEYS: Final = 50
_LEAST_RSA_BITS: Final = 2_048
_MOST_SUBJECT: Final = 255
_WHY: Final[Mapping[type[jwt.PyJWTError], str]] = {
    jwt.ExpiredSignatureError: "it is over",
    jwt.ImmatureSignatureError: "it is from the future; one of the two clocks is wrong",
    jwt.InvalidAudienceError: "it is for another application",
    jwt.InvalidIssuerError: "it is from another issuer",
    jwt.InvalidSignatureError: "its signature is wrong",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a token says of itself, which is not proven."""

    algorithm: str
    key_id: str  # empty: it names none


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a token must be, to be for us and for this sign-in."""

    issuer: str
    client_id: str
    nonce: str = field(repr=False)


def head_of(token: str) -> Head:
    """Errors: SignInRefused for what is no token, or one that is not signed as it must be."""
    if len(token) > _MOST_TOKEN:
        raise _refused("it is too large")
    try:
        told = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise _refused("it is no signed token") from None
    algorithm, key_id = told.get("alg"), told.get("kid", "")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise _refused(f"it is not signed by {', '.join(ALGORITHMS)}")
    if "crit" in told or str(told.get("typ", "JWT")).upper() not in ("JWT", "APPLICATION/JWT"):
        raise _refused("it is another kind of token")
    if not isinstance(key_id, str):
        raise _refused("its key has no name")
    return Head(algorithm=algorithm, key_id=key_id)


def keys_for(head: Head, keys: Sequence[Any]) -> Sequence[jwt.PyJWK]:
    """Those of a provider's keys that may have signed it; none if it names one that is not there."""
    return [
        key
        for each in keys[:_MOST_KEYS]
        if isinstance(each, dict) and head.key_id in ("", each.get("kid")) and (key := _key(each, head)) is not None
    ]


def claims_in(token: str, head: Head, keys: Sequence[jwt.PyJWK], expected: Expected) -> Mapping[str, Any]:
    """What the token says. Errors: SignInRefused, with what is wrong about it."""
    failure: jwt.PyJWTError = jwt.InvalidSignatureError()
    for key in keys:
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[head.algorithm],
                issuer=expected.issuer,
                audience=expected.client_id,
                leeway=LEEWAY_S,
                options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce"]},
            )
        except jwt.PyJWTError as error:
            failure = error
            if isinstance(error, jwt.InvalidSignatureError):
                continue  # another key of that name may fit
            break
        except (ValueError, RecursionError):  # of its JSON
            raise _refused("it cannot be read") from None
        _refuse_claims(claims, expected)
        return claims
    why = next((told for kind, told in _WHY.items() if isinstance(failure, kind)), "something is missing in it")
    raise _refused(why)


def _refuse_claims(claims: Mapping[str, Any], expected: Expected) -> None:
    """What is left to check of claims that are signed, and for us. Errors: SignInRefused."""
    subject, nonce, issued, audience = claims["sub"], claims["nonce"], claims["iat"], claims["aud"]
    if not isinstance(nonce, str) or not _is_same(nonce, expected.nonce):
        raise _refused("it is of another sign-in")
    if not subject or len(subject) > _MOST_SUBJECT or not subject.isprintable():
        raise _refused("it names nobody")
    party = claims.get("azp", None if isinstance(audience, list) and len(audience) > 1 else expected.client_id)
    if party != expected.client_id:
        raise _refused("it is for another application")
    if not isinstance(issued, int | float) or issued < time.time() - _OLDEST_S - LEEWAY_S:
        raise _refused("it is too old")


def _is_same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def _key(told: Mapping[str, Any], head: Head) -> jwt.PyJWK | None:
    """A key that may sign in that way; None if it is another kind, too weak, or no public key at all."""
    is_other = told.get("kty") != ALGORITHMS[head.algorithm] or told.get("use", "sig") != "sig"
    if is_other or "d" in told or told.get("alg", head.algorithm) != head.algorithm:
        return None
    try:
        found = jwt.PyJWK.from_dict(dict(told), head.algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    if isinstance(found.key, RSAPublicKey):
        return found if found.key.key_size >= _LEAST_RSA_BITS else None
    is_p256 = isinstance(found.key, EllipticCurvePublicKey) and found.key.curve.name == "secp256r1"
    return found if is_p256 else None


def _refused(why: str) -> SignInRefused:
    return SignInRefused(f"What the provider signed is not accepted: {why}.")
