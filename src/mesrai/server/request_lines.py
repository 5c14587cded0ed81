"""Gives every request an id, which its log lines and its answer carry, and counts requests."""

import logging
import re
import time
from secrets import token_hex
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mesrai.domain.figures import HTTP_REQUESTS, HTTP_SECONDS, WEBHOOKS
from mesrai.domain.log_subject import about_from_here
from mesrai.domain.tally import Tally

LOG: Final = logging.getLogger("mesrai.http")
_NAME: Final = b"x-request-id"
_SENT: Final = re.compile(rb"[A-Za-z0-9_-]{8,64}")  # by a proxy that gives ids of its own
_AREAS: Final = {"webhooks": "webhooks", "health": "health", "api": "api"}
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class RequestLines:
    """Around the application."""

    def __init__(self, app: ASGIApp, tally: Tally) -> None:
        self._app = app
        self._tally = tally

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        number = _id_of(scope)
        began = time.monotonic()
        status = 0

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                headers = [pair for pair in message.get("headers", []) if pair[0].lower() != _NAME]
                message = {**message, "headers": [*headers, (_NAME, number.encode())]}
                self._count(scope, status, time.monotonic() - began)
            await send(message)

        about_from_here(request=number)  # to the end of its task, in which the server tells of a fault
        try:
            await self._app(scope, receive, told)
        finally:
            if not status:  # it ended without an answer
                self._count(scope, 500, time.monotonic() - began)
            took_ms = (time.monotonic() - began) * 1_000
            level = logging.DEBUG if 0 < status < 500 else logging.WARNING
            LOG.log(level, "%s %s answered %d after %.0f ms", scope["method"], scope["path"], status, took_ms)

    def _count(self, scope: Scope, status: int, took_s: float) -> None:
        area = area_of(scope)
        self._tally.add(HTTP_REQUESTS, area=area, method=method_of(scope), status=str(status))
        self._tally.observe(HTTP_SECONDS, took_s, area=area)
        if scope["path"] == "/webhooks/github":
            outcome = "taken" if status < 400 else "refused" if status < 500 else "failed"
            self._tally.add(WEBHOOKS, forge="github", outcome=outcome)


def area_of(scope: Scope) -> str:
    """Which part of us a request is for: few words, whatever is asked."""
    return _AREAS.get(str(scope["path"]).split("/")[1], "pages")


def method_of(scope: Scope) -> str:
    """The method of a request, one of few."""
    return str(scope["method"]) if scope["method"] in _METHODS else "other"


def _id_of(scope: Scope) -> str:
    """The id that a proxy gave the request, or a new one."""
    said = [value for name, value in scope["headers"] if name == _NAME]
    if len(said) == 1 and _SENT.fullmatch(said[0]):
        return str(said[0].decode())
    return token_hex(8)
