"""The HTTP application: webhooks in, the interface for programs, the pages, and whether the service is well."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from mesrai.errors import MesraiError, WebhookRejected
from mesrai.server.api.door import api_at_base
from mesrai.server.api.operations import OPERATIONS
from mesrai.server.web.site import Site, fault, middleware, not_found

LOG: Final = logging.getLogger("mesrai.server")
MOST_BODY: Final = 5_000_000  # bytes; GitHub sends up to 25 MB, of which nothing we act on comes near this
MOST_HELD: Final = 50_000_000  # bytes of bodies that are being read, all together
BODY_S: Final = 10.0  # for a whole body; GitHub itself gives up after ten seconds
ANSWER_S: Final = 9.0  # for what is done about it, which is one small transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What is behind the HTTP door."""

    # Given headers (lower-case names) and the raw body of a webhook: what was made of it, in words.
    # Errors: WebhookRejected, StoreError. None: no secret is set, so there is no such door.
    github_webhook: Callable[[Mapping[str, str], bytes], Awaitable[str]] | None
    # How what is broken is broken, by the name of the part, for the log; empty if nothing is.
    broken: Callable[[], Awaitable[Mapping[str, str]]]


def server_app(
    doors: Doors, site: Site | None = None, *, body_s: float = BODY_S, answer_s: float = ANSWER_S
) -> Starlette:
    """The application. Who needs longer than `body_s` for a body gets 408; what takes longer than `answer_s`, 503."""
    rooms = Rooms(doors, body_s=body_s, answer_s=answer_s)
    routes: list[BaseRoute] = [
        Route("/webhooks/github", rooms.github, methods=["POST"]),
        Route("/health/live", rooms.live),
        Route("/health/ready", rooms.ready),
    ]
    if site is not None:
        routes.append(api_at_base(site.house, OPERATIONS))
        routes.append(Mount("/", app=site_app(site)))
    return Starlette(routes=routes)


def site_app(site: Site) -> Starlette:
    """The pages, as an application of their own, so that what holds for pages does not hold for webhooks."""
    app = Starlette(
        routes=site.routes(), middleware=middleware(site.house), exception_handlers={404: not_found, 500: fault}
    )
    app.router.redirect_slashes = False  # it would lead to whatever host the request names
    return app


class Rooms:
    """The endpoints."""

    def __init__(self, doors: Doors, *, body_s: float = BODY_S, answer_s: float = ANSWER_S) -> None:
        self._doors = doors
        self._body_s = body_s
        self._answer_s = answer_s
        self._held = 0  # bytes of bodies that are being read

    async def github(self, request: Request) -> Response:
        """POST /webhooks/github: 202 for what will be worked on or need not be, 401 for what GitHub did not sign."""
        webhook = self._doors.github_webhook
        if webhook is None:
            return _told(
                404, "No webhook secret is set, so no webhook is taken. Set MESRAI_GITHUB_WEBHOOK_SECRET.", ends=True
            )
        try:
            async with asyncio.timeout(self._body_s):
                body = await self._body(request)
        except WebhookRejected as rejected:
            return _told(rejected.status, rejected.message, ends=True)
        except ClientDisconnect:
            return _told(400, "The connection ended before the whole body came.", ends=True)
        except TimeoutError:
            return _told(408, f"The body did not come within {self._body_s:g} seconds.", ends=True)
        # One that comes twice is both values, so that no part of us goes by another one than the next.
        headers = {name: ", ".join(request.headers.getlist(name)) for name in request.headers}
        try:
            async with asyncio.timeout(self._answer_s):
                return _told(202, await webhook(headers, body))
        except WebhookRejected as rejected:
            return _told(rejected.status, rejected.message)
        except MesraiError as error:
            return _told(503, error.message)
        except TimeoutError:
            return _told(503, "It took too long to write this down. Deliver it again.")

    async def _body(self, request: Request) -> bytes:
        """The whole body, of which not more than is allowed is ever kept. Errors: WebhookRejected, ClientDisconnect."""
        too_large = WebhookRejected(f"The body is larger than {MOST_BODY:,} bytes.", status=413)
        said = request.headers.get("content-length", "")
        if said.isdecimal() and (len(said) > len(str(MOST_BODY)) or int(said) > MOST_BODY):
            raise too_large
        body = bytearray()
        try:
            async for chunk in request.stream():
                if len(body) + len(chunk) > MOST_BODY:
                    raise too_large
                if self._held + len(chunk) > MOST_HELD:
                    raise WebhookRejected("Too many bodies are coming in at once. Deliver this one again.", status=503)
                body += chunk
                self._held += len(chunk)
            return bytes(body)
        finally:
            self._held -= len(body)

    async def live(self, _request: Request) -> Response:
        """GET /health/live: this process answers."""
        return _told(200, "alive")

    async def ready(self, _request: Request) -> Response:
        """GET /health/ready: 503 with the names of what is broken, if anything is. The log says how."""
        broken = await self._doors.broken()
        for part, how in broken.items():
            LOG.error("Not ready: %s: %s", part, how)
        return JSONResponse({"ready": not broken, "broken": sorted(broken)}, 503 if broken else 200)


def _told(status: int, words: str, *, ends: bool = False) -> Response:
    """An answer. `ends`: the connection too, since the rest of the body is not wanted."""
    return JSONResponse({"told": words}, status, {"connection": "close"} if ends else None)
