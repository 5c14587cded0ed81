"""An idle server of Mesrai beside PR-Agent's: how long until it answers, and what it holds then; in turns.

python benchmarks/idle.py --pr-agent /tmp/pragent/bin/python       without it: beside the bare framework alone

Each has a home folder of its own, no settings but those it needs to listen, and proxies that lead nowhere. Mesrai's
first start, which makes its database, is a row of its own.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_SETTLED_S = 2.0  # after the first answer, before memory is looked at
_MOST_S = 60.0
_NOWHERE = "http://127.0.0.1:9"
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Server:
    """How one is started, and asked."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    path: str
    is_first: bool = False  # each time with an empty home


@dataclass(frozen=True)
class Seen:
    """What one start came to."""

    start_s: float
    cpu_s: float
    mib: float
    threads: int


def servers(pr_agent: str, mesrai: str) -> list[Server]:
    """Those that are compared; `{port}` stands in what they are started with."""
    serve = (mesrai, "serve", "--port", "{port}")
    bare = (sys.executable, str(ROOT / "benchmarks" / "doors.py"), "bare", "--port", "{port}", "--secret", "S")
    found = [
        Server("bare", bare, {}, "/health/live"),
        Server("Mesrai", serve, {}, "/health/live"),
        Server("Mesrai, first start", serve, {}, "/health/live", is_first=True),
    ]
    if pr_agent:
        env = {"PORT": "{port}", "GITHUB__DEPLOYMENT_TYPE": "app", "GITHUB__WEBHOOK_SECRET": "S"}
        env |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # otherwise it asks the internet for prices first
        found.append(Server("PR-Agent", (pr_agent, "-m", "pr_agent.servers.github_app"), env, "/"))
    return found


def measured(server: Server, home: Path) -> Seen:
    """Start it, wait for its first answer, let it settle, look, and end it."""
    port = _a_port()
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "HTTP_PROXY": _NOWHERE, "HTTPS_PROXY": _NOWHERE}
    env |= {name: value.format(port=port) for name, value in server.env.items()}
    command = [each.format(port=port) for each in server.command]
    began = time.perf_counter()
    with (home / "log").open("ab") as log:
        process = subprocess.Popen(command, env=env, cwd=home, stdout=log, stderr=log)
    try:
        while not _answers(f"http://127.0.0.1:{port}{server.path}"):
            if process.poll() is not None or time.perf_counter() > began + _MOST_S:
                raise SystemExit(f"{server.name} does not answer:\n{(home / 'log').read_text()[-2000:]}")
            time.sleep(0.005)
        took, computed = time.perf_counter() - began, _cpu_s(process.pid)
        time.sleep(_SETTLED_S)
        return Seen(took, computed, _status(process.pid, "VmRSS") / 1024, _status(process.pid, "Threads"))
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def _answers(url: str) -> bool:
    try:
        with _DIRECT.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _a_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _cpu_s(pid: int) -> float:
    """What it has computed so far, children that ended included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(each) for each in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def _status(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{name}:")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pr-agent", default="", help="the Python of an environment with PR-Agent")
    parser.add_argument("--mesrai", default=str(Path(sys.executable).with_name("mesrai")))
    parser.add_argument("--runs", type=int, default=5)
    told = parser.parse_args()
    compared = servers(told.pr_agent, told.mesrai)
    found: dict[str, list[Seen]] = {each.name: [] for each in compared}
    with tempfile.TemporaryDirectory() as folder:
        for run in range(-1, told.runs):  # the first one of each fills caches, and is not counted
            for each in compared:
                home = Path(folder) / (f"{each.name}-{run}" if each.is_first else each.name)
                home.mkdir(exist_ok=True)
                seen = measured(each, home)
                if run >= 0:
                    found[each.name].append(seen)
    print("| | to the first answer | computing | memory when idle | threads |\n|---|---|---|---|---|")
    for name, runs in found.items():
        starts = [each.start_s for each in runs]
        middle = [statistics.median(column) for column in zip(*(vars(each).values() for each in runs), strict=True)]
        spread = f"{middle[0]:.2f} s ({min(starts):.2f} to {max(starts):.2f})"
        print(f"| {name} | {spread} | {middle[1]:.2f} s | {middle[2]:.0f} MiB | {middle[3]:.0f} |")


if __name__ == "__main__":
    main()
