"""`mesrai rules list` and `mesrai rules view`."""

import asyncio
import os
import sys
from pathlib import Path

import click


@click.command("list", epilog="Example: mesrai rules list --path services/billing")
@click.option("--path", default="", metavar="FOLDER", help="For a change in this folder. [default: the repository]")
@click.option("--json", "is_json", is_flag=True, help="One JSON document, for programs.")
def list_(*, path: str, is_json: bool) -> None:
    """List the rules of every level, and which of them a review checks.

    Files are read as they lie here, with the checkout in MESRAI_CENTRAL_CONFIG; and what your team saved on the pages.
    """
    from mesrai.cli.levels_here import levels_here
    from mesrai.cli.look import look_for, write_text
    from mesrai.cli.rules.finding import listed
    from mesrai.cli.rules.text import rules_json, rules_table

    here = asyncio.run(levels_here(path))
    found = listed(here)
    notices = [notice for layer in here.levels.layers for notice in layer.notices]
    if is_json:
        write_text(sys.stdout, rules_json(found, notices))
    else:
        write_text(sys.stdout, rules_table(found, notices, look_for(sys.stdout, os.environ)))


@click.command(epilog="Example: mesrai rules view .mesrai/rules/cents.md")
@click.argument("named", metavar="RULE")
@click.option("--path", default="", metavar="FOLDER", help="As a change in this folder sees it.")
@click.option("--json", "is_json", is_flag=True, help="One JSON document, for programs.")
def view(*, named: str, path: str, is_json: bool) -> None:
    """Show RULE in full: a title or a part of it that no other has, a uuid, or a file."""
    from mesrai.cli.levels_here import levels_here
    from mesrai.cli.look import look_for, write_text
    from mesrai.cli.rules.finding import find_rule, rule_in_file
    from mesrai.cli.rules.text import rule_json, rule_sheet

    rule, told = rule_in_file(Path(named)), ""
    if rule is None:
        found = find_rule(named, asyncio.run(levels_here(path)))
        rule, told = found.rule, f"No review checks it: {found.unused}." if found.unused else ""
    if is_json:
        write_text(sys.stdout, rule_json(rule))
    else:
        write_text(sys.stdout, rule_sheet(rule, told, look_for(sys.stdout, os.environ)))
