"""Show a review in the wanted format, on standard output or in a file."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from mesrai import __version__
from mesrai.cli.call import Call
from mesrai.cli.look import look_for, write_text
from mesrai.domain.review import Review
from mesrai.domain.usage import Estimate
from mesrai.errors import SettingsError
from mesrai.review.render.code import Lines
from mesrai.review.render.look import Look
from mesrai.review.render.wording import estimate_text, headline


def show_review(review: Review, lines: Lines, call: Call) -> None:
    """Print or write it. Errors: SettingsError if the file cannot be written, or a field is unknown."""
    if call.output is not None:
        write_file(call.output, _text(review, lines, call))
        if not call.is_quiet:
            click.echo(f"{headline(review)}\nWritten to {call.output}.", err=True)
        return
    write_text(sys.stdout, _text(review, lines, call))


def show_estimate(estimate: Estimate, call: Call) -> None:
    """Print or write what a review would cost. Errors: SettingsError if the file cannot be written."""
    if call.form == "json":
        from mesrai.review.render.json_text import render_estimate

        text = render_estimate(estimate)
    else:
        text = f"This review would cost {estimate_text(estimate)}.\n"
    if call.output is not None:
        write_file(call.output, text)
    else:
        write_text(sys.stdout, text)


def _text(review: Review, lines: Lines, call: Call) -> str:
    makers: dict[str, Callable[[], str]] = {
        "terminal": lambda: _terminal(review, lines, call),
        "json": lambda: _json(review, call),
        "agent": lambda: _agent(review, call),
        "markdown": lambda: _markdown(review, lines),
        "sarif": lambda: _sarif(review),
        "github": lambda: _github(review),
        "gitlab": lambda: _gitlab(review),
        "prompt": lambda: _prompt(review, lines),
    }
    return makers[call.form]()


def _terminal(review: Review, lines: Lines, call: Call) -> str:
    from mesrai.review.render.terminal import render_terminal

    if call.output is None:
        look = look_for(sys.stdout, os.environ, is_verbose=call.is_verbose, has_notices=not call.is_quiet)
    else:
        look = Look(is_verbose=call.is_verbose, has_notices=not call.is_quiet)
    return render_terminal(review, lines=lines, look=look)


def _json(review: Review, call: Call) -> str:
    from mesrai.review.render.json_text import render_json

    return render_json(review, fields=call.fields)


def _agent(review: Review, call: Call) -> str:
    from mesrai.review.render.json_text import render_agent

    return render_agent(review, fields=call.fields)


def _markdown(review: Review, lines: Lines) -> str:
    from mesrai.review.render.markdown import render_markdown

    return render_markdown(review, lines=lines)


def _sarif(review: Review) -> str:
    from mesrai.review.render.sarif import render_sarif

    return render_sarif(review, version=__version__)


def _github(review: Review) -> str:
    from mesrai.review.render.workflow import render_workflow

    return render_workflow(review)


def _gitlab(review: Review) -> str:
    from mesrai.review.render.code_quality import render_code_quality

    return render_code_quality(review)


def _prompt(review: Review, lines: Lines) -> str:
    from mesrai.review.render.prompt_only import render_prompt

    return render_prompt(review, lines=lines)


def write_file(path: Path, text: str) -> None:
    """Write beside, then move: a reader never sees half a review."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, "utf-8")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise SettingsError(f"--output: {path} cannot be written: {error.strerror}") from error
