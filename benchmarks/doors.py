"""Webhooks sent to a door, and a bare door of the framework alone to compare with; parts of service.py.

python benchmarks/doors.py bare --port 8899 --secret S                  take webhooks and do nothing about them
python benchmarks/doors.py send URL --payload FILE --secret S --rate 20 send them, and print how it went
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import statistics
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

MOST_BODY = 5_000_000


def bare_app(secret: str) -> Starlette:
    """The least that a door for webhooks must do: bound the body, check the signature, answer."""

    async def take(request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BODY:
                return JSONResponse({"told": "too large"}, 413)
        if not hmac.compare_digest(_signature(secret, bytes(body)), request.headers.get("x-hub-signature-256", "")):
            return JSONResponse({"told": "not signed"}, 401)
        return JSONResponse({"told": "taken"}, 202)

    def live(_: Request) -> Response:
        return PlainTextResponse("alive")

    return Starlette(routes=[Route("/webhooks/github", take, methods=["POST"]), Route("/health/live", live)])


def _signature(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class _Sending:
    """Sends one event again and again, each time another in a number of its own."""

    def __init__(self, url: str, secret: str, payload: bytes, enough: Path) -> None:
        self._where = urlsplit(url)
        self._secret = secret
        self._enough = enough
        self._payload = payload.rstrip().removesuffix(b"}")
        self.taken: list[float] = []  # seconds
        self.statuses: Counter[int] = Counter()

    async def run(self, *, seconds: float, rate: float, connections: int) -> None:
        """`rate` a second, each when it is due, whether those before were answered or not; 0: as many as go through."""
        began = time.perf_counter()
        due = iter(range(10**9))

        async def connection() -> None:
            reader, writer = await asyncio.open_connection(self._where.hostname, self._where.port)
            while True:
                at = began + next(due) / rate if rate else time.perf_counter()
                if at >= began + seconds or time.perf_counter() >= began + seconds or self._enough.exists():
                    writer.close()
                    return
                await asyncio.sleep(max(at - time.perf_counter(), 0))
                self.statuses[await self._send(reader, writer)] += 1
                self.taken.append(time.perf_counter() - at)

        await asyncio.gather(*(connection() for _ in range(connections)))

    async def _send(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        number = uuid.uuid4()
        body = self._payload + f',"number_of_this":"{number}"}}'.encode()
        head = (
            f"POST {self._where.path} HTTP/1.1\r\nHost: {self._where.netloc}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nX-GitHub-Event: issue_comment\r\nX-GitHub-Delivery: {number}\r\n"
            f"X-Hub-Signature-256: {_signature(self._secret, body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        status = int((await reader.readline()).split()[1])
        length = 0
        while (line := await reader.readline()) != b"\r\n":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        await reader.readexactly(length)
        return status


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {"p50": round(1000 * cuts[49], 2), "p99": round(1000 * cuts[98], 2), "most": round(1000 * max(seconds), 1)}


async def send(options: argparse.Namespace) -> dict[str, Any]:
    """Send for so long; how it went."""
    payload = await asyncio.to_thread(options.payload.read_bytes)
    sending = _Sending(options.url, options.secret, payload, options.enough)
    began = time.perf_counter()
    await sending.run(seconds=options.seconds, rate=options.rate, connections=options.connections)
    elapsed = time.perf_counter() - began
    return {
        "sent": len(sending.taken),
        "per_second": round(len(sending.taken) / elapsed, 1),
        "ms": spread(sending.taken),
        "statuses": dict(sending.statuses),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("bare", "send"))
    parser.add_argument("url", nargs="?")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--payload", type=Path, metavar="FILE")
    parser.add_argument(
        "--enough", type=Path, default=Path("/nonexistent"), metavar="FILE", help="stop when it appears"
    )
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=float, default=0.0, help="a second; 0: as many as go through")
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    if options.what == "send":
        print(json.dumps(asyncio.run(send(options))))
        return
    uvicorn.run(
        bare_app(options.secret), port=options.port, http="h11", ws="none", access_log=False, log_level="warning"
    )


if __name__ == "__main__":
    main()
