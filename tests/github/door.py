"""The stand-in's HTTP door: REST below / and /api/v3, GraphQL, and git below /owner/name.git."""

import asyncio
import json
import threading
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from tests.github import graph, rest_checks, rest_project, rest_pulls, rest_reactions, rest_reviews
from tests.github.access import caller_of
from tests.github.asked import Answer, Ask, Endpoint, Refused
from tests.github.exchange import Exchange
from tests.github.faults import Fault, Faults
from tests.github.git_door import GitAnswer, may_use_git, serve_git
from tests.github.judge import Judge
from tests.github.limits import Limits
from tests.github.world import World

ROUTES: list[tuple[str, str, Endpoint]] = [
    *rest_project.ROUTES,
    *rest_pulls.ROUTES,
    *rest_reviews.ROUTES,
    *rest_reactions.ROUTES,
    *rest_checks.ROUTES,
    *graph.ROUTES,
]
PREFIXES = ("/api/v3", "/api")  # of an Enterprise server


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request, as a test sees it afterwards."""

    method: str
    path: str  # without an Enterprise server's prefix
    query: Mapping[str, str]
    body: Any  # JSON, or None
    status: int  # 0: the connection was cut
    caller: str  # login; "app" for the app itself; "" for nobody
    at: float  # on time.monotonic()'s clock
    headers: Mapping[str, str] = field(repr=False)


class Door:
    """Takes requests to the world and answers back."""

    def __init__(self, world: World, judge: Judge | None) -> None:
        self.world = world
        self.judge = judge
        self.faults = Faults()
        self.limits = Limits()
        self.requests: list[Asked] = []
        self.crashes: list[str] = []  # mistakes of the stand-in itself, or requests that it cannot read
        self._lock = threading.Lock()

    def app(self) -> Starlette:
        """The whole application."""
        routes = [self._route(method, path, endpoint) for method, path, endpoint in ROUTES]
        git = Route("/{owner}/{name}.git/{rest:path}", self._git, methods=["GET", "POST"])
        return Starlette(
            routes=[git, *routes], exception_handlers={404: self._nowhere, 405: self._nowhere, Exception: self._crashed}
        )

    def _route(self, method: str, path: str, endpoint: Endpoint) -> Route:
        async def answered(request: Request) -> Response:
            return await self._rest(request, endpoint)

        return Route(path, answered, methods=[method])

    async def _nowhere(self, request: Request, error: Exception) -> Response:
        return await self._rest(request, _not_found)

    async def _crashed(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, ConnectionAbortedError):
            self.crashes.append(f"{request.method} {request.url.path}: {error!r}")
        return JSONResponse({"message": "The stand-in crashed"}, 500)

    async def _rest(self, request: Request, endpoint: Endpoint) -> Response:
        raw = await request.body()
        if (moved := _moved(self.world, request)) is not None:
            return await run_in_threadpool(self._finish, request, raw, moved, "", None)
        fault = self.faults.meet(request.method, request.url.path, request.headers.get("accept", ""))
        if fault is not None and not fault.after_effect and not fault.stall_s:
            answer, caller = fault.answer(), ""
        else:
            answer, caller = await run_in_threadpool(self._answer, request, raw, endpoint)
            if fault is not None and fault.after_effect:
                answer = fault.answer()
        response = await run_in_threadpool(self._finish, request, raw, answer, caller, fault)
        if fault is not None and (fault.stall_s or fault.hangs_up):
            return _broken(response, fault)
        return response

    def _answer(self, request: Request, raw: bytes, endpoint: Endpoint) -> tuple[Answer, str]:
        """The answer, and who asked."""
        name = ""
        try:
            if not request.headers.get("user-agent"):
                raise Refused(403, "Request forbidden by administrative rules. Please give a User-Agent header.")
            with self.world.lock:
                caller = caller_of(self.world, request.headers.get("authorization", ""))
                name = "app" if caller.app else caller.token.user.login if caller.token else ""
                # A query of GraphQL is sent by POST, too, and is no write.
                is_write = request.method != "GET" and (_resource(request) == "core" or b"mutation" in raw)
                self.limits.spend(name, _resource(request), is_write=is_write)
                ask = Ask(
                    world=self.world,
                    method=request.method,
                    path=request.url.path,
                    query=dict(request.query_params),
                    headers=request.headers,
                    raw=raw,
                    caller=caller,
                    names=_numbers_checked(request.path_params),
                )
                return endpoint(ask), name
        except Refused as refused:
            return refused.answer(), name

    def _finish(self, request: Request, raw: bytes, answer: Answer, caller: str, fault: Fault | None) -> Response:
        headers = {
            **self.limits.headers(caller, _resource(request)),
            "X-GitHub-Request-Id": uuid.uuid4().hex[:20].upper(),
            "X-GitHub-Api-Version-Selected": request.headers.get("x-github-api-version", "2022-11-28"),
            **answer.headers,
        }
        if answer.status == 204:
            response = Response(status_code=204, headers=headers)
        elif answer.is_text:
            response = Response(answer.body, answer.status, headers, media_type="application/vnd.github.diff")
        else:
            response = JSONResponse(answer.body, answer.status, headers)
        is_cut = fault is not None and fault.hangs_up
        self._note(request, raw, 0 if is_cut else answer.status, caller)
        if self.judge is not None:
            self.judge.see(
                Exchange(
                    method=request.method,
                    path=request.scope["raw_path"].decode(),
                    query=dict(request.query_params),
                    headers={k: v for k, v in request.headers.items() if k != "authorization"},
                    raw=raw,
                    status=answer.status,
                    answer_headers=dict(response.headers),
                    # A difference is in its files' own encodings, of which the description knows nothing.
                    answer=bytes(response.body).decode(errors="replace").encode(),
                )
            )
        return response

    def _note(self, request: Request, raw: bytes, status: int, caller: str) -> None:
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = None
        asked = Asked(
            method=request.method,
            path=request.url.path,
            query=dict(request.query_params),
            body=body,
            status=status,
            caller=caller,
            at=time.monotonic(),
            headers={k: v for k, v in request.headers.items() if k != "authorization"},
        )
        with self._lock:
            self.requests.append(asked)

    async def _git(self, request: Request) -> Response:
        raw = await request.body()
        old = "{owner}/{name}".format(**request.path_params)
        if (now := next((each.path for each in self.world.repositories if old in each.old_paths), "")) != "":
            query = f"?{request.url.query}" if request.url.query else ""
            place = f"{self.world.root}/{now}.git/{request.path_params['rest']}{query}"
            return Response(status_code=301, headers={"Location": place})
        fault = self.faults.meet(request.method, request.url.path)
        if fault is not None and not fault.stall_s:
            return Response(fault.message, fault.status, dict(fault.headers))
        try:
            answer, caller = await run_in_threadpool(self._serve, request, raw)
        except Refused as refused:
            self._note(request, b"", refused.status, "")
            return Response(refused.message, refused.status, refused.headers)
        self._note(request, b"", answer.status, caller)
        response = Response(answer.body, answer.status, dict(answer.headers))
        return _broken(response, fault) if fault is not None else response

    def _serve(self, request: Request, raw: bytes) -> tuple[GitAnswer, str]:
        names, query = request.path_params, request.url.query
        is_push = "git-receive-pack" in names["rest"] or "service=git-receive-pack" in query
        with self.world.lock:
            caller = caller_of(self.world, request.headers.get("authorization", ""))
            repository = may_use_git(self.world, caller, names["owner"], names["name"], is_push=is_push)
        answer = serve_git(
            repository,
            rest=f"/{names['rest']}",
            method=request.method,
            query=query,
            headers=request.headers,
            body=raw,
        )
        return answer, caller.token.user.login if caller.token else ""


def _moved(world: World, request: Request) -> Answer | None:
    """The answer for a project that has another name now: 301, or 307 where something is sent."""
    parts = request.scope["raw_path"].decode().split("/")
    for each in world.repositories:
        if parts[1:2] == ["repos"] and "/".join(parts[2:4]) in each.old_paths:
            query = f"?{request.url.query}" if request.url.query else ""
            place = "/".join([world.root, "repos", each.path, *parts[4:]]) + query
            status = 301 if request.method == "GET" else 307
            body = {"message": "Moved Permanently", "url": place, "documentation_url": "https://docs.github.com/rest"}
            return Answer(status=status, body=body, headers={"Location": place})
    return None


def _resource(request: Request) -> str:
    return "graphql" if request.url.path == "/graphql" else "core"


def _not_found(ask: Ask) -> Answer:
    raise Refused(404, "Not Found")


def _numbers_checked(names: Mapping[str, Any]) -> dict[str, str]:
    """What the path's pattern caught. Errors: Refused where a number belongs and none is."""
    for name in ("number", "comment", "review", "reaction", "check", "installation"):
        if name in names and not str(names[name]).isdigit():
            raise Refused(404, "Not Found")
    return {name: str(value) for name, value in names.items()}


def _broken(response: Response, fault: Fault) -> Response:
    """The response with a pause in the middle, or with its second half missing."""
    content = bytes(response.body)
    half = len(content) // 2

    async def parts() -> AsyncIterator[bytes]:
        yield content[:half]
        if fault.hangs_up:
            raise ConnectionAbortedError("the stand-in hangs up")
        await asyncio.sleep(fault.stall_s)
        yield content[half:]

    return StreamingResponse(parts(), response.status_code, dict(response.headers))


class Trimmed:
    """Takes an Enterprise server's prefix off the path, as ASGI middleware."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            for prefix in PREFIXES:
                if scope["path"].startswith(f"{prefix}/"):
                    raw = scope["raw_path"].removeprefix(prefix.encode())
                    scope = {**scope, "path": scope["path"].removeprefix(prefix), "raw_path": raw}
                    break
        await self._app(scope, receive, send)
