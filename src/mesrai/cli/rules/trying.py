"""`mesrai rules test`: what one rule would report on a change, also a past one."""

import asyncio
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mesrai.cli.call import FORMATS, Call
from mesrai.cli.exits import Exit, exit_code_for, exit_code_of
from mesrai.cli.money import Money
from mesrai.cli.review import at_most_one
from mesrai.domain.finding import Severity
from mesrai.domain.selection import Selection, SelectionKind
from mesrai.review.options import Depth

if TYPE_CHECKING:
    from mesrai.domain.policy import Rule


@click.command(epilog="Example: mesrai rules test cents --since v1.4 --estimate")
@click.argument("named", metavar="RULE")
@click.argument("paths", nargs=-1, type=click.Path(), metavar="[PATHS]...")
@click.option("--since", metavar="REV", help="All that came after REV, up to HEAD.")
@click.option("-r", "--range", "range_", metavar="A..B", help="From A to B; A...B starts where B left A.")
@click.option("-c", "--commit", metavar="SHA", help="One commit against its first parent.")
@click.option("-s", "--staged", is_flag=True, help="Only what is staged.")
@click.option("-f", "--format", "form", type=click.Choice(FORMATS[:6]), default="terminal", help="How to print it.")
@click.option(
    "--fail-on",
    type=click.Choice([str(each) for each in Severity]),
    help="Exit with 1 for a finding at least this severe.",
)
@click.option("--fast", is_flag=True, help="Less surroundings, no look-ups, little reasoning.")
@click.option("--deep", is_flag=True, help="More surroundings, more look-ups, more reasoning.")
@click.option("--estimate", is_flag=True, help="Say what it would about cost, and ask nothing.")
@click.option("--budget", metavar="AMOUNT", type=Money(), help="The most it may cost, such as 0.50.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no notices.")
def test(**given: object) -> None:
    """Check RULE alone on a change, and show what it would report. Without options: all that is not committed.

    RULE is a title, a uuid or a file, as it lies here: it need not be committed. A rule that is switched off is tried
    all the same. What it will about cost is said before the model is asked. Exit codes are those of `mesrai review`.
    """
    sys.exit(asyncio.run(_run(str(given["named"]), _call(given))))


def _call(given: dict[str, object]) -> Call:
    """Errors: click.UsageError."""
    named = at_most_one(given, "since", "range_", "commit", "staged")
    at_most_one(given, "fast", "deep")
    kind = {
        "": SelectionKind.WORKING_TREE,
        "since": SelectionKind.RANGE,
        "range_": SelectionKind.RANGE,
        "commit": SelectionKind.COMMIT,
        "staged": SelectionKind.STAGED,
    }[named]
    value = "" if named in ("", "staged") else f"{given['since']}..HEAD" if named == "since" else str(given[named])
    paths, budget = given["paths"], given["budget"]
    return Call(
        selection=Selection(kind=kind, value=value, paths=tuple(paths) if isinstance(paths, tuple) else ()),
        form=str(given["form"]),
        output=None,
        fields=(),
        is_quiet=bool(given["quiet"]),
        is_verbose=False,
        fail_on=Severity(str(given["fail_on"])) if given["fail_on"] else None,
        wants_fix=False,
        wants_interactive=False,
        assumes_yes=False,
        context="",
        is_rules_only=True,
        depth=Depth.FAST if given["fast"] else Depth.DEEP if given["deep"] else Depth.NORMAL,
        is_offline=False,
        is_estimate=bool(given["estimate"]),
        budget=budget if isinstance(budget, Decimal) else None,
    )


async def _run(named: str, call: Call) -> int:
    """Find the rule, say the cost, review, show; the exit code."""
    from mesrai.cli.running import run_estimate, run_review
    from mesrai.cli.showing import show_estimate, show_review
    from mesrai.review.pipeline import ReviewFailed
    from mesrai.review.render.code import no_lines
    from mesrai.review.render.wording import estimate_text

    call = replace(call, only_rule=replace(await _rule(named), is_enabled=True))
    estimate = await run_estimate(call)
    if call.is_estimate:
        show_estimate(estimate, call)
        return Exit.FINE
    if not call.is_quiet and estimate.high.calls:
        click.echo(f"mesrai: trying the rule will cost {estimate_text(estimate)}.", err=True)
    try:
        async with run_review(call) as done:
            show_review(done.review, done.lines, call)
            return exit_code_of(done.review, call.fail_on)
    except ReviewFailed as failed:
        show_review(failed.review, no_lines, call)
        return exit_code_for(failed)


async def _rule(named: str) -> "Rule":
    """Errors: UserError, PolicyError."""
    from mesrai.cli.levels_here import levels_here
    from mesrai.cli.rules.finding import find_rule, rule_in_file

    return rule_in_file(Path(named)) or find_rule(named, await levels_here()).rule
