"""`mesrai rules`: its commands, each imported only when it is used."""

from collections.abc import Mapping
from typing import Final

import click

from mesrai.cli.lazy import LazyGroup, Row

_COMMANDS: Final[Mapping[str, Row]] = {
    "list": ("mesrai.cli.rules.listing", "list_", "List the rules, and where each stands."),
    "view": ("mesrai.cli.rules.listing", "view", "Show one rule in full."),
    "create": ("mesrai.cli.rules.writing", "create", "Write a new rule file."),
    "update": ("mesrai.cli.rules.writing", "update", "Change a rule in its file."),
    "test": ("mesrai.cli.rules.trying", "test", "Try one rule on a change, also a past one."),
}


@click.group(cls=LazyGroup, table=_COMMANDS, epilog="docs/rules.md has the whole way.")
def rules() -> None:
    """See, write and try the rules that reviews check: your own requirements in plain words."""
