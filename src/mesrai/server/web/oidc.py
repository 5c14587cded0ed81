"""An OpenID Connect provider, where people sign in: the authorization code flow with PKCE."""

import asyncio
import hashlib
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote_plus, urlencode, urlsplit

from mesrai.errors import SignInRefused, SignInUnavailable
from mesrai.flows.identity import Identity, Trust
from mesrai.server.web.fetching import fetch
from mesrai.server.web.id_token import Expected, claims_in, head_of, keys_for
from mesrai.server.web.ticket import Ticket, Tickets
from mesrai.settings.oidc import Oidc, is_trustworthy

T = TypeVar("T")
BACK: Final = "/sign-in/oidc/back"
_KEPT_S: Final = 3_600.0  # what the provider says of itself
_FAILED_S: Final = 5.0  # after which one that failed is asked again
_LOOK_AGAIN_S: Final = 60.0  # between two looks for a key that is not known
_EXCHANGE_S: Final = 25.0  # for a code, with all that it takes
_AT_ONCE: Final = 16
_MOST_CODE: Final = 4_000
_MOST_EMAIL: Final = 254
_MOST_NAME: Final = 200
_MOST_GROUPS: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the provider's parts are, as its discovery document says."""

    authorization: str
    token: str
    keys: str
    userinfo: str  # empty: there is none
    is_basic: bool  # how our secret is sent to it: in a header, or else in the form
    is_issuer_told: bool  # whether it says on the way back who it is (RFC 9207)


@dataclass(frozen=True, slots=True, kw_only=True)
class WayBack:
    """What the browser brings from the provider."""

    state: str
    code: str = field(default="", repr=False)
    error: str = ""
    issuer: str = ""


