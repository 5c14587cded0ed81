"""A group of commands, each imported only when it is used."""

import importlib
from collections.abc import Mapping

import click

Row = tuple[str, str, str]  # module, attribute, one line for the list of commands


class LazyGroup(click.Group):
    """A group that imports a command only when it is called or its own help is asked for."""

    def __init__(self, *args: object, table: Mapping[str, Row], **settings: object) -> None:
        """`table` names each command's module, attribute and line in the list."""
        super().__init__(*args, **settings)  # type: ignore[arg-type]
        self._table = table

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(self._table)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command."""
        if cmd_name not in self._table:
            return None
        module, attribute, _ = self._table[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named; one that is mistyped is told with the name that was likely meant."""
        if args and args[0] not in self._table and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0].lower(), list(self._table), n=1, cutoff=0.6)
            if near:
                ctx.fail(f"No such command '{args[0]}'. Did you mean {near[0]}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, short) for name, (_, _, short) in self._table.items()])
