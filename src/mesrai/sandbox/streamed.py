"""A response whose last piece goes out together with its end."""

from collections.abc import AsyncIterator, Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class Streamed(Response):
    """Sends pieces as they come, and holds each back until it is known whether another follows.

    So a client that has read the last byte finds the response ended, and nothing is in flight any more.
    """

    def __init__(self, pieces: AsyncIterator[tuple[bytes, bool]], headers: Mapping[str, str] | None = None) -> None:
        """`pieces` gives each piece and whether it is the last."""
        self.pieces = pieces
        super().__init__(headers=dict(headers or {}), media_type="text/event-stream")
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        del scope, receive
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        is_ended = False
        async for piece, is_last in self.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": not is_last})
            is_ended = is_last
        if not is_ended:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
