"""The interface's door: who calls, how often, with which rights, and what was sent; then the deed, and its answer."""

import asyncio
import logging
import re
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route

from mesrai.domain.roles import RIGHTS, Right, Role
from mesrai.errors import AccessDenied, MesraiError
from mesrai.server.api.call import Call, Caller, Operation
from mesrai.server.api.once import Once
from mesrai.server.api.problems import (
    MEANINGS,
    MEDIA_TYPE,
    ApiError,
    Beside,
    Code,
    invalid,
    not_found,
    problem,
    problem_of,
)
from mesrai.server.web.house import House
from mesrai.server.web.visit import cookie_of
from mesrai.store.accounts import Member
from mesrai.store.api_rates import count_call
from mesrai.store.sessions import find_session
from mesrai.store.tokens import find_bearer

LOG: Final = logging.getLogger("mesrai.api")
BASE: Final = "/api/v1"
MOST_HELD: Final = 20_000_000  # bytes of bodies that are being read, all together
MOST_WATCHING: Final = 10  # streams of one caller in this process; each is a connection, of which it has some hundreds
_MOST_WATCHING_ALL: Final = 150
PER_MINUTE: Final = 600  # calls of one token, or of one person
_BODY_S: Final = 10.0
_WINDOW_S: Final = 60
_SAFE: Final = ("GET", "HEAD")
_STREAM: Final = "text/event-stream"
_HEADERS: Final[Mapping[str, str]] = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
}


def api_at_base(house: House, operations: Sequence[Operation], *, per_minute: int = PER_MINUTE) -> Mount:
    """The interface as a route at BASE, for every path below it: Starlette's own takes none with a line feed."""
    mount = Mount(BASE, app=api_app(house, operations, per_minute=per_minute))
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    return mount


def api_app(house: House, operations: Sequence[Operation], *, per_minute: int = PER_MINUTE) -> Starlette:
    """The interface as an application, for the address BASE."""
    door = _Door(house, per_minute)
    ordered = sorted(operations, key=lambda each: each.path)
    routes = [Route(path, door.endpoint(list(group))) for path, group in groupby(ordered, key=lambda each: each.path)]
    return Starlette(routes=routes, exception_handlers={HTTPException: _no_route, 500: _fault})


