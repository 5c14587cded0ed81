"""What is in flight is counted from a request's arrival until the last byte of its answer."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.sandbox_server import Sandbox, asked, running_sandbox

BODY = json.dumps({"model": "kimi-k2.6", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}).encode()
KEY = "sk-sim-cap30"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(answer=lambda _: "Hello.", stream_s=0.15, hold_s=30) as running:
        yield running


def request(body: bytes = BODY, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"
    return f"{head}content-length: {size}\r\n\r\n".encode() + body


async def becomes(check: Callable[[], bool]) -> bool:
    for _ in range(1_000):
        if check():
            return True
        await asyncio.sleep(0.002)
    return False


def test_a_stream_is_in_flight_until_its_last_byte(sandbox: Sandbox) -> None:
    account = sandbox.stage.account(KEY)

    async def run() -> tuple[int, int]:
        reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
        writer.write(request())
        await reader.readuntil(b'"role"')
        during = account.in_flight
        await reader.readuntil(b"[DONE]")
        # The same piece carries the end, so the count is down as soon as it can be read.
        assert await becomes(lambda: account.in_flight == 0)
        writer.close()
        return during, account.most_in_flight

    assert asyncio.run(run()) == (1, 1)
    assert 0.14 < account.busy_s < 1


def test_a_request_is_in_flight_before_its_body_is_whole(sandbox: Sandbox) -> None:
    async def run() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
        writer.write(request(BODY[:10], len(BODY)))
        assert await becomes(lambda: sandbox.stage.account(KEY).in_flight == 1)
        writer.close()
        assert await becomes(lambda: sandbox.stage.account(KEY).in_flight == 0)
        del reader

    asyncio.run(run())
    assert sandbox.calls == []


@pytest.mark.parametrize("fault", ["stall", "comments_only", "no_answer", "ttft;ms=20000", "no_done"])
def test_a_client_that_goes_is_in_flight_no_more(sandbox: Sandbox, fault: str) -> None:
    sandbox.stage.always(KEY, fault)

    async def run() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
        writer.write(request())
        assert await becomes(lambda: len(sandbox.calls) == 1)
        assert sandbox.stage.in_flight == 1
        writer.transport.abort()
        assert await becomes(lambda: sandbox.stage.in_flight == 0)
        del reader

    asyncio.run(run())


def test_a_client_that_asks_again_at_once_is_never_counted_twice(sandbox: Sandbox) -> None:
    asked(f"{sandbox.root}/__sim/manners", {"stream_ms": 1})

    async def one(count: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
        for _ in range(count):
            writer.write(request())
            await reader.readuntil(b"[DONE]\n\n\r\n0\r\n\r\n")
        writer.close()

    async def run() -> None:
        await asyncio.gather(*(one(20) for _ in range(8)))

    asyncio.run(run())
    load = asked(f"{sandbox.root}/__sim/load?key={KEY}").body
    assert (load["calls"], load["answered"], load["refused"], load["in_flight"]) == (160, 160, 0, 0)
    assert load["most_in_flight"] == 8


def test_each_account_has_its_own_count(sandbox: Sandbox) -> None:
    chat: dict[str, Any] = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "Hi"}]}
    for key in ("sk-a", "sk-b", "sk-b"):
        asked(f"{sandbox.openai}/chat/completions", chat, key=key)
    counted = {key: asked(f"{sandbox.root}/__sim/load?key={key}").body["calls"] for key in ("sk-a", "sk-b", "sk-c")}
    assert counted == {"sk-a": 1, "sk-b": 2, "sk-c": 0}
    whole = asked(f"{sandbox.root}/__sim/load").body
    assert whole == {"in_flight": 0, "most_in_flight": 1, "calls": 3, "refused": 0}
    accounts = asked(f"{sandbox.root}/__sim/calls").body["accounts"]
    assert sorted(each["calls"] for each in accounts.values()) == [1, 2]
