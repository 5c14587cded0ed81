"""Ask a person at a terminal, and show; where nobody is there to answer, name the option that says the same."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TextIO, TypeVar

import click

from mesrai.cli.look import look_for, plain_letters, write_text
from mesrai.errors import SettingsError, UserError
from mesrai.review.render.look import Look

_T = TypeVar("_T")
_KEY_TRIES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """Where to show, how, and whether somebody can be asked."""

    out: TextIO
    look: Look
    is_json: bool = False
    is_attended: bool = False  # a person sits at both ends of a terminal

    @property
    def is_live(self) -> bool:
        """Whether lines may be drawn anew."""
        return self.out.isatty() and os.environ.get("TERM") != "dumb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One line of a list to choose from."""

    name: str  # what is typed, besides its number
    also: tuple[str, ...] = ()  # other words for it


def talk_for(*, is_json: bool, asks: bool = True) -> Talk:
    """The talk on standard input and output; for a program, progress goes to stderr and nothing is asked."""
    out = sys.stderr if is_json else sys.stdout
    return Talk(
        out=out,
        look=look_for(out, os.environ),
        is_json=is_json,
        is_attended=asks and not is_json and sys.stdin.isatty() and sys.stdout.isatty(),
    )


def show(talk: Talk, text: str) -> None:
    """Write text that was made for people."""
    write_text(talk.out, text if talk.look.is_unicode else plain_letters(text))


def print_json(value: Any) -> None:
    """Write the one JSON document of a command on standard output."""
    write_text(sys.stdout, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def require_person(talk: Talk, option: str) -> None:
    """Errors: UsageError that names the option to give, if nobody can be asked."""
    if not talk.is_attended:
        reason = "--json asks nothing" if talk.is_json else "there is no terminal to ask on"
        raise click.UsageError(f"{option} is missing, and {reason}.")


def picked(answer: str, choices: Sequence[Choice]) -> int | None:
    """Which choice an answer means: its number from 1 on, one of its names, or a beginning that only one has."""
    number, wanted = answer.strip(), _plain(answer)
    if number.isdecimal():
        return int(number) - 1 if 1 <= int(number) <= len(choices) else None
    names = [[_plain(name) for name in (each.name, *each.also)] for each in choices]
    exact = [number for number, each in enumerate(names) if wanted in each]
    begun = [number for number, each in enumerate(names) if any(name.startswith(wanted) for name in each)]
    found = exact or begun
    return found[0] if wanted and (exact or len(found) == 1) else None


def choose(talk: Talk, question: str, choices: Sequence[Choice], default: int = 0) -> int:
    """The number of the choice that a person takes, from 0 on."""

    def read(answer: str) -> int:
        found = picked(answer, choices)
        if found is None:
            raise click.UsageError(f"Type a number from 1 to {len(choices)}, or a name from the list.")
        return found

    return _asked(talk, f"{question} [{default + 1}]", str(default + 1), read)


def ask_text(talk: Talk, question: str, read: Callable[[str], _T], default: str = "") -> _T:
    """What a person types, as `read` understands it; asked again as long as `read` raises a UserError."""
    return _asked(talk, f"{question} [{default}]" if default else question, default, read)


def ask_hidden(question: str, read: Callable[[str], _T | None]) -> _T:
    """What a person types or pastes without seeing it. Errors: UserError after several empty or unusable answers."""
    for _ in range(_KEY_TRIES):
        with _stoppable():
            answer = click.prompt(question, hide_input=True, default="", show_default=False, type=str)
        try:
            found = read(answer)
        except UserError as error:
            click.echo(error.message)
            continue
        if found is not None:
            return found
        click.echo("Nothing arrived. Paste the key and press Enter; it is not shown.")
    raise SettingsError("No key was given.")


def confirm(question: str, *, default: bool) -> bool:
    """Yes or no; Enter alone is the default."""
    with _stoppable(), _line_ended():
        return click.confirm(question, default=default)


def _asked(talk: Talk, question: str, default: str, read: Callable[[str], _T]) -> _T:
    while True:
        with _stoppable(), _line_ended():
            answer = str(click.prompt(question, default=default, show_default=False, type=str)).strip()
        try:
            return read(answer)
        except UserError as error:
            show(talk, f"{error.message}\n")
        except click.UsageError as error:
            show(talk, f"{error.message}\n")


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


@contextmanager
def _line_ended() -> Iterator[None]:
    """A question that is broken off leaves the line it stands on."""
    try:
        yield
    except click.Abort:
        click.echo()
        raise


@contextmanager
def _stoppable() -> Iterator[None]:
    """Ctrl-C ends a question at once; a running event loop would only note it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
