"""The `mesrai` command: its subcommands, each imported only when it is used."""

import io
import sys
from collections.abc import Mapping
from typing import Final

import click

from mesrai import __version__
from mesrai.cli.exits import exit_code_for
from mesrai.cli.lazy import LazyGroup, Row
from mesrai.errors import MesraiError

_COMMANDS: Final[Mapping[str, Row]] = {
    "review": ("mesrai.cli.review", "review", "Review a change in a git repository."),
    "pr": ("mesrai.cli.pr.group", "pr", "Review a pull request from here, or fetch what is suggested on it."),
    "byok": ("mesrai.cli.byok.group", "byok", "Connect a model with your own key: test, save, tune, fall back."),
    "auth": ("mesrai.cli.auth.group", "auth", "Use your team's server: its model and budget, without its key."),
    "usage": ("mesrai.cli.usage", "usage", "Show what reviews cost, and set the budget they may not pass."),
    "memories": ("mesrai.cli.memories", "memories", "See and change what reviews are told to remember."),
    "hook": ("mesrai.cli.hook.group", "hook", "Have git review each push, or each commit, before it is done."),
    "config": ("mesrai.cli.config.group", "config", "Show what configures reviews and from where; check it; begin it."),
    "rules": ("mesrai.cli.rules.group", "rules", "See, write and try the rules that reviews check."),
    "mcp": ("mesrai.cli.mcp.command", "mcp", "Serve reviews to a coding agent (Model Context Protocol)."),
    "skills": ("mesrai.cli.skills.group", "skills", "Tell coding agents how to have their work reviewed."),
    "serve": ("mesrai.cli.serve", "serve", "Review pull requests on GitHub: take webhooks, and do the work."),
    "worker": ("mesrai.cli.serve", "worker", "Do the work of the service in a process of its own."),
    "migrate": ("mesrai.cli.migrating", "migrate", "Bring the database's schema up to date, and end."),
    "backup": ("mesrai.cli.backing_up", "backup", "Write all that Mesrai remembers to a file, without the master key."),
    "restore": ("mesrai.cli.backing_up", "restore", "Put a backup into the database."),
    "prune": ("mesrai.cli.pruning", "prune", "Delete old reviews, or the prompts and answers kept of them."),
    "health": ("mesrai.cli.health", "health", "Ask the service on this machine whether it is well."),
    "people": ("mesrai.cli.people", "people", "See and change who may come in to the web pages."),
    "action": ("mesrai.cli.action.command", "action", "Review the pull request that a GitHub workflow runs for."),
    "ci": ("mesrai.cli.ci.command", "ci", "Review the request that a GitLab, Bitbucket or Azure pipeline runs for."),
    "demo": ("mesrai.cli.demo.demo", "demo", "See everything once on a sample repository, without an account."),
    "sandbox": ("mesrai.cli.sandbox", "sandbox", "Run a stand-in for the model providers, to try without an account."),
    "doctor": ("mesrai.cli.doctor", "doctor", "Show what is configured, what works, and what to do next."),
    "schema": ("mesrai.cli.schema", "schema", "Print the JSON Schema of a review or of the policy file."),
    "completion": ("mesrai.cli.completion", "completion", "Print the shell completion for bash, zsh or fish."),
}


def _print_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"mesrai {__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    table=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `mesrai byok connect`, or with `mesrai review --offline`, which needs no key.",
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
        _show_misuse(error)
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


def _show_misuse(error: click.ClickException) -> None:
    """Show what is wrong with the command; a value that is repeated there may be a key in the wrong place."""
    from mesrai.llm.words import without_keys

    shown = io.StringIO()
    error.show(shown)
    click.echo(without_keys(shown.getvalue()), err=True, nl=False)
