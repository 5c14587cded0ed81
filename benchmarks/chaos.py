"""The whole service in a storm: pull requests while processes are killed with -9, then everything is counted.

From the project's folder, with the stand-ins of its tests:

    python -m benchmarks.chaos --engine postgresql --jobs 200        2 doors and 3 workers, a kill a second
    python -m benchmarks.chaos --engine sqlite --jobs 200            the same processes on one SQLite file
    python -m benchmarks.chaos --engine sqlite --doors 1 --workers 0 one process that does everything

It prints what was counted, and ends with 1 if anything is not right: each job ended once, every comment stands there
once, and no answer of the model was paid for twice but the one in flight when the process that asked was killed.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos import Storm, storm_over


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--kill-every", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument(
        "--act-every", type=float, default=0.25, metavar="SECONDS", help="between two things that happen"
    )
    parser.add_argument("--doors", type=int, default=2)
    parser.add_argument("--workers", type=int, default=3, help="0: the doors do the work")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--unjudged", action="store_true", help="do not check each message against GitHub's description"
    )
    parser.add_argument("--log", type=Path, metavar="FILE", help="where the service's log is to be copied")
    options = parser.parse_args()
    storm = Storm(
        engine=options.engine,
        jobs=options.jobs,
        kill_every_s=options.kill_every,
        act_every_s=options.act_every,
        doors=options.doors,
        workers=options.workers,
        seed=options.seed,
        judged=not options.unjudged,
    )
    with tempfile.TemporaryDirectory(prefix="mesrai-chaos-") as folder:
        try:
            told = storm_over(storm, Path(folder))
        finally:
            if options.log is not None:
                shutil.copyfile(Path(folder) / "service.log", options.log)
    print(json.dumps(told, indent=1))
    sys.exit(1 if told["wrong"] else 0)


if __name__ == "__main__":
    main()
