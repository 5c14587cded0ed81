"""`mesrai hook status`: which hooks are there, and whose they are."""

import asyncio
import json
import os
from pathlib import Path

import click

from mesrai.cli.hook.options import options_in
from mesrai.forges.hooks import HookFound, HookName, HookState, find_hook, find_hook_place


@click.command()
@click.option("--json", "is_json", is_flag=True, help="One JSON document, for programs.")
def status(is_json: bool) -> None:
    """Show which hooks are there, and whose they are."""
    place = asyncio.run(find_hook_place(Path.cwd(), os.environ))
    found = [find_hook(place, name) for name in HookName]
    if is_json:
        hooks = [
            {
                "hook": str(each.name),
                "state": str(each.state),
                "path": str(each.place),
                "options": options_in(each.text) or None,
                "runs_first": f"{each.name}.before-mesrai" if each.has_before else None,
            }
            for each in found
        ]
        click.echo(json.dumps({"folder": str(place.folder), "is_own": place.is_own, "hooks": hooks}, indent=2))
        return
    for each in found:
        click.echo(_line(each))
    if not place.is_own:
        click.echo(f"core.hooksPath names {place.folder}, outside this repository.")


def _line(found: HookFound) -> str:
    if found.state is HookState.NONE:
        return f"{found.name:<11} not installed"
    if found.state is HookState.OTHER:
        return f"{found.name:<11} not Mesrai's: {found.place}"
    first = ", after the one that was there before" if found.has_before else ""
    return f"{found.name:<11} installed{first}: {options_in(found.text)}\n{'':<11} {found.place}"
