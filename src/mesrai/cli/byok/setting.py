"""`mesrai byok set`: change settings of a saved connection."""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from mesrai.cli.byok.talk import print_json, talk_for
from mesrai.cli.byok.tuning import (
    LIMITS,
    UNSET_NAMES,
    fields_set,
    json_option,
    key_given,
    key_options,
    tuning_from,
    tuning_options,
    without,
)
from mesrai.cli.exits import Exit
from mesrai.domain.connection import Slot


@click.command(
    "set",
    epilog="""\b
Examples
  mesrai byok set --thinking off
  mesrai byok set --custom-json '{"thinking": {"type": "disabled"}}'
  mesrai byok set --max-concurrent 20          saved at once: nothing that is sent changes
  mesrai byok set --unset temperature --unset custom-json""",
)
@click.option("--slot", type=click.Choice([str(each) for each in Slot]), default="main", help="[default: main]")
@tuning_options
@click.option("--unset", multiple=True, type=click.Choice(list(UNSET_NAMES)), help="Back to what is usual; repeatable.")
@click.option("--model", metavar="ID", help="Another model at the same provider.")
@key_options
@click.option("-y", "--yes", is_flag=True, help="Agree to the cost of the test without being asked.")
@click.option("--force", is_flag=True, help="Save even if the test fails; it is marked unproven.")
@json_option
def set_(slot: str, **given: Any) -> None:
    """Change settings of a saved connection.

    What changes the requests is tested in full again before it is saved; limits alone are saved at once.
    """
    sys.exit(asyncio.run(_set(Slot(slot), given)))


async def _set(slot: Slot, given: Mapping[str, Any]) -> int:
    from mesrai.cli.byok.desk import open_bench
    from mesrai.cli.byok.saying import put_saved, saved_json
    from mesrai.cli.byok.trying import Consent, NotSaved, ended_unproven, try_and_save
    from mesrai.cli.byok.wish import wish_from
    from mesrai.flows.connect import save_as_is, stored_connection
    from mesrai.llm.connecting import draft_from

    change = replace(tuning_from(given), model=given["model"] or "", key=key_given(given))
    unset = [UNSET_NAMES[name] for name in given["unset"]]
    changed = fields_set(change) | set(unset)
    if not changed:
        raise click.UsageError("Name at least one setting to change, such as --thinking off.")
    both = fields_set(change) & set(unset)
    if both:
        raise click.UsageError(f"{min(both).replace('_', ' ')} is both given and unset.")
    talk = talk_for(is_json=given["is_json"])
    async with open_bench(talk) as bench:
        before = replace(draft_from(await stored_connection(bench.desk, slot), bench.catalogue), origins=())
        wish = wish_from(change.over(without(before, unset, change)), slot)
        try:
            if changed <= LIMITS:
                saved = await save_as_is(bench.desk, wish.connection(bench.catalogue))
            else:
                consent = Consent(is_forced=given["force"], may_cover_fixed=True, may_spend=given["yes"])
                saved = await try_and_save(bench, wish, consent)
        except NotSaved as error:
            return ended_unproven(bench, error)
        if talk.is_json:
            print_json(saved_json(bench, saved))
        else:
            put_saved(bench, saved, is_new=False)
    return Exit.FINE
