"""`mesrai doctor`: what is configured, what works, what to do next."""

import asyncio
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import click

from mesrai.cli.exits import Exit, exit_code_for
from mesrai.cli.look import look_for
from mesrai.domain.connection import Connection
from mesrai.domain.selection import Selection
from mesrai.errors import MesraiError, NotARepository

if TYPE_CHECKING:
    from mesrai.settings import Settings

GOOD, BAD, NOTE, FACT = "ok", "problem", "note", ""
_NARROWEST, _WIDEST = 40, 120  # columns
_MARKED = 10  # columns before the text


class Report:
    """Lines of the check, each marked; remembers the worst."""

    def __init__(self, width: int) -> None:
        self.exit = Exit.FINE
        self._width = max(_NARROWEST, min(width, _WIDEST))

    def say(self, mark: str, text: str) -> None:
        """Print one line with its mark, the rest of a longer text below it."""
        colour = {GOOD: "green", BAD: "red", NOTE: "yellow"}.get(mark)
        first, *rest = (row for line in text.splitlines() or [""] for row in self._wrapped(line))
        click.echo(f"{click.style(f'{mark:>8}', fg=colour)}  {first}")
        for line in rest:
            click.echo(f"{'':>8}  {line}")

    def _wrapped(self, line: str) -> Sequence[str]:
        """A sentence on as many lines as it takes; what is laid out in columns stays as it is."""
        if line.startswith(" "):
            return [line]
        return wrap(line, self._width - _MARKED, break_long_words=False, break_on_hyphens=False) or [""]

    def fail(self, text: str, code: Exit) -> None:
        """Print a problem; the first one decides the exit code."""
        self.say(BAD, text)
        self.exit = self.exit or code


@click.command()
@click.option("--ask", is_flag=True, help="Also ask each connected model one small question (costs a few tokens).")
def doctor(ask: bool) -> None:
    """Show what is configured, what works, and what to do next.

    Ends with 0 if a review could run, otherwise with the code the review would end with.
    """
    report = Report(look_for(sys.stdout, os.environ).width)
    asyncio.run(_examine(report, ask=ask))
    sys.exit(report.exit)


async def _examine(report: Report, *, ask: bool) -> None:
    from mesrai.wiring import installed_version

    report.say(GOOD, installed_version())
    git = shutil.which("git")
    if git:
        report.say(GOOD, f"git at {git}")
    else:
        report.fail("git is not installed, or not on PATH", Exit.USAGE)
    await _repository(report)
    _analysers(report)
    await _connections(report, ask=ask)


async def _repository(report: Report) -> None:
    from mesrai.cli.running import policy_here
    from mesrai.domain.change import At
    from mesrai.wiring import local_source

    try:
        async with local_source(Path.cwd(), Selection()) as source:
            report.say(GOOD, f"git repository at {source.root}")
            found = await policy_here(source, At.HEAD)
            report.say(GOOD if found.file else NOTE, found.told)
    except NotARepository as error:
        report.say(NOTE, error.message)
    except MesraiError as error:
        report.fail(error.message, Exit.USAGE)


def _analysers(report: Report) -> None:
    from mesrai.wiring import analyser_states

    for name, state in analyser_states().items():
        report.say(GOOD if not state else NOTE, f"analyser {name}{': ' + state if state else ''}")


async def _connections(report: Report, *, ask: bool) -> None:
    from mesrai.wiring import open_installation

    try:
        async with open_installation(os.environ) as installation:
            settings = installation.unlocked()
    except MesraiError as error:
        report.fail(error.message, exit_code_for(error))
        return
    for notice in settings.notices:
        report.say(NOTE, notice)
    if settings.main is None:
        await _server(report)
        return
    for connection in settings.connections:
        await _connection(report, settings, connection, ask=ask)
    if settings.fallback is None:
        report.say(NOTE, "no fallback: if the main model fails, the review fails. `mesrai byok fallback` connects one.")
    if not ask:
        report.say(
            NOTE, "no question was asked: `mesrai byok test --full` proves the whole way, at a cost that it says first."
        )


async def _server(report: Report) -> None:
    """Where no model is connected here: the team's server, if this person is signed in to one."""
    from mesrai import __version__
    from mesrai.llm.team import Server, find_caller
    from mesrai.settings.team import find_login
    from mesrai.wiring import NOT_CONNECTED

    try:
        login = find_login(os.environ)
        if login is None:
            report.fail(NOT_CONNECTED, Exit.CREDENTIALS)
            return
        caller = await find_caller(__version__, Server(url=login.url, token=login.token))
    except MesraiError as error:
        report.fail(f"the team's server: {error.message}", exit_code_for(error))
        return
    report.say(GOOD, f"no model here; reviews ask the model of {login.url}\nsigned in as {caller.email!r:.120}")


async def _connection(report: Report, settings: "Settings", connection: Connection, *, ask: bool) -> None:
    from mesrai.wiring import ask_once

    shown = connection.key.hint if connection.key else "no key"
    report.say(
        GOOD,
        f"{connection.slot} model {connection.model} at {connection.base_url} ({connection.provider})\n"
        f"key {shown}, from {connection.origin}",
    )
    if connection.proven_at:
        report.say(GOOD, f"{connection.slot} model was tested in full on {connection.proven_at[:10]}")
    for notice in connection.notices:
        report.say(NOTE, notice)
    for fact in settings.catalogue.facts_for(connection.provider, connection.model):
        report.say(FACT, fact)
    if not ask:
        return
    try:
        answer = await ask_once(settings, connection)
    except MesraiError as error:
        report.fail(f"{connection.slot} model: {error.message}", exit_code_for(error))
        return
    cost = "" if not answer.usage.cost else f", {answer.usage.cost:.6f} {answer.usage.currency}"
    report.say(
        GOOD,
        f"{connection.slot} model answered after {answer.took_s:.1f} s "
        f"({answer.usage.input_tokens} + {answer.usage.output_tokens} tokens{cost})",
    )
    for notice in answer.notices:
        report.say(NOTE, notice)
