"""The `mesrai` command: its subcommands, each imported only when it is used."""

import importlib
import sys
from typing import Final

import click

from mesrai import __version__
from mesrai.cli.exits import exit_code_for
from mesrai.errors import MesraiError

# name → module, attribute, one line for the list of commands
_COMMANDS: Final = {
    "review": ("mesrai.cli.review", "review", "Review a change in a git repository."),
    "doctor": ("mesrai.cli.doctor", "doctor", "Show what is configured, what works, and what to do next."),
    "schema": ("mesrai.cli.schema", "schema", "Print the JSON Schema of a review or of the policy file."),
    "completion": ("mesrai.cli.completion", "completion", "Print the shell completion for bash, zsh or fish."),
}


class LazyGroup(click.Group):
    """A group that imports a command only when it is called or its own help is asked for."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command."""
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, short) for name, (_, _, short) in _COMMANDS.items()])


def _print_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"mesrai {__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `mesrai review --offline`, which needs no key; `mesrai doctor` tells how to connect a model.",
)
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version, help="Print the version."
)
def cli() -> None:
    """Mesrai reviews changes to code with the language model you pay for."""


def main() -> None:
    """Run the command; every known error becomes one sentence on stderr and its exit code."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except MesraiError as error:
        click.echo(f"mesrai: {error.message}", err=True)
        sys.exit(exit_code_for(error))
