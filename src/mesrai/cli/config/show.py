"""`mesrai config show`: each key with its value, its level and its origin."""

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import click

from mesrai.errors import UserError

if TYPE_CHECKING:
    from mesrai.domain.policy_levels import Merged


@click.command(epilog="Example: mesrai config show --path services/billing suggestionControl")
@click.argument("key", default="", metavar="[KEY]")
@click.option("--path", default="", metavar="FOLDER", help="For a change in this folder. [default: the repository]")
@click.option("--set", "is_set_only", is_flag=True, help="Only what somebody said, without the defaults.")
@click.option("--json", "is_json", is_flag=True, help="One JSON document, for programs.")
def show(*, key: str, path: str, is_set_only: bool, is_json: bool) -> None:
    """Show each key with its value, its level (default, global, repository, directory), and file and line.

    KEY narrows it: suggestionControl.maxSuggestions, or suggestionControl for all below it. Files are read as they lie
    here, uncommitted changes and the checkout in MESRAI_CENTRAL_CONFIG included; a review of commits reads their base.
    What your team saved on the pages is shown too: from the database here, or from the server you are signed in to.
    """
    from mesrai.cli.config.text import config_json, config_sheet
    from mesrai.cli.levels_here import levels_here
    from mesrai.cli.look import look_for, write_text
    from mesrai.domain.policy_levels import merged

    here = asyncio.run(levels_here(path))
    made = _narrowed(merged(here.levels.layers, here.levels.scene), key, is_set_only=is_set_only)
    if is_json:
        write_text(sys.stdout, config_json(here, made))
    else:
        write_text(sys.stdout, config_sheet(here, made, look_for(sys.stdout, os.environ)))


def _narrowed(made: "Merged", key: str, *, is_set_only: bool) -> "Merged":
    """What was asked for. Errors: UserError for a key there is none of."""
    from dataclasses import replace
    from difflib import get_close_matches

    from mesrai.domain.policy_levels import Level

    known = {each.key for each in made.origins} | {"rules", "memories"}
    origins = [each for each in made.origins if not key or each.key == key or each.key.startswith(f"{key}.")]
    if key and not origins and key not in known:
        near = get_close_matches(key, sorted(known), n=1)
        raise UserError(f"There is no key {key}." + (f" Did you mean {near[0]}?" if near else ""))
    if is_set_only:
        origins = [each for each in origins if each.level is not Level.DEFAULT]
    return replace(made, origins=tuple(origins))
