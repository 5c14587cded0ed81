"""`mesrai mcp`: serve reviews to a coding agent over the Model Context Protocol."""

import asyncio
import os
import sys
from pathlib import Path

import click

from mesrai.errors import SettingsError


@click.command(epilog="docs/mcp.md shows how agents are told of it. Example: claude mcp add mesrai -- mesrai mcp")
@click.option(
    "--repository",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="The repository to review. [default: the folder it is started in]",
)
@click.option("--read-only", is_flag=True, help="Offer no tool that changes files.")
@click.option("--http", "port", type=click.IntRange(0, 65_535), metavar="PORT", help="Serve HTTP on 127.0.0.1 instead.")
def mcp(repository: Path | None, port: int | None, *, read_only: bool) -> None:
    """Serve reviews of one repository to a coding agent: it starts this, and talks to it on standard input and output.

    Tools: review_change, list_findings, explain_finding, apply_suggestion, get_policy, estimate. Reviews ask the model
    that is connected, and cost what `mesrai review` costs; nothing else leaves this machine.
    """
    if repository is not None:
        try:
            os.chdir(repository)
        except OSError as error:
            raise SettingsError(f"--repository: {repository}: {error.strerror}.") from error
    from mesrai.cli.mcp.offered import Offered

    offered = Offered(may_write=not read_only)
    if port is not None:
        from mesrai.cli.mcp.over_http import serve_http

        asyncio.run(serve_http(offered, port, os.environ))
        return
    from mesrai.cli.mcp.over_stdio import serve_stdio

    # What any library prints must not come between the messages.
    out, sys.stdout = sys.stdout, sys.stderr
    try:
        asyncio.run(serve_stdio(offered, sys.stdin.buffer, out.buffer))
    finally:
        sys.stdout = out
