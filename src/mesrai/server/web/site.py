"""The site: every page with the right it needs, behind sessions, and safe headers on every answer."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from starlette.middleware import Middleware
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mesrai.domain.roles import Right, may
from mesrai.errors import AccessDenied, MesraiError, SignInRefused, StoreError, UserError
from mesrai.server.web.forms import Form, read_form
from mesrai.server.web.frame import STATIC, render
from mesrai.server.web.house import House
from mesrai.server.web.visit import LIVE, Visit, cookie_of, is_from_us
from mesrai.store.memories import count_pending
from mesrai.store.sessions import find_session

SIGN_IN: Final = "/sign-in"
_SAFE: Final = ("GET", "HEAD")
HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "cache-control": "no-store",
}
_HSTS: Final = "max-age=31536000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One address of the site."""

    path: str  # as Starlette writes paths
    show: Callable[[Visit], Awaitable[Response]]
    needs: Right | None  # None: for everybody, signed in or not
    methods: tuple[str, ...] = ("GET",)


class Site:
    """The pages over a house."""

    def __init__(self, house: House, pages: Sequence[Page]) -> None:
        self.house = house
        self.pages = tuple(pages)

    def routes(self) -> list[BaseRoute]:
        """The pages and the static files."""
        pages = [Route(page.path, self._endpoint(page), methods=list(page.methods)) for page in self.pages]
        return [*pages, Mount("/static", _Lasting(directory=STATIC))]

    def _endpoint(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                return await self._shown(page, request)
            except MesraiError as error:
                return self._refused(request, error)

        return endpoint

    async def _shown(self, page: Page, request: Request) -> Response:
        house = self.house
        is_safe = request.method in _SAFE
        if not is_safe and not _is_same_origin(request, house):
            raise AccessDenied("This was sent from another site, so it was not done.")
        word = request.cookies.get(cookie_of(house), "")
        session = await find_session(house.database, word) if word else None
        if session is not None and session.organisation != house.organisation:
            session = None
        if page.needs is not None and session is None:
            return _to_sign_in(request)
        form = Form(()) if is_safe else await read_form(request)
        if not is_safe and session is not None and not is_from_us(word, form.text("csrf")):
            raise AccessDenied("The page was too old, so nothing was done. Load it again and repeat.")
        sees_memories = session is not None and may(session.member.role, Right.SEE_CONFIGURATION)
        visit = Visit(
            house=house,
            request=request,
            form=form,
            session=session,
            word=word if session else "",
            pending=await count_pending(house.database, house.organisation) if sees_memories else 0,
        )
        if page.needs is not None:
            visit.needs(page.needs)
        return await page.show(visit)

    def _refused(self, request: Request, error: MesraiError) -> Response:
        """An error as a page, or as a line for the page's script."""
        status = _status_of(error)
        if request.headers.get("x-mesrai-live") == "1":
            return JSONResponse({"told": error.message}, status)
        visit = Visit(house=self.house, request=request, form=Form(()), session=None, word="")
        return visit.page(
            "refused.html", status=status, title=_TITLES.get(status, "That did not work"), why=error.message
        )


def middleware(house: House) -> list[Middleware]:
    """What every answer goes through."""
    unpacked = (*DEFAULT_EXCLUDED_CONTENT_TYPES, LIVE)  # packing would hold pieces back that are to be seen at once
    return [
        Middleware(_Headers, is_secure=house.is_secure),
        Middleware(GZipMiddleware, minimum_size=1_000, exclude_content_types=unpacked),
    ]


async def not_found(_request: Request, _error: Exception) -> Response:
    """The answer where there is no such page."""
    text = "There is nothing at this address."
    return HTMLResponse(_bare("Not found", text), 404)


async def fault(_request: Request, _error: Exception) -> Response:
    """The answer to a fault in Mesrai itself, which stands in the log."""
    told = _bare("A fault in Mesrai itself", "What happened stands in the service's log.")
    return HTMLResponse(told, 500, dict(HEADERS))  # it does not go through what puts them on every other answer


_TITLES: Final = {403: "Not allowed", 404: "Not found", 429: "Too many attempts", 503: "Not possible now"}


def _status_of(error: MesraiError) -> int:
    if isinstance(error, SignInRefused):
        return 429 if error.wait_s else 403
    if isinstance(error, AccessDenied):
        return 403
    if isinstance(error, StoreError):
        return 503
    return 400 if isinstance(error, UserError) else 502


def _bare(title: str, text: str) -> str:
    return render("bare.html", {"title": title, "text": text})


def _to_sign_in(request: Request) -> Response:
    """To the form that signs in, and from there back to what was asked for."""
    if request.headers.get("x-mesrai-live") == "1":
        return JSONResponse({"told": "You were signed out. Load the page again."}, 401)
    query = f"?{request.url.query}" if request.url.query else ""
    back = request.url.path + query if request.method in _SAFE else "/"
    return RedirectResponse(f"{SIGN_IN}?to={quote(back, safe='')}", 303)


def _is_same_origin(request: Request, house: House) -> bool:
    """Whether a page of ours sent it: browsers say from where, and nothing else needs to."""
    origin = urlsplit(request.headers.get("origin", ""))
    if origin.scheme or origin.path:
        is_plain = house.is_secure and origin.scheme != "https"  # somebody on the way can be any site without TLS
        return not is_plain and origin.netloc.lower() == (house.host or request.headers.get("host", "").lower())
    return request.headers.get("sec-fetch-site", "") == "same-origin"


class _Headers:
    """Puts the safe headers on every answer that does not set them itself."""

    def __init__(self, app: ASGIApp, *, is_secure: bool) -> None:
        told = dict(HEADERS) | ({"strict-transport-security": _HSTS} if is_secure else {})
        self._app = app
        self._told = {name.encode(): value.encode() for name, value in told.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.setdefault("headers", [])
                there = {name.lower() for name, _ in headers}
                headers.extend(pair for pair in self._told.items() if pair[0] not in there)
            await send(message)

        await self._app(scope, receive, sent)


class _Lasting(StaticFiles):
    """Static files under addresses that change with their content, so that they may be kept for good."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        """The file."""
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response
