"""Run the stand-in provider: `python -m mesrai.sandbox --port 8471`; `mesrai sandbox` has all settings."""

import argparse
import sys
from pathlib import Path

from mesrai.errors import SettingsError
from mesrai.sandbox.manners import Manners
from mesrai.sandbox.rules import answer_by_rule, answer_from_folder
from mesrai.sandbox.serving import Serving, serve


def main() -> int:
    """Serve on the loopback address until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m mesrai.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8471, help="0 takes a free one")
    parser.add_argument("--latency", type=float, default=0.0, metavar="MS", help="before each answer, in milliseconds")
    parser.add_argument("--answers", type=Path, metavar="DIR", help="JSON files with answers to give")
    parser.add_argument("--catalogue", type=Path, metavar="FILE", help="write the catalogue file here")
    parser.add_argument("--json", action="store_true", help="say where it listens as one line of JSON")
    options = parser.parse_args()
    answer = answer_from_folder(options.answers) if options.answers else answer_by_rule
    manners = Manners(answer=answer, latency_s=options.latency / 1000)
    try:
        serve(Serving(manners=manners, port=options.port, catalogue=options.catalogue, is_json=options.json))
    except SettingsError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
