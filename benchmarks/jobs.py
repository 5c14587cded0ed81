"""The queue across processes: workers that are killed at random, and how many jobs a second go through it.

python benchmarks/jobs.py --database sqlite:////tmp/queue.db --chaos 120     120 jobs while workers are killed with -9
python benchmarks/jobs.py --database postgresql://… --speed 10000            put, claim and finish, one process
python benchmarks/jobs.py --database postgresql://… --speed 10000 --loops 8  with 8 loops that claim at once
"""

import argparse
import asyncio
import fcntl
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mesrai.errors import LeaseLost
from mesrai.jobs.embedded import REPLACED, DatabaseQueue
from mesrai.jobs.queue import Job
from mesrai.store.opening import open_database

KINDS = ("review", "command")
WORKING_S = 120.0  # after which chaos has failed


async def chaos(options: argparse.Namespace) -> dict[str, Any]:
    """Have workers do the jobs, kill one at random again and again, and say what came of it."""
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="mesrai-queue-") as name:
        folder = Path(name)
        async with open_database(options.database) as database:
            queue = DatabaseQueue(database)
            for number in range(options.chaos // 2):  # each puts another of its subject while it runs
                subject = f"host/o/r{number % 7}#{number}"
                await queue.put(KINDS[number % 2], subject, {"again": True})
            began = time.perf_counter()
            workers = [await _worker(options, folder) for _ in range(options.workers)]
            kills = 0
            while time.perf_counter() - began < WORKING_S and await _is_open(database):
                await asyncio.sleep(options.kill_every * chance.uniform(0.5, 1.5) if kills < options.kills else 0.05)
                if kills >= options.kills:
                    continue
                at = chance.randrange(len(workers))
                workers[at].kill()
                await workers[at].wait()
                workers[at] = await _worker(options, folder)
                kills += 1
            elapsed = time.perf_counter() - began
            for worker in workers:
                worker.kill()
                await worker.wait()
            rows = await database.rows("SELECT state, attempts, reason FROM jobs")
        finished = Counter((folder / "finished").read_text().split())
        overlaps = (folder / "overlaps").read_text().split() if (folder / "overlaps").exists() else []
    return {
        "jobs": len(rows),
        "kills": kills,
        "states": dict(Counter(row["state"] for row in rows)),
        "replaced": sum(row["reason"] == REPLACED for row in rows),
        "finished_twice": sum(count > 1 for count in finished.values()),
        "ran_twice_at_once": len(overlaps),
        "started_again": sum(row["attempts"] > 1 for row in rows),
        "elapsed_s": round(elapsed, 2),
    }


async def _is_open(database: Any) -> bool:
    return bool(await database.rows("SELECT 1 FROM jobs WHERE state IN ('waiting', 'running') LIMIT 1"))


async def _worker(options: argparse.Namespace, folder: Path) -> asyncio.subprocess.Process:
    passed = {"database": options.database, "lease": options.lease, "takes": options.takes, "work": folder}
    arguments = [f"--{name}={value}" for name, value in passed.items()]
    return await asyncio.create_subprocess_exec(sys.executable, __file__, *arguments)


async def work(options: argparse.Namespace) -> None:
    """Be a worker until killed: two loops, each with a job."""
    async with open_database(options.database) as database:
        queue = DatabaseQueue(database, lease_s=options.lease, most_attempts=1_000)

        async def loop(name: str) -> None:
            while True:
                job = await queue.claim(name, kinds=KINDS)
                if job is None:
                    await queue.wait(1.0)
                else:
                    await _do(queue, job, options)

        await asyncio.gather(*(loop(f"{os.getpid()}-{at}") for at in range(2)))


async def _do(queue: DatabaseQueue, job: Job, options: argparse.Namespace) -> None:
    """Hold a lock that ends with this process: it shows whether another does the same subject at this time."""
    folder = Path(options.work)
    held = os.open(folder / f"{job.kind} {job.subject}".replace("/", "_"), os.O_CREAT | os.O_WRONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _note(folder / "overlaps", job)
        for at in range(3):
            await asyncio.sleep(options.takes / 3)
            await queue.renew(job)
            if at == 1 and job.payload["again"]:
                await queue.put(job.kind, job.subject, {"again": False})
        fcntl.flock(held, fcntl.LOCK_UN)
        await queue.finish(job)
        _note(folder / "finished", job)
    except LeaseLost:
        pass
    finally:
        os.close(held)


def _note(path: Path, job: Job) -> None:
    """One write: it is whole, whenever this process is killed."""
    line = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.write(line, f"{job.id}\n".encode())
    os.close(line)


async def speed(options: argparse.Namespace) -> dict[str, Any]:
    """Put, then claim and finish so many jobs of 100 repositories."""
    async with open_database(options.database) as database:
        queue = DatabaseQueue(database)
        began = time.perf_counter()
        for number in range(options.speed):
            await queue.put("review", f"github.com/owner/name-{number % options.repositories}#{number}", {"n": number})
        put_s = time.perf_counter() - began
        claims: list[float] = []

        async def loop(name: str) -> int:
            done = 0
            while True:
                asked_at = time.perf_counter()
                job = await queue.claim(name, kinds=KINDS)
                claims.append(time.perf_counter() - asked_at)
                if job is None:
                    return done
                await queue.finish(job)
                done += 1

        began = time.perf_counter()
        done = sum(await asyncio.gather(*(loop(f"w{at}") for at in range(options.loops))))
        done_s = time.perf_counter() - began
        began = time.perf_counter()
        pruned = await queue.prune(older_than_s=-1.0)
        return {
            "jobs": options.speed,
            "done": done,
            "put_per_s": round(options.speed / put_s),
            "done_per_s": round(done / done_s),
            "claim_ms": _spread(claims),
            "pruned": pruned,
            "prune_s": round(time.perf_counter() - began, 3),
        }


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=100)
    return {"p50": round(1000 * cuts[49], 2), "p99": round(1000 * cuts[98], 2), "most": round(1000 * max(seconds), 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", required=True, metavar="URL")
    parser.add_argument("--chaos", type=int, default=0, metavar="JOBS")
    parser.add_argument("--workers", type=int, default=3, help="processes, of two loops each")
    parser.add_argument("--takes", type=float, default=0.15, metavar="SECONDS", help="what a job takes")
    parser.add_argument("--kill-every", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument("--kills", type=int, default=1_000, help="at most")
    parser.add_argument("--lease", type=float, default=2.0, metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=int, default=0, metavar="JOBS")
    parser.add_argument("--repositories", type=int, default=100)
    parser.add_argument("--loops", type=int, default=1, help="that claim at once")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        asyncio.run(work(options))
        return
    if not (options.chaos or options.speed):
        parser.error("give --chaos or --speed")
    print(json.dumps(asyncio.run(chaos(options) if options.chaos else speed(options))))


if __name__ == "__main__":
    main()
