"""`mesrai pr review`: review a pull request from the terminal, and post the review only if that is asked for."""

import asyncio
import os
import re
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mesrai.cli.call import FORMATS, Call
from mesrai.cli.exits import Exit, exit_code_for, exit_code_of
from mesrai.cli.money import Money
from mesrai.cli.review import at_most_one, context_text
from mesrai.domain.finding import Severity
from mesrai.domain.selection import Selection, SelectionKind
from mesrai.review.options import Depth

if TYPE_CHECKING:
    from mesrai.flows.review_once import Once


@click.command()
@click.argument("address", metavar="URL")
@click.option("--post", is_flag=True, help="Post it there; what stands there already is not posted again.")
@click.option("--full", is_flag=True, help="With --post: all of the change, not only what is new since the last time.")
@click.option("--since", metavar="SHA", help="Only what came after this commit of it, in full.")
@click.option("-f", "--format", "form", type=click.Choice(FORMATS[:6]), help="How to print it. [default: terminal]")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to a file.")
@click.option("--agent", is_flag=True, help="One stable JSON document and nothing else, for programs.")
@click.option("--prompt-only", is_flag=True, help="Compact text for a coding agent to act on.")
@click.option("--fields", metavar="LIST", help="Only these JSON fields, such as summary,findings.path.")
@click.option(
    "--fail-on",
    type=click.Choice([str(each) for each in Severity]),
    help="Exit with 1 for a finding at least this severe.",
)
@click.option("--context", metavar="FILE", type=click.Path(), help="Text for the model to consider; - is stdin.")
@click.option("--rules-only", is_flag=True, help="Check the repository owners' rules and nothing else.")
@click.option("--fast", is_flag=True, help="Less surroundings, no look-ups, little reasoning.")
@click.option("--deep", is_flag=True, help="More surroundings, more look-ups, more reasoning.")
@click.option("--budget", metavar="AMOUNT", type=Money(), help="The most this review may cost, such as 0.50.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no notices.")
@click.option("-v", "--verbose", is_flag=True, help="Show coverage of each file, what was dropped, and evidence.")
def review(address: str, **given: object) -> None:
    """Review a pull request on GitHub: https://github.com/owner/name/pull/7, or owner/name#7.

    Nothing is written there without --post. The change is read with git, and policy and guidance from its base.

    \b
    Exit codes
      0  reviewed, or nothing to review     4  the review failed (model, network or GitHub)
      1  a finding at or above --fail-on    6  only partly reviewed, and --fail-on
      2  wrong usage or configuration          found nothing in what was
      3  no key, or a key refused
    """
    sys.exit(asyncio.run(_run(address, _call(given), given)))


def _call(given: Mapping[str, object]) -> Call:
    """Check what belongs together. Errors: click.UsageError, SettingsError."""
    at_most_one(given, "agent", "prompt_only", "form")
    at_most_one(given, "fast", "deep")
    at_most_one(given, "quiet", "verbose")
    at_most_one(given, "full", "since")
    form = "agent" if given["agent"] else "prompt" if given["prompt_only"] else str(given["form"] or "terminal")
    fields = tuple(name.strip() for name in str(given["fields"] or "").split(",") if name.strip())
    if fields and form not in ("json", "agent"):
        raise click.UsageError("--fields goes with --format json or --agent.")
    since = str(given["since"] or "")
    if since and not re.fullmatch(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", since):
        raise click.UsageError("--since: the full id of a commit belongs here, 40 or 64 digits.")
    output, budget = given["output"], given["budget"]
    return Call(
        selection=Selection(kind=SelectionKind.RANGE, value=since, paths=()),
        form=form,
        output=output if isinstance(output, Path) else None,
        fields=fields,
        is_quiet=bool(given["quiet"]),
        is_verbose=bool(given["verbose"]) or os.environ.get("MESRAI_VERBOSE") == "true",
        fail_on=Severity(str(given["fail_on"])) if given["fail_on"] else None,
        wants_fix=False,
        wants_interactive=False,
        assumes_yes=False,
        context=context_text(given["context"]),
        is_rules_only=bool(given["rules_only"]),
        depth=Depth.FAST if given["fast"] else Depth.DEEP if given["deep"] else Depth.NORMAL,
        is_offline=False,
        budget=budget if isinstance(budget, Decimal) else None,
    )


async def _run(address: str, call: Call, given: Mapping[str, object]) -> int:
    """Review, show, say what was posted; the exit code. Errors: MesraiError."""
    from mesrai.cli.pr.reviewing import review_from_terminal
    from mesrai.cli.showing import show_review

    once = await review_from_terminal(address, call, is_posted=bool(given["post"]), is_full=bool(given["full"]))
    if once.review is None:
        click.echo(f"mesrai: not reviewed: {once.reason}", err=True)
        return Exit.FINE
    show_review(once.review, once.lines, call)
    is_untold = _tell(once, is_quiet=call.is_quiet)
    if once.failed is not None:
        return exit_code_for(once.failed)
    if is_untold:
        return Exit.FAILED
    still_open = once.published.open if once.published is not None else None
    return exit_code_of(once.review, call.fail_on, still_open=still_open)


def _tell(once: "Once", *, is_quiet: bool) -> bool:
    """Say what was posted; whether the review was to be posted and is not."""
    published = once.published
    if once.unposted:
        click.echo(f"mesrai: nothing was posted: {once.unposted}", err=True)
        return True
    if published is None:
        return False
    for problem in published.problems:
        click.echo(f"mesrai: {problem}", err=True)
    if published.is_said and not is_quiet:
        place = f"{once.pull_request.repository}#{once.pull_request.number}"
        click.echo(f"Posted to {place}: {published.posted} new comments; the summary is up to date.", err=True)
    return not published.is_said
