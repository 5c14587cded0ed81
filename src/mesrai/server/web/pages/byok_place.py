"""What the form that connects a model shows of the chosen place: plans, address, key page, price, and what is sent."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mesrai.domain.connection import Connection, Thinking
from mesrai.domain.usage import Estimate
from mesrai.flows.model_words import (
    TEMPERATURES,
    billing_text,
    ceiling_said,
    compact,
    money_text,
    price_text,
    window_text,
)
from mesrai.llm.cards import Level, PlanFacts
from mesrai.llm.catalogue import Catalogue
from mesrai.llm.catalogue_rows import CardRow, ProviderRow, TierRow
from mesrai.llm.draft import Draft
from mesrai.llm.model import Price
from mesrai.llm.preview import Preview, preview
from mesrai.llm.wish import Wish
from mesrai.review.ordinary import FILES, LINES, ordinary_review
from mesrai.review.render.wording import tokens_text
from mesrai.server.web.pages.byok_form import FIELDS, FieldWrong, connection_in, stand_in

_LEVELS: Final = (Thinking.OFF, Thinking.LOW, Thinking.MEDIUM, Thinking.HIGH)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardShown:
    """A card in the grid."""

    row: CardRow
    vendor: str
    window: str
    price: Price | None  # of the first plan
    as_of: str  # of the price, or of the card where none is known
    has_flat: bool  # a subscription is among its plans


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where requests will go, and all that changes with it."""

    row: ProviderRow
    base_url: str
    model: str
    cap: int | None  # where none is set
    billing: str
    allows: str
    note: str
    facts: Sequence[str]
    notices: Sequence[str]
    levels: Sequence[Level]
    sends: Mapping[str, str]  # by level, in words
    temperature: str  # what the model does with one; empty: not known
    is_temperature_fixed: bool
    max_output: int
    tiers: Sequence[TierRow]
    ceiling: str
    review_costs: str

    @property
    def has_routing(self) -> bool:
        """Whether it chooses between hosts."""
        return self.row.namespace == "openrouter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sends:
    """What will be sent, or why it cannot be."""

    preview: Preview | None
    custom: str = ""  # the custom JSON by namespace, as it was understood
    notices: Sequence[str] = ()
    wrong: Mapping[str, str] | None = None  # what is wrong, by field


def cards_shown(catalogue: Catalogue) -> Sequence[CardShown]:
    """The grid."""
    return [_card_shown(card, catalogue) for card in catalogue.cards]


def vendor_of(row: ProviderRow) -> str:
    """The vendor, without which of its plans."""
    return row.name.partition(" (")[0]


def plans_shown(card: CardRow, catalogue: Catalogue) -> Sequence[tuple[PlanFacts, str]]:
    """Each plan of a card with how it is paid for."""
    plans = [catalogue.plan_facts(card.id, plan.id) for plan in card.plans]
    return [(plan, billing_text(plan)) for plan in plans]


def place_shown(wish: Wish, catalogue: Catalogue) -> Place:
    """The place of a wish, whatever is wrong with its settings. Errors: FieldWrong for a place that cannot be used."""
    bare = replace(wish, tuning=Draft(), key=None)
    connection = connection_in(bare, catalogue, needs_key=False)
    row, model = catalogue.provider(connection.provider), connection.model
    known = catalogue.find_model(row.id, model)
    traits = catalogue.traits_for(row.id, model)
    levels = [
        Level(thinking=each, body=traits.thinking.get(each, {}), notice=traits.thinking_notices.get(each, ""))
        for each in _LEVELS
    ]
    plan = _plan_of(wish, catalogue)
    told = known.row.temperature if known else None
    return Place(
        row=row,
        base_url=connection.base_url,
        model=model,
        cap=connection.max_concurrent_requests,
        billing=billing_said(row, model, catalogue),
        allows=plan.allows if plan else "",
        note=plan.note if plan else "",
        facts=catalogue.facts_for(row.id, model),
        notices=connection.notices,
        levels=levels,
        sends={str(each.thinking): f"sends {compact(each.body)}" if each.body else "sends nothing" for each in levels},
        temperature=TEMPERATURES.get(told or "", ""),
        is_temperature_fixed=told == "fixed" and known is not None and not known.is_borrowed,
        max_output=catalogue.most_output(row.id, model),
        tiers=catalogue.tiers_of(row.id),
        ceiling=ceiling_said(connection, catalogue),
        review_costs=review_costs(row, model, catalogue),
    )


