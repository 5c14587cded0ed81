"""The queue as real processes have it: the benchmark's chaos, in small."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.databases import ENGINES, a_database

ROOT = Path(__file__).parents[3]
SMALL = "--chaos=120 --workers=2 --takes=0.04 --kill-every=0.6 --kills=4 --lease=1.2"


@pytest.mark.parametrize("engine", ENGINES)
def test_workers_killed_at_random_lose_no_job_and_do_none_twice_at_once(engine: str, tmp_path: Path) -> None:
    with a_database(engine, tmp_path) as url:
        command = [sys.executable, str(ROOT / "benchmarks" / "jobs.py"), f"--database={url}", *SMALL.split()]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    told = json.loads(done.stdout)
    assert told["kills"] >= 1
    assert (told["jobs"], told["states"]) == (120, {"done": 120})
    assert (told["finished_twice"], told["ran_twice_at_once"]) == (0, 0)
    assert told["replaced"] <= 2 * told["kills"]  # two loops in each
