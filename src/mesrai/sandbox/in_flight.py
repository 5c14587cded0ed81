"""A request to a model from its arrival until the last byte of its answer: counted, and ended when its client goes."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from mesrai.sandbox.faces import Face
from mesrai.sandbox.limits import Account, Excess
from mesrai.sandbox.stage import Stage
from mesrai.sandbox.worlds import Limits

_FINAL: Final = "http.response.body"


@dataclass(slots=True, kw_only=True)
class Visit:
    """One request while it is in flight."""

    face: Face
    request: Request
    raw: bytes
    key: str
    account: Account
    is_messages: bool
    is_admitted: bool = False

    def admit(self, limits: Limits, tokens: int) -> Excess | None:
        """Let it in; the limit it would break if there is one."""
        excess = self.account.admit(limits, tokens)
        self.is_admitted = excess is None
        return excess


class ModelRoute:
    """An endpoint that answers questions to a model and keeps the count of what is in flight exact."""

    def __init__(
        self, face: Face, stage: Stage, answer: Callable[[Visit], Awaitable[Response]], *, is_messages: bool
    ) -> None:
        """`answer` gives the response; it is cancelled when the client goes."""
        self._face, self._stage, self._answer, self._is_messages = face, stage, answer, is_messages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope)
        key = key_of(request)
        account = self._stage.enter(key)
        visit = Visit(
            face=self._face, request=request, raw=b"", key=key, account=account, is_messages=self._is_messages
        )
        is_left = False

        def leave() -> None:
            nonlocal is_left
            if not is_left:
                is_left = True
                self._stage.leave(account, was_admitted=visit.is_admitted)

        async def counted(message: Message) -> None:
            await send(message)
            # Before anything else can happen here, so that a client that asks again at once is not counted twice.
            if message["type"] == _FINAL and not message.get("more_body", False):
                leave()

        try:
            raw = await _body(receive)
            if raw is not None:
                visit.raw = raw
                await _until_gone(self._serve(visit, scope, counted), receive)
        finally:
            leave()

    async def _serve(self, visit: Visit, scope: Scope, send: Send) -> None:
        response = await self._answer(visit)
        await response(scope, _never, send)


def key_of(request: Request) -> str:
    """The key of a request, in whichever header it came."""
    _, _, bearer = request.headers.get("authorization", "").partition(" ")
    return request.headers.get("x-api-key") or request.headers.get("x-goog-api-key") or bearer.strip()


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None if the client went before it was sent."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _until_gone(serving: Awaitable[None], receive: Receive) -> None:
    """Serve, unless the client goes first."""
    answering = asyncio.ensure_future(serving)
    leaving = asyncio.ensure_future(receive())  # after the body, there is nothing to receive but the end
    try:
        await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        is_done = answering.done()
        for task in (answering, leaving):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await leaving
        if not is_done:
            with suppress(asyncio.CancelledError):
                await answering
    if is_done:
        answering.result()


async def _never() -> Any:
    await asyncio.Event().wait()
