"""`mesrai pr suggestions`: what Mesrai found on a pull request and is still open, to act on it here."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

import click

from mesrai.domain.finding import Severity

_FORMATS: Final = ("prompt", "json", "patch")


@click.command(
    epilog="Apply what is suggested: mesrai pr suggestions owner/name#7 --format patch | git apply --check -"
)
@click.argument("address", metavar="URL")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="prompt",
    show_default=True,
    help="Text for a coding agent, a JSON document, or a patch of all that can be applied together.",
)
@click.option(
    "--severity",
    type=click.Choice([str(each) for each in Severity]),
    default="low",
    help="Only what is at least so bad.",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to a file.")
def suggestions(address: str, form: str, severity: str, output: Path | None) -> None:
    """Fetch the findings on a pull request that nobody settled: https://github.com/owner/name/pull/7, or owner/name#7.

    No model is asked, and nothing is written there. Lines are those of the pull request's head. Text comes from
    comments of Mesrai's, which people who may write can edit.
    """
    text = asyncio.run(_text(address, form, Severity(severity)))
    from mesrai.cli.look import write_text
    from mesrai.cli.showing import write_file

    if output is not None:
        write_file(output, text)
    else:
        write_text(sys.stdout, text)


async def _text(address: str, form: str, least: Severity) -> str:
    """Errors: MesraiError."""
    from mesrai.assembly.once import pull_request_desk
    from mesrai.domain.pull_request_address import read_pull_request_address
    from mesrai.flows.open_findings import apply_suggested, open_findings
    from mesrai.review.render.patch import render_patch
    from mesrai.review.render.suggested import render_suggested_json, render_suggested_prompt
    from mesrai.settings.serving import load_github_access

    place, access = read_pull_request_address(address), load_github_access(os.environ).access
    async with pull_request_desk(os.environ, access, place, None) as desk:
        pull_request = await desk.forge.pull_request(place.number)
        found = [each for each in await open_findings(desk.forge, place.number) if each.severity.reaches(least)]
        if form != "patch":
            render = render_suggested_json if form == "json" else render_suggested_prompt
            named = f"{pull_request.repository}#{pull_request.number}"
            return render(found, place=named, head=pull_request.head_sha)
        async with desk.source(pull_request, "") as source:
            applied = await apply_suggested(found, source)
    for sentence in applied.left_out:
        click.echo(f"mesrai: left out: {sentence}", err=True)
    if not applied.files:
        click.echo("mesrai: nothing that is open can be applied as it stands.", err=True)
    return render_patch(applied.files)
