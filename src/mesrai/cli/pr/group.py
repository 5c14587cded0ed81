"""`mesrai pr`: its commands, each imported only when it is used."""

from collections.abc import Mapping
from typing import Final

import click

from mesrai.cli.lazy import LazyGroup, Row

_COMMANDS: Final[Mapping[str, Row]] = {
    "review": ("mesrai.cli.pr.review", "review", "Review a pull request; post it only with --post."),
    "suggestions": ("mesrai.cli.pr.suggestions", "suggestions", "What Mesrai found there that is still open."),
}


@click.group(cls=LazyGroup, table=_COMMANDS, epilog="docs/action.md and docs/github.md show the other ways.")
def pr() -> None:
    """Review a pull request on GitHub without a service, or fetch what is suggested on it.

    The token is MESRAI_GITHUB_TOKEN or that of the App, else GITHUB_TOKEN or GH_TOKEN. For a GitHub of your own set
    MESRAI_GITHUB_URL.
    """
