"""`mesrai skills install`, `list` and `uninstall`."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from mesrai.cli.skills.files import TARGETS, State, Target, put, skill_text, state_of, take_away

_ALL = "all"


def _which(is_home: bool, agents: Sequence[str]) -> Iterator[tuple[Target, Path]]:
    """Each target that is meant, with its file. Errors: click.UsageError, NotARepository."""
    root = Path.home() if is_home else asyncio.run(_root())
    for target in TARGETS:
        path = target.home if is_home else target.project
        if agents and target.agent not in agents and _ALL not in agents:
            continue
        if path:
            yield target, root / path
        elif target.agent in agents:
            raise click.UsageError(f"{target.agent} reads no such file in the home folder; leave --home out.")


async def _root() -> Path:
    from mesrai.domain.selection import Selection
    from mesrai.wiring import local_source

    async with local_source(Path.cwd(), Selection()) as source:
        return source.root


_agents = click.option(
    "--agent",
    "agents",
    multiple=True,
    type=click.Choice([*(each.agent for each in TARGETS), _ALL]),
    help="claude: a skill. cursor: a rule. agents: a part of AGENTS.md, which most others read. Repeatable. "
    "[default: all]",
)
_home = click.option("--home", "is_home", is_flag=True, help="For all projects, in your home folder.")


@click.command(epilog="Example: mesrai skills install --agent claude")
@_agents
@_home
@click.option("--dry-run", is_flag=True, help="Say what would be written, and print the text.")
def install(*, agents: tuple[str, ...], is_home: bool, dry_run: bool) -> None:
    """Write the instructions into the repository. Running it again brings them up to date.

    A file that is somebody else's is never written; in AGENTS.md only the part between our marks is.
    """
    for target, place in _which(is_home, agents):
        if dry_run:
            click.echo(f"{target.agent:<8} {place}: {state_of(target, place)}")
            continue
        before = put(target, place)
        said = {State.NONE: "written", State.CURRENT: "is up to date", State.OLD: "brought up to date"}[before]
        click.echo(f"{target.agent:<8} {said}: {place}")
    if dry_run:
        click.echo("\n" + skill_text(), nl=False)


@click.command("list")
@_home
@click.option("--json", "is_json", is_flag=True, help="One JSON document, for programs.")
def list_(*, is_home: bool, is_json: bool) -> None:
    """Show which agents are told, and where."""
    found = [(target, place, state_of(target, place)) for target, place in _which(is_home, ())]
    if is_json:
        from mesrai.cli.usage_text import json_text

        rows = [{"agent": target.agent, "path": str(place), "state": str(state)} for target, place, state in found]
        click.echo(json_text({"skills": rows}), nl=False)
        return
    for target, place, state in found:
        click.echo(f"{target.agent:<8} {state}: {place}")


@click.command()
@_agents
@_home
def uninstall(agents: tuple[str, ...], is_home: bool) -> None:
    """Take our files, and our part of AGENTS.md, away again."""
    for target, place in _which(is_home, agents):
        before = take_away(target, place)
        is_gone = before in (State.CURRENT, State.OLD)
        click.echo(f"{target.agent:<8} {'removed' if is_gone else before}: {place}")
