"""Compare HTTP clients as a carrier of streamed model answers.

Starts a loopback server that answers every POST with a small event stream after a fixed delay, then lets each
client send requests at 1, 30 and 300 in flight. Prints calls per second, the share of the ideal (in flight / delay),
and CPU milliseconds per call. Run it with: uv run --group bench python benchmarks/http_clients.py
"""

import argparse
import asyncio
import importlib
import json
import multiprocessing
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

DELAY_S = 0.2
FRAMES = 20
BODY = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "x" * 20_000}]}).encode()

Call = Callable[[], Awaitable[int]]


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    frame = b'data: {"choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
    chunk = f"{len(frame):x}\r\n".encode() + frame + b"\r\n"
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            fields = [line.split(b":", 1) for line in head.lower().split(b"\r\n")[1:] if b":" in line]
            await reader.readexactly(next(int(value) for name, value in fields if name == b"content-length"))
            await asyncio.sleep(DELAY_S)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            for _ in range(FRAMES):
                writer.write(chunk)
            writer.write(b"0\r\n\r\n")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def serve(port_out: multiprocessing.Queue) -> None:
    async def run() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
        port_out.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@asynccontextmanager
async def httpx2_call(url: str) -> AsyncIterator[Call]:
    httpx2 = importlib.import_module("httpx2")
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx2.AsyncClient(limits=limits, timeout=60) as client:

        async def call() -> int:
            async with client.stream("POST", url, content=BODY) as response:
                return sum([line.startswith("data:") async for line in response.aiter_lines()])

        yield call


@asynccontextmanager
async def aiohttp_call(url: str) -> AsyncIterator[Call]:
    aiohttp = importlib.import_module("aiohttp")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def call() -> int:
            async with session.post(url, data=BODY) as response:
                return sum([line.startswith(b"data:") async for line in response.content])

        yield call


async def measure(
    open_client: Callable[[str], object], url: str, in_flight: int, seconds: float
) -> tuple[float, float]:
    done = 0
    async with open_client(url) as call:  # type: ignore[attr-defined]

        async def loop(until: float) -> None:
            nonlocal done
            while time.perf_counter() < until:
                assert await call() == FRAMES
                done += 1

        async def burst(span_s: float) -> float:
            began = time.perf_counter()
            await asyncio.gather(*(loop(began + span_s) for _ in range(in_flight)))
            return time.perf_counter() - began

        await burst(DELAY_S)
        done = 0
        usage = resource.getrusage(resource.RUSAGE_SELF)
        took = await burst(seconds)
        after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime
    return done / took, 1000 * cpu / max(done, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4)
    seconds = parser.parse_args().seconds
    port_out: multiprocessing.Queue = multiprocessing.Queue()
    server = multiprocessing.Process(target=serve, args=(port_out,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{port_out.get()}/v1/chat/completions"
    print(f"{'client':10} {'in flight':>9} {'calls/s':>9} {'of ideal':>9} {'CPU ms/call':>12}")
    for in_flight in (1, 30, 300):
        for name, open_client in (("httpx2", httpx2_call), ("aiohttp", aiohttp_call)):
            rate, cpu_ms = asyncio.run(measure(open_client, url, in_flight, seconds))
            print(f"{name:10} {in_flight:9} {rate:9.0f} {rate * DELAY_S / in_flight:9.0%} {cpu_ms:12.2f}")
    server.terminate()


if __name__ == "__main__":
    main()
