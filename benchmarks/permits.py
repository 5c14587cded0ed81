"""Permits across processes: many processes ask on one account with a cap, and a server counts what is in flight.

python benchmarks/permits.py --database sqlite:////tmp/permits.db              4 processes × 50 askers, cap 30
python benchmarks/permits.py --database postgresql://… --kill-at 300           with one process killed in the middle
python benchmarks/permits.py --database sqlite:////tmp/permits.db --sandbox    as the stand-in provider counts, cap 30
python benchmarks/permits.py --database sqlite:////tmp/permits.db --pairs 3    acquire and release, for 3 seconds
"""

import argparse
import asyncio
import json
import math
import signal
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from mesrai.domain.permits import Limits, Wanted
from mesrai.domain.secret import Secret
from mesrai.errors import MesraiError
from mesrai.llm.accounts import account_of
from mesrai.llm.dialect_openai import OpenAIChat
from mesrai.llm.endpoint import Dialect, Endpoint, Timeouts, Traits
from mesrai.llm.limited import Limited
from mesrai.llm.model import Profile, Prompt, UserTurn
from mesrai.llm.transport import open_session
from mesrai.store.opening import open_database
from mesrai.store.permits import StorePermits

SANDBOX_KEY, SANDBOX_CAP = "sk-sim-cap30", 30
DELTA = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Fine."}}]}
DONE = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 9}}
EVENTS = "".join(f"data: {json.dumps(each)}\n\n" for each in (DELTA, DONE)) + "data: [DONE]\n\n"
ANSWER = f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {len(EVENTS)}\r\n\r\n{EVENTS}".encode()
REFUSAL = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n"


