"""What an identity provider may send: little, soon, and from where it was asked."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from mesrai.errors import SignInUnavailable
from mesrai.server.web.fetching import fetch

Endpoint = Callable[[web.Request], Awaitable[web.StreamResponse]]


def asked(endpoint: Endpoint, **how: Any) -> tuple[int, Any]:
    """What is made of an answer."""

    async def run() -> tuple[int, Any]:
        app = web.Application()
        app.router.add_route("*", "/{any:.*}", endpoint)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            host, port = runner.addresses[0][:2]
            return await fetch(f"http://{host}:{port}/", "its keys", **how)
        finally:
            await runner.cleanup()

    return asyncio.run(run())


def test_an_object_is_taken_whatever_the_status_and_a_form_is_posted() -> None:
    async def endpoint(request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        return web.json_response({"method": request.method, "form": form}, status=400)

    assert asked(endpoint) == (400, {"method": "GET", "form": {}})
    assert asked(endpoint, form={"a": "b&c"}) == (400, {"method": "POST", "form": {"a": "b&c"}})


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (b"[]", 200, "cannot be read"),
        (b"<html>", 200, "cannot be read"),
        (b"", 404, "cannot be read"),
        (b"[" * 500_000, 200, "cannot be read"),
        (b'{"a": ' + b"9" * 10_000 + b"}", 200, "cannot be read"),
        (b"\xff\xfe{", 200, "cannot be read"),
        (b'{"a": "' + b"x" * 1_000_000 + b'"}', 200, "too large"),
        (b"{}", 502, "has a fault: its keys: HTTP 502"),
    ],
)
def test_anything_else_is_a_failure_with_a_name(body: bytes, status: int, why: str) -> None:
    async def endpoint(_request: web.Request) -> web.Response:
        return web.Response(body=body, status=status)

    with pytest.raises(SignInUnavailable, match=why):
        asked(endpoint)


def test_a_redirect_is_not_followed() -> None:
    paths: list[str] = []

    async def endpoint(request: web.Request) -> web.Response:
        paths.append(request.path)
        raise web.HTTPFound("/elsewhere")

    with pytest.raises(SignInUnavailable, match="sends us elsewhere"):
        asked(endpoint, headers={"Authorization": "Basic c2VjcmV0"})
    assert paths == ["/"]


def test_a_body_that_never_ends_is_not_waited_for() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 65_536)

    with pytest.raises(SignInUnavailable, match="too large"):
        asked(endless)


def test_an_answer_that_does_not_come_in_time_is_a_failure() -> None:
    async def silent(_request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    begun = time.monotonic()
    with pytest.raises(SignInUnavailable, match="cannot be reached: its keys: TimeoutError"):
        asked(silent, total_s=0.1)
    assert time.monotonic() - begun < 5


def test_an_address_where_nobody_listens_is_a_failure() -> None:
    with pytest.raises(SignInUnavailable, match="cannot be reached: its keys: ClientConnectorError"):
        asyncio.run(fetch("http://127.0.0.1:1/", "its keys"))
