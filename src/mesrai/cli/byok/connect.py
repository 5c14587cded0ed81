"""`mesrai byok connect` and `mesrai byok fallback`: choose, test, save."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from mesrai.cli.byok.completing import plan_names, provider_names
from mesrai.cli.byok.talk import print_json, talk_for
from mesrai.cli.byok.tuning import (
    card_argument,
    json_option,
    key_given,
    key_options,
    refuse_misplaced_key,
    tuning_from,
    tuning_options,
)
from mesrai.cli.exits import Exit
from mesrai.domain.connection import Slot

_F = TypeVar("_F", bound=Callable[..., Any])


def _place_options(command: _F) -> _F:
    """Add what says where a connection leads, and how it is saved."""
    for decorator in (
        click.option("--replace-fixed", is_flag=True, help="Save over what the environment connects, without asking."),
        click.option("--force", is_flag=True, help="Save even if the test fails; it is marked unproven."),
        click.option("-y", "--yes", is_flag=True, help="Agree to the cost of the test without being asked."),
        click.option("--model", metavar="ID", help="The model's id, as the provider writes it."),
        click.option("--base-url", metavar="URL", help="The address, where it is not the provider's usual one."),
        click.option("--provider", metavar="ID", shell_complete=provider_names, help="Who serves it, without a card."),
        click.option("--plan", metavar="PLAN", shell_complete=plan_names, help="The plan your key is from."),
        card_argument,
    ):
        command = decorator(command)
    return command


@click.command(
    epilog="""\b
Examples
  mesrai byok connect
  mesrai byok connect kimi-k2.6 --plan code
  mesrai byok connect kimi-k2.6 --plan developer --key-env MOONSHOT_API_KEY --yes
  mesrai byok connect --provider openai_compatible --base-url http://127.0.0.1:8000/v1 --model qwen3"""
)
@_place_options
@click.option("--slot", type=click.Choice([str(each) for each in Slot]), default="main", help="[default: main]")
@tuning_options
@key_options
@json_option
def connect(slot: str, **given: Any) -> None:
    """Connect a model: choose a CARD and a plan, give the key, test it, save it.

    What is missing is asked for at a terminal. It is saved only if the model really answered; at the first failure
    the command says what is wrong and offers what may help.

    \b
    Exit codes: 0 saved; 2 wrong usage; 3 the key is refused; 4 the provider failed.
    """
    sys.exit(asyncio.run(_connect(Slot(slot), given)))


@click.command(epilog="Example: mesrai byok fallback glm-5.1 --plan developer --key-env ZAI_API_KEY --yes")
@_place_options
@tuning_options
@key_options
@json_option
def fallback(**given: Any) -> None:
    """Connect the model that is asked where main fails. The same as `connect --slot fallback`.

    Another provider than main's helps most: a review then does not depend on one account.
    """
    sys.exit(asyncio.run(_connect(Slot.FALLBACK, given)))


async def _connect(slot: Slot, given: Mapping[str, Any]) -> int:
    from mesrai.cli.byok.choosing import complete
    from mesrai.cli.byok.desk import open_bench
    from mesrai.cli.byok.saying import put_saved, saved_json, say_standing
    from mesrai.cli.byok.trying import Consent, NotSaved, ended_unproven, try_and_save
    from mesrai.cli.byok.wish import Wish

    if given["card"] and given["provider"]:
        raise click.UsageError("A card has its own provider: give CARD with --plan, or --provider with --model.")
    talk = talk_for(is_json=given["is_json"])
    async with open_bench(talk, makes_store=True) as bench:
        may_cover = await say_standing(bench, slot, may_cover=given["replace_fixed"])
        wish = Wish(
            slot=slot,
            card=bench.catalogue.card(given["card"]) if given["card"] else None,
            provider=bench.catalogue.provider(refuse_misplaced_key(given["provider"])).id if given["provider"] else "",
            base_url=given["base_url"] or "",
            model=given["model"] or "",
            key=key_given(given),
            tuning=tuning_from(given),
        )
        wish = complete(bench, wish, given["plan"] or "", asks_tuning=not given["yes"])
        consent = Consent(is_forced=given["force"], may_cover_fixed=may_cover, may_spend=given["yes"])
        try:
            saved = await try_and_save(bench, wish, consent)
        except NotSaved as error:
            return ended_unproven(bench, error)
        if talk.is_json:
            print_json(saved_json(bench, saved))
        else:
            put_saved(bench, saved, is_new=True)
    return Exit.FINE
