"""`mesrai byok remove`: forget a saved connection and its key."""

import asyncio

import click

from mesrai.cli.byok.talk import confirm, print_json, require_person, show, talk_for
from mesrai.cli.byok.tuning import json_option
from mesrai.domain.connection import Slot


@click.command(epilog="Example: mesrai byok remove --slot fallback")
@click.option("--slot", type=click.Choice([str(each) for each in Slot]), required=True, help="Which of the two.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@json_option
def remove(slot: str, yes: bool, is_json: bool) -> None:
    """Remove a saved connection with its sealed key. A main connection goes only after its fallback."""
    asyncio.run(_remove(Slot(slot), is_sure=yes, is_json=is_json))


async def _remove(slot: Slot, *, is_sure: bool, is_json: bool) -> None:
    from mesrai.cli.byok.describing import title_of
    from mesrai.cli.byok.desk import open_bench
    from mesrai.cli.byok.saying import fixed_banner
    from mesrai.errors import UserError
    from mesrai.flows import connect

    talk = talk_for(is_json=is_json)
    async with open_bench(talk) as bench:
        stored = (await bench.standing()).stored.get(slot)
        if stored is None:
            raise UserError(f"No {slot} connection is saved, so there is nothing to remove.")
        title = title_of(stored.connection, bench.catalogue)
        if not is_sure:
            require_person(talk, "--yes")
            if not confirm(f"Remove {title} and its key?", default=False):
                raise UserError("Nothing was removed.")
        if not await connect.remove(bench.desk, slot):
            raise UserError(f"No {slot} connection is saved any more; somebody else removed it.")
        if is_json:
            print_json({"removed": True, "slot": str(slot)})
            return
        show(talk, f"Removed {title}.\n")
        if slot is Slot.MAIN and bench.desk.fixed is not None:
            show(talk, f"{fixed_banner(bench.desk.fixed, bench.catalogue)}\n")
