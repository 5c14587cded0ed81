"""The HTTP door over real sockets: what clients may hold of us, and for how long."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Mapping

import pytest

from mesrai.server.app import MOST_BODY, Doors, server_app
from mesrai.server.listening import listen

HEAD = b"POST /webhooks/github HTTP/1.1\r\nhost: here\r\n"
Scenario = Callable[[int], Awaitable[None]]


async def taken(_headers: Mapping[str, str], body: bytes) -> str:
    if body == b"fault":
        raise RuntimeError("a word from the inside")
    if body == b"slow":
        await asyncio.sleep(60)
    return f"{len(body)} bytes"


async def nothing_broken() -> Mapping[str, str]:
    return {}


def served(scenario: Scenario) -> None:
    """Carry out a scenario, given the port where the door is open; it is impatient, so that tests are quick."""

    async def whole() -> None:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        app = server_app(Doors(github_webhook=taken, broken=nothing_broken), body_s=0.3, answer_s=0.3)
        stop = asyncio.Event()
        serving = asyncio.create_task(listen(app, listener, stop=stop, head_s=0.3))
        try:
            await scenario(listener.getsockname()[1])
        finally:
            stop.set()
            await serving

    asyncio.run(whole())


async def said(port: int, *pieces: bytes, every_s: float = 0.0) -> bytes:
    """All that comes back for these bytes, until the server ends the connection or says nothing for a second."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def drip() -> None:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(every_s)

    sending = asyncio.create_task(drip())
    got = b""
    try:
        while chunk := await asyncio.wait_for(reader.read(65_536), 1.5):
            got += chunk
    except (TimeoutError, ConnectionError):
        got += b"(and the connection stays)" if not reader.at_eof() and reader.exception() is None else b""
    finally:
        sending.cancel()
        writer.close()
    return got


def answers_to(*pieces: bytes, every_s: float = 0.0) -> bytes:
    found: list[bytes] = []

    async def scenario(port: int) -> None:
        found.append(await said(port, *pieces, every_s=every_s))

    served(scenario)
    return found[0]


def test_a_webhook_is_answered_and_nothing_tells_what_serves_it() -> None:
    got = answers_to(HEAD + b"content-length: 2\r\nconnection: close\r\n\r\n{}")
    assert got.startswith(b"HTTP/1.1 202 ")
    assert got.endswith(b'{"told":"2 bytes"}')
    assert b"server:" not in got.lower()


def test_a_body_that_drips_is_given_up_and_so_is_its_connection() -> None:
    began = time.monotonic()
    got = answers_to(HEAD + b"content-length: 100\r\n\r\n", *[b"x"] * 100, every_s=0.05)
    assert got.startswith(b"HTTP/1.1 408 ")
    assert b"(and the connection stays)" not in got
    assert time.monotonic() - began < 1.5


def test_a_head_that_drips_is_given_up() -> None:
    assert answers_to(*[b"P"] * 100, every_s=0.05) == b""


def test_a_connection_that_says_nothing_is_given_up() -> None:
    assert answers_to() == b""


def test_a_second_head_that_drips_is_given_up_as_the_first() -> None:
    whole = b"GET /health/live HTTP/1.1\r\nhost: here\r\n\r\n"
    got = answers_to(whole, *[b"G"] * 100, every_s=0.05)
    assert got.endswith(b'{"told":"alive"}')


def test_who_goes_on_sending_after_the_answer_is_cut_off() -> None:
    got = answers_to(b"POST /nowhere HTTP/1.1\r\nhost: here\r\ncontent-length: 999\r\n\r\n", *[b"x"] * 99, every_s=0.05)
    assert got.startswith(b"HTTP/1.1 404 ")
    assert b"(and the connection stays)" not in got


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (HEAD + b"content-length: %d\r\n\r\n" % (MOST_BODY + 1), 413),
        (HEAD + b"content-length: 99999999999999999999999999\r\n\r\n", 400),
        (HEAD + b"content-length: -1\r\n\r\n", 400),
        (HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}", 400),
        (HEAD + b"content-length: 9\r\n\r\n{}", 408),  # more is announced than comes
        (HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),  # TLS
        (b"DELETE /webhooks/github HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n", 405),
        (b"GET /.env HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n", 404),
        (b"GET /webhooks/github/%2e%2e HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n", 404),
        (HEAD + b"content-length: 5\r\nconnection: close\r\n\r\nfault", 500),
        (HEAD + b"content-length: 4\r\nconnection: close\r\n\r\nslow", 503),
    ],
)
def test_what_is_odd_is_refused_in_plain_words(request_: bytes, status: int) -> None:
    got = answers_to(request_)
    assert got.startswith(b"HTTP/1.1 %d " % status), got
    assert b"(and the connection stays)" not in got
    assert len(got) < 600
    for inside in (b"Traceback", b"mesrai/", b"word from the inside", b".py", b"server:"):
        assert inside not in got


def test_more_bytes_than_were_announced_are_no_part_of_the_body() -> None:
    got = answers_to(HEAD + b"content-length: 2\r\n\r\n{}and more that is no request\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 202 ")
    assert b'"2 bytes"' in got
    assert b"HTTP/1.1 400 " in got


def test_a_hundred_clients_that_drip_hinder_nobody() -> None:
    async def scenario(port: int) -> None:
        dripping = [
            asyncio.create_task(said(port, HEAD + b"content-length: 50\r\n\r\n", *[b"x"] * 50, every_s=0.05))
            for _ in range(100)
        ]
        await asyncio.sleep(0.1)
        began = time.monotonic()
        got = await said(port, HEAD + b"content-length: 2\r\nconnection: close\r\n\r\n{}")
        assert got.startswith(b"HTTP/1.1 202 ")
        assert time.monotonic() - began < 1
        assert {each[:12] for each in await asyncio.gather(*dripping)} == {b"HTTP/1.1 408"}

    served(scenario)