@dataclass(slots=True, kw_only=True)
class Counting:
    """A provider that answers after a while, and refuses what is above the cap of the account."""

    latency_s: float
    cap: int
    in_flight: int = 0
    most_in_flight: int = 0
    answered: int = 0
    refused: int = 0
    given_up: int = 0  # whose asker went away
    kill_at: int = 0  # answers; 0: never
    to_kill: asyncio.subprocess.Process | None = None
    killed_at: float = 0.0
    full_at: float = 0.0  # first time after that that as many were in flight as may be
    first_at: float = 0.0
    last_at: float = 0.0
    by_second: dict[int, int] = field(default_factory=dict)  # answers

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
                await reader.readexactly(length)
                await self._answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.first_at = self.first_at or time.perf_counter()
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        if self.killed_at and not self.full_at and self.in_flight == self.cap:
            self.full_at = time.perf_counter()
        if self.in_flight > self.cap:
            self.in_flight -= 1
            self.refused += 1
            writer.write(REFUSAL)
            return
        gone = asyncio.ensure_future(reader.read(1))  # nobody pipelines: only the end of the connection comes
        try:
            await asyncio.wait([gone], timeout=self.latency_s)
            if gone.done():
                self.given_up += 1
                raise ConnectionResetError
        finally:
            gone.cancel()
            await asyncio.wait([gone])
            self.in_flight -= 1
        self.answered += 1
        self.last_at = time.perf_counter()
        second = int(self.last_at - self.first_at)
        self.by_second[second] = self.by_second.get(second, 0) + 1
        if self.to_kill is not None and self.answered == self.kill_at:
            self.to_kill.send_signal(signal.SIGKILL)
            self.killed_at = time.perf_counter()
        writer.write(ANSWER)
        await writer.drain()


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run the askers against a server of ours."""
    counting = Counting(latency_s=options.latency, cap=options.cap, kill_at=options.kill_at)
    server = await asyncio.start_server(counting.serve, "127.0.0.1", 0, backlog=1024)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    children = [await _asker(options, url, number) for number in range(options.processes)]
    counting.to_kill = children[0]
    outputs = await asyncio.gather(*(child.communicate() for child in children))
    server.close()
    told = [json.loads(out) for out, _ in outputs if out]
    elapsed = counting.last_at - counting.first_at
    return {
        "most_in_flight": counting.most_in_flight,
        "answered": counting.answered,
        "refused": counting.refused,
        "given_up": counting.given_up,
        "full_again_s": round(counting.full_at - counting.killed_at, 3) if counting.full_at else None,
        "elapsed_s": round(elapsed, 3),
        "of_ideal": round(math.ceil(counting.answered / options.cap) * options.latency / elapsed, 4),
        "by_second": [counting.by_second.get(second, 0) for second in range(int(elapsed) + 1)],
        "finished": len(told),
        "errors": [error for each in told for error in each["errors"]],
        "cpu_s": round(sum(each["cpu_s"] for each in told), 2),
    }


async def measure_by_sandbox(options: argparse.Namespace) -> dict[str, Any]:
    """Run the askers against the stand-in provider, and have it say what it counted for an account of cap 30."""
    command = [sys.executable, "-m", "mesrai.sandbox", "--port=0", f"--latency={options.latency * 1000}", "--json"]
    sandbox = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert sandbox.stdout is not None
        root = json.loads(await sandbox.stdout.readline())["url"]
        children = [await _asker(options, f"{root}/v1", number) for number in range(options.processes)]
        outputs = await asyncio.gather(*(child.communicate() for child in children))
        with await asyncio.to_thread(urllib.request.urlopen, f"{root}/__sim/load?key={SANDBOX_KEY}") as reply:
            load = json.load(reply)
    finally:
        sandbox.terminate()
        await sandbox.wait()
    told = [json.loads(out) for out, _ in outputs if out]
    ideal_s = math.ceil(load["answered"] / SANDBOX_CAP) * options.latency
    return {
        **load,
        "of_ideal": round(ideal_s / load["span_s"], 4),
        "in_use": round(load["busy_s"] / load["span_s"] / SANDBOX_CAP, 4),
        "finished": len(told),
        "errors": [error for each in told for error in each["errors"]],
    }


async def _asker(options: argparse.Namespace, url: str, number: int) -> asyncio.subprocess.Process:
    passed = {"database": options.database, "cap": options.cap, "askers": options.askers, "times": options.times}
    passed |= {"lease": options.lease, "url": url, "ask": number}
    arguments = [f"--{name}={value}" for name, value in passed.items()]
    return await asyncio.create_subprocess_exec(
        sys.executable, __file__, *arguments, stdout=asyncio.subprocess.PIPE, cwd="/"
    )


async def ask(options: argparse.Namespace) -> dict[str, Any]:
    """Be one of the processes: several askers, each asking one question after the other."""
    endpoint = Endpoint(
        dialect=Dialect.OPENAI,
        base_url=options.url,
        key=Secret(SANDBOX_KEY),
        profile=Profile(provider="moonshot", model="kimi-k2.6", window=100_000, max_output=1_000),
        traits=Traits(),
        timeouts=Timeouts(connect_s=10, first_token_s=60, idle_s=60, total_s=60),
    )
    account, errors = account_of(endpoint.base_url, endpoint.key), []
    prompt = Prompt(system="You review code.", turns=(UserTurn(text="Review this."),))
    async with (
        open_database(options.database) as database,
        StorePermits(database, lease_s=options.lease) as permits,
        open_session("bench") as session,
    ):
        limits = Limits(concurrent=options.cap)
        review = f"review {options.ask}"
        model = Limited(OpenAIChat(endpoint, session), permits, account=account, limits=limits, review=review)

        async def asker() -> None:
            for _ in range(options.times):
                try:
                    await model.ask(prompt)
                except MesraiError as error:
                    errors.append(f"{type(error).__name__}: {error}")

        await asyncio.gather(*(asker() for _ in range(options.askers)))
    return {"errors": errors, "cpu_s": time.process_time()}


async def pairs(options: argparse.Namespace) -> dict[str, Any]:
    """How many permits a second one process can take and give back: one after the other, and many at once."""
    told: dict[str, Any] = {}
    async with open_database(options.database) as database, StorePermits(database) as permits:
        for askers in (1, options.askers):
            wanted = Wanted(account=f"pairs {askers}", limits=Limits(concurrent=options.cap))
            until, done = time.perf_counter() + options.pairs, 0

            async def asker(wanted: Wanted = wanted, until: float = until) -> int:
                count = 0
                while time.perf_counter() < until:
                    async with permits.hold(wanted):
                        count += 1
                return count

            done = sum(await asyncio.gather(*(asker() for _ in range(askers))))
            told[f"pairs_per_second_{askers}_askers"] = round(done / options.pairs)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", required=True, metavar="URL")
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--askers", type=int, default=50, help="at once, in each process")
    parser.add_argument("--times", type=int, default=5, help="questions of each asker")
    parser.add_argument("--cap", type=int, default=30)
    parser.add_argument("--latency", type=float, default=0.5, metavar="SECONDS")
    parser.add_argument("--lease", type=float, default=30.0, metavar="SECONDS")
    parser.add_argument("--kill-at", type=int, default=0, metavar="ANSWERS", help="then kill -9 one process")
    parser.add_argument("--pairs", type=float, default=0.0, metavar="SECONDS", help="measure taking and giving back")
    parser.add_argument("--sandbox", action="store_true", help="ask the stand-in provider, whose cap is 30")
    parser.add_argument("--ask", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sandbox and options.cap != SANDBOX_CAP:
        parser.error(f"the stand-in's account has a cap of {SANDBOX_CAP}")
    ways = ((options.ask is not None, ask), (options.pairs, pairs), (options.sandbox, measure_by_sandbox))
    chosen = next((way for is_it, way in ways if is_it), measure)
    print(json.dumps(asyncio.run(chosen(options))))


if __name__ == "__main__":
    main()
