"""`mesrai byok test`: test a connection that is saved or set, free of charge or in full."""

import asyncio
import sys

import click

from mesrai.cli.byok.talk import print_json, show, talk_for
from mesrai.cli.byok.tuning import json_option
from mesrai.domain.connection import Slot


@click.command(epilog="Example: mesrai byok test --full")
@click.option("--slot", type=click.Choice([str(each) for each in Slot]), default="main", help="[default: main]")
@click.option(
    "--full", "is_full", is_flag=True, help="Also ask the model, which costs a little; the most is said first."
)
@json_option
def test(slot: str, is_full: bool, is_json: bool) -> None:
    """Test a connection, each stage shown as it happens with its time.

    Without --full only what is free is asked: the address, the key and the list of models; what that does not prove
    is said. With --full the model answers a question, uses a tool and answers in an agreed shape, as in a review.

    \b
    Exit codes: 0 nothing is wrong; 2 wrong usage; 3 the key is refused; 4 the provider failed.
    """
    sys.exit(asyncio.run(_test(Slot(slot), is_full=is_full, is_json=is_json)))


async def _test(slot: Slot, *, is_full: bool, is_json: bool) -> int:
    from mesrai import wiring
    from mesrai.cli.byok.describing import title_of
    from mesrai.cli.byok.desk import open_bench
    from mesrai.cli.byok.stages import stages_shown
    from mesrai.cli.byok.trying import ceiling_text
    from mesrai.cli.byok.used import is_stored, used_connection
    from mesrai.cli.byok.verdict import exit_of, json_of_test, verdict_text
    from mesrai.cli.byok.wish import command_following
    from mesrai.flows import connect
    from mesrai.review.render.sheet import Sheet

    talk = talk_for(is_json=is_json)
    async with open_bench(talk) as bench:
        connection = await used_connection(bench, slot)
        if not is_json:
            sheet = Sheet(talk.look)
            sheet.prose((f"{str(slot).capitalize()}: {title_of(connection, bench.catalogue)}", ""))
            if is_full:
                sheet.prose((ceiling_text(bench, connection), ""))
            show(talk, sheet.text())
        catalogue = bench.catalogue
        now = await bench.standing()
        with stages_shown(talk) as watch:
            if is_stored(now, connection, slot):
                tested = await connect.prove_stored(bench.desk, slot, is_full=is_full, watch=watch)
            else:
                tested = await wiring.tested(bench.installation, connection, is_full=is_full, watch=watch)
    if is_json:
        print_json({"slot": str(slot), "full": is_full, **json_of_test(tested)})
    else:
        show(talk, verdict_text(tested, talk.look, lambda advice: command_following(advice, connection, catalogue)))
    return exit_of(tested)
