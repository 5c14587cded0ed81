"""What the shell may complete: cards, plans and providers."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mesrai.errors import UserError

if TYPE_CHECKING:
    from mesrai.llm.catalogue import Catalogue


def card_names(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> Sequence[str]:
    """The ids of cards that begin so."""
    found = _catalogue()
    return [card.id for card in found.cards if card.id.startswith(incomplete)] if found else []


def plan_names(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Sequence[str]:
    """The ids of plans that begin so, of the card that was named if one was."""
    found = _catalogue()
    if not found:
        return []
    named = ctx.params.get("card") or next((each for each in ctx.args if not each.startswith("-")), None)
    cards = [card for card in found.cards if named in (None, card.id, *card.aliases)]
    return sorted({plan.id for card in cards for plan in card.plans if plan.id.startswith(incomplete)})


def provider_names(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> Sequence[str]:
    """The ids of providers that begin so."""
    found = _catalogue()
    return [row.id for row in found.providers if row.id.startswith(incomplete)] if found else []


def _catalogue() -> "Catalogue | None":
    """The catalogue; None where the operator's own file is wrong, which a key press is no place to report."""
    from mesrai.llm.catalogue import load_catalogue

    overlay = os.environ.get("MESRAI_CATALOGUE", "").strip()
    try:
        found = load_catalogue(Path(overlay).expanduser() if overlay else None)
        return found if found.cards else None
    except UserError:
        return None
