"""Open what reviewing a pull request from the terminal needs, and review it."""

import os
from contextlib import AsyncExitStack
from dataclasses import replace

import click

from mesrai.assembly.once import pull_request_desk
from mesrai.cli.call import Call
from mesrai.cli.model_asked import asking_team, login_used
from mesrai.cli.progress import progress_for
from mesrai.cli.running import options_for, stopped_by_interrupt
from mesrai.domain.pull_request_address import read_pull_request_address
from mesrai.errors import CredentialMissing
from mesrai.flows.review_once import Once, Wish, review_once
from mesrai.settings import Settings
from mesrai.settings.serving import load_github_access
from mesrai.wiring import NOT_CONNECTED, open_installation


async def review_from_terminal(address: str, call: Call, *, is_posted: bool, is_full: bool) -> Once:
    """Review the pull request at an address. Errors: MesraiError."""
    place, found = read_pull_request_address(address), load_github_access(os.environ)
    if call.is_verbose:
        click.echo(f"mesrai: GitHub is asked with {found.origin}.", err=True)
    async with AsyncExitStack() as opened:
        installation = await opened.enter_async_context(open_installation(os.environ))
        settings = installation.unlocked()
        if settings.main is None and login_used(os.environ, installation) is None:
            raise CredentialMissing(NOT_CONNECTED)
        desk = await opened.enter_async_context(
            pull_request_desk(os.environ, found.access, place, installation, limit=call.budget)
        )
        desk = asking_team(os.environ, installation, desk, call.budget)
        wish = Wish(
            options=options_for(call, settings), is_full=is_full, since=call.selection.value, is_posted=is_posted
        )
        stop = opened.enter_context(stopped_by_interrupt())
        watch = opened.enter_context(progress_for(is_quiet=call.is_quiet, is_verbose=call.is_verbose))
        once = await review_once(desk, place.number, wish, watch=watch, stop=stop)
    return _with_notices(once, settings)


def _with_notices(once: Once, settings: Settings) -> Once:
    if once.review is None:
        return once
    told = [*settings.notices, *(notice for each in settings.connections for notice in each.notices)]
    notices = tuple(dict.fromkeys((*told, *once.review.notices)))
    return replace(once, review=replace(once.review, notices=notices))
