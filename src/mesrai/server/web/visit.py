"""One request of a person: who it is, what was filled in, and the ways to answer."""

import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from mesrai.domain.roles import Right, may
from mesrai.errors import AccessDenied
from mesrai.flows.sign_in import Client
from mesrai.server.listening import STOP
from mesrai.server.web.forms import Form
from mesrai.server.web.frame import render
from mesrai.server.web.house import House
from mesrai.store.accounts import Member
from mesrai.store.sessions import Session, find_session

LIVE: Final = "application/x-ndjson"  # the type of pieces as they come
_TOLD: Final = "mesrai_told"  # the cookie with a sentence for the next page
_TOLD_S: Final = 60
_MOST_TOLD: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A piece of a page that is shown as soon as it is known."""

    into: str  # the id of the element whose content it becomes
    html: str
    is_more: bool = False  # it comes after what is there


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request, with what was found out about it."""

    house: House
    request: Request
    form: Form
    session: Session | None
    word: str = field(repr=False)  # the session's own, from the cookie; empty: none
    pending: int = 0  # memories that wait for approval

    @property
    def member(self) -> Member:
        """Who it is. Errors: AccessDenied if nobody is signed in."""
        if self.session is None:
            raise AccessDenied("Sign in first.")
        return self.session.member

    @property
    def client(self) -> Client:
        """From where the person comes."""
        address = self.request.client.host if self.request.client else "unknown"
        return Client(network=address, browser=self.request.headers.get("user-agent", ""))

    @property
    def is_live(self) -> bool:
        """Whether the page's script asked, which can show pieces as they come."""
        return self.request.headers.get("x-mesrai-live") == "1"

    @property
    def is_ending(self) -> bool:
        """Whether the server is told to end, so that nothing that lasts may go on."""
        stop = self.request.scope.get(STOP)
        return stop is not None and bool(stop.is_set())

    def may(self, right: Right) -> bool:
        """Whether whoever is signed in has that right."""
        return self.session is not None and may(self.session.member.role, right)

    def needs(self, right: Right) -> None:
        """Errors: AccessDenied without that right."""
        if not self.may(right):
            raise AccessDenied

    async def is_still_in(self) -> bool:
        """Whether session and role still are what they were: for answers that take long. Errors: StoreUnavailable."""
        session = await find_session(self.house.database, self.word) if self.word else None
        return session is not None and session.member.role is self.member.role

    def path(self, name: str) -> str:
        """A part of the address, such as the id of a review."""
        return unquote(str(self.request.path_params.get(name, "")))

    def query(self, name: str, otherwise: str = "") -> str:
        """A value behind the question mark."""
        return self.request.query_params.get(name, otherwise).strip()

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A whole page."""
        response = HTMLResponse(self.text(template, **values), status)
        if _TOLD in self.request.cookies:
            response.delete_cookie(_TOLD)
        return response

    def text(self, template: str, **values: Any) -> str:
        """A template as text: for a piece of a page."""
        return render(template, {"visit": self, "Right": Right, "told": self.told(), **values})

    def go(self, to: str, told: str = "", *, kind: str = "good") -> Response:
        """To another page, which says `told`. `kind`: good, bad or plain."""
        response = RedirectResponse(to, 303)
        if told:
            text = quote(json.dumps([kind, told[:_MOST_TOLD]]))
            response.set_cookie(
                _TOLD, text, max_age=_TOLD_S, httponly=True, samesite="lax", secure=self.house.is_secure
            )
        return response

    def live(self, patches: AsyncIterator[Patch]) -> Response:
        """Pieces of the page as they come, a line of JSON each; for a visit that `is_live`."""

        async def lines() -> AsyncIterator[str]:
            async for each in patches:
                yield json.dumps({"into": each.into, "html": each.html, "more": each.is_more}) + "\n"

        return StreamingResponse(lines(), media_type=LIVE)

    def events(self, patches: AsyncIterator[Patch]) -> Response:
        """Pieces of the page as server-sent events, for an element with `data-follow`.

        It ends with the iterator, or with the session. Where it ended because the server `is_ending`, the browser
        comes again.
        """

        async def told() -> AsyncIterator[str]:
            async for each in patches:
                if not await self.is_still_in():
                    break
                yield f"data: {json.dumps({'into': each.into, 'html': each.html, 'more': each.is_more})}\n\n"
            if not self.is_ending:
                yield "event: end\ndata: {}\n\n"

        return StreamingResponse(told(), media_type="text/event-stream")

    def told(self) -> tuple[str, str] | None:
        """What the page before wanted said: its kind, and the sentence."""
        raw = self.request.cookies.get(_TOLD, "")
        try:
            kind, text = json.loads(unquote(raw)) if raw else ("", "")
        except (ValueError, TypeError):
            return None
        is_whole = isinstance(kind, str) and isinstance(text, str) and kind in ("good", "bad", "plain")
        return (kind, text[:_MOST_TOLD]) if is_whole else None

    @property
    def csrf(self) -> str:
        """What a form must send back. It is another one on every page, so that compression gives nothing away."""
        nonce = secrets.token_hex(8)
        return f"{nonce}.{_sealed(self.word, nonce)}"


def is_from_us(word: str, csrf: str) -> bool:
    """Whether a form carries what a page of that session was given."""
    nonce, _, sealed = csrf.partition(".")
    return bool(word and nonce) and hmac.compare_digest(sealed.encode(), _sealed(word, nonce).encode())


def cookie_of(house: House) -> str:
    """The name of the session's cookie."""
    return "__Host-mesrai" if house.is_secure else "mesrai_session"


def with_session(response: Response, house: House, word: str) -> Response:
    """The answer that signs in, or out with an empty word."""
    name = cookie_of(house)
    if word:
        response.set_cookie(name, word, httponly=True, samesite="lax", secure=house.is_secure, path="/")
    else:
        response.delete_cookie(name, path="/", secure=house.is_secure, httponly=True, samesite="lax")
    return response


def asked_with(values: Mapping[str, str]) -> str:
    """An address' query, of the values that are not empty."""
    return "&".join(f"{quote(name)}={quote(value)}" for name, value in values.items() if value)


def _sealed(word: str, nonce: str) -> str:
    return hmac.new(word.encode("utf-8", "surrogatepass"), f"csrf {nonce}".encode(), hashlib.sha256).hexdigest()[:40]
