"""The service under load, beside the bare framework in the same run: webhooks, queue, memory, start, first question.

From the project's folder, with the stand-ins of its tests:

    python -m benchmarks.service                       everything on both engines, about three minutes
    python -m benchmarks.service --only webhooks --engine sqlite

It prints JSON, one case a line. What is compared runs in the same case: in turns where the machine is to itself, at the
same time where reviews run, so that both feel the same load.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.doors import spread
from tests.databases import ENGINES, a_database
from tests.fleet import a_fleet, is_open
from tests.github.played import PlayedPull
from tests.served import SECRET, Place, a_place, check_of, until

from mesrai.jobs.embedded import DatabaseQueue
from mesrai.store.opening import open_database

ROOT = Path(__file__).resolve().parent.parent
DOORS = ROOT / "benchmarks" / "doors.py"
_REVIEWS = 18
_AT_ONCE = 6
_FILES = 15  # of each change
_LATENCY_S = 1.0  # of the model, while reviews run
_RATE = 25.0  # webhooks a second, while reviews run
_PAUSE_S = 0.0005


def webhooks(engine: str, folder: Path) -> dict[str, Any]:
    """Answers a second and how long they take, of an idle service and of the bare door, in turns."""
    with _a_service(engine, folder) as (place, doors, bare):
        told: dict[str, Any] = {"mesrai": [], "bare": []}
        for _ in range(3):
            for name, url in (("bare", bare), ("mesrai", doors[0])):
                told[name].append(_sent(place, url, seconds=4, connections=8))
        steady = {
            name: _sent(place, url, seconds=4, rate=_RATE) for name, url in (("bare", bare), ("mesrai", doors[0]))
        }
    rates = {name: statistics.median(each["per_second"] for each in runs) for name, runs in told.items()}
    return {
        "per_second": rates,
        "of_bare": round(rates["mesrai"] / rates["bare"], 3),
        "p99_ms_when_full": {
            name: statistics.median(each["ms"]["p99"] for each in runs) for name, runs in told.items()
        },
        "ms_at_25_a_second": {name: each["ms"] for name, each in steady.items()},
        "statuses": [each["statuses"] for runs in told.values() for each in runs],
    }


def reviewing(engine: str, folder: Path, *, workers: int = 0) -> dict[str, Any]:
    """How long webhooks take while reviews run, in the same process or in another, beside the idle bare door."""
    with _a_service(engine, folder, workers=workers) as (place, doors, bare):
        pulls = _changes(place, doors[0])
        senders = [_sender(place, url, seconds=600, rate=_RATE) for url in (bare, doors[0])]
        try:
            began = time.perf_counter()
            peaks = _until_reviewed(
                place, pulls, senders_ended=lambda: any(each.poll() is not None for each in senders)
            )
            elapsed = time.perf_counter() - began
        finally:
            (place.log.parent / "enough").touch()
        told = [json.loads(each.communicate(timeout=30)[0]) for each in senders]
        checks = Counter(str(each.conclusion) for each in place.github.world.checks)
    return {
        "reviews": len(pulls),
        "elapsed_s": round(elapsed, 1),
        "conclusions": dict(checks),
        "ms": {"bare": told[0]["ms"], "mesrai": told[1]["ms"]},
        "sent": told[1]["sent"],
        "peak_mib": peaks,
        "statuses": told[1]["statuses"],
    }


def workers_apart(engine: str, folder: Path) -> dict[str, Any]:
    """The same with the work in a process of its own."""
    return reviewing(engine, folder, workers=1)


def start(engine: str, folder: Path) -> dict[str, Any]:
    """From the start of a process to its first answer, and the memory of it when idle, in turns."""
    told: dict[str, list[tuple[float, float, float]]] = {"mesrai": [], "bare": []}
    with ExitStack() as stack:
        url = stack.enter_context(a_database(engine, folder))
        place = stack.enter_context(a_place(folder, url, judged=False))
        for _ in range(5):
            for name in ("bare", "mesrai"):
                port = _a_port()
                command = _bare(port) if name == "bare" else place.command("serve", "--port", str(port))
                began = time.perf_counter()
                with _process(place, command) as process:
                    while not is_open(port):
                        time.sleep(_PAUSE_S)
                    assert _sent_live(port)
                    took, computed = time.perf_counter() - began, _cpu_s(process.pid)
                    time.sleep(1.0)
                    told[name].append((took, computed, _memory_mib(process.pid)))
    return {
        name: {
            "start_s": round(statistics.median(took for took, _, _ in runs), 3),
            "start_cpu_s": round(statistics.median(computed for _, computed, _ in runs), 3),
            "idle_mib": round(statistics.median(mib for _, _, mib in runs), 1),
        }
        for name, runs in told.items()
    }


def first_question(engine: str, folder: Path) -> dict[str, Any]:
    """From the moment a webhook is sent to the first request to the model."""
    with ExitStack() as stack:
        url = stack.enter_context(a_database(engine, folder))
        place = stack.enter_context(a_place(folder, url, judged=False))
        fleet = stack.enter_context(a_fleet(place, doors=1, workers=0))
        place.github.webhooks_to(f"{fleet.addresses[0]}/webhooks/github", SECRET)
        took = []
        for number in range(15):
            before = len(place.sandbox.calls)
            text = f"def total(items):\n    return eval(items)\n# {number}\n"
            pull = place.shop.open_pull_request(f"f-{number}", {"cart.py": text}, author="ada")
            began = time.perf_counter()
            while len(place.sandbox.calls) == before:
                time.sleep(_PAUSE_S)
            took.append(time.perf_counter() - began)
            until(lambda pull=pull: check_of(place, pull.head_sha), "it is reviewed", place)  # type: ignore[misc]
    return {"first_s": round(took[0], 3), "then_ms": spread(took[1:])}


def queue(engine: str, folder: Path) -> dict[str, Any]:
    """10,000 jobs of 100 repositories: put, the first claim with all of them waiting, then claim and finish."""

    async def run(url: str) -> dict[str, Any]:
        async with open_database(url) as database:
            line = DatabaseQueue(database)
            began = time.perf_counter()
            for number in range(10_000):
                await line.put("review", f"github.com/owner/name-{number % 100}#{number}", {"number": number})
            put_s = time.perf_counter() - began
            claims = []
            began = time.perf_counter()
            for _ in range(2_000):
                asked = time.perf_counter()
                job = await line.claim("bench", kinds=("review", "command"))
                claims.append(time.perf_counter() - asked)
                assert job is not None
                await line.finish(job)
            done_s = time.perf_counter() - began
        return {
            "put_per_s": round(10_000 / put_s),
            "first_claim_ms": round(1000 * claims[0], 2),
            "claim_and_finish_per_s": round(2_000 / done_s),
            "claim_ms": spread(claims),
        }

    with a_database(engine, folder) as url:
        return asyncio.run(run(url))


@contextmanager
def _a_service(engine: str, folder: Path, *, workers: int = 0) -> Iterator[tuple[Place, list[str], str]]:
    """The service with its addresses for webhooks, and that of a bare door."""
    with ExitStack() as stack:
        url = stack.enter_context(a_database(engine, folder))
        place = stack.enter_context(a_place(folder, url, judged=False, latency_s=_LATENCY_S, minute_s=1.0))
        fleet = stack.enter_context(a_fleet(place, doors=1, workers=workers, jobs=_AT_ONCE))
        port = _a_port()
        stack.enter_context(_process(place, _bare(port)))
        until(lambda: is_open(port), "the bare door listens", place)
        pull = place.shop.open_pull_request("talk", {"cart.py": "total = 0\n"}, author="ada")
        pull.say("ada", "Let us talk about this. " * 50)
        (folder / "payload.json").write_text(json.dumps(place.github.deliveries[-1].payload))
        doors = [f"{address}/webhooks/github" for address in fleet.addresses]
        yield place, doors, f"http://127.0.0.1:{port}/webhooks/github"


def _changes(place: Place, door: str) -> list[PlayedPull]:
    """Pull requests that are being reviewed, each of so many files."""
    place.github.webhooks_to(door, SECRET)
    base, head = _made(place.log.parent / "made")
    shop = place.github.repository("acme/depot", base)
    shop.grant("ada", "write")
    return [
        shop.open_pull_request(
            f"feature-{at}", {path: f"{text}\n# {at}\n" for path, text in head.items()}, author="ada"
        )
        for at in range(_REVIEWS)
    ]


def _made(root: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The files of a made-up repository, and those that its change leaves otherwise."""
    subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "changes.py", str(_FILES), root], check=True, capture_output=True
    )
    head = _texts(root)
    subprocess.run(["git", "-C", root, "checkout", "-q", "main"], check=True)
    base = _texts(root)
    return base, {path: text for path, text in head.items() if base.get(path) != text}


