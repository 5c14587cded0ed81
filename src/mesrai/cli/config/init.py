"""`mesrai config init`: a commented policy file to begin with."""

import asyncio
from pathlib import Path

import click

from mesrai.errors import UserError


@click.command()
@click.option(
    "--path", "folder", type=click.Path(file_okay=False, path_type=Path), help="For this folder. [default: the root]"
)
@click.option("--stdout", "is_printed", is_flag=True, help="Print it, and write nothing.")
def init(folder: Path | None, is_printed: bool) -> None:
    """Write mesrai-config.yml with every key, what it means, and its default, as comments.

    What is a comment follows the levels above and the defaults. A file that is there is never overwritten.
    """
    from mesrai.cli.config.template import policy_template

    if is_printed:
        click.echo(policy_template(), nl=False)
        return
    place = (folder or asyncio.run(_root())) / "mesrai-config.yml"
    try:
        with place.open("x", encoding="utf-8", newline="\n") as file:
            file.write(policy_template())
    except FileExistsError:
        raise UserError(f"{place} is there already; nothing was changed. --stdout prints the template.") from None
    except OSError as error:
        raise UserError(f"{place} cannot be written: {error.strerror}.") from error
    click.echo(f"Written: {place}")
    click.echo("Take the # away from what you want to change; check it with: mesrai config validate")


async def _root() -> Path:
    from mesrai.domain.selection import Selection
    from mesrai.wiring import local_source

    async with local_source(Path.cwd(), Selection()) as source:
        return source.root
