"""The HTTP application: webhooks in, and whether the service is well."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mesrai.errors import MesraiError, WebhookRejected

MOST_BODY: Final = 5_000_000  # bytes; GitHub sends up to 25 MB, of which nothing we act on comes near this


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What is behind the HTTP door."""

    # Given headers (lower-case names) and the raw body of a webhook: what was made of it, in words.
    # Errors: WebhookRejected, StoreError. None: no secret is set, so there is no such door.
    github_webhook: Callable[[Mapping[str, str], bytes], Awaitable[str]] | None
    # What is broken, by the name of the part; empty if nothing is.
    broken: Callable[[], Awaitable[Mapping[str, str]]]


def server_app(doors: Doors) -> Starlette:
    """The application."""
    rooms = _Rooms(doors)
    return Starlette(
        routes=[
            Route("/webhooks/github", rooms.github, methods=["POST"]),
            Route("/health/live", rooms.live),
            Route("/health/ready", rooms.ready),
        ]
    )


class _Rooms:
    """The endpoints."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def github(self, request: Request) -> Response:
        """POST /webhooks/github: 202 for what will be worked on or need not be, 401 for what GitHub did not sign."""
        if self._doors.github_webhook is None:
            return _told(404, "No webhook secret is set, so no webhook is taken. Set MESRAI_GITHUB_WEBHOOK_SECRET.")
        try:
            body = await _body(request)
            headers = {name.lower(): value for name, value in request.headers.items()}
            return _told(202, await self._doors.github_webhook(headers, body))
        except WebhookRejected as rejected:
            return _told(rejected.status, rejected.message)
        except ClientDisconnect:
            return _told(400, "The connection ended before the whole body came.")
        except MesraiError as error:
            return _told(503, error.message)

    async def live(self, _request: Request) -> Response:
        """GET /health/live: this process answers."""
        return _told(200, "alive")

    async def ready(self, _request: Request) -> Response:
        """GET /health/ready: 503 with what is broken, if anything is."""
        broken = await self._doors.broken()
        return JSONResponse({"ready": not broken, "broken": dict(broken)}, 503 if broken else 200)


async def _body(request: Request) -> bytes:
    """The whole body, of which not more than is allowed is ever kept. Errors: WebhookRejected."""
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said) > MOST_BODY:
        raise WebhookRejected(f"The body is larger than {MOST_BODY:,} bytes.", status=413)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY:
            raise WebhookRejected(f"The body is larger than {MOST_BODY:,} bytes.", status=413)
    return bytes(body)


def _told(status: int, words: str) -> Response:
    return JSONResponse({"told": words}, status)
