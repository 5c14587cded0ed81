"""`mesrai byok preview`: the exact request that would be sent, with the key hidden."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click

from mesrai.cli.byok.completing import plan_names
from mesrai.cli.byok.talk import Talk, print_json, show, talk_for
from mesrai.cli.byok.tuning import card_argument, json_option, said_of_options, tuning_from, tuning_options
from mesrai.domain.connection import Connection, Slot
from mesrai.domain.secret import Secret
from mesrai.errors import CredentialMissing

if TYPE_CHECKING:
    from mesrai.llm.catalogue import Catalogue

_NO_KEY: Final = "none"  # too short for any of it to be shown


@click.command(
    epilog="""\b
Examples
  mesrai byok preview
  mesrai byok preview --thinking off
  mesrai byok preview kimi-k2.6 --plan code    before anything is connected"""
)
@card_argument
@click.option("--plan", metavar="PLAN", default="", shell_complete=plan_names, help="The plan of the card.")
@click.option("--slot", type=click.Choice([str(each) for each in Slot]), default="main", help="[default: main]")
@tuning_options
@json_option
def preview(card: str | None, plan: str, slot: str, **given: Any) -> None:
    """Print the request that a review would send: address, headers with the key hidden, and the exact JSON body.

    Options that tune are tried without being saved. Nothing is sent.
    """
    asyncio.run(_preview(card, plan, Slot(slot), given))


async def _preview(card: str | None, plan: str, slot: Slot, given: Mapping[str, Any]) -> None:
    from mesrai.cli.byok.desk import open_bench, read_catalogue
    from mesrai.cli.byok.used import used_connection
    from mesrai.llm.connecting import connection_from, draft_from

    talk = talk_for(is_json=given["is_json"], asks=False)
    change = tuning_from(given)
    if card is not None:
        catalogue = read_catalogue()
        _show(talk, _of_card(card, plan, slot, catalogue, change), catalogue)
        return
    if plan:
        raise click.UsageError("--plan goes with a card.")
    async with open_bench(talk) as bench:
        try:
            used = await used_connection(bench, slot)
        except CredentialMissing as error:
            raise CredentialMissing(f"{error.message} Or name a card: mesrai byok preview kimi-k2.6") from error
        before = replace(draft_from(used, bench.catalogue), origins=())
        with said_of_options():
            connection = connection_from(change.over(before), slot, bench.catalogue)
        _show(talk, connection, bench.catalogue)


def _of_card(card: str, plan: str, slot: Slot, catalogue: "Catalogue", change: Any) -> Connection:
    """The connection that choosing the card would make, the first plan where none is named."""
    from mesrai.cli.byok.wish import Wish

    chosen = catalogue.card(card)
    facts = catalogue.plan_facts(chosen.id, plan or chosen.plans[0].id)
    key = Secret(f"{next(iter(facts.key_prefixes), '')}{_NO_KEY}")
    return Wish(slot=slot, card=chosen, key=key, tuning=change).with_plan(facts).connection(catalogue)


def _show(talk: Talk, connection: Connection, catalogue: "Catalogue") -> None:
    from mesrai.cli.look import write_text
    from mesrai.llm.preview import preview as preview_of
    from mesrai.review.render.sheet import Sheet
    from mesrai.review.render.untrusted import one_line, visible

    found = preview_of(connection, catalogue)
    notices = list(connection.notices)
    if talk.is_json:
        headers = dict(found.headers)
        print_json(
            {
                "method": found.method,
                "url": found.url,
                "headers": headers,
                "body": found.body,
                "notices": notices,
            }
        )
        return
    sheet = Sheet(talk.look)
    sheet.prose((f"{found.method} ", "bold"), (found.url, "bold"))
    for name, value in found.headers.items():
        sheet.prose((f"{name}: ", "dim"), (value, ""))
    show(talk, f"{sheet.text()}\n")
    write_text(talk.out, f"{visible(found.text)}\n")  # exactly as it is sent
    sheet = Sheet(talk.look)
    for notice in notices:
        sheet.prose(("Note: ", "yellow"), (one_line(notice, 500), ""), hang=2)
    show(talk, sheet.text() if notices else "")
