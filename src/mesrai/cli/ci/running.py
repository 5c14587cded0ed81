"""Review for a pipeline, and leave behind what its platform shows."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from mesrai.cli.call import Call
from mesrai.cli.ci.place import Place, Platform, find_place
from mesrai.cli.exits import Exit, exit_code_for, exit_code_of
from mesrai.cli.look import write_text
from mesrai.cli.running import run_review
from mesrai.cli.showing import show_review, write_file
from mesrai.domain.review import Review
from mesrai.errors import ForgeError
from mesrai.review.pipeline import ReviewFailed
from mesrai.review.render.azure import azure_command, render_azure
from mesrai.review.render.code import Lines, no_lines
from mesrai.review.render.code_quality import render_code_quality
from mesrai.review.render.insights import insights_annotations, insights_report
from mesrai.review.render.markdown import render_markdown

_REPORT: Final = "gl-code-quality-report.json"
_SUMMARY: Final = "mesrai-review.md"
_PROXY: Final = (
    "http://localhost:29418"  # of every step: https://support.atlassian.com/bitbucket-cloud/docs/code-insights/
)


async def run_ci(environ: Mapping[str, str], call: Call) -> int:
    """Review, show, leave behind; the exit code. Errors: MesraiError if there could be no review."""
    place = find_place(environ)
    if place.selection is None:
        click.echo("mesrai: this pipeline runs for no merge or pull request, so there is nothing to review.", err=True)
        return Exit.FINE
    # Azure looks for commands in all that is written: nothing is, but what is escaped for it.
    is_azure = place.platform is Platform.AZURE
    output = call.output
    call = replace(call, selection=place.selection, output=None, is_verbose=call.is_verbose and not is_azure)
    _forget_old(place, output)
    try:
        async with run_review(call) as done:
            review, lines = done.review, done.lines
            code = exit_code_of(review, call.fail_on)
    except ReviewFailed as failed:
        review, lines, code = failed.review, no_lines, exit_code_for(failed)
    if not is_azure:
        show_review(review, lines, call)
    try:
        await _leave(place, review, lines, output, environ, is_passed=code is Exit.FINE)
    except ForgeError as error:
        click.echo(f"mesrai: the review was not written to the request: {error.message}", err=True)
        return code or Exit.FAILED
    return code


def _forget_old(place: Place, output: Path | None) -> None:
    """Take a report of an earlier run away, which would otherwise stand for a review that does not come to its end."""
    if place.platform is Platform.GITLAB:
        with suppress(OSError):
            (output or Path(_REPORT)).unlink(missing_ok=True)


async def _leave(
    place: Place, review: Review, lines: Lines, output: Path | None, environ: Mapping[str, str], *, is_passed: bool
) -> None:
    """Errors: ForgeError, SettingsError."""
    if place.platform is Platform.GITLAB:
        write_file(output or Path(_REPORT), render_code_quality(review))
        await _note(place, review, lines)
    elif place.platform is Platform.AZURE:
        write_text(sys.stdout, render_azure(review))
        summary = (output or Path(environ.get("AGENT_TEMPDIRECTORY") or os.curdir) / _SUMMARY).absolute()
        write_file(summary, render_markdown(review, lines=lines))
        write_text(sys.stdout, azure_command("task.uploadsummary", str(summary)) + "\n")
    else:
        from mesrai.forges.pipeline_api import open_insights

        proxy = environ.get("MESRAI_BITBUCKET_PROXY", "").strip() or _PROXY
        async with open_insights(place.api, proxy, place.project, place.head) as insights:
            await insights.put(insights_report(review, is_passed=is_passed), insights_annotations(review))


async def _note(place: Place, review: Review, lines: Lines) -> None:
    if place.token is None:
        click.echo("mesrai: no note on the merge request: MESRAI_GITLAB_TOKEN is not set.", err=True)
        return
    from mesrai.forges.pipeline_api import open_notes

    async with open_notes(place.api, place.token, place.project, place.number) as notes:
        await notes.put(render_markdown(review, lines=lines))