def _texts(root: Path) -> dict[str, str]:
    paths = [path for path in sorted(root.rglob("*")) if path.is_file() and ".git" not in path.parts]
    return {str(path.relative_to(root)): path.read_text("utf-8") for path in paths}


def _until_reviewed(place: Place, pulls: list[PlayedPull], *, senders_ended: Callable[[], bool]) -> dict[str, float]:
    """Wait; the largest memory of each process of ours meanwhile."""
    ends = time.monotonic() + 300
    peaks: dict[str, float] = {}
    checks = place.github.world.checks
    while time.monotonic() < ends and not senders_ended():
        for name, pid in _ours(place).items():
            peaks[name] = max(peaks.get(name, 0.0), round(_memory_mib(pid), 1))
        concluded = {each.sha for each in list(checks) if each.conclusion}
        if all(pull.head_sha in concluded for pull in pulls):
            return peaks
        time.sleep(0.1)
    raise AssertionError(place.log.read_text("utf-8"))


def _ours(place: Place) -> Mapping[str, int]:
    """Our processes, by what they do."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0") if folder.name.isdecimal() else []
            is_ours = b"mesrai" in words and str(place.env["HOME"]).encode() in (folder / "environ").read_bytes()
        except OSError:
            continue
        if is_ours:
            found[words[words.index(b"mesrai") + 1].decode()] = int(folder.name)
    return found


def _sender(
    place: Place, url: str, *, seconds: float, rate: float = 0.0, connections: int = 8
) -> "subprocess.Popen[str]":
    told: list[str | Path] = [
        "--secret",
        SECRET,
        "--payload",
        place.log.parent / "payload.json",
        "--seconds",
        str(seconds),
    ]
    told += ["--rate", str(rate), "--connections", str(connections), "--enough", place.log.parent / "enough"]
    return subprocess.Popen([sys.executable, DOORS, "send", url, *told], stdout=subprocess.PIPE, text=True)


def _sent(place: Place, url: str, *, seconds: float, rate: float = 0.0, connections: int = 8) -> dict[str, Any]:
    out, _ = _sender(place, url, seconds=seconds, rate=rate, connections=connections).communicate(timeout=60)
    told: dict[str, Any] = json.loads(out)
    return told


def _bare(port: int) -> list[str]:
    return [sys.executable, str(DOORS), "bare", "--port", str(port), "--secret", SECRET]


@contextmanager
def _process(place: Place, command: list[str]) -> "Iterator[subprocess.Popen[bytes]]":
    with place.log.open("ab") as log:
        process = subprocess.Popen(command, env=place.env, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def _a_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _sent_live(port: int) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=5) as answer:
        return bool(answer.status == 200)


def _cpu_s(pid: int) -> float:
    """What it has computed so far, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mib(pid: int) -> float:
    """Resident memory."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))) / 1024


CASES: Mapping[str, Callable[[str, Path], dict[str, Any]]] = {
    "start": start,
    "webhooks": webhooks,
    "reviewing": reviewing,
    "workers apart": workers_apart,
    "first question": first_question,
    "queue": queue,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=CASES)
    parser.add_argument("--engine", action="append", choices=ENGINES)
    options = parser.parse_args()
    for name in options.only or CASES:
        for engine in options.engine or ENGINES:
            with tempfile.TemporaryDirectory(prefix="mesrai-bench-") as folder:
                print(json.dumps({"case": name, "engine": engine} | CASES[name](engine, Path(folder))), flush=True)


if __name__ == "__main__":
    main()