class Provider:
    """The provider, with what it said of itself kept for an hour."""

    def __init__(self, told: Oidc, public_url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.told = told
        self._back = public_url + BACK
        self._clock = clock
        self._place = _Kept(self._find_place, clock)
        self._keys = _Kept(self._find_keys, clock)
        self._looked_at = -_LOOK_AGAIN_S
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def address(self, ticket: Ticket) -> str:
        """Where to send a person to sign in. Errors: SignInUnavailable."""
        place = await self._place.get()
        challenge = urlsafe_b64encode(hashlib.sha256(ticket.verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code",
            "client_id": self.told.client_id,
            "redirect_uri": self._back,
            "scope": self.told.scopes,
            "state": ticket.state,
            "nonce": ticket.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return place.authorization + ("&" if urlsplit(place.authorization).query else "?") + urlencode(asked)

    async def identity(self, back: WayBack, ticket: Ticket) -> Identity:
        """Who came back with that code. The caller has compared the state. Errors: SignInRefused, SignInUnavailable."""
        try:
            async with asyncio.timeout(_EXCHANGE_S), self._turns:
                place = await self._place.get()
                self._refuse_way_back(back, place)
                tokens = await self._exchange(place, back.code, ticket.verifier)
                claims = await self._claims(tokens, ticket)
                return self._identity(await self._with_userinfo(place, claims, tokens))
        except TimeoutError:
            raise SignInUnavailable("The identity provider took too long. Begin again.") from None

    def _refuse_way_back(self, back: WayBack, place: Place) -> None:
        if (back.issuer or place.is_issuer_told) and back.issuer != self.told.issuer:
            raise SignInRefused("The answer is from another provider than the one that was asked. Begin again.")
        if back.error == "access_denied":
            raise SignInRefused(f"{self.told.name} did not let you in.")
        if back.error:
            code = back.error if back.error.isidentifier() and len(back.error) <= 40 else "one without a name"
            raise SignInRefused(f"{self.told.name} answered with an error: {code}.")
        if not back.code or len(back.code) > _MOST_CODE:
            raise SignInRefused(f"{self.told.name} sent you back without a code. Begin again.")

    async def _exchange(self, place: Place, code: str, verifier: str) -> Mapping[str, Any]:
        """The tokens for a code."""
        client_id, secret = self.told.client_id, self.told.client_secret.open()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "code_verifier": verifier,
        }
        headers = {}
        if place.is_basic:  # both parts are encoded first: RFC 6749, 2.3.1
            pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": client_id, "client_secret": secret}
        status, tokens = await fetch(place.token, "the token endpoint", form=form, headers=headers)
        if status == 200:
            return tokens
        if tokens.get("error") == "invalid_grant":
            raise SignInRefused(f"{self.told.name} does not accept the code, or it was used. Begin again.")
        if tokens.get("error") in ("invalid_client", "unauthorized_client"):
            raise SignInUnavailable(f"{self.told.name} does not accept MESRAI_OIDC_CLIENT_ID with its secret.")
        raise SignInUnavailable(f"The identity provider gives no token: HTTP {status}.")

    async def _claims(self, tokens: Mapping[str, Any], ticket: Ticket) -> Mapping[str, Any]:
        """What the provider signed."""
        token = tokens.get("id_token")
        if not isinstance(token, str):
            raise SignInUnavailable("The identity provider gives no ID token.")
        head = head_of(token)
        keys = keys_for(head, await self._keys.get())
        if not keys and self._clock() - self._looked_at >= _LOOK_AGAIN_S:
            self._looked_at = self._clock()  # it may have changed its keys
            keys = keys_for(head, await self._keys.anew())
        if not keys:
            raise SignInRefused("What the provider signed is not accepted: it names a key that is not the provider's.")
        expected = Expected(issuer=self.told.issuer, client_id=self.told.client_id, nonce=ticket.nonce)
        return claims_in(token, head, keys, expected)

    async def _with_userinfo(
        self, place: Place, claims: Mapping[str, Any], tokens: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """The claims, and what is missing in them from where the provider keeps it.

        Address and whether it is verified are from one place, so that neither speaks for the other's.
        """
        told, access = self.told, tokens.get("access_token")
        lacks_email = "email" not in claims or told.verified_claim not in claims
        lacks_groups = bool(told.roles) and told.groups_claim not in claims and not self._is_too_many(claims)
        if not (lacks_email or lacks_groups) or not place.userinfo or not isinstance(access, str) or not access:
            return claims
        if not (access.isascii() and access.isprintable()):
            raise SignInUnavailable("The identity provider gives no usable access token.")
        bearer = {"Authorization": f"Bearer {access}"}
        status, more = await fetch(place.userinfo, "the userinfo endpoint", headers=bearer)
        if status != 200:
            raise SignInUnavailable(f"The identity provider does not say who you are: HTTP {status}.")
        if more.get("sub") != claims["sub"]:
            raise SignInRefused("The identity provider speaks of two people.")
        if lacks_email and "email" in more:
            claims = {**claims, "email": more["email"], told.verified_claim: more.get(told.verified_claim)}
        return {**more, **claims}

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        told, email = self.told, claims.get("email")
        if told.roles and self._is_too_many(claims):
            raise SignInRefused(
                f"{told.name} lists too many groups to send them. Have it send only those that matter to Mesrai."
            )
        name = claims.get("name") or claims.get("preferred_username")
        return Identity(
            issuer=told.issuer,
            subject=claims["sub"],
            email=email if isinstance(email, str) and len(email) <= _MOST_EMAIL else "",
            is_email_verified=_is_yes(claims.get(told.verified_claim)),
            name=name[:_MOST_NAME] if isinstance(name, str) else "",
            groups=_words(claims.get(told.groups_claim)),
        )

    def _is_too_many(self, claims: Mapping[str, Any]) -> bool:
        """Whether the groups are named as too many to send (OpenID Connect Core, 5.6.2)."""
        elsewhere = claims.get("_claim_names")
        return isinstance(elsewhere, dict) and self.told.groups_claim in elsewhere

    async def _find_place(self) -> Place:
        """Read the discovery document. Errors: SignInUnavailable."""
        issuer = self.told.issuer
        url = issuer.rstrip("/") + "/.well-known/openid-configuration"
        status, told = await fetch(url, "its discovery document")
        if status != 200:
            raise SignInUnavailable(f"The identity provider has no discovery document at {url}: HTTP {status}.")
        if told.get("issuer") != issuer:
            raise SignInUnavailable("The identity provider calls itself by another name than MESRAI_OIDC_ISSUER.")
        methods = _words(told.get("token_endpoint_auth_methods_supported")) or ("client_secret_basic",)
        return Place(
            authorization=self._part(told, "authorization_endpoint"),
            token=self._part(told, "token_endpoint"),
            keys=self._part(told, "jwks_uri"),
            userinfo=self._part(told, "userinfo_endpoint") if told.get("userinfo_endpoint") else "",
            is_basic="client_secret_basic" in methods or "client_secret_post" not in methods,
            is_issuer_told=told.get("authorization_response_iss_parameter_supported") is True,
        )

    def _part(self, told: Mapping[str, Any], name: str) -> str:
        """One of the provider's addresses: as safe as the issuer's own. Errors: SignInUnavailable."""
        url = told.get(name)
        is_https = self.told.issuer.startswith("https://")
        if not isinstance(url, str) or not is_trustworthy(url) or (is_https and not url.startswith("https://")):
            raise SignInUnavailable(f"The identity provider's discovery document has no safe {name}.")
        return url

    async def _find_keys(self) -> tuple[Any, ...]:
        """Read the provider's keys. Errors: SignInUnavailable."""
        status, told = await fetch((await self._place.get()).keys, "its keys")
        keys = told.get("keys")
        if status != 200 or not isinstance(keys, list):
            raise SignInUnavailable(f"The identity provider gives no keys: HTTP {status}.")
        return tuple(keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInElsewhere:
    """All that signing in at a provider takes."""

    provider: Provider
    tickets: Tickets
    trust: Trust

    @property
    def name(self) -> str:
        """What people call the provider."""
        return self.trust.name


def sign_in_at(told: Oidc, public_url: str, now: Callable[[], float] = time.time) -> SignInElsewhere:
    """Signing in at the provider that the settings name."""
    return SignInElsewhere(
        provider=Provider(told, public_url),
        tickets=Tickets(told.client_secret, told.issuer, told.client_id, now),
        trust=Trust(name=told.name, domains=told.allowed_domains, default_role=told.default_role, roles=told.roles),
    )


class _Kept(Generic[T]):
    """Something that is asked for once an hour, by one visitor for all; after a failure not again at once."""

    def __init__(self, find: Callable[[], Awaitable[T]], clock: Callable[[], float]) -> None:
        self._find = find
        self._clock = clock
        self._turn = asyncio.Lock()
        self._found: tuple[float, T] | None = None
        self._failed: tuple[float, SignInUnavailable] | None = None

    async def get(self) -> T:
        """What is kept, or what is found now. Errors: SignInUnavailable."""
        async with self._turn:
            if self._found is not None and self._clock() - self._found[0] < _KEPT_S:
                return self._found[1]
            if self._failed is not None and self._clock() - self._failed[0] < _FAILED_S:
                raise SignInUnavailable(self._failed[1].message)
            return await self._look()

    async def anew(self) -> T:
        """What is found now. Errors: SignInUnavailable; what was kept stays then."""
        async with self._turn:
            return await self._look()

    async def _look(self) -> T:
        try:
            found = await self._find()
        except SignInUnavailable as error:
            self._failed = (self._clock(), error)
            raise
        self._found, self._failed = (self._clock(), found), None
        return found


def _is_yes(value: object) -> bool:
    """Whether a claim says yes. Some providers write it as a text or a number."""
    return value is True or (isinstance(value, int | str) and str(value).lower() in ("true", "1"))


def _words(value: object) -> tuple[str, ...]:
    """The texts of a list; a lone text is one of its own."""
    if isinstance(value, str):
        return (value,)
    return tuple(each for each in value[:_MOST_GROUPS] if isinstance(each, str)) if isinstance(value, list) else ()
