"""Cards and plans in words."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from mesrai.cli.byok.describing import Said, put_said
from mesrai.flows.model_words import TEMPERATURES, level_text, plan_said, short_price
from mesrai.flows.model_words import window_text as window_text
from mesrai.llm.cards import PlanFacts
from mesrai.llm.catalogue import Catalogue
from mesrai.llm.catalogue_rows import CardRow
from mesrai.llm.model import Price
from mesrai.review.render.sheet import Sheet

# What stands on a card's line beside its name: number, window, and the longest price with its date.
_BESIDE_PRICE: Final = 62


def plans_of(card: CardRow, catalogue: Catalogue) -> Sequence[PlanFacts]:
    """What each of the card's plans means."""
    return [catalogue.plan_facts(card.id, plan.id) for plan in card.plans]


def put_cards(sheet: Sheet, cards: Sequence[CardRow], catalogue: Catalogue, *, has_plans: bool) -> None:
    """A numbered line for each card, and below it what it is good at."""
    widest = max((len(card.name) for card in cards), default=0)
    for number, card in enumerate(cards, 1):
        first = catalogue.plan_facts(card.id, card.plans[0].id)
        price = short_price(first.price, has_date=sheet.width >= widest + _BESIDE_PRICE)
        sheet.line(
            (f"{number:>3}  ", "dim"),
            (f"{card.name:<{widest}}  ", "bold"),
            (f"{window_text(first.window):>5}  ", ""),
            (price, "" if first.price else "dim"),
        )
        later = f" Newer: {card.successor}." if card.successor else ""
        sheet.prose((f"{card.id}  ", "cyan"), (card.good_at + later, "dim"), indent=5)
        if has_plans and len(card.plans) > 1:
            sheet.prose((f"Plans: {', '.join(plan.id for plan in card.plans)}", "dim"), indent=5)


def put_card(sheet: Sheet, card: CardRow, catalogue: Catalogue) -> None:
    """All of a card."""
    sheet.line((card.name, "bold"), (f"  {card.id}", "cyan"))
    sheet.prose((card.good_at, ""), indent=2)
    said = [("window", card.context)]
    said += [("also called", ", ".join(card.aliases))] if card.aliases else []
    said += [("newer", card.successor)] if card.successor else []
    put_said(sheet, [*said, ("as of", f"{card.as_of}, {card.source}")], indent=2)
    for plan in plans_of(card, catalogue):
        sheet.gap()
        put_plan(sheet, plan)
        put_said(sheet, _more_said(plan), indent=4)


def put_plan(sheet: Sheet, plan: PlanFacts, number: int | None = None) -> None:
    """What changes together with a plan."""
    before = f"{number:>3}  " if number is not None else "  "
    sheet.line((before, "dim"), (plan.name, "bold"), (f"  {plan.plan}", "cyan"))
    put_said(sheet, plan_said(plan), indent=5 if number is not None else 4)


def card_json(card: CardRow, catalogue: Catalogue) -> dict[str, Any]:
    """A card with its plans."""
    return {
        "id": card.id,
        "name": card.name,
        "aliases": list(card.aliases),
        "good_at": card.good_at,
        "context": card.context,
        "successor": card.successor or None,
        "as_of": card.as_of,
        "source": card.source,
        "plans": [plan_json(plan) for plan in plans_of(card, catalogue)],
    }


def plan_json(plan: PlanFacts) -> dict[str, Any]:
    """A plan with all that changes with it."""
    return {
        "id": plan.plan,
        "name": plan.name,
        "provider": plan.provider,
        "base_url": plan.base_url,
        "key_page": plan.key_page,
        "billing_page": plan.billing_page,
        "model": plan.model,
        "protocol": str(plan.dialect),
        "billing": plan.billing,
        "price": _price_json(plan.price) if plan.price else None,
        "max_concurrent_requests": plan.max_concurrent_requests,
        "window": plan.window,
        "max_output_tokens": plan.max_output,
        "temperature": plan.temperature or None,
        "thinking": [{"level": str(each.thinking), "sends": each.body, "notice": each.notice} for each in plan.levels],
        "custom_json_namespace": plan.namespace,
        "allows": plan.allows,
        "note": plan.note,
        "notices": list(plan.notices),
    }


def _more_said(plan: PlanFacts) -> Iterator[Said]:
    """What only the whole view of a card tells."""
    yield "window", f"{plan.window:,} tokens, answers of at most {plan.max_output:,}"
    yield from (("thinking", level_text(each)) for each in plan.levels)
    if plan.temperature:
        yield "temperature", TEMPERATURES.get(plan.temperature, plan.temperature)


def _price_json(price: Price) -> dict[str, str]:
    return {
        "input": str(price.input),
        "cached": str(price.cached),
        "output": str(price.output),
        "currency": price.currency,
        "as_of": price.as_of,
    }
