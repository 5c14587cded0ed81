"""`mesrai config`: its commands, each imported only when it is used."""

from collections.abc import Mapping
from typing import Final

import click

from mesrai.cli.lazy import LazyGroup, Row

_COMMANDS: Final[Mapping[str, Row]] = {
    "show": ("mesrai.cli.config.show", "show", "Each key with its value, its level, and where that was said."),
    "validate": ("mesrai.cli.config.validate", "validate", "Check policy, rule and memory files: every problem."),
    "init": ("mesrai.cli.config.init", "init", "Write a commented mesrai-config.yml to begin with."),
}


@click.group(cls=LazyGroup, table=_COMMANDS, epilog="docs/policy.md explains every key, docs/configuration.md levels.")
def config() -> None:
    """Show what configures reviews and from where; check it; begin it."""