def sends_of(wish: Wish, catalogue: Catalogue) -> Sends:
    """The request that a review would send by this wish, its key never in it."""
    try:
        connection = connection_in(replace(wish, key=stand_in(wish, catalogue)), catalogue)
    except FieldWrong as error:
        return Sends(preview=None, wrong={error.name: error.message})
    custom = json.dumps(connection.custom, ensure_ascii=False) if connection.custom is not None else ""
    return Sends(preview=preview(connection, catalogue), custom=custom, notices=connection.notices)


def review_costs(row: ProviderRow, model: str, catalogue: Catalogue) -> str:
    """What an ordinary review costs there, in a sentence."""
    found = ordinary_review(catalogue.profile_for(row.id, model))
    what = f"An ordinary review ({FILES} files, {LINES} changed lines)"
    if found.high.cost is not None:
        return f"{what} costs about {_range_of(found)}, at the prices of {found.prices_of}."
    low, high = (each.input_tokens + each.output_tokens for each in (found.low, found.high))
    tokens = f"{tokens_text(low)} to {tokens_text(high)} tokens"
    why = "within the plan's flat price" if row.billing == "subscription" else "no price by the token is known"
    return f"{what} takes about {tokens}; {why}."


def _range_of(found: Estimate) -> str:
    if found.low.cost is None or found.high.cost is None:
        return "an unknown sum"
    low = money_text(found.low.cost, "").strip()
    return f"{low} to {money_text(found.high.cost, found.high.currency)}"


def billing_said(row: ProviderRow, model: str, catalogue: Catalogue) -> str:
    """How one pays there."""
    price = catalogue.profile_for(row.id, model).price
    if price is not None:
        return f"By the token: {price_text(price)}"
    return {"subscription": "A flat price", "own": "It is your own server"}.get(
        row.billing, "By the token; the price is not known here"
    )


def prefilled(place: Place, values: Mapping[str, str]) -> dict[str, str]:
    """The values with what is filled in beforehand: thinking Medium, and the cap of the plan."""
    filled = {**dict.fromkeys(FIELDS, ""), "routing_fallbacks": "on", **values}
    filled["thinking"] = filled["thinking"] or str(Thinking.MEDIUM)
    if place.cap is not None and not filled.get("max_concurrent_requests"):
        filled["max_concurrent_requests"] = str(place.cap)
    return filled


def values_from(draft: Draft, connection: Connection) -> dict[str, str]:
    """What would be filled in to make a connection again, without its key."""
    numbers = ("max_output_tokens", "requests_per_minute", "tokens_per_minute", "tokens_per_day", "tier")
    values = {name: str(value) for name in numbers if (value := getattr(draft, name)) is not None}
    cap = connection.max_concurrent_requests
    return values | {
        "slot": str(connection.slot),
        "provider": draft.provider,
        "base_url": draft.base_url,
        "model": draft.model,
        "thinking": str(draft.thinking or Thinking.MEDIUM),
        "custom_json": _pretty(draft.custom_json),
        "temperature": "" if draft.temperature is None else f"{draft.temperature:g}",
        "max_concurrent_requests": "" if cap is None else str(cap),
        "routing": ", ".join(draft.routing),
        "routing_fallbacks": "" if draft.routing_fallbacks is False else "on",
    }


def _pretty(text: str) -> str:
    return json.dumps(json.loads(text), ensure_ascii=False, indent=2) if text else ""


def _plan_of(wish: Wish, catalogue: Catalogue) -> PlanFacts | None:
    if wish.card is None:
        return None
    plan = next((each for each in wish.card.plans if each.provider == wish.provider), None)
    return catalogue.plan_facts(wish.card.id, plan.id) if plan else None


def _card_shown(card: CardRow, catalogue: Catalogue) -> CardShown:
    plans = [catalogue.plan_facts(card.id, plan.id) for plan in card.plans]
    first = plans[0]
    return CardShown(
        row=card,
        vendor=vendor_of(catalogue.provider(first.provider)),
        window=window_text(first.window),
        price=first.price,
        as_of=first.price.as_of if first.price else card.as_of,
        has_flat=any(plan.billing == "subscription" for plan in plans),
    )
