"""`mesrai action`: review the pull request that a GitHub workflow runs for."""

import asyncio
import os
import sys

import click


@click.command(epilog="docs/action.md has a workflow to copy.")
def action() -> None:
    """Review the pull request that a GitHub workflow runs for; action.yml runs this.

    All it needs it reads from the environment of the workflow: the event, the token, the inputs of the Action. The
    files of the checkout are not read: the change is fetched with git, and policy and guidance come from its base.

    \b
    Exit codes
      0  reviewed, or nothing to review     4  the review failed (model, network or GitHub)
      1  a finding at or above fail-on      6  not or only partly reviewed, and
      2  wrong usage or configuration          fail-on or require-review asks for more
      3  no key, or a key refused
    """
    from mesrai.cli.action.running import run_action

    sys.exit(asyncio.run(run_action(os.environ)))
