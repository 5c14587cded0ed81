"""Who is asking: what a proxy says is believed of the proxies that are named, and of nobody else."""

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from mesrai.cli.serve import _asked_through
from mesrai.domain.tally import Tally
from mesrai.settings.operating import load_operating


def asked_by(proxies: str, client: str, forwarded: str) -> tuple[str, str]:
    """The address and the scheme that the application sees."""
    seen: list[tuple[str, str]] = []

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        seen.append((scope["client"][0], scope["scheme"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    headers = [(b"x-forwarded-for", forwarded.encode()), (b"x-forwarded-proto", b"https"), (b"x-real-ip", b"6.6.6.6")]
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "headers": headers, "scheme": "http",
                             "client": (client, 1)}  # fmt: skip

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: Message) -> None: ...

    operating = load_operating({"MESRAI_TRUSTED_PROXIES": proxies})
    asyncio.run(_asked_through(app, operating, Tally())(scope, receive, send))  # type: ignore[arg-type]
    return seen[0]


@pytest.mark.parametrize(
    ("proxies", "client", "forwarded", "seen"),
    [
        ("", "127.0.0.1", "203.0.113.9", ("127.0.0.1", "http")),
        ("127.0.0.1", "127.0.0.1", "203.0.113.9", ("203.0.113.9", "https")),
        ("127.0.0.1", "198.51.100.7", "203.0.113.9", ("198.51.100.7", "http")),  # somebody who came past the proxy
        ("10.0.0.0/8", "10.1.2.3", "8.8.8.8, 203.0.113.9, 10.9.9.9", ("203.0.113.9", "https")),
    ],
)
def test_only_named_proxies_are_believed(proxies: str, client: str, forwarded: str, seen: tuple[str, str]) -> None:
    assert asked_by(proxies, client, forwarded) == seen
