"""`mesrai auth`: its commands, each imported only when it is used."""

from collections.abc import Mapping
from typing import Final

import click

from mesrai.cli.lazy import LazyGroup, Row

_COMMANDS: Final[Mapping[str, Row]] = {
    "login": ("mesrai.cli.auth.commands", "login", "Sign in to your team's server with a token."),
    "status": ("mesrai.cli.auth.commands", "status", "Show where you are signed in, and what the token may do."),
    "logout": ("mesrai.cli.auth.commands", "logout", "Forget the server and the token."),
    "token": ("mesrai.cli.auth.commands", "token", "Show how a pipeline signs in."),
}


@click.group(cls=LazyGroup, table=_COMMANDS, epilog="docs/team.md has the whole way.")
def auth() -> None:
    """Use the model that your team's server is connected to, within its budget, without seeing the key."""
