"""A stand-in OpenID Connect provider on loopback, which keeps the rules, and breaks those that a test names."""

import asyncio
import base64
import hashlib
import http.client
import json
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus, urlencode, urlsplit

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT = "mesrai at acme"
SECRET = "between us: k3p7 & more 9f2c"


@dataclass
class Key:
    """A key that signs."""

    id: str
    algorithm: str = "RS256"
    private: Any = None

    def __post_init__(self) -> None:
        if self.private is None:
            is_ec = self.algorithm == "ES256"
            self.private = (
                ec.generate_private_key(ec.SECP256R1()) if is_ec else rsa.generate_private_key(65_537, key_size=2_048)
            )

    @property
    def public(self) -> dict[str, Any]:
        """As it stands in the key set."""
        kind = ECAlgorithm if self.algorithm == "ES256" else RSAAlgorithm
        told: dict[str, Any] = json.loads(kind.to_jwk(self.private.public_key()))
        return {**told, "kid": self.id, "use": "sig"}

    def sign(self, claims: Mapping[str, Any], **head: Any) -> str:
        """A token."""
        return jwt.encode(dict(claims), self.private, self.algorithm, {"kid": self.id, **head})


@dataclass
class Asked:
    """What a code stands for."""

    nonce: str
    challenge: str
    back: str


@dataclass
class IdentityProvider:
    """The provider, and what a test changes of it."""

    url: str
    keys: list[Key] = field(default_factory=lambda: [Key("first")])
    # What is told of the person who signs in next.
    person: dict[str, Any] = field(default_factory=dict)
    # Changes to the claims of the token; None takes one out.
    claims: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[Mapping[str, Any]], str] | None = None
    userinfo: dict[str, Any] | None = None
    discovery: dict[str, Any] = field(default_factory=dict)
    refuses: str = ""  # the error with which it sends people back
    down: str = ""  # the path that answers with a fault
    asked: Counter[str] = field(default_factory=Counter)
    codes: dict[str, Asked] = field(default_factory=dict)

    def visit(self, address: str) -> str:
        """Go to the provider as a browser does: where it sends one on to."""
        place = urlsplit(address)
        connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=10)
        connection.request("GET", f"{place.path}?{place.query}")
        response = connection.getresponse()
        response.read()
        connection.close()
        assert response.status == 302, "the provider does not know this request"
        return response.headers["location"]

    def document(self, _request: Request) -> Response:
        told = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize?tenant=a",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "authorization_response_iss_parameter_supported": True,
            **self.discovery,
        }
        return JSONResponse({name: value for name, value in told.items() if value is not None})

    def authorize(self, request: Request) -> Response:
        query = request.query_params
        is_right = (
            query.get("client_id") == CLIENT
            and query.get("response_type") == "code"
            and query.get("code_challenge_method") == "S256"
            and "openid" in query.get("scope", "").split()
            and query.get("tenant") == "a"
        )
        if not is_right:
            return JSONResponse({"error": "invalid_request"}, 400)
        back, code = query["redirect_uri"], secrets.token_urlsafe(16)
        self.codes[code] = Asked(nonce=query["nonce"], challenge=query["code_challenge"], back=back)
        answer = {"error": self.refuses} if self.refuses else {"code": code}
        return RedirectResponse(f"{back}?{urlencode({**answer, 'state': query['state'], 'iss': self.url})}", 302)

    async def token(self, request: Request) -> Response:
        form = {key: str(value) for key, value in (await _form(request)).items()}
        kind, _, pair = request.headers.get("authorization", "").partition(" ")
        if kind == "Basic":
            name, _, secret = base64.b64decode(pair).decode().partition(":")
            client = (unquote_plus(name), unquote_plus(secret))
        else:
            client = (form.get("client_id", ""), form.get("client_secret", ""))
        if client != (CLIENT, SECRET):
            return JSONResponse({"error": "invalid_client"}, 401)
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if asked is None or asked.back != form.get("redirect_uri") or asked.challenge != challenge.decode().rstrip("="):
            return JSONResponse({"error": "invalid_grant"}, 400)
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "iat": int(time.time()),
            "exp": int(time.time()) + 300,
            "nonce": asked.nonce,
            **self.person,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        signed = self.sign(claims) if self.sign else self.keys[-1].sign(claims)
        return JSONResponse({"id_token": signed, "access_token": "an-access-token", "token_type": "Bearer"})

    def tell(self, request: Request) -> Response:
        if self.userinfo is None or request.headers.get("authorization") != "Bearer an-access-token":
            return JSONResponse({"error": "invalid_token"}, 401)
        return JSONResponse(self.userinfo)

    def key_set(self, _request: Request) -> Response:
        return JSONResponse({"keys": [{"kty": "OKP", "crv": "Ed448", "x": "?"}, *(each.public for each in self.keys)]})

    def app(self) -> Starlette:
        """The provider as an application."""

        def counted(show: Callable[[Request], Any]) -> Callable[[Request], Any]:
            async def endpoint(request: Request) -> Response:
                self.asked[request.url.path] += 1
                if self.down and request.url.path.endswith(self.down):
                    return Response("<h1>Bad gateway</h1>", 502)
                answer = show(request)
                result: Response = await answer if asyncio.iscoroutine(answer) else answer
                return result

            return endpoint

        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", counted(self.document)),
                Route("/authorize", counted(self.authorize)),
                Route("/token", counted(self.token), methods=["POST"]),
                Route("/userinfo", counted(self.tell)),
                Route("/keys", counted(self.key_set)),
            ]
        )

    def reset(self) -> None:
        """Keep all rules again, for nobody in particular."""
        self.person, self.claims, self.discovery = {}, {}, {}
        self.sign, self.userinfo, self.refuses, self.down = None, None, "", ""


@contextmanager
def an_identity_provider() -> Iterator[IdentityProvider]:
    """One that runs."""
    listener = socket.create_server(("127.0.0.1", 0))
    provider = IdentityProvider(url=f"http://127.0.0.1:{listener.getsockname()[1]}")
    server = uvicorn.Server(
        uvicorn.Config(provider.app(), log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=lambda: asyncio.run(server._serve([listener])), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.should_exit = True
        thread.join(10)


async def _form(request: Request) -> dict[str, str]:
    from urllib.parse import parse_qsl

    return dict(parse_qsl((await request.body()).decode()))
