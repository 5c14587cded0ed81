"""`mesrai byok cards` and `mesrai byok plans`: what there is to choose from."""

import os
import sys

import click

from mesrai.cli.byok.talk import print_json
from mesrai.cli.byok.tuning import card_argument, json_option
from mesrai.cli.look import look_for, write_text


@click.command(epilog="Then: mesrai byok connect kimi-k2.6")
@card_argument
@json_option
def cards(card: str | None, is_json: bool) -> None:
    """List the models that are known well, or show one CARD with all its plans.

    Prices are per million tokens, with the date on which they were read.
    """
    from mesrai.cli.byok.card_words import card_json, put_card, put_cards
    from mesrai.cli.byok.desk import read_catalogue
    from mesrai.review.render.sheet import Sheet

    catalogue = read_catalogue()
    sheet = Sheet(look_for(sys.stdout, os.environ))
    if card is not None:
        found = catalogue.card(card)
        if is_json:
            print_json(card_json(found, catalogue))
            return
        put_card(sheet, found, catalogue)
    elif is_json:
        print_json({"cards": [card_json(each, catalogue) for each in catalogue.cards]})
        return
    else:
        put_cards(sheet, catalogue.cards, catalogue, has_plans=True)
        sheet.gap()
        sheet.prose(("Any other model works too: mesrai byok connect --provider … --model …", "dim"))
    write_text(sys.stdout, sheet.text())


@click.command(epilog="Then: mesrai byok connect kimi-k2.6 --plan code")
@card_argument
@json_option
def plans(card: str | None, is_json: bool) -> None:
    """Show the plans of a CARD, or of all cards: address, key page, model id, cap, billing, and what is allowed.

    A key works at the address of its own plan only.
    """
    from mesrai.cli.byok.card_words import plan_json, plans_of, put_plan
    from mesrai.cli.byok.desk import read_catalogue
    from mesrai.review.render.sheet import Sheet

    catalogue = read_catalogue()
    chosen = [catalogue.card(card)] if card is not None else list(catalogue.cards)
    found = [(each, plans_of(each, catalogue)) for each in chosen]
    if is_json:
        print_json(
            {"cards": [{"id": each.id, "plans": [plan_json(plan) for plan in its_plans]} for each, its_plans in found]}
        )
        return
    sheet = Sheet(look_for(sys.stdout, os.environ))
    for each, its_plans in found:
        sheet.gap()
        sheet.line((each.name, "bold"), (f"  {each.id}", "cyan"))
        for plan in its_plans:
            put_plan(sheet, plan)
    write_text(sys.stdout, sheet.text())
