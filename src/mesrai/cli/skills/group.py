"""`mesrai skills`: its commands, each imported only when it is used."""

from collections.abc import Mapping
from typing import Final

import click

from mesrai.cli.lazy import LazyGroup, Row

_COMMANDS: Final[Mapping[str, Row]] = {
    "install": ("mesrai.cli.skills.commands", "install", "Tell coding agents how to have their work reviewed."),
    "list": ("mesrai.cli.skills.commands", "list_", "Show which agents are told."),
    "uninstall": ("mesrai.cli.skills.commands", "uninstall", "Take it away again."),
}


@click.group(cls=LazyGroup, table=_COMMANDS, epilog="docs/agents.md has the whole way; `mesrai mcp` is the other one.")
def skills() -> None:
    """Write an instruction file for coding agents: when to review, how to read the result, how to apply fixes."""
