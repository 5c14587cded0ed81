"""`mesrai hook run`: review what is pushed or committed, and say whether it may go on."""

import asyncio
import os
import sys

import click

from mesrai.cli.hook.options import strictness, with_strictness
from mesrai.forges.hooks import HookName


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name", type=click.Choice([str(each) for each in HookName]), metavar="HOOK")
@click.argument("told", nargs=-1, metavar="[WHAT GIT GIVES]...")
@with_strictness
def run(name: str, told: tuple[str, ...], **given: object) -> None:
    """Review what is pushed (pre-push) or staged (pre-commit): what the installed hook runs.

    For pre-push, standard input has the refs, and the first argument is the remote, as git gives them to its hook;
    under the pre-commit framework, its variables tell them.

    \b
    Exit codes
      0  go on: nothing at or above --fail-on, or not reviewed and not --require
      1  stop
    """
    if os.environ.get("MESRAI_SKIP_HOOK", "").strip().lower() in ("1", "true", "yes"):
        click.echo("mesrai: NOT reviewed: MESRAI_SKIP_HOOK is set.", err=True)
        return
    from mesrai.cli.hook.running import run_pre_commit, run_pre_push

    how = strictness(given)
    if name == HookName.PRE_PUSH:
        sys.exit(asyncio.run(run_pre_push(sys.stdin.read(), told[0] if told else "", how)))
    sys.exit(asyncio.run(run_pre_commit(how)))
