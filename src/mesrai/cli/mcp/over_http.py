"""The protocol over HTTP on this machine's own address: one path, POST a message, answers as JSON or as events.

https://modelcontextprotocol.io/specification/2025-06-18/basic/transports#streamable-http
"""

import asyncio
import hmac
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Final
from urllib.parse import urlsplit

import click
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from mesrai.cli.mcp.offered import Offered
from mesrai.cli.mcp.session import VERSIONS, Session
from mesrai.cli.mcp.wire import Message, written
from mesrai.errors import SettingsError
from mesrai.server.listening import listen

_LOOPBACK: Final = "127.0.0.1"
_OURS: Final = ("127.0.0.1", "localhost")
_MOST_BODY: Final = 16 * 1024 * 1024
_MOST_SESSIONS: Final = 100
_SESSION: Final = "mcp-session-id"
_LEAST_TOKEN: Final = 16  # characters


async def serve_http(offered: Offered, port: int, environ: Mapping[str, str]) -> None:
    """Serve until Ctrl-C or SIGTERM. Errors: SettingsError if the port is taken or the token is too short."""
    token = environ.get("MESRAI_MCP_TOKEN", "").strip()
    if token and len(token) < _LEAST_TOKEN:
        raise SettingsError(f"MESRAI_MCP_TOKEN has {len(token)} characters; at least {_LEAST_TOKEN} are needed.")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_LOOPBACK, port))
        except OSError as error:
            raise SettingsError(f"--http: port {port} cannot be used: {error.strerror}.") from error
        listener.listen()
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        url = f"http://{_LOOPBACK}:{listener.getsockname()[1]}/mcp"
        made = token or secrets.token_urlsafe(24)
        click.echo(f"Serving {url}; stop with Ctrl-C.", err=True)
        if not token:
            click.echo(f"Clients send the header `Authorization: Bearer {made}` (or set MESRAI_MCP_TOKEN).", err=True)
        door = Door(offered, made)
        try:
            await listen(door.app, listener, stop=stop)
        finally:
            await door.close()


class Door:
    """The one path, and the sessions that were begun on it."""

    def __init__(self, offered: Offered, token: str) -> None:
        self._offered = offered
        self._token = token
        self._sessions: dict[str, Session] = {}
        self.app = Starlette(routes=[Route("/mcp", self._serve, methods=["GET", "POST", "DELETE"])])

    async def close(self) -> None:
        """End all sessions."""
        for session in self._sessions.values():
            await session.close()

    async def _serve(self, request: Request) -> Response:
        refused = self._refused(request)
        if refused is not None:
            return refused
        if request.method == "GET":  # we begin no messages of our own
            return _problem(405, "Only POST and DELETE are served here.", allow="POST, DELETE")
        name = request.headers.get(_SESSION, "")
        if name and name not in self._sessions:
            return _problem(404, "This session has ended; begin a new one with initialize.")
        if request.method == "DELETE":
            return await self._end(name)
        return await self._post(request, name)

    def _refused(self, request: Request) -> Response | None:
        """Why a request is none of ours: a page in a browser may send here too, under a name it made up."""
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname
        origin = request.headers.get("origin")
        if host not in _OURS or (origin is not None and urlsplit(origin).hostname not in _OURS):
            return _problem(403, "Only programs on this machine are served.")
        given = request.headers.get("authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            return _problem(401, "The bearer token is missing or wrong.", www_authenticate="Bearer")
        version = request.headers.get("mcp-protocol-version", VERSIONS[0])
        if version not in VERSIONS:
            return _problem(400, f"The protocol is spoken in {' and '.join(VERSIONS)}.")
        return None

    async def _end(self, name: str) -> Response:
        if not name:
            return _problem(400, f"The header {_SESSION} is missing.")
        await self._sessions.pop(name).close()
        return Response(status_code=204)

    async def _post(self, request: Request, name: str) -> Response:
        raw = await _body(request)
        if raw is None:
            return _problem(413, "The message is too long.")
        session = self._sessions.get(name) or Session(self._offered)
        sent: asyncio.Queue[Message] = asyncio.Queue()
        task = await session.take(raw, sent.put_nowait)
        if task is not None:
            return StreamingResponse(_events(task, sent), media_type="text/event-stream", headers=_UNKEPT)
        if sent.empty():
            return Response(status_code=202)
        headers = dict(_UNKEPT)
        if not name and session.is_greeted:
            if len(self._sessions) >= _MOST_SESSIONS:
                await self._sessions.pop(next(iter(self._sessions))).close()
            headers[_SESSION] = secrets.token_urlsafe(24)
            self._sessions[headers[_SESSION]] = session
        return Response(written(sent.get_nowait()), media_type="application/json", headers=headers)


_UNKEPT: Final = {"cache-control": "no-store"}


async def _events(task: "asyncio.Task[None]", sent: "asyncio.Queue[Message]") -> AsyncIterator[bytes]:
    """What a call sends, each as one event, until it has ended. A client that goes away does not end the call."""
    while not (task.done() and sent.empty()):
        waiting = asyncio.create_task(sent.get())
        await asyncio.wait([waiting, task], return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            yield b"event: message\ndata: " + written(waiting.result()) + b"\n\n"
        else:
            waiting.cancel()
            await asyncio.sleep(0)  # the answer to a call that broke is sent when its task has ended


async def _body(request: Request) -> bytes | None:
    """The body; None if it is too long."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_BODY:
                return None
    except ClientDisconnect:
        return b""
    return bytes(body)


def _problem(status: int, text: str, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse({"error": text}, status_code=status, headers=named)
