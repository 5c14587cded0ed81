"""`mesrai review`: what to review, how to say it, and what to do with the result."""

import asyncio
import os
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import click

from mesrai.cli.call import FORMATS, Call
from mesrai.cli.exits import Exit, exit_code_for, exit_code_of
from mesrai.cli.money import Money
from mesrai.domain.finding import Severity
from mesrai.domain.selection import Selection, SelectionKind
from mesrai.errors import SettingsError
from mesrai.review.options import Depth

_CONTEXT_CHARS = 20_000


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(), metavar="[PATHS]...")
@click.option("-s", "--staged", is_flag=True, help="Only what is staged.")
@click.option("-c", "--commit", metavar="SHA", help="One commit against its first parent.")
@click.option("-b", "--branch", metavar="NAME", help="From where HEAD left branch NAME up to HEAD.")
@click.option("-r", "--range", "range_", metavar="A..B", help="From A to B; A...B starts where B left A.")
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
@click.option("--fix", is_flag=True, help="Apply the suggestions, after showing them and asking once.")
@click.option("-i", "--interactive", is_flag=True, help="Ask for each suggestion whether to apply it.")
@click.option("-y", "--yes", is_flag=True, help="With --fix: do not ask.")
@click.option("--context", metavar="FILE", type=click.Path(), help="Text for the model to consider; - is stdin.")
@click.option("--rules-only", is_flag=True, help="Check the repository owners' rules and nothing else.")
@click.option("--fast", is_flag=True, help="Less surroundings, no look-ups, little reasoning.")
@click.option("--deep", is_flag=True, help="More surroundings, more look-ups, more reasoning.")
@click.option("--offline", is_flag=True, help="Static analysers only: no model, no key, no network.")
@click.option("--estimate", is_flag=True, help="Say what the review would about cost, and ask nothing.")
@click.option("--budget", metavar="AMOUNT", type=Money(), help="The most this review may cost, such as 0.50.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no notices.")
@click.option("-v", "--verbose", is_flag=True, help="Show coverage of each file, what was dropped, and evidence.")
def review(**given: object) -> None:
    """Review a change in the git repository you stand in.

    Without options: all that is not committed (staged, unstaged and untracked files) against HEAD. PATHS narrow it.

    \b
    Exit codes
      0  reviewed, or nothing to review     4  the review failed (model or network)
      1  a finding at or above --fail-on    5  not a git repository
      2  wrong usage or configuration       6  only partly reviewed, and --fail-on
      3  no key, or a key refused              found nothing in what was
    """
    call = _call(given)
    sys.exit(asyncio.run(_run(call)))


def _call(given: dict[str, object]) -> Call:
    """Check what belongs together. Errors: click.UsageError, SettingsError."""
    at_most_one(given, "agent", "prompt_only", "form")
    at_most_one(given, "fast", "deep", "offline")
    at_most_one(given, "fix", "interactive")
    at_most_one(given, "quiet", "verbose")
    for needing in ("rules_only", "estimate", "budget"):
        if given[needing] and given["offline"]:
            raise click.UsageError(f"--{needing.replace('_', '-')} needs a model, so it cannot go with --offline.")
    form = "agent" if given["agent"] else "prompt" if given["prompt_only"] else str(given["form"] or "terminal")
    fields = tuple(name.strip() for name in str(given["fields"] or "").split(",") if name.strip())
    if fields and form not in ("json", "agent"):
        raise click.UsageError("--fields goes with --format json or --agent.")
    if given["estimate"] and (fields or form not in ("terminal", "json")):
        raise click.UsageError("--estimate prints a line, or with --format json a document.")
    fixes = bool(given["fix"] or given["interactive"])
    if fixes and (given["commit"] or given["range_"] or given["branch"]):
        raise click.UsageError("--fix and --interactive change your files, so they go with uncommitted changes only.")
    if fixes and given["context"] == "-":
        raise click.UsageError("--context - reads standard input, on which --fix and --interactive ask.")
    output, budget = given["output"], given["budget"]
    return Call(
        selection=_selection(given),
        form=form,
        output=output if isinstance(output, Path) else None,
        fields=fields,
        is_quiet=bool(given["quiet"]),
        is_verbose=bool(given["verbose"]) or os.environ.get("MESRAI_VERBOSE") == "true",
        fail_on=Severity(str(given["fail_on"])) if given["fail_on"] else None,
        wants_fix=bool(given["fix"]),
        wants_interactive=bool(given["interactive"]),
        assumes_yes=bool(given["yes"]),
        context=context_text(given["context"]),
        is_rules_only=bool(given["rules_only"]),
        depth=Depth.FAST if given["fast"] else Depth.DEEP if given["deep"] else Depth.NORMAL,
        is_offline=bool(given["offline"]),
        is_estimate=bool(given["estimate"]),
        budget=budget if isinstance(budget, Decimal) else None,
    )


def _selection(given: dict[str, object]) -> Selection:
    named = at_most_one(given, "staged", "commit", "branch", "range_")
    kind = {
        "": SelectionKind.WORKING_TREE,
        "staged": SelectionKind.STAGED,
        "commit": SelectionKind.COMMIT,
        "branch": SelectionKind.BRANCH,
        "range_": SelectionKind.RANGE,
    }[named]
    paths = given["paths"]
    value = "" if named in ("", "staged") else str(given[named])
    return Selection(kind=kind, value=value, paths=tuple(paths) if isinstance(paths, tuple) else ())


def at_most_one(given: Mapping[str, object], *names: str) -> str:
    """The one that was given, or an empty string. Errors: click.UsageError."""
    set_ = [name for name in names if given[name]]
    if len(set_) > 1:
        shown = " and ".join("--" + name.strip("_").replace("form", "format").replace("_", "-") for name in set_)
        raise click.UsageError(f"{shown} do not go together.")
    return set_[0] if set_ else ""


def context_text(given: object) -> str:
    """What --context gives: the file's text, or standard input. Errors: SettingsError."""
    if not given:
        return ""
    try:
        text = sys.stdin.read() if given == "-" else Path(str(given)).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--context: {given} cannot be read as text: {error}") from error
    if len(text) > _CONTEXT_CHARS:
        raise SettingsError(f"--context: {given} has {len(text)} characters; at most {_CONTEXT_CHARS} are of use.")
    return text


async def _run(call: Call) -> int:
    """Review, show, fix; the exit code."""
    from mesrai.cli.running import run_estimate, run_review
    from mesrai.cli.showing import show_estimate, show_review
    from mesrai.review.pipeline import ReviewFailed
    from mesrai.review.render.code import no_lines

    if call.is_estimate:
        show_estimate(await run_estimate(call), call)
        return Exit.FINE
    try:
        async with run_review(call) as done:
            show_review(done.review, done.lines, call)
            if call.wants_fix or call.wants_interactive:
                from mesrai.cli.fixing import fix

                fix(done, call)
            return exit_code_of(done.review, call.fail_on)
    except ReviewFailed as failed:
        show_review(failed.review, no_lines, call)
        return exit_code_for(failed)
