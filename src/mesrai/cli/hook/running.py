"""Review for a hook: each pushed ref or the index, within the time there is, and never silently not at all."""

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from mesrai.cli.call import Call
from mesrai.cli.exits import Exit, exit_code_of
from mesrai.cli.hook.options import Strictness
from mesrai.cli.running import run_review
from mesrai.cli.showing import show_review
from mesrai.domain.review import Outcome
from mesrai.domain.selection import Selection, SelectionKind
from mesrai.errors import MesraiError
from mesrai.forges.pushes import PushedRef, find_pushed, read_pushed
from mesrai.review.options import Depth
from mesrai.review.render.untrusted import one_line, shown_path
from mesrai.review.render.wording import headline

_GRACE_S: Final = 20.0  # beyond the limit, for a review that was asked to stop


class _Tally:
    """What became of the parts of a push."""

    def __init__(self, how: Strictness) -> None:
        self.how = how
        self.ends = time.monotonic() + how.time_limit_s
        self.is_found = False
        self.is_lacking = False

    def lack(self, sentence: str) -> None:
        """Say that something was not reviewed."""
        self.is_lacking = True
        click.echo(f"mesrai: NOT reviewed: {sentence}", err=True)

    def verdict(self, what: str) -> Exit:
        """Whether it goes on; said, where it does not."""
        if self.is_found:
            _stop(what, f"there is a finding at or above {self.how.fail_on}")
            return Exit.FOUND
        if self.is_lacking and self.how.requires_review:
            _stop(what, "not all of it was reviewed, and --require asks for that")
            return Exit.FOUND
        return Exit.FINE


async def run_pre_push(text: str, remote: str, how: Strictness) -> Exit:
    """Review what each ref brings to the remote; whether the push may go on."""
    tally = _Tally(how)
    try:
        refs = read_pushed(text) or _told_by_pre_commit(os.environ)
        pushed = await find_pushed(Path.cwd(), os.environ, refs, remote or os.environ.get("PRE_COMMIT_REMOTE_NAME", ""))
    except MesraiError as error:
        tally.lack(error.message)
        return tally.verdict("push")
    for each in pushed:
        if each.selection is not None:
            await _review(each.selection, f"{shown_path(each.ref.removeprefix('refs/heads/'), 80)}: ", tally)
    return tally.verdict("push")


def _told_by_pre_commit(environ: Mapping[str, str]) -> tuple[PushedRef, ...]:
    """What the pre-commit framework read from standard input, which it does not pass on; empty where it does not run.

    https://pre-commit.com/#pre-push
    """
    known, head = environ.get("PRE_COMMIT_FROM_REF", ""), environ.get("PRE_COMMIT_TO_REF", "")
    if not head:
        return ()
    branch = environ.get("PRE_COMMIT_REMOTE_BRANCH", "") or "refs/heads/(unknown)"
    return (PushedRef(local_id=head, remote_ref=branch, remote_id=known),)


async def run_pre_commit(how: Strictness) -> Exit:
    """Review what is staged; whether the commit may go on."""
    tally = _Tally(how)
    await _review(Selection(kind=SelectionKind.STAGED), "", tally)
    return tally.verdict("commit")


async def _review(selection: Selection, name: str, tally: _Tally) -> None:
    left = tally.ends - time.monotonic()
    if left <= 0:
        tally.lack(f"{name}the {tally.how.time_limit_s} seconds of --time-limit are over.")
        return
    call = _call(selection, tally.how, left)
    try:
        async with asyncio.timeout(left + _GRACE_S), run_review(call) as done:
            review = done.review
            code = exit_code_of(review, tally.how.fail_on)
            if review.findings or review.unanchored:
                show_review(review, done.lines, call)
            else:
                click.echo(f"mesrai: {name}{headline(review)}", err=True)
            tally.is_found |= code is Exit.FOUND
            if review.outcome is Outcome.PARTIAL:
                tally.lack(f"{name}a part of the change. {_why(review.failures)}".rstrip())
    except TimeoutError:
        tally.lack(f"{name}it took longer than {tally.how.time_limit_s} seconds.")
    except MesraiError as error:
        tally.lack(f"{name}{error.message}")


def _call(selection: Selection, how: Strictness, left: float) -> Call:
    return Call(
        selection=selection,
        form="terminal",
        output=None,
        fields=(),
        is_quiet=False,
        is_verbose=False,
        fail_on=how.fail_on,
        wants_fix=False,
        wants_interactive=False,
        assumes_yes=False,
        context="",
        is_rules_only=False,
        depth=Depth.FAST if how.is_fast else Depth.NORMAL,
        is_offline=False,
        stop_after_s=left,
    )


def _why(failures: Sequence[str]) -> str:
    return one_line(failures[0], 300) if failures else ""


def _stop(what: str, why: str) -> None:
    click.echo(f"mesrai: the {what} is stopped: {why}. To go on all the same: MESRAI_SKIP_HOOK=1 git {what}", err=True)
