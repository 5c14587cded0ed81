"""`mesrai ci`: review the merge or pull request that a pipeline runs for."""

import asyncio
import os
import sys
from decimal import Decimal
from pathlib import Path

import click

from mesrai.cli.call import Call
from mesrai.cli.money import Money
from mesrai.cli.review import at_most_one
from mesrai.domain.finding import Severity
from mesrai.domain.selection import Selection
from mesrai.review.options import Depth


@click.command(epilog="docs/ci.md has pipelines to copy.")
@click.option(
    "--fail-on",
    type=click.Choice([str(each) for each in Severity]),
    help="Exit with 1 for a finding at least this severe.",
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="GitLab: the Code Quality report. "
    "[default: gl-code-quality-report.json] Azure: the summary in Markdown.",
)  # fmt: skip
@click.option("--fast", is_flag=True, help="Less surroundings, no look-ups, little reasoning.")
@click.option("--deep", is_flag=True, help="More surroundings, more look-ups, more reasoning.")
@click.option("--budget", metavar="AMOUNT", type=Money(), help="The most one review may cost, such as 0.50.")
@click.option("--offline", is_flag=True, help="Static analysers only: no model and no key.")
@click.option("-v", "--verbose", is_flag=True, help="Say what happens, a line each.")
def ci(**given: object) -> None:
    """Review the merge or pull request that a pipeline of GitLab, Bitbucket or Azure runs for.

    What to review it reads from the platform's own variables; the clone must reach back to where the work began. It
    leaves behind: on GitLab a Code Quality report, and with MESRAI_GITLAB_TOKEN one note on the merge request; on
    Bitbucket a Code Insights report; on Azure issues and a summary of the run.

    \b
    Exit codes
      0  reviewed, or no request to review  4  the review failed (model or network)
      1  a finding at or above --fail-on    5  not a git repository
      2  wrong usage or configuration       6  only partly reviewed, and --fail-on
      3  no key, or a key refused              found nothing in what was
    """
    from mesrai.cli.ci.running import run_ci

    at_most_one(given, "fast", "deep", "offline")
    if given["budget"] and given["offline"]:
        raise click.UsageError("--budget needs a model, so it cannot go with --offline.")
    sys.exit(asyncio.run(run_ci(os.environ, _call(given))))


def _call(given: dict[str, object]) -> Call:
    output, budget = given["output"], given["budget"]
    return Call(
        selection=Selection(),
        form="terminal",
        output=output if isinstance(output, Path) else None,
        fields=(),
        is_quiet=False,
        is_verbose=bool(given["verbose"]),
        fail_on=Severity(str(given["fail_on"])) if given["fail_on"] else None,
        wants_fix=False,
        wants_interactive=False,
        assumes_yes=False,
        context="",
        is_rules_only=False,
        depth=Depth.FAST if given["fast"] else Depth.DEEP if given["deep"] else Depth.NORMAL,
        is_offline=bool(given["offline"]),
        budget=budget if isinstance(budget, Decimal) else None,
    )