class _Door:
    """All operations over one house."""

    def __init__(self, house: House, per_minute: int) -> None:
        self._house = house
        self._per_minute = per_minute
        self._held = 0  # bytes of bodies that are being read
        self._watching: Counter[str] = Counter()  # streams that are open, by caller

    def endpoint(self, operations: Sequence[Operation]) -> type:
        """All the methods of one address, as Starlette takes an application that sees every method."""
        by_method = {each.method: each for each in operations}
        if "GET" in by_method and by_method["GET"].media_type == "application/json":
            by_method["HEAD"] = by_method["GET"]
        allowed = ", ".join(sorted(by_method))
        answered = self._answered

        class Endpoint:
            def __init__(self, scope: Any, receive: Any, send: Any) -> None:
                self._asgi = (scope, receive, send)

            def __await__(self) -> Any:
                return self._run().__await__()

            async def _run(self) -> None:
                scope, receive, send = self._asgi
                request = Request(scope, receive, send)
                operation = by_method.get(request.method)
                if operation is None:
                    refused = ApiError(Code.METHOD_NOT_ALLOWED, f"This address takes {allowed}.")
                    response = _refused(refused, {"allow": allowed})
                else:
                    response = await answered(operation, request)
                await response(scope, receive, send)

        return Endpoint

    async def _answered(self, operation: Operation, request: Request) -> Response:
        told: dict[str, str] = {}
        try:
            return await self._carried_out(operation, request, told)
        except MesraiError as error:
            if MEANINGS[problem_of(error)[0].code][0] >= 500:
                LOG.error("%s %s: %s", operation.method, operation.path, error.message)
            return _refused(error, told)

    async def _carried_out(self, operation: Operation, request: Request, told: dict[str, str]) -> Response:
        caller = await self._caller(operation, request)
        if operation.needs is not None:
            told |= await self._counted(caller)
            if operation.needs not in caller.rights and not operation.is_for_any_token:
                raise AccessDenied(f"This needs the right {operation.needs}, which the caller has not.")
        if operation.media_type == _STREAM:
            self._refuse_watcher(caller)
        body = await self._body(request, operation.most_body) if operation.body is not None else b""
        call = Call(house=self._house, request=request, caller=caller, sent=_sent(operation, request, body))
        once = Once(self._house.database, caller.name, request.headers.get("idempotency-key", ""))
        if not operation.is_once or not once.key:
            response = _answer(operation, await operation.do(call), told)
            if operation.media_type == _STREAM and isinstance(response, StreamingResponse):
                response.body_iterator = self._watched(response.body_iterator, caller)
            return response
        return await once.answered(
            f"{operation.method} {request.url.path}",
            body,
            lambda: _done(operation, call, told),
            {**_HEADERS, **told},
        )

    async def _caller(self, operation: Operation, request: Request) -> Caller:
        """Errors: ApiError if nobody is known by what was shown."""
        house, shown = self._house, request.headers.get("authorization", "")
        if operation.needs is None:
            return _NOBODY
        if shown:
            scheme, _, word = shown.partition(" ")
            bearer = await find_bearer(house.database, word.strip()) if scheme.lower() == "bearer" else None
            if bearer is None or bearer.organisation != house.organisation:
                raise _unknown("The token is not known, was taken back, or is too old.")
            return Caller(member=bearer.member, rights=bearer.rights, name=f"token {bearer.token}")
        word = request.cookies.get(cookie_of(house), "")
        session = await find_session(house.database, word) if word else None
        if session is None or session.organisation != house.organisation:
            raise _unknown("Send a token: `Authorization: Bearer mesrai_…`. Tokens are made on the page /account.")
        if request.method not in _SAFE:
            raise _unknown("The pages' session is for reading only. Send a token to change things.")
        role = session.member.role
        rights = frozenset(right for right in Right if role in RIGHTS[right])
        return Caller(member=session.member, rights=rights, name=f"person {session.member.account}")

    async def _counted(self, caller: Caller) -> dict[str, str]:
        """Headers that tell how many more calls there may be. Errors: ApiError if there are too many."""
        now = self._house.now()
        period = int(now // _WINDOW_S)
        count = await count_call(self._house.database, caller.name, period)
        reset = str(max(1, round((period + 1) * _WINDOW_S - now)))
        told = {
            "ratelimit-limit": str(self._per_minute),
            "ratelimit-remaining": str(max(0, self._per_minute - count)),
            "ratelimit-reset": reset,
        }
        if count > self._per_minute:
            beside = Beside(headers=told | {"retry-after": reset})
            raise ApiError(Code.RATE_LIMITED, f"{self._per_minute} calls a minute are the most.", beside)
        return told

    def _refuse_watcher(self, caller: Caller) -> None:
        """Errors: ApiError if that caller, or all of them, hold too many streams open."""
        if self._watching[caller.name] >= MOST_WATCHING or self._watching.total() >= _MOST_WATCHING_ALL:
            beside = Beside(headers={"retry-after": "30"})
            raise ApiError(Code.RATE_LIMITED, f"One caller watches {MOST_WATCHING} reviews at most.", beside)

    async def _watched(self, stream: AsyncIterable[Any], caller: Caller) -> AsyncIterator[Any]:
        """A stream, counted while it is open."""
        self._watching[caller.name] += 1
        try:
            async for each in stream:
                yield each
        finally:
            self._watching[caller.name] -= 1

    async def _body(self, request: Request, most: int) -> bytes:
        """The whole body, of which not more than is allowed is ever kept. Errors: ApiError."""
        too_large = ApiError(Code.TOO_LARGE, f"This body has at most {most:,} bytes.", _ENDS)
        body = bytearray()
        try:
            async with asyncio.timeout(_BODY_S):
                async for chunk in request.stream():
                    if len(body) + len(chunk) > most:
                        raise too_large
                    if self._held + len(chunk) > MOST_HELD:
                        raise ApiError(Code.UNAVAILABLE, "Too many bodies are coming in at once.", _ENDS)
                    body += chunk
                    self._held += len(chunk)
        except TimeoutError:
            raise ApiError(Code.TOO_SLOW, f"The body did not come within {_BODY_S:g} seconds.", _ENDS) from None
        except ClientDisconnect:
            raise ApiError(Code.NOT_JSON, "The connection ended before the whole body came.", _ENDS) from None
        finally:
            self._held -= len(body)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if body and kind != "application/json":
            raise ApiError(Code.UNSUPPORTED_TYPE, "Send the body as application/json.")
        return bytes(body)


_NOBODY: Final = Caller(
    member=Member(account=0, email="", name="", role=Role.MEMBER, repositories=(), since=0.0),
    rights=frozenset(),
    name="nobody",
)
_ENDS: Final = Beside(headers={"connection": "close"})


def _unknown(detail: str) -> ApiError:
    return ApiError(Code.UNAUTHENTICATED, detail, Beside(headers={"www-authenticate": 'Bearer realm="mesrai"'}))


def _sent(operation: Operation, request: Request, body: bytes) -> tuple[msgspec.Struct, ...]:
    """What was sent, in the shapes of the operation. Errors: ApiError."""
    sent: list[msgspec.Struct] = []
    if operation.at is not None:
        try:
            sent.append(msgspec.convert(dict(request.path_params), operation.at, strict=False))
        except msgspec.ValidationError:
            raise not_found("thing") from None
    asked = request.query_params
    twice = sorted({name for name, _ in asked.multi_items() if len(asked.getlist(name)) > 1})
    try:
        if twice:
            raise msgspec.ValidationError(f"It is given twice - at `$.{twice[0][:100]}`")
        sent.append(msgspec.convert(dict(asked), operation.query or _Nothing, strict=False))
    except msgspec.ValidationError as error:
        raise invalid(error, "query") from None
    if operation.body is not None:
        try:
            sent.append(msgspec.json.decode(body or b"{}", type=operation.body))
        except msgspec.ValidationError as error:
            raise invalid(error, "body") from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ApiError(Code.NOT_JSON, "The body cannot be read as JSON in UTF-8.") from None
    return tuple(sent)


class _Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A query without parameters."""


async def _done(operation: Operation, call: Call, told: Mapping[str, str]) -> Response:
    return _answer(operation, await operation.do(call), told)


def _answer(operation: Operation, made: Any, told: Mapping[str, str]) -> Response:
    if isinstance(made, Response):
        made.headers.update({**_HEADERS, **told})
        return made
    body = b"" if operation.answer is None else msgspec.json.encode(made)
    kind = None if operation.answer is None else "application/json"
    return Response(body, operation.status, {**_HEADERS, **told}, media_type=kind)


def _refused(error: MesraiError, told: Mapping[str, str]) -> Response:
    found, headers = problem_of(error)
    sent = {**_HEADERS, **told, **headers}
    return Response(msgspec.json.encode(found), found.status, sent, media_type=MEDIA_TYPE)


async def _no_route(_request: Request, _error: Exception) -> Response:
    return _refused(ApiError(Code.NOT_FOUND, "There is nothing at this address. See /api/v1/openapi.json."), {})


async def _fault(_request: Request, _error: Exception) -> Response:
    body = msgspec.json.encode(problem(Code.FAULT, "What happened stands in the service's log."))
    return Response(body, 500, dict(_HEADERS), media_type=MEDIA_TYPE)
