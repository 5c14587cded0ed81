"""Serve an application over HTTP until told to stop, with limits on what clients may hold of us."""

import asyncio
import socket
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S: Final = 10.0  # for the head of a request, from its first byte or from the connection's beginning
_MOST_CONNECTIONS: Final = 500
_MOST_HEAD: Final = 32_768  # bytes
_IDLE_S: Final = 15  # that a connection is kept for the next request
_ENDING_S: Final = 5
STOP: Final = "mesrai.stop"  # the name in a request's scope of the event that says that the server ends


async def listen(app: ASGIApp, listener: socket.socket, *, stop: asyncio.Event, head_s: float = HEAD_S) -> None:
    """Serve on a listening socket until `stop` is set; requests under way then have a few seconds to end."""

    class Prompt(_Prompt):
        patience_s = head_s

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, STOP: stop}, receive, send)

    config = uvicorn.Config(
        told,
        http=Prompt,
        ws="none",
        lifespan="off",
        log_config=None,  # its lines go where ours go
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        h11_max_incomplete_event_size=_MOST_HEAD,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=_ENDING_S,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([listener]))  # `serve` would take the signals
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    server.should_exit = True
    await serving


class _Prompt(H11Protocol):
    """Ends a connection whose client does not send a whole head in time, or goes on sending after it was answered.

    Uvicorn itself has no such limit: a byte now and then would hold a connection for ever.
    """

    patience_s: float = HEAD_S

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client came: it has so long to say what it wants."""
        super().connection_made(transport)
        self._until: asyncio.TimerHandle | None = None
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Bytes came, which belong to a request that is being answered, or to one that is still to be understood."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait_no_more()
        elif self._until is None and not self.transport.is_closing():
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._until = self.loop.call_later(self.patience_s, self._end)

    def _wait_no_more(self) -> None:
        if self._until is not None:
            self._until.cancel()
            self._until = None

    def _end(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()
