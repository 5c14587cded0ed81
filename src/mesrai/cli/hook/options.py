"""How strict a hook is: its options, as the command takes them and as they stand in the hook's file."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import click

from mesrai.domain.finding import Severity
from mesrai.forges.hooks import HookName

NEVER: Final = "never"
MOST_S: Final = 300  # of one push, unless told otherwise
_LINE: Final = "options="


@dataclass(frozen=True, slots=True, kw_only=True)
class Strictness:
    """What stops a push or a commit, and how long it may take."""

    fail_on: Severity | None
    is_fast: bool
    time_limit_s: int
    requires_review: bool

    @property
    def words(self) -> tuple[str, ...]:
        """As options of the command."""
        return (
            "--fail-on",
            str(self.fail_on or NEVER),
            "--fast" if self.is_fast else "--no-fast",
            "--time-limit",
            str(self.time_limit_s),
            *(["--require"] if self.requires_review else []),
        )


def with_strictness(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options."""
    for option in (
        click.option(
            "--require", is_flag=True, help="Stop as well where nothing, or only a part, was reviewed. [default: go on]"
        ),
        click.option(
            "--time-limit",
            type=click.IntRange(1, 7_200),
            default=MOST_S,
            show_default=True,
            metavar="SECONDS",
            help="Then the review is stopped, and what it found by then is shown.",
        ),
        click.option("--fast/--no-fast", default=True, show_default=True, help="Look less deep, and so be quicker."),
        click.option(
            "--fail-on",
            type=click.Choice([*(str(each) for each in Severity), NEVER]),
            default=str(Severity.CRITICAL),
            show_default=True,
            help="Stop for a finding at least this severe.",
        ),
    ):
        command = option(command)
    return command


def strictness(given: dict[str, object]) -> Strictness:
    """What was given."""
    fail_on, limit = str(given["fail_on"]), given["time_limit"]
    return Strictness(
        fail_on=None if fail_on == NEVER else Severity(fail_on),
        is_fast=bool(given["fast"]),
        time_limit_s=limit if isinstance(limit, int) else MOST_S,
        requires_review=bool(given["require"]),
    )


hook_name = click.option(
    "--hook",
    "name",
    type=click.Choice([str(each) for each in HookName]),
    default=str(HookName.PRE_PUSH),
    show_default=True,
    help="Which of git's hooks.",
)


def options_in(text: str) -> str:
    """The options that stand in the file of a hook of ours."""
    for line in text.splitlines():
        if line.startswith(_LINE):
            return " ".join(shlex.split(line.removeprefix(_LINE)))
    return ""


def options_line(given: Strictness) -> str:
    """The line they stand in."""
    return _LINE + shlex.quote(" ".join(given.words))
