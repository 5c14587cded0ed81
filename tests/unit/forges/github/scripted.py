"""A GitHub on loopback that says what the test tells it to, and keeps what it was asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web

from mesrai.domain.pull_request import RepositoryName
from mesrai.domain.secret import Secret
from mesrai.forges.github.client import GitHub
from mesrai.forges.github.place import Place, place_at
from mesrai.forges.github.transport import Session, Timing, Token, Transport, open_session

T = TypeVar("T")

TOKEN = "ghp_scriptedscriptedscriptedscripted1234"
SHOP = RepositoryName(forge="github.com", owner="acme", name="shop")
SHA = "a" * 40
QUICK = Timing(write_gap_s=0.0, backoff_s=0.001, read_s=2.0, write_s=2.0, connect_s=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """One answer."""

    status: int = 200
    body: Any = None  # bytes as they are, all else as JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    after_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came."""

    method: str
    path: str  # with the query
    headers: Mapping[str, str] = field(repr=False)
    body: Any = None


Script = Mapping[str, Says | Sequence[Says] | Callable[[Asked], Says]]


class ScriptedGitHub:
    """Answers `METHOD /path` (without the query) by the script: one answer, several in turn (the last one stays),
    or what a function makes of the request. Whatever the script does not know is 404.
    """

    def __init__(self, script: Script) -> None:
        self._script = dict(script)
        self._counts: dict[str, int] = {}
        self.asked: list[Asked] = []
        self.url = ""

    @property
    def lines(self) -> list[str]:
        """What was asked, as `METHOD /path`."""
        return [f"{asked.method} {asked.path}" for asked in self.asked]

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        raw = await request.read()
        asked = Asked(
            method=request.method,
            path=request.raw_path,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=json.loads(raw) if raw else None,
        )
        self.asked.append(asked)
        says = self._said(f"{request.method} {request.raw_path.split('?')[0]}", asked)
        await asyncio.sleep(says.after_s)
        headers = {name: value.replace("{url}", self.url) for name, value in says.headers.items()}
        body = (
            says.body if isinstance(says.body, bytes) else b"" if says.body is None else json.dumps(says.body).encode()
        )
        return web.Response(status=says.status, headers=headers, body=body)

    def _said(self, key: str, asked: Asked) -> Says:
        says = self._script.get(key, Says(status=404, body={"message": "Not Found"}))
        if callable(says):
            return says(asked)
        if isinstance(says, Says):
            return says
        at = self._counts.get(key, 0)
        self._counts[key] = at + 1
        return says[min(at, len(says) - 1)]


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[ScriptedGitHub]:
    """The scripted GitHub, listening."""
    github = ScriptedGitHub(script)
    runner = web.ServerRunner(web.Server(github.answer), shutdown_timeout=0.01)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        github.url = f"http://{host}:{port}"
        yield github
    finally:
        await runner.cleanup()


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A connection to the scripted GitHub."""

    github: ScriptedGitHub
    session: Session
    place: Place

    @property
    def transport(self) -> Transport:
        return Transport(self.session, Token(Secret(TOKEN)))

    @property
    def shop(self) -> GitHub:
        return GitHub(self.transport, SHOP)


def talk(script: Script, work: Callable[[Talk], Awaitable[T]], *, timing: Timing = QUICK) -> tuple[T, ScriptedGitHub]:
    """Do `work` against a GitHub that answers by the script; what came of it, and the GitHub."""

    async def all_of_it() -> tuple[T, ScriptedGitHub]:
        async with serving(script) as github:
            place = place_at(github.url)
            async with open_session(place, version="1.2.3", timing=timing) as session:
                return await work(Talk(github=github, session=session, place=place)), github

    return asyncio.run(all_of_it())
