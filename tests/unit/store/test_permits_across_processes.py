"""Permits as real processes have them: the benchmark of permits, in small, with one process killed in the middle."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.databases import ENGINES, a_database

ROOT = Path(__file__).parents[3]
SMALL = "--processes=3 --askers=8 --times=14 --cap=4 --latency=0.05 --lease=1.5 --kill-at=20"


@pytest.mark.parametrize("engine", ENGINES)
def test_processes_share_a_cap_and_a_killed_one_gives_its_permits_back(engine: str, tmp_path: Path) -> None:
    with a_database(engine, tmp_path) as url:
        command = [sys.executable, str(ROOT / "benchmarks" / "permits.py"), f"--database={url}", *SMALL.split()]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    told = json.loads(done.stdout)
    assert told["most_in_flight"] == 4
    assert told["refused"] == 0
    assert (told["finished"], told["errors"]) == (2, [])
    assert told["answered"] >= 2 * 8 * 14
    assert told["full_again_s"] < 1.5 + 1.0
