"""`mesrai byok`: its commands, each imported only when it is used."""

from collections.abc import Mapping
from typing import Final

import click

from mesrai.cli.lazy import LazyGroup, Row

_COMMANDS: Final[Mapping[str, Row]] = {
    "show": ("mesrai.cli.byok.show", "show", "What is connected, and how it stands. The same as no command."),
    "cards": ("mesrai.cli.byok.cards", "cards", "The models that are known well, with prices and plans."),
    "plans": ("mesrai.cli.byok.cards", "plans", "The plans of a card: address, key page, cap, what is allowed."),
    "connect": ("mesrai.cli.byok.connect", "connect", "Connect a model: card, plan, key, test, save."),
    "test": ("mesrai.cli.byok.testing", "test", "Test a connection, free of charge or in full."),
    "set": ("mesrai.cli.byok.setting", "set_", "Change settings of a saved connection."),
    "fallback": ("mesrai.cli.byok.connect", "fallback", "Connect the model that is asked where main fails."),
    "remove": ("mesrai.cli.byok.removing", "remove", "Remove a saved connection and its key."),
    "preview": ("mesrai.cli.byok.previewing", "preview", "The exact request that would be sent, key hidden."),
    "audit": ("mesrai.cli.byok.keeping", "audit", "Who changed what, and when."),
    "rotate-master-key": ("mesrai.cli.byok.keeping", "rotate", "Seal every saved key anew under another master key."),
}


@click.group(
    cls=LazyGroup,
    table=_COMMANDS,
    invoke_without_command=True,
    epilog="Start with `mesrai byok connect`; it asks for what it needs. docs/byok.md shows the whole way.",
)
@click.option("--json", "is_json", is_flag=True, help="One JSON document, for programs.")
@click.pass_context
def byok(ctx: click.Context, is_json: bool) -> None:
    """Connect a model with your own key, test it, tune it, and give it a fallback.

    Without a command it shows what is connected. A key is read hidden, from standard input or from the environment,
    and is kept sealed; it is never an argument and never shown.
    """
    if ctx.invoked_subcommand is None:
        from mesrai.cli.byok.show import show

        ctx.invoke(show, is_json=is_json)
    elif is_json:
        raise click.UsageError(f"Write --json after the command: mesrai byok {ctx.invoked_subcommand} --json")
