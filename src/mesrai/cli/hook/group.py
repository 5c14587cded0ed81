"""`mesrai hook`: its commands, each imported only when it is used."""

from collections.abc import Mapping
from typing import Final

import click

from mesrai.cli.lazy import LazyGroup, Row

_COMMANDS: Final[Mapping[str, Row]] = {
    "install": ("mesrai.cli.hook.install", "install", "Review what is pushed, before it is pushed."),
    "uninstall": ("mesrai.cli.hook.install", "uninstall", "Take the hook away, and put back what was there."),
    "status": ("mesrai.cli.hook.status", "status", "Show which hooks are there, and whose they are."),
    "run": ("mesrai.cli.hook.run", "run", "What the hook runs; for hooks that you write yourself."),
}


@click.group(cls=LazyGroup, table=_COMMANDS, epilog="docs/hooks.md has the whole way. MESRAI_SKIP_HOOK=1 skips once.")
def hook() -> None:
    """Have git review each push, or each commit, before it is done."""
