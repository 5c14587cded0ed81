"""Run the stand-in provider: `python -m mesrai.sandbox --port 8471`."""

import argparse
import sys
from pathlib import Path

import uvicorn

from mesrai.sandbox.app import Manners, sandbox_app
from mesrai.sandbox.rules import answer_by_rule, answer_from_folder

_HOST = "127.0.0.1"


def main() -> int:
    """Serve on the loopback address until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m mesrai.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8471)
    parser.add_argument("--latency", type=float, default=0.0, metavar="MS", help="before each answer, in milliseconds")
    parser.add_argument("--answers", type=Path, metavar="DIR", help="JSON files with answers to give")
    options = parser.parse_args()
    answer = answer_from_folder(options.answers) if options.answers else answer_by_rule
    app = sandbox_app(Manners(answer=answer, latency_s=options.latency / 1000))
    sys.stdout.write(
        f"Stand-in provider: OpenAI chat at http://{_HOST}:{options.port}/v1, Anthropic messages at "
        f"http://{_HOST}:{options.port}. Any key will do; `sk-sim-overloaded` and the like misbehave.\n"
    )
    sys.stdout.flush()
    uvicorn.run(app, host=_HOST, port=options.port, log_level="warning")
    return 0


if __name__ == "__main__":
    sys.exit(main())
