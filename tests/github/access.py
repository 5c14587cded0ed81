"""Who a request comes from: signed app tokens, installation tokens, people's tokens."""

import base64
import binascii
import time
from collections.abc import Mapping
from typing import Any

import jwt
from tests.github.asked import Caller, Refused
from tests.github.records import App, Token
from tests.github.world import World

LONGEST_S = 600  # an app's own token may live ten minutes
DRIFT_S = 60


def caller_of(world: World, authorization: str) -> Caller:
    """Who sends this Authorization header; nobody for none. Errors: Refused(401)."""
    scheme, _, secret = authorization.partition(" ")
    secret = secret.strip()
    if scheme.lower() == "basic":
        secret = _password(secret)
    if not secret:
        return Caller()
    if token := world.tokens.get(secret):
        return Caller(token=_alive(token))
    if secret.count(".") == 2 and not secret.startswith("gh"):
        return Caller(app=_app(world, secret))
    raise Refused(401, "Bad credentials")


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        raise Refused(401, "Bad credentials") from None


def _alive(token: Token) -> Token:
    if token.is_revoked or (token.expires is not None and token.expires < time.time()):
        raise Refused(401, "Bad credentials")
    return token


def _app(world: World, secret: str) -> App:
    """The app that signed it. Errors: Refused, in the words GitHub uses."""
    unreadable = Refused(401, "A JSON web token could not be decoded")
    try:
        claims: Mapping[str, Any] = jwt.decode(secret, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise unreadable from None
    issuer = str(claims.get("iss", ""))
    app = next((each for each in world.apps if issuer in (str(each.id), each.client_id)), None)
    if app is None:
        raise Refused(401, "'Issuer' claim ('iss') must be an Integer or the app's client id")
    try:
        jwt.decode(secret, app.public_key, algorithms=["RS256"], options={"verify_iat": False, "verify_exp": False})
    except jwt.PyJWTError:
        raise unreadable from None
    now = time.time()
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(expires, int | float) or expires < now:
        raise Refused(401, "'Expiration time' claim ('exp') must be a numeric value representing the future time")
    if expires > now + LONGEST_S + DRIFT_S:
        raise Refused(401, "'Expiration time' claim ('exp') is too far in the future")
    if not isinstance(issued, int | float) or issued > now + 1:
        raise Refused(401, "'Issued at' claim ('iat') must be an Integer representing the time that it was issued")
    return app
